"""The threads that measure: pinned, deaf to signals, and ended whatever happens."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence

from ..errors import MeasureError
from .bench import CALLS, MASK_WORDS, Bench

Task = tuple[Callable[[Bench], object], Bench]


def allowed_cpus() -> list[int]:
    """Return the CPUs that this process may use, in order: "CPU 0" here is the first of them."""
    return sorted(os.sched_getaffinity(0))


def masks(cpus: Sequence[int]) -> list[int]:
    """Return a cpu_set_t for each CPU, ``MASK_WORDS`` int64s each, one after the other."""
    words: list[int] = []
    for cpu in cpus:
        if cpu >= 64 * MASK_WORDS:
            raise MeasureError(f"CPU {cpu}: accepted: CPUs up to {64 * MASK_WORDS - 1}")
        mask = [0] * MASK_WORDS
        bit = 1 << cpu % 64
        mask[cpu // 64] = bit - (1 << 64) if bit >> 63 else bit
        words += mask
    return words


class _Crew:
    """Threads that each run one compiled loop."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._benches = [bench for _, bench in tasks]
        self._threads = [threading.Thread(target=self._body, args=task) for task in tasks]
        self.broken: list[BaseException] = []
        for bench in self._benches:
            bench.stop = bench.go = bench.ready = 0

    def _body(self, loop: Callable[[Bench], object], bench: Bench) -> None:
        # A forked child inherits the mask: only SIGKILL can reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            loop(bench)
        except BaseException as error:
            self.broken.append(error)  # the calling thread raises it
        finally:
            bench.ready = 1

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def stop(self) -> BaseException | None:
        """Tell all loops to stop and wait until they have; return what came in between."""
        interruption = None
        while True:
            try:
                for bench in self._benches:
                    bench.stop = bench.go = 1
                self.join()
                break
            except BaseException as error:
                interruption = error
        return interruption

    def check(self) -> None:
        if self.broken:
            raise self.broken[0]
        for bench in self._benches:
            if bench.failed:
                why = os.strerror(bench.errno)
                raise MeasureError(f"{CALLS[bench.failed]} failed: {why}")


def run(
    tasks: Sequence[Task], helpers: Sequence[Task] = (), begin: Callable[[], None] | None = None
) -> None:
    """Run each compiled loop in a thread of its own and wait for all of them.

    Signals stay with the calling thread.  If it is interrupted, the loops are told to stop, and
    the interruption goes on when they have: no thread and no forked child is left.

    Parameters
    ----------
    tasks
        A loop and its bench, for each thread.
    helpers
        The same, for loops that are told to stop when the tasks have ended.
    begin
        Called when all threads run.

    Raises
    ------
    MeasureError
        If a system call failed; names it.
    """
    crews = [_Crew(tasks), _Crew(helpers)]
    interruption: BaseException | None = None
    try:
        for crew in crews:
            crew.start()
        if begin is not None:
            begin()
        crews[0].join()
    except BaseException as error:
        interruption = error
    for crew in crews:
        interruption = crew.stop() or interruption
    if interruption is not None:
        raise interruption
    for crew in crews:
        crew.check()
