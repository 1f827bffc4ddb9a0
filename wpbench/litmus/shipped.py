"""The litmus programs that come with wpbench (data/litmus), and what kernels did."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

from ..data import data_dir

KINDS = ("written", "cow", "probes", "random")


@lru_cache(maxsize=1)
def programs() -> dict[str, Path]:
    """Return the shipped programs.

    Returns
    -------
    dict
        Name -> path.  First those written for a purpose, then the cases of the kernel's selftest,
        the probes of single rules, and the random ones.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.litmus.programs()["exit-elsewhere"].name
    'exit-elsewhere'
    """
    return {
        path.name: path
        for kind in KINDS
        for path in sorted((data_dir() / "litmus" / kind).iterdir())
    }


@lru_cache(maxsize=1)
def measured() -> dict[tuple[str, str], list[str]]:
    """Return the recorded outcomes of the shipped programs on real kernels (data/README.md).

    Returns
    -------
    dict
        (program, kernel) -> lines of the outcome.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.litmus.measured()["exit-elsewhere", "6.18.44"]
    ['write 0-7: minor 8', 'lru 0-7: 0', 'write 0-7: reuse 8', 'lru 0-7: 8']
    """
    found: dict[tuple[str, str], list[str]] = {}
    with (data_dir() / "litmus" / "outcomes.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["program"], row["kernel"]), []).append(row["outcome"])
    return found


@lru_cache(maxsize=1)
def demanded() -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return the lines that the kernel's selftest demands of the programs of data/litmus/cow.

    Returns
    -------
    dict
        Name of the program -> number of the observation, and the lines of which any one is right.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.litmus.demanded()["cow-basic"]
    (1, ('write 0-0: copy 1',))
    """
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    with (data_dir() / "litmus" / "demanded.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            _, lines = found.get(row["program"], (0, ()))
            found[row["program"]] = (int(row["observation"]), (*lines, row["outcome"]))
    return found
