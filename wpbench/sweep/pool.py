"""Where a sweep's tasks are done: threads of this process, or an executor of the user's."""

from __future__ import annotations

from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from typing import Any

from ..bounds import check
from ..errors import ScenarioError, SweepError, accepted, short
from ..jit.threads import Stop, Workers
from ..simulate import Plan
from .resources import cpus
from .task import Done, do_pickled, do_task, pickled, task_of


class Pool:
    """Workers that do tasks; a context manager that ends those that it made itself.

    Parameters
    ----------
    executor
        None for threads of this process; or any ``concurrent.futures`` executor, of which Dask's
        ``Client.get_executor()`` is one.
    workers
        Of these threads; with an executor, how many it has, where that cannot be seen.
    """

    def __init__(self, executor: Any = None, workers: int | None = None) -> None:
        if workers is not None:
            check("workers", workers)
        if executor is not None and not callable(getattr(executor, "submit", None)):
            raise ScenarioError(
                accepted("executor", executor, ["None", "a concurrent.futures executor"])
            )
        self._own = executor is None
        self._workers = workers
        self._stop = Stop()
        self.executor = executor or Workers(self.workers)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            self.stop()
            self.executor.shutdown(wait=False, cancel_futures=True)

    @property
    def local(self) -> bool:
        """Do the workers share this machine's memory?"""
        return self._own or isinstance(self.executor, ThreadPoolExecutor | ProcessPoolExecutor)

    @property
    def workers(self) -> int:
        """How many there are at the moment, at least 1: a cluster's come and go."""
        if self._workers is not None:
            return self._workers
        if self._own:
            return cpus()
        client = getattr(self.executor, "_client", None)
        if client is not None:  # Dask's
            return max(1, sum(map(int, client.nthreads().values())))
        return int(getattr(self.executor, "_max_workers", None) or cpus())

    def submit(self, plan: Plan, runs: Any) -> Future[Done]:
        """Let a worker do some runs of a plan."""
        try:
            if self._own:
                return self.executor.submit(do_task, task_of(plan, runs), self._stop)
            return self.executor.submit(do_pickled, pickled(plan, runs))
        except RuntimeError as error:
            if isinstance(error, SweepError):
                raise
            raise SweepError(f"the executor takes no more tasks ({short(error)})") from None

    def stop(self) -> None:
        """Let threads of this process end their runs; others finish the tasks they have."""
        self._stop.set()

    def wait(self, futures: list[Future[Done]], seconds: float) -> None:
        """Wait for tasks that are under way when a sweep is stopped."""
        if self._own:
            self._stop.wait(futures)
        else:
            wait(futures, seconds)
