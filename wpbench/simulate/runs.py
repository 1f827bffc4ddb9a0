"""Scenarios in, one tidy table out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from .. import mm
from ..bounds import MAX_RUNS, check
from ..data import ghz
from ..errors import ScenarioError, SimulationError, shown
from ..jit.compile import JIT_DISABLED
from ..jit.sources import model_hash
from ..jit.threads import Stop, Workers, interruptible, stopped
from ..mm import layout as L
from ..mm.batch import ERROR_AT, NR_FAILURE, run_many
from ..mm.clock import settle
from ..mm.machine import NR_COUNTED, Machine, headers, memory_words
from ..mm.refusals import failure
from ..provenance.record import provenance
from ..scenario import Grid, GridFile, Scenario
from ..scenario.columns import (
    cost_rows,
    distinct,
    machine_config,
    mapping,
    resolve,
    workload_name,
    workload_params,
)
from ..scenario.grids import check_runs
from ..scenario.kernel_table import with_rule_columns
from ..scenario.kernels import row_of
from ..scenario.model import as_columns
from ..scenario.plain import described
from ..workloads.catalog import WORKLOADS
from .own import OwnWorkload, WorkloadError
from .words import describe_word

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
# Accesses that one call to the compiled code does at least: so many that starting it costs nothing,
# so few that the threads end together.
_CHUNK_ACCESSES = 1 << 20
_CHUNK_RUNS = 4096
STOPPED = "stopped"  # the error of a run that was not done, or not to its end
_LARGE_BYTES = 1 << 28  # machines of this size and more run one at a time
MODEL = model_hash()  # of the sources as they were loaded: what is edited later does not run


def stream_states(seeds: Any, replications: Any) -> Any:
    """Return the starts of runs' random streams, from seed and replication alone.

    The same for every kernel, rule and policy: compared runs share their random numbers.  Two
    rounds of splitmix64's mixer over the two numbers: a counter-based generator.
    """
    state = np.zeros(np.broadcast(seeds, replications).shape, np.uint64)
    with np.errstate(over="ignore"):
        for word in (seeds, replications):
            state = (state ^ np.asarray(word).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
                state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
            state = state ^ (state >> np.uint64(31))
    return state.view(np.int64)


@lru_cache(maxsize=64)
def program(workload: Any) -> Any:
    """Return the program of a workload: a built-in one by name, or a function ``f(m, p)``."""
    return WORKLOADS[workload].run if isinstance(workload, str) else OwnWorkload(workload)


class Plan:
    """Runs that are to be done.

    Parameters
    ----------
    columns
        Resolved fields, of one entry or one a run; ``replication`` among them.
    n
        Runs.
    watching
        ``log_rows``, ``watched``, ``event_rows``, ``explained`` of ``layout.CONFIG``.
    cost
        int64[n, NR_COSTS], nanoseconds of the steps; None for those of the cost sets.
    """

    def __init__(
        self, columns: dict[str, Any], n: int, *, cost: Any = None, **watching: int
    ) -> None:
        self.n = n
        self.columns = columns
        self.workloads = np.broadcast_to(columns["workload"], self.n)
        self._config = machine_config(columns, **watching)
        self._param = workload_params(columns)
        self._cost = cost_rows(columns) if cost is None else cost
        self.ghz = mapping(columns["costs"])(ghz, float)
        streams = stream_states(columns["seed"], columns["replication"])
        self._seeds = np.broadcast_to(streams, self.n)

    def part(self, runs: Any) -> dict[str, Any]:
        """Return the columns of some runs: ``Plan(plan.part(runs), len(runs))`` does just these."""
        return {k: v[runs] if len(v) > 1 else v for k, v in self.columns.items()}

    def inputs(self, runs: Any) -> tuple[Any, Any, Any]:
        """Return headers, words of memory, and streams of some runs."""

        def pick(column: Any) -> Any:
            return column[runs] if np.ndim(column) and len(column) > 1 else column

        config = {name: pick(column) for name, column in self._config.items()}
        made, words = headers(config, pick(self._cost), pick(self._param), len(runs))
        return made, words, self._seeds[runs]

    def accesses(self) -> Any:
        """Return about how many accesses each run does."""
        columns = self.columns
        pages = np.where(_is_random(columns), 1, columns["npages"] * columns["threads"])
        return np.broadcast_to(2 * pages * (columns["rounds"] + 1), self.n)

    def bytes(self) -> Any:
        """Return how much memory each run's machine takes, bytes."""
        return np.broadcast_to(8 * memory_words(self._config), self.n)

    def machine(self, run: int) -> Machine:
        """Return the machine of one run, before it."""
        config = {
            name: int(np.broadcast_to(column, self.n)[run]) for name, column in self._config.items()
        }
        cost = self._cost[run if len(self._cost) > 1 else 0]
        param = self._param[run if len(self._param) > 1 else 0]
        return Machine(config, cost, int(self._seeds[run]), param)

    def describe(self, run: int) -> str:
        """Return a run's scenario in words."""
        fields = {k: v[run if len(v) > 1 else 0] for k, v in self.columns.items()}
        return f"{workload_name(fields.pop('workload'))}: " + ", ".join(
            f"{name}={value}" for name, value in fields.items()
        )


