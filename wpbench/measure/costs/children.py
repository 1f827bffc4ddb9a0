"""The forked child: begun and ended without letting this CPU go, where that is possible."""

from __future__ import annotations

from ..probe.compiled import part, step
from ..probe.libc import SIGKILL, c_clone, c_kill, c_sched_yield, c_syscall
from ..probe.litmus_row import (
    FAILED_CHILD,
    FAILED_CLONE,
    FAILED_WAIT,
    STACK,
    SYS_NANOSLEEP,
    SYS_WAIT4,
)
from ..probe.litmus_steps import SIGCHLD, WALL, fail, set_cpu
from ..probe.steps import WNOHANG
from .told import CostRow

YIELDS = 2000  # to a task of the same priority, before others are let in
RESTS = 5000


@step
def rest(b: CostRow) -> None:
    """Let other tasks in: one may hold a lock that the child waits for.  The rows are late then."""
    b.late = 1
    c_syscall(SYS_NANOSLEEP, b.rest_at, 0, 0, 0, 0, 0)


@part
def begin_child(b: CostRow) -> None:
    """Fork a child, on a stack of its own, that sleeps."""
    b.asleep = 0
    pid = c_clone(b.child_entry, b.stack + 2 * STACK, SIGCHLD, b.address)
    if pid < 0:
        fail(b, FAILED_CLONE)
        return
    b.child = pid
    for i in range(YIELDS + RESTS):
        if b.asleep:
            return
        if i < YIELDS:
            c_sched_yield()
        else:
            rest(b)
    fail(b, FAILED_CHILD)


@part
def end_child(b: CostRow) -> None:
    """Let the child exit, if there is one, on another CPU where one is free.

    This one is not let go meanwhile: whoever ran here would use its pagevecs.
    """
    if not b.child:
        return
    set_cpu(b, b.child, 0 if b.threads else b.nmasks - 1)
    c_kill(b.child, SIGKILL)
    for i in range(YIELDS + RESTS):
        found = c_syscall(SYS_WAIT4, b.child, b.status_at, WALL | WNOHANG, 0, 0, 0)
        if found:
            if found < 0:
                fail(b, FAILED_WAIT)
            b.child = 0
            return
        if i < YIELDS:
            c_sched_yield()
        else:
            rest(b)
    b.child = 0
    fail(b, FAILED_CHILD)
