"""What only later events tell: which allocations go to a batch, which execve() succeeds."""

from __future__ import annotations

from .events import ALLOC, CPU, EXEC, INSERTION, KIND, PAGE_CACHE, PID, SYSCALL, A, B
from .helper import helper

# Of an allocation or page_cache event: 1 + the CPU to whose batch the page goes then.  Of others:
# H_EXEC, an execve() that succeeds; H_LAST, the last page of a batch; H_UNSEEN, a page of which it
# was not seen that it went to the batch (bits).
H_NONE, H_EXEC, H_LAST, H_UNSEEN = 0, 1, 2, 4
_EXECVE, _EXECVEAT = 59, 322


@helper
def look_back(events, place, hint, where, frames, pids, cpus):  # type: ignore[no-untyped-def]
    """Fill in ``hint`` for a block of events; the last block comes first.

    Parameters
    ----------
    events
        Rows as events.py has them.
    place
        Of the first of them in the file.
    hint, where
        Of each event of the file, zeroes at first.  Out: ``H_*``; the CPU of an insertion.
    frames, pids, cpus
        Zeroes at first: as many as there are page frames, process ids, CPUs.
    """
    for i in range(len(events) - 1, -1, -1):
        e = events[i]
        kind, cpu = e[KIND], e[CPU]
        if kind == INSERTION:
            later = frames[e[A]]
            if later:
                hint[later - 1] |= H_UNSEEN
            frames[e[A]] = place + i + 1
            where[place + i] = cpu
            # In cpus: of the event after it on its CPU, the process, if that is an insertion.
            hint[place + i] = H_NONE if cpus[cpu] == 1 + e[PID] else H_LAST
            cpus[cpu] = 1 + e[PID]
            continue
        cpus[cpu] = 0
        if kind in (ALLOC, PAGE_CACHE):
            at = frames[e[A]]
            if at:
                hint[place + i] = 1 + where[at - 1]
                frames[e[A]] = 0
        elif kind == EXEC:
            pids[e[B]] = 1
        elif kind == SYSCALL and 0 <= e[PID] < len(pids):
            if pids[e[PID]] and e[A] in (_EXECVE, _EXECVEAT):
                hint[place + i] = H_EXEC
            pids[e[PID]] = 0


@helper
def end_look_back(hint, frames):  # type: ignore[no-untyped-def]
    """There are no events before: what has no beginning was not seen."""
    for frame in range(len(frames)):
        if frames[frame]:
            hint[frames[frame] - 1] |= H_UNSEEN