def _every(raw: dict[str, Any], scenarios: int, seeds: int, **watching: int) -> Plan:
    """Return the plan of every scenario, with each replication."""
    columns = resolve(raw)
    if seeds > 1:
        columns = {k: np.repeat(v, seeds) if len(v) > 1 else v for k, v in columns.items()}
    columns["replication"] = np.tile(np.arange(seeds), scenarios)
    return Plan(columns, scenarios * seeds, **watching)


def _is_random(columns: dict[str, Any]) -> Any:
    return np.array([w == "random" for w in columns["workload"]])


def _chunks(plan: Plan) -> list[Any]:
    """Split the runs into parts that one call of the compiled code does, large machines alone."""
    order = np.arange(plan.n)
    chunks = []
    for workload in dict.fromkeys(plan.workloads.tolist()) if plan.n else ():
        runs = order[np.equal(plan.workloads, workload)]
        work = np.cumsum(plan.accesses()[runs].astype(float))  # a sum of many does not fit 64 bits
        part = np.maximum(work // _CHUNK_ACCESSES, np.arange(len(runs)) // _CHUNK_RUNS)
        chunks.extend(np.split(runs, np.flatnonzero(np.diff(part)) + 1))
    return chunks


class _Arena(threading.local):
    """The memory in which a thread builds one machine after the other."""

    memory = np.empty(0, np.int64)

    def of(self, words: int) -> Any:
        if self.memory.size < words:
            self.memory = np.empty(words, np.int64)
        return self.memory


def _run_chunk(plan: Plan, runs: Any, counted: Any, errors: Any, stop: Stop, arena: _Arena) -> int:
    """Do some runs, and write what they counted where it belongs."""
    made, words, seeds = plan.inputs(runs)
    counts = np.zeros((len(runs), NR_COUNTED), np.int64)
    failed = np.zeros((len(runs), NR_FAILURE), np.int64)
    memory = arena.of(int(words.max()))
    stop.ends(error := memory[ERROR_AT : ERROR_AT + 1])
    workload = program(plan.workloads[runs[0]])
    texts: dict[int, str] = {}
    if isinstance(workload, OwnWorkload):
        texts = workload.run_many(made, seeds, memory, counts, failed, stop.flag)
    else:
        run_many(made, seeds, memory, workload.address, counts, failed, stop.flag)
    del error  # until here it has to be there
    counted[runs] = counts
    for i in np.flatnonzero(failed[:, 0]).tolist():
        registers = failed[i].tolist()
        stopped_early = registers[0] == L.ERR_STOPPED
        errors[runs[i]] = STOPPED if stopped_early else texts.get(i) or failure(*registers)
    return len(runs)


def _run_on(workload: Any, m: Machine) -> str:
    """Run a program on a machine, as plain Python or compiled; return why it failed, or ""."""
    try:
        with np.errstate(over="ignore") if JIT_DISABLED else np.errstate():
            workload(m)  # uint64 is meant to wrap around
            settle(m)
    except WorkloadError as error:
        return str(error)
    return STOPPED if m.error == L.ERR_STOPPED else m.failure


def _interpret(plan: Plan, counted: Any, errors: Any) -> None:
    """Do all runs as plain Python (NUMBA_DISABLE_JIT)."""
    for run in range(plan.n):
        m = plan.machine(run)
        errors[run] = _run_on(program(plan.workloads[run]), m)
        counted[run] = m.counted


def execute(
    plan: Plan,
    threads: int | None = None,
    progress: Callable[[int], Any] | None = None,
    stop: Stop | None = None,
) -> tuple[Any, Any]:
    """Do the runs of a plan; the same numbers for any number of threads.

    Parameters
    ----------
    plan, threads, progress
        As ``simulate()``.
    stop
        As soon as another thread sets it, runs end early (error ``STOPPED``).

    Returns
    -------
    counted, errors
        int64[n, NR_COUNTED], ``layout.COUNTER_NAMES``; object[n], why each run failed, "" where it
        did not.
    """
    counted = np.zeros((plan.n, NR_COUNTED), np.int64)
    errors = np.full(plan.n, "", object)
    programs = [program(w) for w in dict.fromkeys(plan.workloads.tolist())] if plan.n else []
    if JIT_DISABLED:
        _interpret(plan, counted, errors)
        return counted, errors
    stop = Stop() if stop is None else stop
    interruptible(lambda: _link(programs), stop)
    chunks = _chunks(plan)
    is_large = plan.bytes() >= _LARGE_BYTES
    large = [runs for runs in chunks if is_large[runs].any()]
    small = [runs for runs in chunks if not is_large[runs].any()]
    workers = threads or len(os.sched_getaffinity(0))
    arena = _Arena()
    if workers == 1 or len(small) < 2:
        large, small = chunks, []
    for number, together in ((workers, small), (1, large)):
        if together:
            _run_chunks(plan, together, number, counted, errors, stop, arena, progress)
    return counted, errors


def _link(programs: list[Any]) -> None:
    mm.link()
    for made in programs:
        made.link()


def _run_chunks(
    plan: Plan,
    chunks: list[Any],
    threads: int,
    counted: Any,
    errors: Any,
    stop: Stop,
    arena: _Arena,
    progress: Callable[[int], Any] | None,
) -> None:
    """Run chunks, so many at a time, in threads that Ctrl-C need not wait for."""
    if threads == 1 and threading.current_thread() is not threading.main_thread():
        for runs in chunks:  # a sweep's thread, which is one that nobody waits for
            _run_chunk(plan, runs, counted, errors, stop, arena)
        return
    pool = Workers(threads)
    done = [pool.submit(_run_chunk, plan, c, counted, errors, stop, arena) for c in chunks]
    try:
        for future in as_completed(done):
            number = future.result()
            if progress is not None:
                progress(number)
    except KeyboardInterrupt:
        stopped(stop, done)
    except BaseException:
        stop.wait(done)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def run(scenario: Scenario, replication: int = 0, **watching: int) -> Machine:
    """Run one scenario and return the machine as it stands at the end.

    ``watching``: ``log_rows``, ``watched``, ``event_rows``, ``explained`` of ``layout.CONFIG``.
    """
    columns = resolve(scenario.columns())
    columns["replication"] = np.array([check("replication", replication)])
    plan = Plan(columns, 1, **watching)
    workload = program(scenario.workload)
    stop = Stop()

    def do() -> tuple[Machine, str]:
        m = plan.machine(0)
        stop.ends(error := m.memory[ERROR_AT : ERROR_AT + 1])
        text = _run_on(workload, m)
        del error  # until here it has to be there
        return m, text

    m, text = do() if JIT_DISABLED else interruptible(do, stop)
    if text:
        raise SimulationError(f"{text} ({plan.describe(0)})")
    return m


def raise_failure(plan: Plan, errors: Any) -> None:
    """Raise for the first run that could not be finished, if any."""
    failed = np.flatnonzero(errors != "")
    if failed.size:
        first = int(failed[0])
        raise SimulationError(f"{errors[first]} ({plan.describe(first)})")


def plan_of(what: object, seeds: int = 1, *, max_runs: int = MAX_RUNS) -> Plan:
    """Return the runs of a Scenario, a Grid or any iterable of Scenarios; refuse too many."""
    if isinstance(what, Grid | GridFile):
        check_runs([len(what)], seeds, max_runs)
        return _every(what.columns(), len(what), seeds)
    found = [what] if isinstance(what, Scenario) else what
    if not isinstance(found, Iterable):
        raise ScenarioError(f"simulate() takes a Scenario or many of them, not {shown(what)}")
    scenarios = []
    for item in found:
        if not isinstance(item, Scenario):
            raise ScenarioError(f"simulate() takes Scenarios, not {shown(item)}")
        scenarios.append(item)
        if len(scenarios) > max_runs:
            break  # it may have no end
    check_runs([len(scenarios)], seeds, max_runs)
    columns = {name: [getattr(s, name) for s in scenarios] for name in Scenario.model_fields}
    return _every(as_columns(columns), len(scenarios), seeds)


def tabulate(plan: Plan, counted: Any) -> pd.DataFrame:
    """Return the table of a plan's runs: fields, then counts."""
    columns = dict(plan.columns)
    looks = np.broadcast_to(mapping(columns["workload"])(_looks_after_pageout, bool), plan.n)
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
    mean = np.where(timed, _ratio(table["write_ns"], table["wp_faults"]), np.nan)
    table["write_ns_mean"] = mean
    table["write_cycles_mean"] = mean * np.broadcast_to(plan.ghz, plan.n)
    return pd.DataFrame({name: table[name] for name in COLUMNS})


def _looks_after_pageout(workload: Any) -> bool:
    """Does a workload count ``not_paged_out``?  One's own may."""
    return not isinstance(workload, str) or WORKLOADS[workload].looks_after_pageout


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
        write-protect fault, ``write_ns_mean``, ``write_cycles_mean``, ``write_ns_p50`` and
        ``write_ns_p99`` (to a sixteenth); ``lru_lock_taken``, ``lru_lock_wait_ns``,
        ``lru_lock_hold_ns``; ``cpu_ns``, of all CPUs without what they idled, and ``wall_ns``, when
        the last CPU was done.  ``attrs["wpbench"]`` says how it was made.

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
    counted, errors = execute(plan, threads, progress)
    raise_failure(plan, errors)
    table = with_rule_columns(tabulate(plan, counted))
    table.attrs["wpbench"] = provenance("simulate", described(scenarios, table, seeds))
    return table


def faults(scenario: Scenario, replication: int = 0, limit: int = 100_000) -> pd.DataFrame:
    """Return one row for each write-protect fault of a run: who held the page, what became of it.

    Parameters
    ----------
    scenario, replication
        The run, as ``simulate()`` would do it.
    limit
        Rows kept at most, from the first fault on (72 bytes of memory each).

    Returns
    -------
    DataFrame
        ``fault`` (number), ``page``, ``cpu``, ``t_ns`` (0 without a clock), ``outcome`` (reuse,
        copy), ``reason`` (of a copy), ``before`` and ``decided``: page_count, holders and flags of
        the page when the fault began and when the decision fell; ``drained``: entries that waited
        in the pagevecs drained, -1 where none were.
    """
    check("limit", limit)
    m = run(scenario, replication, log_rows=limit)
    used = min(int(m.nr_logged), limit)
    log = m.log[: used * L.NR_LOG].reshape(used, L.NR_LOG)
    raw = pd.DataFrame(log, columns=list(L.LOG))
    words = {int(word) for word in np.unique(log[:, 4:6])}
    exclusive = bool(row_of(scenario.kernel, scenario.rules)["reuse_exclusive"])
    text = {word: describe_word(word, exclusive=exclusive) for word in words}
    table = pd.DataFrame(
        {
            "fault": raw["fault"],
            "page": raw["page"],
            "cpu": raw["cpu"],
            "t_ns": raw["t_ns"],
            "outcome": raw["outcome"].map(dict(enumerate(L.OUTCOMES))),
            "reason": raw["reason"].map(lambda r: L.REASONS[r] if r >= 0 else ""),
            "before": raw["before"].map(text),
            "decided": raw["given_up"].map(text),
            "drained": raw["drained"],
        }
    )
    table.attrs["wpbench"] = provenance("faults", scenario.resolved())
    return table
