"""Run the runs of a plan, in threads that Ctrl-C need not wait for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import as_completed
from typing import Any

import numpy as np

from .. import mm
from ..bounds import check
from ..errors import SimulationError
from ..jit.compile import JIT_DISABLED, linked
from ..jit.threads import Stop, Workers, interruptible, stopped
from ..mm import layout as L
from ..mm.batch import ERROR_AT, NR_FAILURE, run_many
from ..mm.clock import settle
from ..mm.machine import NR_COUNTED, Machine
from ..mm.names import Error
from ..mm.refusals import failure
from ..scenario import Scenario
from ..scenario.columns import (
    resolve,
)
from .long_runs import LONG_RUNS
from .own import OwnWorkload, WorkloadError
from .plan import Plan, program

# Accesses that one call to the compiled code does at least: so many that starting it costs nothing,
# so few that the threads end together.
_CHUNK_ACCESSES = 1 << 20
_CHUNK_RUNS = 4096
STOPPED = "stopped"  # the error of a run that was not done, or not to its end
_LARGE_BYTES = 1 << 28  # machines of this size and more run one at a time


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


def _run_chunk(
    plan: Plan, runs: Any, counted: Any, errors: Any, skipped: Any, stop: Stop, arena: _Arena
) -> int:
    """Do some runs, and write what they counted where it belongs."""
    made, words, seeds = plan.inputs(runs)
    counts = np.zeros((len(runs), NR_COUNTED), np.int64)
    failed = np.zeros((len(runs), NR_FAILURE + 1), np.int64)
    memory = arena.of(int(words.max()))
    stop.ends(error := memory[ERROR_AT : ERROR_AT + 1])
    workload = program(plan.workloads[runs[0]])
    address = LONG_RUNS.address(workload, made, plan.work[runs].sum())
    run_many(made, seeds, memory, address, counts, failed, stop.flag)
    del error  # until here it has to be there
    counted[runs] = counts
    skipped[runs] = failed[:, NR_FAILURE]
    for i in np.flatnonzero(failed[:, 0]).tolist():
        registers = failed[i, :NR_FAILURE].tolist()
        text = STOPPED if registers[0] == L.STOPPED else failure(*registers)
        if registers[0] == Error.EXCEPTION and isinstance(workload, OwnWorkload):
            text = workload.text_of(plan.machine(int(runs[i])))  # once more, for its text
        errors[runs[i]] = text
    return len(runs)


def _run_on(workload: Any, m: Machine, again: Callable[[], Machine] | None = None) -> str:
    """Run a program on a machine, as plain Python or compiled; return why it failed, or "".

    ``again``: such a machine once more, to ask for the text of an exception.
    """
    try:
        with np.errstate(over="ignore") if JIT_DISABLED else np.errstate():
            workload(m)  # uint64 is meant to wrap around
            settle(m)
    except WorkloadError as error:
        return str(error)
    if m.error == Error.EXCEPTION and again and isinstance(workload, OwnWorkload):
        return workload.text_of(again())
    return STOPPED if m.error == L.STOPPED else m.failure


def _interpret(plan: Plan, counted: Any, errors: Any, skipped: Any) -> None:
    """Do all runs as plain Python (NUMBA_DISABLE_JIT)."""
    for run in range(plan.n):
        m = plan.machine(run)
        errors[run] = _run_on(program(plan.workloads[run]), m)
        counted[run] = m.counted
        skipped[run] = m.rounds_skipped


def execute(
    plan: Plan,
    threads: int | None = None,
    progress: Callable[[int], Any] | None = None,
    stop: Stop | None = None,
    skipped: Any = None,
) -> tuple[Any, Any]:
    """Do the runs of a plan; the same numbers for any number of threads.

    Parameters
    ----------
    plan, threads, progress
        As ``simulate()``.
    stop
        As soon as another thread sets it, runs end early (error ``STOPPED``).
    skipped
        int64[n] out: rounds that were not done because they repeat earlier ones.

    Returns
    -------
    counted, errors
        int64[n, NR_COUNTED], ``layout.COUNTER_NAMES``; object[n], the reason of each failed run,
        "" otherwise.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.simulate import execute, plan_of
    >>> counted, errors = execute(plan_of(wb.Scenario(npages=8, rounds=1)))
    >>> len(counted), errors.tolist()
    (1, [''])
    """
    counted = np.zeros((NR_COUNTED, plan.n), np.int64).T  # a table is made of columns
    errors = np.full(plan.n, "", object)
    skipped = np.zeros(plan.n, np.int64) if skipped is None else skipped
    programs = [program(w) for w in dict.fromkeys(plan.workloads.tolist())] if plan.n else []
    if JIT_DISABLED:
        _interpret(plan, counted, errors, skipped)
        return counted, errors
    stop = Stop() if stop is None else stop
    if not (linked() and all(made.linked for made in programs)):
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
            _run_chunks(plan, together, number, (counted, errors, skipped), stop, arena, progress)
    return counted, errors


def _link(programs: list[Any]) -> None:
    mm.link()
    for made in programs:
        made.link()


def _run_chunks(
    plan: Plan,
    chunks: list[Any],
    threads: int,
    out: tuple[Any, Any, Any],
    stop: Stop,
    arena: _Arena,
    progress: Callable[[int], Any] | None,
) -> None:
    """Run chunks, so many at a time, in threads that Ctrl-C need not wait for."""
    if threads == 1 and threading.current_thread() is not threading.main_thread():
        for runs in chunks:  # a sweep's thread, which is one that nobody waits for
            _run_chunk(plan, runs, *out, stop, arena)
        return
    pool = Workers(threads)
    done = [pool.submit(_run_chunk, plan, c, *out, stop, arena) for c in chunks]
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
    """Run one scenario and return its machine at the end.

    Parameters
    ----------
    scenario, replication
        The run, as in ``simulate()``.
    watching
        ``log_rows``, ``watched``, ``event_rows``, ``explained`` of ``layout.CONFIG``.

    Returns
    -------
    Machine
        Its counters are attributes.

    Raises
    ------
    SimulationError
        If the run cannot be finished.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.simulate import run
    >>> int(run(wb.Scenario(kernel="patch1", npages=8, rounds=1)).copies)
    7
    """
    columns = resolve(scenario.columns())
    columns["replication"] = np.array([check("replication", replication)])
    plan = Plan(columns, 1, **watching)
    workload = program(scenario.workload)
    stop = Stop()

    def do() -> tuple[Machine, str]:
        m = plan.machine(0)
        stop.ends(error := m.memory[ERROR_AT : ERROR_AT + 1])
        text = _run_on(workload, m, lambda: plan.machine(0))
        del error  # until here it has to be there
        return m, text

    m, text = do() if JIT_DISABLED else interruptible(do, stop)
    if text:
        raise SimulationError(f"{text} ({plan.describe(0)})")
    return m


def raise_failure(plan: Plan, errors: Any) -> None:
    """Raise an error for the first failed run, if there is one.

    Parameters
    ----------
    plan
        The runs.
    errors
        From ``execute()``.

    Raises
    ------
    SimulationError
        The reason, and the scenario.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.simulate import execute, plan_of, raise_failure
    >>> plan = plan_of(wb.Scenario(npages=8, rounds=1))
    >>> raise_failure(plan, execute(plan)[1])
    """
    failed = np.flatnonzero(errors != "")
    if failed.size:
        first = int(failed[0])
        raise SimulationError(f"{errors[first]} ({plan.describe(first)})")
