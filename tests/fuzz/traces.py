"""Trace files, damaged: in their text, their cells, their header, their gzip data."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from random import Random

import wpbench as wb
from wpbench.data import data_dir

from . import check

_ROWS = 60  # of a trace that are kept
_HEADERS = ["backend", "decision", "npages", "ncpus", "pagevec", "latency_ns", "page_cluster"]
_HEADERS += ["file_lru", "swapin", "clock", "kernel", "seed", "recorded_by"]


@lru_cache(maxsize=1)
def _shipped() -> list[str]:
    """Return the beginnings of the shipped traces."""
    found = []
    for path in sorted((data_dir() / "kernel-measurements").glob("traces*/*.csv.gz"))[::8]:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
        found.append("".join(lines[: 20 + _ROWS]))
    return found


def _damaged(random: Random, text: str) -> str:
    """Return a trace's text with one thing wrong."""
    lines = text.split("\n")
    comments = sum(line.startswith("#") for line in lines)
    kind = random.randrange(8)
    if kind == 0:
        return text[: random.randrange(len(text) + 1)]
    if kind == 1:
        at = random.randrange(len(text) + 1)
        return text[:at] + check.word(random) + text[at + random.randrange(3) :]
    if kind == 2:
        del lines[random.randrange(len(lines))]
    elif kind == 3:
        at = random.randrange(len(lines))
        lines.insert(random.randrange(len(lines)), lines[at])
    elif kind in (4, 5):
        key = random.choice(_HEADERS)
        lines = [line for line in lines if not line.startswith(f"# {key}:")]
        lines.insert(random.randrange(comments + 1), f"# {key}: {check.word(random)}")
    else:
        at = random.randrange(min(comments, len(lines) - 1), len(lines))
        cells = lines[at].split(",")
        cells[random.randrange(len(cells))] = check.word(random)
        lines[at] = ",".join(cells)
    return "\n".join(lines)


def one(random: Random, folder: Path) -> None:
    """Draw a damaged trace, and replay it."""
    text = random.choice(_shipped())
    for _ in range(random.choice([0, 1, 1, 2, 3])):
        text = _damaged(random, text)
    data = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.3:
        data = gzip.compress(data)
        at = random.randrange(len(data))
        if random.random() < 0.5:
            data = data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
    path = folder / "hostile.csv"
    path.write_bytes(data)
    found = check.answer(wb.replay, path, about=text)
    if found is not None:
        numbers = (0, found.mismatches, found.compared, found.operations)
        assert list(numbers) == sorted(numbers), f"{found} of {check.shown(text)}"
