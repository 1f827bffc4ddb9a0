"""The litmus programs that come with wpbench (data/litmus), and what kernels did."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

from ..data import data_dir

KINDS = ("written", "cow", "probes", "random")


@lru_cache(maxsize=1)
def programs() -> dict[str, Path]:
    """Return the programs by name, the kinds one after the other.

    Written for a purpose; cases of the kernel's selftest; probes of single rules; random ones.
    """
    return {
        path.name: path
        for kind in KINDS
        for path in sorted((data_dir() / "litmus" / kind).iterdir())
    }


@lru_cache(maxsize=1)
def measured() -> dict[tuple[str, str], list[str]]:
    """Return what kernels did: (program, kernel) -> the outcome's lines (data/README.md)."""
    found: dict[tuple[str, str], list[str]] = {}
    with (data_dir() / "litmus" / "outcomes.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["program"], row["kernel"]), []).append(row["outcome"])
    return found


@lru_cache(maxsize=1)
def demanded() -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return what the kernel's selftest demands: program -> observation, lines of which one is it.

    The programs are those of data/litmus/cow.
    """
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    with (data_dir() / "litmus" / "demanded.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            _, lines = found.get(row["program"], (0, ()))
            found[row["program"]] = (int(row["observation"]), (*lines, row["outcome"]))
    return found
