"""Scenarios in, one tidy table out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..bounds import MAX_RUNS, check
from ..mm import layout as L
from ..provenance.record import provenance
from ..scenario import Scenario
from ..scenario.columns import (
    distinct,
    mapping,
    workload_name,
)
from ..scenario.kernel_table import with_rule_columns
from ..scenario.plain import described
from ..workloads.catalog import facts_of
from .fast_forward import record_of
from .plan import Plan, plan_of
from .runs import execute, raise_failure

COUNTERS = L.COUNTER_NAMES
# Columns that are computed from counters, each after the counter that it follows in a table.
COMPUTED = {
    "copies": ("copy_rate",),
    "drained_pages": ("pages_per_drain",),
    "write_ns": ("write_ns_mean", "write_cycles_mean"),
}
COLUMNS = (
    *Scenario.model_fields,
    "replication",
    *(name for counter in COUNTERS for name in (counter, *COMPUTED.get(counter, ()))),
)


def tabulate(plan: Plan, counted: Any) -> pd.DataFrame:
    """Return the table of a plan's runs: fields, then counts."""
    columns = dict(plan.columns)
    looks = np.broadcast_to(
        mapping(columns["workload"])(lambda w: facts_of(w).looks_after_pageout, bool), plan.n
    )
    columns["workload"] = mapping(columns["workload"])(workload_name, object)
    columns["rules"] = mapping(columns["rules"])(str, object)
    del columns["replication"]
    table: dict[str, Any] = {name: _values(columns[name], plan.n) for name in Scenario.model_fields}
    table["replication"] = plan.columns["replication"]
    table |= dict(zip(COUNTERS, counted.T, strict=True))
    if not looks.all():
        table["not_paged_out"] = pd.Series(table["not_paged_out"]).astype("Int64").where(looks)
    timed = np.broadcast_to(plan.columns["costs"] != "none", plan.n)
    table["copy_rate"] = _ratio(table["copies"], table["wp_faults"])
    table["pages_per_drain"] = _ratio(table["drained_pages"], table["drains"])
    met = table["wp_faults"] - table["direct_wp_faults"]
    mean = np.where(timed, _ratio(table["write_ns"], met), np.nan)
    table["write_ns_mean"] = mean
    table["write_cycles_mean"] = mean * np.broadcast_to(plan.ghz, plan.n)
    return pd.DataFrame({name: table[name] for name in COLUMNS})


def _values(column: Any, n: int) -> Any:
    """Return a column of n values; of text as pandas keeps it, made of each text once."""
    if column.dtype != object:
        return np.broadcast_to(column, n)
    texts, codes = distinct(column)
    return pd.Series(np.array(texts, object)).array.take(np.broadcast_to(codes, n))


def _ratio(part: Any, whole: Any) -> Any:
    """Divide; NaN where there is nothing to divide by."""
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def simulate(
    scenarios: Scenario | Iterable[Scenario],
    seeds: int = 1,
    *,
    threads: int | None = None,
    progress: Callable[[int], Any] | None = None,
    max_runs: int = MAX_RUNS,
) -> pd.DataFrame:
    """Run scenarios and return one row for each scenario and seed.

    Parameters
    ----------
    scenarios
        A ``Scenario``, or any iterable of them, such as ``wb.grid(...)``.
    seeds
        Replications of each scenario; the n-th uses the n-th random stream of its ``seed``, the
        same for every kernel, rule and policy.
    threads
        Runs done at a time; None for as many as there are CPUs.  The table does not depend on it.
    progress
        Called with the number of runs that have just been done.
    max_runs
        More runs than this are refused, before any memory is taken for them.

    Returns
    -------
    DataFrame
        The scenario's parameters (None replaced by what it stands for) and ``replication``; then
        counts: ``wp_faults`` = ``copies`` + ``reuses``, decisions of do_wp_page() about anonymous
        pages; ``copy_rate``, their ratio (NaN without a fault); ``copy_<reason>``, the copies by
        reason; ``seen_<what>``, the copies by what an instrumented kernel sees when it gives up;
        ``drains``, calls of lru_add_drain() by do_wp_page(), and ``drained_pages``;
        ``not_paged_out``, pages still mapped right after MADV_PAGEOUT (missing for workloads that
        do not look); ``pswpin``, ``pswpout``;
        minor and major faults; ``accesses``; ``orphans``, pages at the end that only a pagevec or
        the swap cache holds; ``tlb_flushes`` that interrupted other CPUs, and ``tlb_ipis``, the
        CPUs interrupted.  With a clock (``costs``): ``write_ns``, the time of all writes that met a
        write-protect fault (on a page that was mapped, and not the zero page; what is decided
        within a swap-in, ``direct_wp_faults``, is not in it), ``write_ns_mean``,
        ``write_cycles_mean``, ``write_ns_p50`` and ``write_ns_p99`` (to a sixteenth);
        ``lru_lock_taken``, ``lru_lock_wait_ns``, ``lru_lock_hold_ns``; ``cpu_ns``, of all CPUs
        without what they idled, and ``wall_ns``, when the last CPU was done.
        ``attrs["wpbench"]`` says how it was made; its ``fast_forward`` of runs of 1024 rounds and
        more, how many rounds were skipped because they repeat earlier ones (every count is as if
        they had been done), and why none were.

    Raises
    ------
    ScenarioError
        If ``seeds`` or a scenario is not what it should be.
    SimulationError
        If a run cannot be finished (a workload of your own that asks for the impossible).
    """
    plan = plan_of(scenarios, seeds, max_runs=max_runs)
    if threads is not None:
        check("threads", threads)
    skipped = np.zeros(plan.n, np.int64)
    counted, errors = execute(plan, threads, progress, skipped=skipped)
    raise_failure(plan, errors)
    table = with_rule_columns(tabulate(plan, counted))
    asked = described(scenarios, table, seeds)
    said = provenance("simulate", asked, set(plan.columns["costs"]))
    if record := record_of(plan, skipped):
        said["fast_forward"] = record
    table.attrs["wpbench"] = said
    return table
