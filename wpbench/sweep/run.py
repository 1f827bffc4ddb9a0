"""Scenarios in, one table out; what is done stays done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..bounds import MAX_RUNS, check
from ..errors import SweepError, short
from ..provenance.record import provenance
from ..scenario import GridFile, Scenario
from ..scenario.kernel_table import with_rule_columns
from ..scenario.plain import described
from ..simulate import COUNTERS, Plan, plan_of, tabulate
from .estimate import Estimate, estimate
from .keys import run_keys
from .pool import Pool
from .progress import progress_bar
from .resources import available_memory
from .store import Store
from .task import Done

_TASK_SECONDS = 2.0  # of work in a task, about: what a worker that dies loses
_TASK_RUNS = 10_000
_PART_SECONDS = 5.0  # between two parts: what a sweep that dies loses, and the tasks in flight
_PART_RUNS = 100_000
_TASKS_A_WORKER = 2  # in flight
_FEWEST_TASKS = 8  # in flight: a cluster that has no worker yet starts some for these
_LAST_WAIT = 10.0  # seconds that tasks of others have when a sweep is stopped


def sweep(
    scenarios: Scenario | Iterable[Scenario],
    store: str | Path = "out/sweep",
    *,
    seeds: int | None = None,
    executor: Any = None,
    workers: int | None = None,
    progress: bool | Literal["text"] | None = None,
    max_hours: float = 24.0,
    retry_failed: bool = True,
    max_runs: int = MAX_RUNS,
) -> pd.DataFrame:
    """Run scenarios like ``simulate()``, and keep each row on disk as soon as it is done.

    After Ctrl-C, SIGKILL or a crash, the same call continues.  Runs in the store are not repeated:
    a run's key is the hash of its resolved scenario, its replication, the model's sources and the
    data files.

    Parameters
    ----------
    scenarios
        A ``Scenario``, any iterable of them, ``wb.grid(...)`` or ``wb.load_grid(...)``.
    store
        A folder; it is made if it does not exist.  One sweep at a time can write to it.
    seeds
        Replications of each scenario; None for a grid file's own, or 1.
    executor
        None: threads of this process do the runs.  Or any ``concurrent.futures`` executor, such as
        Dask's ``Client.get_executor()``.  It is not shut down.
    workers
        Threads of this process, None: one for each CPU.  With an executor, the number of its
        workers, if the executor does not tell.  The table does not depend on it.
    progress
        A bar of the runs done, as ``progress_bar()``'s: None for a widget in JupyterLab, text in a
        headless notebook and in a terminal, nothing where nobody looks; ``"text"`` for one without
        widgets.
    max_hours
        A sweep that would take longer is refused.
    retry_failed
        Do runs again that failed in an earlier sweep?
    max_runs
        More runs than this are refused, before any memory is taken for them.

    Returns
    -------
    DataFrame
        The rows of ``simulate(scenarios, seeds)``, in its order, and two columns more: ``key``,
        and ``error``, the reason of a failed run ("" otherwise).  The counts of a failed run are
        empty (``<NA>``; then their columns' type is ``Int64``).  ``attrs["wpbench"]`` records how
        it was made.

    Raises
    ------
    ScenarioError
        If an argument is not accepted.
    SweepError
        If the sweep does not fit (time, memory, disk; with the numbers), if another one writes to
        the store, if a workload cannot be sent to the workers, or if these are lost.
    KeyboardInterrupt
        If it was stopped; the finished runs are in the store.

    Examples
    --------
    >>> import wpbench as wb
    >>> grid = wb.grid(kernel=["patch1", "patch2"], npages=[1, 8], rounds=10)
    >>> table = wb.sweep(grid, "sweep-store", progress=False)
    >>> table[["kernel", "npages", "copies", "error"]]
       kernel  npages  copies error
    0  patch1       1      10
    1  patch1       8      70
    2  patch2       1       0
    3  patch2       8       0
    """
    check("max_hours", max_hours)
    with Pool(executor, workers) as pool:
        work = _Work(scenarios, store, seeds, pool, retry_failed, max_runs)
        with work.store:
            found, seconds = work.estimate()
            found.check(max_hours)
            with progress_bar(
                found.runs, initial=found.known, progress=progress, head=str(found)
            ) as bar:
                work.do(seconds, bar)
    return work.table()


def estimate_sweep(
    scenarios: Scenario | Iterable[Scenario],
    store: str | Path = "out/sweep",
    *,
    seeds: int | None = None,
    executor: Any = None,
    workers: int | None = None,
    retry_failed: bool = True,
    max_runs: int = MAX_RUNS,
) -> Estimate:
    """Return the time, memory and disk that ``sweep()`` would need; nothing is written.

    Parameters
    ----------
    scenarios, store, seeds, executor, workers, retry_failed, max_runs
        As in ``sweep()``.

    Returns
    -------
    Estimate
        ``print()`` it.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.sweep import estimate_sweep
    >>> estimate_sweep(wb.grid(npages=[1, 8], rounds=2), "new-store").runs
    2
    """
    with Pool(executor, workers) as pool:
        return _Work(scenarios, store, seeds, pool, retry_failed, max_runs).estimate()[0]


class _Work:
    """The runs of one sweep, and what became of them."""

    def __init__(
        self,
        scenarios: Any,
        store: str | Path,
        seeds: int | None,
        pool: Pool,
        retry_failed: bool,
        max_runs: int,
    ) -> None:
        if seeds is None:
            seeds = scenarios.seeds if isinstance(scenarios, GridFile) else 1
        self.store = Store(store)
        self._pool = pool
        self._seeds = seeds
        self._retry_failed = retry_failed
        self._scenarios = scenarios
        self._plan = plan_of(scenarios, seeds, max_runs=max_runs)
        keys = run_keys(self._plan)
        # Equal scenarios are one run: from here on runs are numbered as different keys.
        self._run_of_row, self._keys = pd.factorize(keys)
        self._row_of_run = np.unique(self._run_of_row, return_index=True)[1]
        self._pending: dict[Future[Done], Any] = {}
        self._suspects: deque[Any] = deque()  # their workers died, and other tasks' with them
        self._unwritten: list[Any] = []
        self._written_at = time.monotonic()

    def estimate(self) -> tuple[Estimate, Any]:
        """Look up what is in the store; return what the rest will take, and the seconds of each."""
        self._known, self._counted, self._errors = self.store.find(self._keys)
        if self._retry_failed:
            self._known &= self._errors == ""
        self._todo = np.flatnonzero(~self._known)
        rows = self._row_of_run[self._todo]
        return estimate(
            self._plan,
            rows,
            len(self._keys),
            self.store.path,
            self._pool.workers,
            self._pool.local,
        )

    def do(self, seconds: Any, bar: Any) -> None:
        """Do the runs that the store does not have."""
        self._bar = bar
        self._waiting = deque(self._tasks(seconds))
        self._memory = self._budget()
        try:
            while self._waiting or self._pending or self._suspects:
                self._submit()
                done, _ = wait(self._pending, _PART_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future)
                self._write_if_due()
            self._write()
        except KeyboardInterrupt:
            self._abandon()
            raise KeyboardInterrupt(self._so_far("stopped")) from None
        except SweepError as error:
            self._abandon()
            raise SweepError(self._so_far(str(error))) from None
        except BaseException:
            self._abandon()
            raise

    def _so_far(self, what: str) -> str:
        return (
            f"{what}; {int(self._known.sum())} of {len(self._known)} runs are in "
            f"{self.store.path}, and the same sweep goes on from there"
        )

    def _tasks(self, seconds: Any) -> list[Any]:
        """Split the runs into tasks that are worth sending, and enough of them for all workers."""
        if len(self._todo) == 0:
            return []
        share = seconds.sum() / (4 * self._pool.workers)
        length = min(_TASK_SECONDS, max(share, _TASK_SECONDS / 100))
        place = np.maximum(np.cumsum(seconds) // length, np.arange(len(self._todo)) // _TASK_RUNS)
        return np.split(self._todo, np.flatnonzero(np.diff(place)) + 1)

    def _budget(self) -> int:
        """Return the bytes of memory that tasks on this machine may take at once."""
        return available_memory() if self._pool.local else 1 << 62

    def _bytes(self, runs: Any) -> int:
        """Return the memory that a task takes: its largest machine's."""
        return int(self._plan.bytes()[self._row_of_run[runs]].max())

    def _submit(self) -> None:
        most = max(_FEWEST_TASKS, _TASKS_A_WORKER * self._pool.workers)
        while self._waiting and len(self._pending) < most:
            in_flight = sum(map(self._bytes, self._pending.values()))
            if self._pending and in_flight + self._bytes(self._waiting[0]) > self._memory:
                return
            self._send(self._waiting.popleft())
        if self._suspects and not self._pending:
            self._send(self._suspects.popleft())
            self._alone = True

    def _send(self, runs: Any) -> None:
        self._pending[self._pool.submit(self._plan, self._row_of_run[runs])] = runs
        self._alone = False

    def _take(self, future: Future[Done]) -> None:
        """Take the result of a task; one of which workers die is done again in halves.

        A worker that dies takes its other tasks with it.  So a single run fails only if workers die
        of it while no other task is in flight.
        """
        runs = self._pending.pop(future)
        try:
            done = future.result()
        except SweepError:
            raise
        except (BrokenExecutor, CancelledError) as error:
            raise SweepError(f"the workers are lost ({short(error)})") from None
        except Exception as error:
            if type(error).__name__ != "KilledWorker":  # Dask's, after several tries
                raise SweepError(f"a worker cannot do its task ({short(error)})") from None
            if len(runs) > 1:
                self._waiting.extendleft(np.array_split(runs, 2))
                return
            if not self._alone:
                self._suspects.append(runs)
                return
            done = Done(
                np.ones(1, bool),
                np.zeros((1, len(COUNTERS)), np.int64),
                np.array([f"the workers that did it died ({short(error)})"], object),
            )
        ran = runs[done.ran]
        self._counted[ran] = done.counted[done.ran]
        self._errors[ran] = done.errors[done.ran]
        self._unwritten.append(ran)
        self._bar.update(len(ran))

    def _write_if_due(self) -> None:
        late = time.monotonic() - self._written_at >= _PART_SECONDS
        if late or sum(map(len, self._unwritten)) >= _PART_RUNS:
            self._write()

    def _write(self) -> None:
        runs = np.concatenate([np.zeros(0, int), *self._unwritten])
        if len(runs):
            self.store.add(self._rows(self._row_of_run[runs], runs))
            self._known[runs] = True
        self._unwritten.clear()
        self._written_at = time.monotonic()

    def _abandon(self) -> None:
        """Leave what has not begun, take what can still be had, and write that."""
        self._pool.stop()
        running = [future for future in self._pending if not future.cancel()]
        try:
            self._pool.wait(running, _LAST_WAIT)
            for future in filter(Future.done, running):
                with suppress(Exception, CancelledError, KeyboardInterrupt):
                    self._take(future)
        finally:
            with suppress(SweepError):  # that it cannot be written is what stopped the sweep
                self._write()

    def _rows(self, rows: Any, runs: Any) -> pd.DataFrame:
        """Return the table of some rows of the plan; ``runs``: the run of each."""
        part = Plan(self._plan.part(rows), len(rows))
        table = tabulate(part, self._counted[runs])
        failed = self._errors[runs] != ""
        if failed.any():
            table = table.astype(dict.fromkeys(COUNTERS, "Int64"))
            table.loc[failed, list(COUNTERS)] = pd.NA
        return table.assign(key=self._keys[runs], error=self._errors[runs])

    def table(self) -> pd.DataFrame:
        """Return a row for each scenario and replication."""
        table = with_rule_columns(self._rows(np.arange(self._plan.n), self._run_of_row))
        parameters = described(self._scenarios, table, self._seeds) | {
            "store": str(self.store.path)
        }
        table.attrs["wpbench"] = provenance("sweep", parameters)
        return table
