"""Events in, counts out: walks through events and keeps tasks, address spaces and faults going."""

from __future__ import annotations

from .events import (
    DELIVER,
    EVERYBODYS,
    EXEC,
    EXIT,
    FAULT_KERNEL,
    FAULT_USER,
    KIND,
    LOST,
    NEWTASK,
    PID,
    RECLAIM_BEGIN,
    RECLAIM_END,
    RENAME,
    RETURN,
    SIGNAL,
    SYS_MMAP,
    SYSCALL,
    TIME,
    A,
    B,
    C,
)
from .faults import begin, close, go_on
from .helper import helper
from .pages import map_range
from .state import (
    M_EPOCH,
    N_BASE,
    N_COMMS,
    N_LOST,
    N_LOST_TIME,
    N_MMS,
    N_PAGES,
    N_ROWS,
    N_SHARED,
    N_TASKS,
    NO_FAULT,
    T_COMM,
    T_DOUBT,
    T_FLAGS,
    T_LENGTH,
    T_MM,
    T_OPEN,
    T_RECLAIM,
    T_SYSCALL,
    U_LOST,
    WRITE_PROTECT,
)
from .tasks import (
    exec_task,
    exit_task,
    find_name,
    fork_task,
    task_of,
)

_SHARED, _SHARED_VALIDATE = 1, 3  # MAP_SHARED and MAP_SHARED_VALIDATE
# System calls after which pages may be read-only that were writable: mprotect, mremap, ioctl (of a
# userfaultfd), pkey_mprotect.
_PROTECT = (10, 25, 16, 329)
# System calls that a recording keeps even where they end no fault: mmap, munmap, brk, madvise,
# clone, fork, vfork, execve, exit, exit_group, execveat, clone3, and _PROTECT.
_KEPT = (9, 11, 12, 28, 56, 57, 58, 59, 60, 231, 322, 435, *_PROTECT)


@helper
def lose(s, e):  # type: ignore[no-untyped-def]
    """Events were lost: nothing that is open or remembered can be relied on."""
    s.number[N_LOST] += max(e[A], 1)
    s.number[N_LOST_TIME] = e[TIME]
    for i in range(s.number[N_TASKS]):
        if s.task[i, T_OPEN] == WRITE_PROTECT:
            s.task[i, T_DOUBT] = U_LOST
    for i in range(s.number[N_MMS]):
        s.mm[i, M_EPOCH] = e[TIME]


@helper
def is_full(s):  # type: ignore[no-untyped-def]
    """Is it time to make room?"""
    n = s.number
    return (
        2 * n[N_TASKS] >= len(s.task)
        or 2 * n[N_MMS] >= len(s.mm)
        or 2 * n[N_PAGES] >= len(s.page)
        or 2 * n[N_SHARED] >= len(s.shared)
        or 2 * n[N_COMMS] >= len(s.comm)
        or 2 * n[N_ROWS] >= len(s.counts)
    )


@helper
def live(s, slot, e):  # type: ignore[no-untyped-def]
    """A task makes a system call, gets a signal, has a child, another name or an end."""
    t = s.task[slot]
    kind, time = e[KIND], e[TIME]
    if kind == SYSCALL:
        close(s, t)
        t[T_SYSCALL], t[T_LENGTH], t[T_FLAGS] = e[A], e[B], e[C]
        if e[A] in _PROTECT:
            s.mm[t[T_MM], M_EPOCH] = time
    elif kind == RETURN:
        if e[A] == SYS_MMAP and t[T_SYSCALL] == SYS_MMAP and (e[B] > 0 or e[B] < -4095):
            shared = (t[T_FLAGS] & 3) in (_SHARED, _SHARED_VALIDATE)
            map_range(s, t[T_MM], e[B] >> 12, (e[B] + t[T_LENGTH] + 4095) >> 12, shared)
    elif kind == DELIVER:
        close(s, t)
    elif kind == NEWTASK:
        fork_task(s, slot, e[A], e[B], time)
    elif kind == RENAME:
        named = s.slot_of[e[A]] if 0 < e[A] < len(s.slot_of) else -1
        if named >= 0:
            close(s, s.task[named])
            s.task[named, T_COMM] = find_name(s, e[B], e[C])
    elif kind == EXIT:
        close(s, t)
        exit_task(s, slot)


@helper
def advance(s, events, begun, end, user_copy, keep):  # type: ignore[no-untyped-def]
    """Take in events; return how far it came: less than ``end`` where room must be made.

    Parameters
    ----------
    s
        A ``State``.
    events
        Rows as events.py has them, in the order of time.
    begun, end
        Which of them.
    user_copy
        GFP flags: of a page for a user (``GFP_HIGHUSER_MOVABLE``), then those that do not matter
        there, ``__GFP_ZERO`` and ``__GFP_COMP``.
    keep
        uint8 out: 1 for each event that a replay needs.
    """
    for i in range(begun, end):
        if is_full(s):
            return i
        e = events[i]
        kind = e[KIND]
        keep[i] = kind in EVERYBODYS
        if kind == LOST:
            lose(s, e)
            continue
        if kind == EXEC and 0 < e[B] < len(s.slot_of) and s.slot_of[e[B]] >= 0:
            keep[i] = 1
            slot = s.slot_of[e[B]]
            close(s, s.task[slot])
            exec_task(s, slot, e[A], e[TIME])
            continue
        fault = kind in (FAULT_USER, FAULT_KERNEL)
        slot = task_of(s, e[PID], e[TIME], fault)
        if slot < 0:
            continue
        t = s.task[slot]
        keep[i] = kind != SYSCALL or t[T_OPEN] != NO_FAULT or e[A] in _KEPT
        if fault:
            begin(s, slot, e, s.number[N_BASE] + i)
        elif kind == RECLAIM_BEGIN:
            t[T_RECLAIM] += 1
        elif kind == RECLAIM_END:
            t[T_RECLAIM] = max(t[T_RECLAIM] - 1, 0)
        elif kind >= SYSCALL and kind != SIGNAL:
            live(s, slot, e)
        elif t[T_OPEN] != NO_FAULT and t[T_RECLAIM] == 0:
            go_on(s, t, e, s.number[N_BASE] + i, user_copy)
    return end


@helper
def finish(s, reason):  # type: ignore[no-untyped-def]
    """Close what is open: for a fault that may not be over, ``reason`` is why it cannot be told."""
    for i in range(s.number[N_TASKS]):
        t = s.task[i]
        if t[T_OPEN] == WRITE_PROTECT and not t[T_DOUBT]:
            t[T_DOUBT] = reason
        close(s, t)
