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


def run(tasks: Sequence[Task], meanwhile: Callable[[], None] | None = None) -> None:
    """Run each compiled loop in a thread of its own and wait for all of them.

    Signals stay with the calling thread.  If it is interrupted, the loops are told to stop, and
    the interruption goes on when they have: no thread and no forked child is left.

    Parameters
    ----------
    tasks
        A loop and its bench, for each thread.
    meanwhile
        Called when the threads run, before they are waited for.

    Raises
    ------
    MeasureError
        If a system call failed; names it.
    """
    broken: list[BaseException] = []

    def body(loop: Callable[[Bench], object], bench: Bench) -> None:
        # A forked child inherits the mask: only SIGKILL can reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            loop(bench)
        except BaseException as error:  # noqa: BLE001 - handed to the calling thread
            broken.append(error)

    def stop_all() -> None:
        for _, bench in tasks:
            bench.stop = 1
            bench.go = 1

    threads = [threading.Thread(target=body, args=task) for task in tasks]
    try:
        for thread in threads:
            thread.start()
        if meanwhile is not None:
            meanwhile()
        for thread in threads:
            thread.join()
    except BaseException:
        stop_all()
        for thread in threads:
            while thread.is_alive():
                try:
                    thread.join()
                except BaseException:  # noqa: BLE001, S112 - the first interruption is on its way
                    continue
        raise
    if broken:
        raise broken[0]
    for _, bench in tasks:
        if bench.failed:
            raise MeasureError(f"{CALLS[bench.failed]} failed: {os.strerror(bench.errno)}")
