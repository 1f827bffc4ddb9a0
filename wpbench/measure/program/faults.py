"""One fault of one task: what its events say that the kernel decided.

No tracepoint marks the end of a fault.  It is over when its task enters a system call, gets a
signal, faults again or exits (advance.py).  docs/programs.md says what each event proves.
"""

from __future__ import annotations

import math

from .events import (
    ALLOC,
    CPU,
    FAULT_KERNEL,
    INSERTION,
    KIND,
    MM_ANONPAGES,
    MM_SWAPENTS,
    PAGE_CACHE,
    RSS,
    SIGNAL,
    TIME,
    A,
    B,
    C,
)
from .helper import helper
from .pages import (
    enter,
    find,
    frame_of,
    is_shared,
    near_large,
    note_large,
)
from .state import (
    AFTER_READ,
    AFTER_READ_ANON,
    BINS,
    COPIES,
    COPY_DRAINED_NS,
    COPY_NS,
    DIRECT_COPIES,
    DIRECT_WRITES,
    DRAINED_PAGES,
    FILE_FAULTS,
    H_AFTER_READ,
    H_COPY,
    H_COPY_DRAINED,
    HELPED,
    IN_VAIN,
    M_EPOCH,
    M_USERS,
    MOVED,
    MOVED_ANON,
    N_ITSELF,
    N_LOST_TIME,
    N_ROWS,
    N_TASKS,
    NO_FAULT,
    OCTAVE,
    P_CPU,
    P_FRAME,
    P_STATE,
    P_TASK,
    P_TIME,
    READ_ABSENT,
    REPEATED,
    REUSES,
    SHARED_FAULTS,
    SIGNALS,
    T_ANON,
    T_AT,
    T_COMM,
    T_COPY,
    T_COPY_AT,
    T_COPY_TIME,
    T_COUNTED,
    T_CPU,
    T_DOUBT,
    T_DRAINED,
    T_FILE,
    T_FRAME,
    T_ITSELF,
    T_KERNEL,
    T_LARGE,
    T_MM,
    T_OPEN,
    T_PAGE,
    T_PID,
    T_RECLAIM,
    T_SECOND,
    T_SECOND_AT,
    T_SIGNAL,
    T_SWAP,
    T_TIME,
    T_ZEROED,
    U_EVENTS,
    U_ITSELF,
    U_KERNEL,
    U_LARGE,
    U_RACE,
    U_WRITABLE,
    V_COPY,
    V_HELPED,
    V_IN_VAIN,
    V_NEW,
    V_NONE,
    V_OWN,
    V_REUSE,
    V_SWAPIN,
    V_SWAPIN_COPY,
    V_SWAPIN_WRITE,
    V_UNCLEAR,
    V_WITHIN,
    WAS_READ,
    WAS_SEEN,
    WAS_WRITTEN,
    WRITE_ABSENT,
    WRITE_PROTECT,
    ZERO_FAULTS,
)

# Bits of a page fault's error code: arch/x86/include/asm/trap_pf.h.
_PRESENT, _WRITE, _RESERVED, _FETCH, _KEY = 0x1, 0x2, 0x8, 0x10, 0x20


@helper
def bin_of(ns):  # type: ignore[no-untyped-def]
    """Return the bin of a histogram."""
    if ns < 1:
        return 0
    return min(int(OCTAVE * math.log2(ns)), BINS - 1)


@helper
def row_of(s, comm, cpu):  # type: ignore[no-untyped-def]
    """Return the row in which a name and CPU are counted."""
    row = s.row_of[comm, cpu]
    if row < 0:
        row = s.number[N_ROWS]
        s.number[N_ROWS] += 1
        s.row_of[comm, cpu] = row
    return row


@helper
def reason_of(s, t, at):  # type: ignore[no-untyped-def]
    """Return why it cannot be told that this fault was a reuse; 0: it was."""
    mm = t[T_MM]
    if t[T_LARGE] or near_large(s, mm, t[T_PAGE]):
        return U_LARGE
    if s.page[at, P_STATE] == WAS_WRITTEN and s.page[at, P_TIME] > s.mm[mm, M_EPOCH]:
        return U_WRITABLE
    if t[T_DRAINED] and not t[T_ITSELF]:
        if t[T_FRAME]:
            return U_ITSELF
        if t[T_KERNEL]:
            return U_KERNEL
    return 0


