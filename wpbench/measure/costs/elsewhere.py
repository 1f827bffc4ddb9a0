"""Patterns of several CPUs: another one's pagevec, its lru_lock, and threads interrupted there."""

from __future__ import annotations

from ..probe.compiled import part
from ..probe.libc import c_clone, c_memcpy, c_sched_yield
from ..probe.litmus_loops import CLONE_VM
from ..probe.litmus_row import FAILED_CLONE, STACK
from ..probe.litmus_steps import PAGE, SIGCHLD, YIELDS, fail, reap, set_cpu
from .children import begin_child, end_child
from .states import (
    drain_here,
    judge,
    look,
    spoil,
    wrong_after,
    wrong_before,
)
from .told import (
    ALONE,
    BY_QUIET,
    FAILED_THREAD,
    INTERRUPTS,
    KEPT,
    CostRow,
)
from .visits import (
    DRAINS,
    begin,
    first_of,
    look_at_all,
    timed_drain,
    timed_write,
    touch,
    write_all,
)

SOME = 14  # pages that wait on another CPU: fewer than any kernel's pagevec holds
GAPS = 128  # gaps that a spinning thread notes in a visit
GAP_NS = 400  # between two readings of the clock: less is no interrupt


@part
def visit_vain(b: CostRow, slot: int, waiting: int) -> None:
    """Write to pages that wait in another CPU's pagevec: a drain in vain, and a copy.

    ``waiting``: what the drain finds here, 0 or 1: the page of the copy before.
    """
    if b.nmasks < 2:
        return
    set_cpu(b, 0, 1)
    drain_here(b)
    touch(b, 0, SOME)
    set_cpu(b, 0, 0)
    for page in range(SOME):  # so that this CPU's caches have what is copied
        c_memcpy(b.flushed, b.base + PAGE * page, PAGE)
    drain_here(b)
    begin_child(b)
    end_child(b)
    spoil(b, 0, SOME)
    for page in range(SOME):
        look(b, page)
    for page in range(SOME):
        timed_write(b, page)
        if not waiting:
            drain_here(b)
    for page in range(4, SOME):
        wrong = first_of(wrong_before(b, page, 0, 1), b.seen[page])
        judge(b, slot, first_of(wrong, wrong_after(b, page, 1)), b.took[page])


@part
def start_threads(b: CostRow, n: int, run: int, flags: int) -> None:
    """Let threads of this process, or processes of their own, run on other CPUs."""
    b.stop_threads = 0
    b.threads = 0
    for thread in range(n):
        b.thread = thread
        b.gaps[thread] = 0
        b.rounds_of[thread] = 0
        top = b.stack + (4 + thread) * STACK
        if c_clone(run, top, flags | SIGCHLD, b.address) < 0:
            fail(b, FAILED_CLONE)
            return
        for _ in range(YIELDS):
            if b.threads != thread:
                break
            c_sched_yield()
        if b.threads == thread:
            fail(b, FAILED_THREAD)
            return


@part
def stop_threads(b: CostRow, n: int) -> None:
    """Wait for the end of what runs on the other CPUs."""
    b.stop_threads = 1
    for _ in range(n):
        reap(b, -1)
    b.threads = 0


@part
def visit_interrupted(b: CostRow, slot: int, threads: int) -> None:
    """Copy while threads of the process run on other CPUs; the next slot is what one loses."""
    touch(b, 0, b.many)
    drain_here(b)
    begin_child(b)
    start_threads(b, 0 if b.spoil == BY_QUIET else threads, b.thread_entry, CLONE_VM)
    if b.failed:
        return
    spoil(b, 0, b.many)
    look_at_all(b)
    for thread in range(threads):
        b.gaps[thread] = 0
    write_all(b)
    lost = b.gaps[0]
    stop_threads(b, 0 if b.spoil == BY_QUIET else threads)
    # One interrupt a copy; the timer's are more.
    quiet = KEPT if b.many - 2 <= lost <= b.many + b.many // 4 else INTERRUPTS
    for page in range(b.many):
        wrong = first_of(wrong_before(b, page, 1, 2), b.seen[page])
        wrong = first_of(wrong, wrong_after(b, page, 1))
        judge(b, slot, first_of(wrong, quiet), b.took[page])
    for i in range(min(lost, GAPS)):
        judge(b, slot + 1, quiet, b.gap[i])
    end_child(b)


@part
def visit_contended(b: CostRow, slot: int, rivals: int) -> None:
    """Drain pages while processes on other CPUs do nothing but fill and drain their pagevecs."""
    running = 0 if b.spoil == BY_QUIET else rivals
    start_threads(b, running, b.rival_entry, 0)
    for _ in range(DRAINS):
        if b.failed:
            return
        before = b.rounds_of[0]
        begin(b)
        wrong = timed_drain(b, b.many - 1)
        judge(b, slot, first_of(wrong, KEPT if b.rounds_of[0] > before else ALONE), b.took[0])
    stop_threads(b, running)
