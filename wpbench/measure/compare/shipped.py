"""What data/kernel-measurements has, beside its simulation; known.py has what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...data import backends, data_dir
from ...errors import ScenarioError, check_positive
from ...simulate import replay
from ...simulate.trace import NO_SWAP, read_trace
from .agreement import compare_table, compare_trace
from .known import causes

_FOLDERS = ("traces", "traces-debian", "recorded-debian", "traces-7.x")
_PAGE_TABLE = 512  # pages of a page table: 2 MiB
# What the measured tables leave out, because it is the same in all rows.
TABLES: dict[str, dict[str, Any]] = {
    "reproducer_sync.csv": {},
    # The instrumented kernel's do_swap_page() is always v6.1's; the clock is icount.
    "reproducer_async.csv": {"costs": "icount", "swapin": "v6.1"},
    "userfaultfd.csv": {"workload": "userfaultfd"},
}
SYNCHRONOUS = "synchronous"
DETERMINISTIC = "asynchronous, deterministic clock"
REAL = "asynchronous, real clock"


def trace_files() -> list[Path]:
    """Return the recorded traces, in the order of their names."""
    root = data_dir() / "kernel-measurements"
    return sorted(path for folder in _FOLDERS for path in (root / folder).glob("*.csv.gz"))


def _kind(path: Path) -> str:
    header = read_trace(path).header
    if header["backend"] == NO_SWAP or backends()[header["backend"]]["synchronous"]:
        return SYNCHRONOUS
    return DETERMINISTIC if header.get("clock") == "icount" else REAL


def compare_traces(every: int = 1) -> pd.DataFrame:
    """Replay the recorded traces, or every n-th, and return ``compare_trace()``'s row of each.

    Returns
    -------
    DataFrame
        ``name``, of the file without its ending, and ``kind`` stand first: ``synchronous``, or
        ``asynchronous`` with a deterministic or a real clock.
    """
    check_positive("every", every)
    files = trace_files()[::every]
    rows = [
        compare_trace(path).assign(name=path.name.removesuffix(".csv.gz"), kind=_kind(path))
        for path in files
    ]
    record = dict(rows[0].attrs["wpbench"])
    for row in rows:
        row.attrs = {}
    table = pd.concat(rows, ignore_index=True).drop(columns="file")
    table.insert(0, "name", table.pop("name"))
    table.insert(1, "kind", table.pop("kind"))
    table.attrs["wpbench"] = record | {"parameters": {"traces": len(files), "every": every}}
    return table


def compare_shipped(name: str, every: int = 1) -> pd.DataFrame:
    """Simulate the rows of a measured table, or every n-th, and return ``compare_table()``'s.

    Parameters
    ----------
    name
        A key of ``TABLES``.
    every
        1 for all rows.

    Returns
    -------
    DataFrame
        ``table``, its name, and ``row``, the line of the file, stand first; ``accesses``,
        ``latency_ns``, ``equal`` (do ``wp_faults`` and ``copies`` agree?) and ``cause``, the name
        of the difference that data/differences.toml knows ("" if none), last.
    """
    check_positive("every", every)
    measured = pd.read_csv(data_dir() / "kernel-measurements" / name)
    if "wp_faults" not in measured:  # counted by frame number alone
        measured["wp_faults"] = measured["copies"] + measured["reuses"]
        measured["accesses"] = measured["npages"] * measured["rounds"]
    measured = measured.assign(**TABLES[name])
    measured.insert(0, "row", measured.index + 2)  # line 1 is the heading
    part = measured.iloc[::every].reset_index(drop=True)
    table = compare_table(part)
    table.insert(0, "table", name.removesuffix(".csv"))
    table.insert(1, "row", part["row"])
    table["accesses"] = part["accesses"]
    table["latency_ns"] = part.get("latency_ns", 0)
    equal = (table["wp_faults_measured"] == table["wp_faults_simulated"]).to_numpy()
    table["equal"] = equal & (table["copies_measured"] == table["copies_simulated"]).to_numpy(bool)
    known = causes(name)
    table["cause"] = [known.get(row, "") for row in table["row"]]
    return table


def compare_tables(every: int = 1) -> pd.DataFrame:
    """Simulate the rows of all measured tables, or every n-th, as one table.

    Returns
    -------
    DataFrame
        ``compare_shipped()``'s rows; and ``copies_off``, ``wp_faults_off``: how far measured and
        simulated counts are apart, as a share of the row's accesses.
    """
    tables = [compare_shipped(name, every) for name in TABLES]
    made = pd.concat(tables, ignore_index=True)
    made.attrs = tables[0].attrs
    for name in ("copies", "wp_faults"):
        apart = (made[f"{name}_measured"] - made[f"{name}_simulated"]).abs()
        made[f"{name}_off"] = apart.astype(int) / made["accesses"]
    return made


def measured_points(backend: str, order: str, kernels: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the reproducer's table that a figure over pages shows.

    Parameters
    ----------
    backend, order
        As in ``Scenario``: one CPU reads and writes, and nobody forked before.
    kernels
        Whose do_wp_page() the rows follow.

    Raises
    ------
    ScenarioError
        If nothing was measured on that backend.
    """
    table = pd.read_csv(data_dir() / "kernel-measurements" / "reproducer_sync.csv")
    table = table.rename(columns={"decision": "kernel"})
    if backend not in set(table["backend"]):
        raise ScenarioError(
            f"backend: nothing was measured on {backend!r}; accepted: "
            f"{', '.join(sorted(set(table['backend']), reverse=True))}"
        )
    return table[
        (table["backend"] == backend)
        & (table["pattern"] == order)
        & (table["read_cpu"] == table["write_cpu"])
        & (table["fork_exit_before"] == 0)
        & table["kernel"].isin(kernels)
    ]


def page_table_edges(path: Path) -> list[int]:
    """Return the ``pmd_offset`` of which a trace replays without a mismatch, within its region.

    A page table ends inside the region: readahead stops there, and no trace says where.
    """
    npages = int(read_trace(path).header["npages"])
    offsets = range(_PAGE_TABLE - npages + 1, _PAGE_TABLE)
    return [offset for offset in offsets if replay(path, pmd_offset=offset).mismatches == 0]
