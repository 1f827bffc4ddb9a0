"""The threads that measure: pinned, deaf to signals, and ended whatever happens."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence

from ...errors import MeasureError
from . import signals
from .bench import CALLS, MASK_WORDS, Bench

_LOOK_S = 0.2  # how long a signal can wait to be seen
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
        self._broken: list[BaseException] = []
        for bench in self._benches:
            bench.stop = bench.go = bench.ready = 0

    def _body(self, loop: Callable[[Bench], object], bench: Bench) -> None:
        # A forked child inherits the mask: only SIGKILL can reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            loop(bench)
        except BaseException as error:
            self._broken.append(error)  # the calling thread raises it
        finally:
            bench.ready = 1

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for bench in self._benches:
            bench.stop = bench.go = 1

    def join(self) -> None:
        for thread in self._threads:
            # A signal that comes just before the main thread sleeps is handled when it wakes.
            while thread.is_alive():
                thread.join(_LOOK_S)

    def check(self) -> None:
        if self._broken:
            raise self._broken[0]
        for bench in self._benches:
            if bench.failed:
                why = os.strerror(bench.errno)
                raise MeasureError(f"{CALLS[bench.failed]} failed: {why}")


def run(
    tasks: Sequence[Task], helpers: Sequence[Task] = (), begin: Callable[[], None] | None = None
) -> None:
    """Run each compiled loop in a thread of its own and wait for all of them.

    To be called where signals are noted (``signals.noted()``): on one the loops are told to stop.
    No thread and no forked child is left.

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
        If a system call failed; names it.  ``StoppedError`` after a signal.
    """
    workers, others = _Crew(tasks), _Crew(helpers)

    def stop() -> None:
        workers.stop()
        others.stop()

    with signals.stopping(stop):
        try:
            workers.start()
            others.start()
            if begin is not None:
                begin()
            workers.join()
        finally:
            stop()
            workers.join()
            others.join()
    workers.check()
    others.check()
