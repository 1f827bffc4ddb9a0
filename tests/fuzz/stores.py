"""Stores that rotted, or that somebody put other things into: no wrong row, no traceback."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import wpbench as wb
from wpbench.sweep import parts
from wpbench.sweep.run import estimate_sweep
from wpbench.sweep.store import read_store

GRID = wb.grid(npages=[1, 2], rounds=2, kernel=["patch1", "patch2"])
HALF = wb.grid(npages=[1], rounds=2, kernel=["patch1", "patch2"])


@lru_cache(maxsize=1)
def _made() -> tuple[dict[str, bytes], pd.DataFrame]:
    """Return a store of two parts, as its files, and the right table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wb.sweep(HALF, folder)
        right = wb.sweep(GRID, folder)
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
    return files, right


@lru_cache(maxsize=1)
def _table() -> Any:
    """Return the table of the store's first part."""
    files, _ = _made()
    name = min(name for name in files if name.endswith(".parquet"))
    return pq.read_table(pa.BufferReader(files[name]))


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("model=*/part-*.parquet"))


def _flip(random: Random, path: Path) -> str:
    data = bytearray(path.read_bytes())
    if not data:
        return "nothing to flip"
    places = [random.randrange(8 * len(data)) for _ in range(random.choice((1, 1, 1, 2, 30)))]
    for place in places:
        data[place // 8] ^= 1 << place % 8
    path.write_bytes(data)
    return f"bits {places}"


def _cut(random: Random, path: Path) -> str:
    data = path.read_bytes()
    begin, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    kept = random.choice((data[:begin], data[:begin] + data[end:], data[end:], data + data[begin:]))
    path.write_bytes(kept)
    return f"cut to {len(kept)} of {len(data)} bytes"


def _replace(random: Random, path: Path) -> str:
    kind = random.choice(("folder", "full folder", "dangling", "loop", "empty", "gone", "text"))
    path.unlink()
    if "folder" in kind:
        path.mkdir()
        if kind == "full folder":
            (path / "file").write_text("x")
    elif kind in ("dangling", "loop"):
        path.symlink_to("nowhere" if kind == "dangling" else path.name)
    elif kind != "gone":
        path.write_text("" if kind == "empty" else "PAR1 no part PAR1")
    return kind


def _other_table(random: Random, path: Path) -> str:
    """Write a part with a right checksum whose table is none of a sweep's."""
    table = _table()
    name = random.choice(table.column_names)
    at = table.column_names.index(name)
    odd: list[Any] = [
        pa.array([random.choice(("", "7", "\n", "é"))] * len(table)),
        pa.array([random.choice((0.5, float("nan")))] * len(table)),
        pa.array([None] * len(table), random.choice((pa.null(), pa.int64(), pa.string()))),
        pa.array([[1]] * len(table)),
    ]
    kind = random.choice(("drop", "type", "rename", "more", "twice", "notes", "no notes", "none"))
    changed = {
        "drop": lambda: table.drop_columns([name]),
        "type": lambda: table.set_column(at, name, random.choice(odd)),
        "rename": lambda: table.rename_columns(
            [
                n if n != name else random.choice(("x", "key", "model", ""))
                for n in table.schema.names
            ]
        ),
        "more": lambda: table.append_column(random.choice(("x", "model", "kernel")), odd[0]),
        "twice": lambda: table.append_column(name, table[name]),
        "notes": lambda: table.replace_schema_metadata(
            {parts.NOTES: random.choice(("", "1", "{", "[]", '{"a": 1}\n2', "null"))}
        ),
        "no notes": lambda: table.replace_schema_metadata(None),
        "none": lambda: table.slice(0, 0),
    }[kind]()
    if kind not in ("notes", "no notes"):
        changed = changed.replace_schema_metadata(table.schema.metadata)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    parts.write(path.parent, changed)
    return f"{kind} of column {name!r}"


def _manifest(random: Random, folder: Path) -> str:
    values: list[Any] = [0, 1, 3, True, None, "2", 2.5, [], {}, 10**30]
    text = random.choice(
        (
            "",
            "[" * random.choice((1, 100_000)),
            json.dumps({"format": random.choice(values)}),
            json.dumps(random.choice(values)),
            "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
        )
    )
    (folder / "_store.json").write_text(text)
    return f"manifest {text[:60]!r}"


def _harm(random: Random, folder: Path) -> str:
    """Do one thing to the store; return what."""
    kind = random.choice(("flip", "flip", "cut", "replace", "table", "name", "manifest", "model"))
    path = random.choice(_parts(folder))
    if not path.is_file() and kind in ("flip", "cut", "replace"):
        return "nothing more"
    if kind == "flip":
        return _flip(random, path)
    if kind == "cut":
        return _cut(random, path)
    if kind == "replace":
        return _replace(random, path)
    if kind == "table":
        return _other_table(random, path)
    if kind == "name":
        name = random.choice(
            ("part-x.parquet", "part-.parquet", "part-000009.parquet", "part-²²²²²².parquet")
        )
        path.rename(path.with_name(name))
        return f"name {name}"
    if kind == "manifest":
        return _manifest(random, folder)
    target = path.parent.with_name(random.choice(("model=", "model=é", "model=0123456789abcdef")))
    path.parent.rename(target)
    moved = random.choice(_parts(folder))
    more = _flip(random, moved) if moved.is_file() and random.random() < 0.5 else ""
    return f"of {target.name} {more}"


def _check_rows(rows: pd.DataFrame, told: str) -> None:
    """What is read from a store with checksums are right rows, whichever there are."""
    _, right = _made()
    known = right.set_index("key")["copies"]
    for row in rows[["key", "copies"]].to_dict("records"):
        assert row["key"] in known.index, f"{told}: a row of nothing: {row}"
        assert row["copies"] == known[row["key"]], f"{told}: a wrong row: {row}"


def one(random: Random, folder: Path) -> None:
    """Harm a store, then read it, ask what a sweep takes, and sweep."""
    files, right = _made()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    told = "; ".join(
        _harm(random, folder) for _ in range(1 if random.random() < 0.7 else 2) if _parts(folder)
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for use in (read_store, lambda f: estimate_sweep(GRID, f), lambda f: wb.sweep(GRID, f)):
            try:
                found = use(folder)
            except wb.WpbenchError as error:
                if "\n" in str(error) or str(folder) not in str(error):
                    raise AssertionError(f"{told}: not one line that names it: {error}") from error
                continue
            except Exception as error:
                raise AssertionError(f"{told}: {type(error).__name__}: {error}") from error
            verified = not any("without checksums" in str(w.message) for w in caught)
            if isinstance(found, pd.DataFrame) and verified:
                _check_rows(found, told)
        if "manifest" not in told:
            # A sweep does what was damaged again, and then all is as it should be.
            pd.testing.assert_frame_equal(wb.sweep(GRID, folder), right, obj=told)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
