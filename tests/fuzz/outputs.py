"""Outputs that cannot be written, or hardly: all of a file or nothing, and one line."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import shutil
import sys
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from random import Random

import pandas as pd

import wpbench as wb
from wpbench.commands.main import main
from wpbench.sweep.store import read_store

RUN = ["run", "--npages", "1,2", "--rounds", "1"]
KINDS = (
    "new", "there", "folder", "no folder", "file as folder", "long", "dangling", "loop", "link",
    "device", "odd name", "link to folder", "two links",
)  # fmt: skip
GRID = 'title = "t"\nquestion = "q"\n[[grid]]\nnpages = [1, 2]\nrounds = 1\n'


@lru_cache(maxsize=1)
def _table() -> bytes:
    """Return a Parquet table that a report can be made of."""
    grid = wb.grid(kernel=["patch1", "patch2"], npages=[1, 2, 4, 8], rounds=2)
    made = io.BytesIO()
    wb.simulate(grid).to_parquet(made)
    return made.getvalue()


@contextlib.contextmanager
def _disk(longest: int | None) -> Iterator[None]:
    """Let no file become longer: what a full disk does to whoever writes.

    Python would keep the first part of a module's code, and not see that it is no more (its issue
    126606).
    """
    sys.dont_write_bytecode = True
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if longest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _commands(folder: Path) -> dict[str, list[str]]:
    """Return commands that write, by the option whose value is the target."""
    table, grid = folder / "t.parquet", folder / "g.toml"
    report = ["report", str(table), "--from", "A <a@b.org>"]
    return {
        "csv": [*RUN, "--csv"],
        "parquet": [*RUN, "--parquet"],
        "sweep csv": ["sweep", str(grid), "--store", str(folder / "s"), "--csv"],
        "price csv": ["price", "--npages", "2", "--rounds", "1", "--csv"],
        "mbox": [*report, "--mbox"],
        "figures": [*report, "--figures"],
        "store": ["sweep", str(grid), "--store"],
    }


def _target(random: Random, where: Path) -> tuple[str, Path]:
    """Make a place that is odd; return what it is and where."""
    kind = random.choice(KINDS)
    path = where / "target"
    if kind in ("there", "link", "two links"):
        path.write_bytes(b"before")
    if kind in ("link", "two links"):
        (where / "link").symlink_to("target")
        path = where / "link"
    if kind == "two links":
        (where / "second").symlink_to(path)
        path = where / "second"
    if kind in ("folder", "link to folder"):
        path.mkdir()
        (path / "in it").write_bytes(b"before")
    if kind == "link to folder":
        (where / "link").symlink_to("target")
        path = where / "link"
    if kind == "no folder":
        path = where / "no" / "target"
    if kind == "file as folder":
        path.write_bytes(b"before")
        path /= "target"
    if kind == "long":
        path = where / ("x" * random.choice((200, 250, 255, 256, 5000)))
    if kind in ("dangling", "loop"):
        path.symlink_to("nowhere" if kind == "dangling" else "target")
    if kind == "device":
        path = Path("/dev/full")
    if kind == "odd name":
        path = where / random.choice((" ", "-x", "a.b.c", "é", "\udcff", "\n", "%s", ".x", "~"))
    return kind, path


def _files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, whatever is a link left out."""
    return {
        os.fsencode(path.relative_to(folder)).decode("latin-1"): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def _is_whole(option: str, path: Path) -> bool:
    """Is what was written what was asked for?"""
    if option == "store":
        return len(read_store(path)) == 2
    if option == "figures":
        return {".svg", ".png", ".csv", ".parquet"} <= {file.suffix for file in path.iterdir()}
    if option == "mbox":
        return path.read_bytes().startswith(b"From 0000")
    data = io.BytesIO(path.read_bytes())  # pandas takes no name that is not UTF-8
    rows = pd.read_parquet(data) if option == "parquet" else pd.read_csv(data)
    return len(rows) >= 1


def one(random: Random, folder: Path) -> None:
    """Have a command write to an odd place, on a disk that may be full."""
    (folder / "t.parquet").write_bytes(_table())
    (folder / "g.toml").write_text(GRID)
    where = folder / "where"
    where.mkdir()
    option, words = random.choice(list(_commands(folder).items()))
    kind, path = _target(random, where)
    longest = random.choice((None, 0, 1, 100, 1000, 5000))
    before = _files(where)
    told = f"{words[0]} {option} to {kind} ({str(path)[-30:]!r}), files of at most {longest}"
    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _disk(longest), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                # As one word: a name may begin with a dash.
                status = main([*words[:-1], f"{words[-1]}={path}"])
        except Exception as error:
            raise AssertionError(f"{told}: {type(error).__name__}: {error}") from error
        said, after = err.getvalue(), _files(where)
        if status == 2 and len(said.split("\n")) > 2 + str(path).count("\n"):
            raise AssertionError(f"{told}: not one line: {said!r}")
        if status not in (0, 2):
            raise AssertionError(f"{told}: exit status {status}: {said!r}")
        left = [name for name in after if name.endswith(".new") or ".new" in name]
        if left:
            raise AssertionError(f"{told}: leaves {left}")
        lost = [name for name, data in before.items() if status == 2 and after.get(name) != data]
        if lost:
            raise AssertionError(f"{told}: failed, and {lost} is another")
        if status == 2 and option not in ("store", "figures") and set(after) != set(before):
            raise AssertionError(f"{told}: failed, and leaves {set(after) - set(before)}")
        if status == 0 and kind != "device" and not _is_whole(option, path):
            raise AssertionError(f"{told}: is not whole")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)


__all__ = ["one"]
