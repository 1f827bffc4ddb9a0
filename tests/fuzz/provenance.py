"""Provenance that somebody edited: an answer, or one line that names the file and the key."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import wpbench as wb
from wpbench import figures
from wpbench.commands.main import main

# Small ones: how much a record may ask for is the matter of another limit.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3.5, float("nan"), float("inf"), "", "x", "npages", "patch1",
    "\n", "\u2028", "$\\frac$", [], [1], ["x"], [[1]], [None], {}, {"x": 1}, {"file": "x"}, 10**30,
)  # fmt: skip


@lru_cache(maxsize=1)
def _made() -> dict[str, tuple[bytes, bytes]]:
    """Return figures and a table: name -> content, and the CSV that belongs to it."""
    grid = wb.grid(npages=[1, 2], rounds=2, kernel=["patch1", "patch2"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = wb.simulate(grid)
        figures.draw(
            "mean_over", table, folder / "a", caption="c", where={"npages": [1, 2]}, x="npages"
        )
        wb.simulate(list(grid)).to_parquet(folder / "list.parquet")
        wb.sweep(grid, folder / "store").to_parquet(folder / "sweep.parquet")
        return {
            path.name: (path.read_bytes(), path.with_suffix(".csv").read_bytes())
            if path.with_suffix(".csv").exists()
            else (path.read_bytes(), b"")
            for path in sorted(folder.glob("*.*"))
            if path.suffix != ".csv"
        }


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where every part of a record is."""
    if at:
        yield at
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*at, key))


def _changed(random: Random, record: dict[str, Any]) -> tuple[Any, str]:
    """Return the record with one part dropped, replaced, renamed or added; and which."""
    if random.random() < 0.03:
        value = random.choice(VALUES)
        return value, f"all of it {value!r}"
    changed = copy.deepcopy(record)
    *way, last = random.choice(list(_places(record)))
    inner: Any = changed
    for key in way:
        inner = inner[key]
    value = random.choice(VALUES)
    kind = random.choice(("drop", "set", "set", "set", "rename", "add"))
    if kind == "drop":
        del inner[last]
    elif kind == "rename" and isinstance(inner, dict):
        inner[random.choice(("x", "", "workload", "kind", "grids", "threads"))] = inner.pop(last)
    elif kind == "add" and isinstance(inner, dict):
        last = random.choice(("x", "figure", "grids", "scenarios", "file", "cases", "left_out"))
        inner[last] = value
    else:
        inner[last] = value
    return changed, f"{kind} {[*way, last]} {value!r}"


def _written(path: Path, content: bytes, record: Any) -> None:
    """Write a file with another record."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(io.BytesIO(content))
        table.attrs = {"wpbench": record}
        table.to_parquet(path)
    elif path.suffix == ".png":
        info = PngInfo()
        info.add_text("Description", json.dumps(record), zip=True)
        with Image.open(io.BytesIO(content)) as image:
            image.save(path, pnginfo=info)
    else:
        text = content.decode()
        begin = text.index("<dc:description>") + len("<dc:description>")
        end = text.index("</dc:description>")
        escaped = json.dumps(record).replace("&", "&amp;").replace("<", "&lt;")
        path.write_text(text[:begin] + escaped + text[end:], encoding="utf-8")


def _said(path: Path, words: list[str], told: str) -> None:
    """Run a command; it must answer, or say one line that names the file."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([*words, str(path)])
    except Exception as error:
        raise AssertionError(f"{words} {told}: {type(error).__name__}: {error}") from error
    said = err.getvalue()
    if status not in (0, 1, 2) or (status == 2) != (said != ""):
        raise AssertionError(f"{words} {told}: exit status {status}, {said!r}")
    if status == 2 and (len(said.splitlines()) != 1 or path.name not in said):
        raise AssertionError(f"{words} {told}: not one line that names the file: {said!r}")


def one(random: Random, folder: Path) -> None:
    """Change one part of a file's record; ask for it, make it again, report on it."""
    made = _made()
    name = random.choice(list(made))
    content, csv = made[name]
    path = folder / name
    path.write_bytes(content)
    if csv and random.random() < 0.3:
        path.with_suffix(".csv").write_bytes(csv)
    record = figures.read_provenance(path)
    if random.random() < 0.1:  # the file itself
        at = random.randrange(len(content))
        path.write_bytes(content[:at] + random.randbytes(random.choice((0, 1, 8))))
        told = f"{name} cut at {at}"
    else:
        changed, told = _changed(random, record)
        told = f"{name}: {told}"
        try:
            _written(path, content, changed)
        except (ValueError, TypeError, OverflowError):
            return  # it cannot be written so
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _said(path, ["provenance"], told)
        reported = path.suffix == ".parquet" and random.random() < 0.5
        _said(path, ["report" if reported else "rerun"], told)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