@helper
def tell(s, t, verdict):  # type: ignore[no-untyped-def]
    """Write down what a fault was, for a replay."""
    if len(s.verdict) == 0:
        return
    s.verdict[t[T_AT]] = verdict
    if verdict != V_NONE and t[T_COPY]:
        s.verdict[t[T_COPY_AT]] = V_OWN
    if verdict == V_SWAPIN_COPY:
        s.verdict[t[T_SECOND_AT]] = V_OWN


@helper
def decide(s, t):  # type: ignore[no-untyped-def]
    """Count a write-protect fault that is over; return its verdict, V_NONE: no anonymous page."""
    mm, page = t[T_MM], t[T_PAGE]
    row = row_of(s, t[T_COMM], t[T_CPU])
    count = s.counts[row]
    if t[T_SIGNAL]:
        count[SIGNALS] += 1
        return V_NONE
    if is_shared(s, mm, page):
        count[SHARED_FAULTS] += 1
        return V_NONE
    if t[T_DOUBT]:
        count[t[T_DOUBT]] += 1
        return V_UNCLEAR + t[T_DOUBT]
    at = find(s.page, mm, page)
    verdict = V_NEW
    if t[T_COPY]:
        if t[T_FILE] and t[T_ANON] and not t[T_ZEROED]:
            count[FILE_FAULTS] += 1
        elif t[T_ZEROED] and t[T_ANON] and not t[T_FILE]:
            count[ZERO_FAULTS] += 1
        elif t[T_ZEROED] or t[T_ANON] or t[T_FILE]:
            count[U_EVENTS] += 1
            return V_UNCLEAR + U_EVENTS
        else:
            verdict = V_IN_VAIN if t[T_DRAINED] else V_COPY
            count[COPIES] += 1
            ns = t[T_COPY_TIME] - t[T_TIME]
            if t[T_DRAINED]:
                count[IN_VAIN] += 1
                count[COPY_DRAINED_NS] += ns
                s.hist[row, H_COPY_DRAINED, bin_of(ns)] += 1
            else:
                count[COPY_NS] += ns
                s.hist[row, H_COPY, bin_of(ns)] += 1
    else:
        why = reason_of(s, t, at)
        if why:
            count[why] += 1
            return V_UNCLEAR + why
        verdict = V_HELPED if t[T_DRAINED] else V_REUSE
        count[REUSES] += 1
        if t[T_DRAINED]:
            count[HELPED] += 1
            s.number[N_ITSELF] += t[T_ITSELF]
    if verdict != V_NEW:
        count[DRAINED_PAGES] += t[T_DRAINED]
    if s.page[at, P_STATE] == WAS_READ and s.page[at, P_TIME] > s.number[N_LOST_TIME]:
        moved = s.page[at, P_CPU] != t[T_CPU]
        count[AFTER_READ] += 1
        count[MOVED] += moved
        if verdict != V_NEW:
            count[AFTER_READ_ANON] += 1
            count[MOVED_ANON] += moved
        s.hist[row, H_AFTER_READ, bin_of(t[T_TIME] - s.page[at, P_TIME])] += 1
    return verdict


@helper
def close(s, t):  # type: ignore[no-untyped-def]
    """A task's fault is over: count it, and remember its page."""
    kind = t[T_OPEN]
    t[T_OPEN] = NO_FAULT
    if kind == NO_FAULT:
        return
    writable = kind == WRITE_ABSENT
    if kind == WRITE_PROTECT and t[T_COUNTED]:
        writable = not t[T_SIGNAL]
        tell(s, t, decide(s, t))
    elif kind != WRITE_PROTECT and t[T_SWAP]:
        if kind == READ_ABSENT:
            tell(s, t, V_SWAPIN)
        else:
            tell(s, t, V_SWAPIN_COPY if t[T_SECOND] else V_SWAPIN_WRITE)
        if kind == WRITE_ABSENT and t[T_COUNTED]:
            count = s.counts[row_of(s, t[T_COMM], t[T_CPU])]
            count[DIRECT_WRITES] += 1
            count[DIRECT_COPIES] += t[T_SECOND] > 0
    elif kind != WRITE_PROTECT and t[T_ANON] and not t[T_SIGNAL]:
        tell(s, t, V_NEW)
    if t[T_LARGE]:
        note_large(s, t[T_MM], t[T_PAGE])
    if t[T_SIGNAL] or not (writable or kind == READ_ABSENT):
        return
    at = enter(s, t[T_MM], t[T_PAGE], WAS_WRITTEN if writable else WAS_READ)
    s.page[at, P_CPU], s.page[at, P_TIME] = t[T_CPU], t[T_TIME]
    if t[T_SECOND]:
        s.page[at, P_FRAME] = t[T_SECOND]
    elif t[T_COPY]:
        s.page[at, P_FRAME] = t[T_COPY]
    elif kind == WRITE_PROTECT:
        s.page[at, P_FRAME] = t[T_FRAME]
    else:
        s.page[at, P_FRAME] = 0


