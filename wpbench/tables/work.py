"""How much work each run's program does: the same with every kernel, so that totals compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..scenario.columns import parse_mix

# Workloads that write each page once a round, of each thread's pages or of the one region.
_BY_THREAD = ("reproducer", "hand-over")
_BY_REGION = ("userfaultfd", "fork-write", "swap-write")
WRITES, ACCESSES, FAULTS = "writes", "accesses", "write-protect faults"


def writes_of(rows: pd.DataFrame) -> Any:
    """Return how many writes of its program each run made; NaN where that is not known.

    Of a random program by its mix: the share of its accesses that are writes, which both sides
    have in common.

    Parameters
    ----------
    rows
        A row a run: ``workload``, ``npages``, ``rounds``, and where they matter ``threads``,
        ``mix``, ``accesses``.

    Returns
    -------
    float64[rows]

    Examples
    --------
    >>> import wpbench as wb
    >>> writes_of(wb.simulate(wb.grid(npages=[8, 32], rounds=5))).tolist()
    [40.0, 160.0]
    """
    pages = rows["npages"].to_numpy(float) * rows["rounds"].to_numpy(float)
    threads = rows["threads"].to_numpy(float) if "threads" in rows else np.ones(len(rows))
    workload = rows["workload"].to_numpy(object)
    made = np.full(len(rows), np.nan)
    made = np.where(np.isin(workload, _BY_THREAD), pages * threads, made)
    made = np.where(np.isin(workload, _BY_REGION), pages, made)
    random = np.flatnonzero(workload == "random")
    if len(random) and "mix" in rows and "accesses" in rows:
        weights = [parse_mix(str(mix)) for mix in rows["mix"].iloc[random]]
        share = [w["write"] / max(1, w["write"] + w["read"]) for w in weights]
        made[random] = rows["accesses"].to_numpy(float)[random] * share
    return made


def work_of(rows: pd.DataFrame) -> tuple[str, Any]:
    """Return the unit of work of some runs, and how much of it each has.

    The unit is ``writes`` where they are known of all runs; else ``accesses``, or write-protect
    faults in a table that has neither.

    Parameters
    ----------
    rows
        A row a run, as of ``simulate()``.

    Returns
    -------
    str, float64[rows]
        The numbers are at least 1 where the unit is not ``writes``.

    Examples
    --------
    >>> import wpbench as wb
    >>> per, work = work_of(wb.simulate(wb.Scenario(workload="redis", cpus=3, rounds=20)))
    >>> per
    'accesses'
    """
    if {"npages", "rounds", "workload"} <= set(rows):
        writes = writes_of(rows)
        if not np.isnan(writes).any() and (writes > 0).all():
            return WRITES, writes
    if "accesses" in rows and rows["accesses"].notna().all():
        return ACCESSES, np.maximum(rows["accesses"].to_numpy(float), 1)
    return FAULTS, np.maximum(rows["wp_faults"].to_numpy(float), 1)
