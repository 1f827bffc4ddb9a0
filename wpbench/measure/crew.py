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
    broken: list[BaseException] = []

    def body(loop: Callable[[Bench], object], bench: Bench) -> None:
        # A forked child inherits the mask: only SIGKILL can reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            loop(bench)
        except BaseException as error:  # noqa: BLE001 - handed to the calling thread
            broken.append(error)
            bench.ready = 1

    everybody = [*tasks, *helpers]
    for _, bench in everybody:
        bench.stop = bench.go = bench.ready = 0
    threads = [threading.Thread(target=body, args=task) for task in everybody]
    interruption: BaseException | None = None
    try:
        for thread in threads:
            thread.start()
        if begin is not None:
            begin()
        for thread in threads[: len(tasks)]:
            thread.join()
    except BaseException as error:  # noqa: BLE001 - raised again below
        interruption = error
    # Told twice: where an interruption falls into this, it falls into it once.
    for _ in range(2):
        try:
            for _, bench in everybody:
                bench.stop = 1
                bench.go = 1
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        except BaseException as error:  # noqa: BLE001
            interruption = interruption or error
    if interruption is not None:
        raise interruption
    if broken:
        raise broken[0]
    for _, bench in everybody:
        if bench.failed:
            raise MeasureError(f"{CALLS[bench.failed]} failed: {os.strerror(bench.errno)}")