@helper
def is_repeated(t, e):  # type: ignore[no-untyped-def]
    """Does the kernel touch the page again whose fault it has just had, to no effect?

    It was in a part that must not fault (pagefault_disable()): nothing was handled there.
    """
    return (
        t[T_OPEN] == WRITE_PROTECT
        and t[T_KERNEL]
        and e[KIND] == FAULT_KERNEL
        and e[A] >> 12 == t[T_PAGE]
        and not (t[T_COPY] or t[T_DRAINED] or t[T_DOUBT])
    )


@helper
def begin(s, slot, e, at):  # type: ignore[no-untyped-def]
    """A task enters a fault; ``at``: the event's place."""
    t = s.task[slot]
    code, address = e[B], e[A]
    if is_repeated(t, e):
        s.counts[row_of(s, t[T_COMM], t[T_CPU]), REPEATED] += t[T_COUNTED]
        t[T_OPEN] = NO_FAULT
    close(s, t)
    for j in range(T_OPEN, len(t)):
        t[j] = 0
    t[T_RECLAIM] = 0
    if address < 0 or code & (_RESERVED | _KEY) or e[C]:
        return
    if code & _PRESENT:
        if not code & _WRITE or code & _FETCH:
            return
        t[T_OPEN] = WRITE_PROTECT
    else:
        t[T_OPEN] = WRITE_ABSENT if code & _WRITE else READ_ABSENT
    t[T_PAGE], t[T_TIME], t[T_CPU] = address >> 12, e[TIME], e[CPU]
    t[T_AT] = at
    t[T_KERNEL] = e[KIND] == FAULT_KERNEL
    if t[T_OPEN] != WRITE_PROTECT:
        return
    mm, page = t[T_MM], t[T_PAGE]
    t[T_FRAME] = frame_of(s, mm, page)
    if s.mm[mm, M_USERS] > 1:  # does another thread fault on it too?
        row = find(s.page, mm, page)
        if s.page[row, P_STATE] == 0:
            enter(s, mm, page, WAS_SEEN)
        other = s.page[row, P_TASK] - 1
        if 0 <= other < s.number[N_TASKS] and other != slot:
            o = s.task[other]
            if o[T_OPEN] == WRITE_PROTECT and o[T_MM] == mm and o[T_PAGE] == page:
                t[T_DOUBT] = o[T_DOUBT] = U_RACE
        s.page[row, P_TASK] = slot + 1


@helper
def note_within(s, at):  # type: ignore[no-untyped-def]
    """Write down that an insertion was within a fault, for a replay."""
    if len(s.verdict):
        s.verdict[at] = V_WITHIN


@helper
def go_on(s, t, e, at, user_copy):  # type: ignore[no-untyped-def]
    """Something happens within a fault; ``user_copy``: as ``advance()`` has it."""
    kind = e[KIND]
    if kind == INSERTION:
        note_within(s, at)
        if t[T_OPEN] == WRITE_PROTECT and not t[T_COPY]:
            t[T_DRAINED] += 1
            t[T_ITSELF] |= t[T_FRAME] == e[A] + 1
    elif kind == ALLOC:
        if e[C]:
            t[T_LARGE] = e[C]
        elif e[B] & ~(user_copy[1] | user_copy[2]) == user_copy[0]:
            if t[T_SWAP]:
                t[T_SECOND], t[T_SECOND_AT] = e[A] + 1, at
            elif not t[T_COPY]:
                t[T_COPY], t[T_COPY_TIME], t[T_COPY_AT] = e[A] + 1, e[TIME], at
                t[T_ZEROED] = (e[B] & user_copy[1]) != 0
    elif kind == RSS:
        if e[A] == MM_SWAPENTS:
            t[T_SWAP] = 1
        elif e[A] == MM_ANONPAGES:
            t[T_ANON] = 1
        else:
            t[T_FILE] = 1
    elif kind == PAGE_CACHE:
        # A system call goes on after its fault: this page was for a file.
        if t[T_COPY] == e[A] + 1:
            t[T_COPY] = t[T_ZEROED] = 0
            if t[T_DRAINED]:
                t[T_DOUBT] = U_KERNEL
    elif kind == SIGNAL and t[T_PID] == e[B]:
        t[T_SIGNAL] = 1
