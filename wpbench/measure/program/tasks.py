"""Tasks and address spaces come, change their name and go."""

from __future__ import annotations

from .helper import helper
from .state import (
    M_BORN,
    M_EPOCH,
    M_PARENT,
    M_USERS,
    N_ADOPT,
    N_COMMS,
    N_MMS,
    N_SHARED,
    N_TASKS,
    NO_FAULT,
    S_END,
    S_FIRST,
    S_MM,
    T_COMM,
    T_COUNTED,
    T_MM,
    T_OPEN,
    T_PID,
    T_RECLAIM,
)

CLONE_VM = 0x100


@helper
def new_mm(s, parent, time):  # type: ignore[no-untyped-def]
    """Return a new address space with one user."""
    mm = s.number[N_MMS]
    s.number[N_MMS] += 1
    s.mm[mm, M_USERS], s.mm[mm, M_PARENT], s.mm[mm, M_BORN] = 1, parent, time
    s.mm[mm, M_EPOCH] = time
    return mm


@helper
def _up_to_nul(word):  # type: ignore[no-untyped-def]
    """Return eight bytes of a name, those from the first NUL on cleared."""
    for i in range(8):
        if (word >> (8 * i)) & 0xFF == 0:
            return word & ((1 << (8 * i)) - 1)
    return word


@helper
def find_name(s, low, high):  # type: ignore[no-untyped-def]
    """Return the row of a name, made if there was none; what follows its NUL does not count."""
    whole = low
    low = _up_to_nul(low)
    high = _up_to_nul(high) if low == whole and (whole >> 56) & 0xFF else 0
    n = s.number[N_COMMS]
    for i in range(n):
        if s.comm[i, 0] == low and s.comm[i, 1] == high:
            return i
    s.comm[n, 0], s.comm[n, 1] = low, high
    s.number[N_COMMS] += 1
    return n


@helper
def add_task(s, pid, mm, comm, counted):  # type: ignore[no-untyped-def]
    """Return the row of a new task."""
    slot = s.slot_of[pid]
    if slot < 0:
        slot = s.number[N_TASKS]
        s.number[N_TASKS] += 1
        s.slot_of[pid] = slot
    for j in range(s.task.shape[1]):
        s.task[slot, j] = 0
    s.task[slot, T_PID], s.task[slot, T_MM], s.task[slot, T_COMM] = pid, mm, comm
    s.task[slot, T_COUNTED] = counted
    return slot


@helper
def task_of(s, pid, time, adopt):  # type: ignore[no-untyped-def]
    """Return the row of a task, -1 for one that is not followed."""
    if pid <= 0 or pid >= len(s.slot_of):
        return -1
    slot = s.slot_of[pid]
    if slot < 0 and adopt and s.number[N_ADOPT]:
        slot = add_task(s, pid, new_mm(s, -1, time), find_name(s, 0, 0), 1)
    return slot


@helper
def leave_mm(s, mm):  # type: ignore[no-untyped-def]
    """One user of an address space less."""
    s.mm[mm, M_USERS] -= 1


@helper
def fork_task(s, slot, pid, flags, time):  # type: ignore[no-untyped-def]
    """A task has a new child: a thread, or a process whose address space is a copy."""
    if pid <= 0 or pid >= len(s.slot_of):
        return
    parent = s.task[slot, T_MM]
    if flags & CLONE_VM:
        mm = parent
        s.mm[mm, M_USERS] += 1
    else:
        mm = new_mm(s, parent, time)
        s.mm[parent, M_EPOCH] = time  # its pages are read-only now
        for i in range(s.number[N_SHARED]):
            if s.shared[i, S_MM] == parent and s.number[N_SHARED] < len(s.shared):
                k = s.number[N_SHARED]
                s.shared[k, S_MM] = mm
                s.shared[k, S_FIRST], s.shared[k, S_END] = s.shared[i, S_FIRST], s.shared[i, S_END]
                s.number[N_SHARED] += 1
    add_task(s, pid, mm, s.task[slot, T_COMM], s.task[slot, T_COUNTED])


@helper
def exec_task(s, slot, pid, time):  # type: ignore[no-untyped-def]
    """A task runs another program, in an address space of its own."""
    leave_mm(s, s.task[slot, T_MM])
    comm = s.task[slot, T_COMM]
    old = s.task[slot, T_PID]
    if old != pid and 0 < pid < len(s.slot_of):
        s.slot_of[old] = -1  # a thread has taken its leader's number
        add_task(s, pid, 0, comm, 1)
        slot = s.slot_of[pid]
    s.task[slot, T_MM] = new_mm(s, -1, time)
    s.task[slot, T_COUNTED] = 1
    s.task[slot, T_OPEN] = NO_FAULT
    s.task[slot, T_RECLAIM] = 0


@helper
def exit_task(s, slot):  # type: ignore[no-untyped-def]
    """A task is gone; its row goes to the last one."""
    leave_mm(s, s.task[slot, T_MM])
    s.slot_of[s.task[slot, T_PID]] = -1
    last = s.number[N_TASKS] - 1
    if slot != last:
        for j in range(s.task.shape[1]):
            s.task[slot, j] = s.task[last, j]
        s.slot_of[s.task[slot, T_PID]] = slot
    s.number[N_TASKS] = last
