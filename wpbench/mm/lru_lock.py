"""lru_lock: one a node or memcg, first come first served.

Operations are simulated one after the other, each in one go, so a later one can ask for the lock at
an earlier time.  Each lock therefore has a calendar, a row of buckets that say until when the lock
is taken within them; a request takes the first free time from its own on.  What is taken is never
more than the time there is, and who comes early finds the gaps that a longer operation left.
"""

from __future__ import annotations

from ..jit.compile import inline, kernel
from . import layout as L
from .clock import spend
from .machine import Machine
from .names import Cost


@inline
def _acquire(m: Machine, lock: int, time: int, hold: int) -> int:
    """Take the lock for ``hold`` nanoseconds at ``time`` or later; return when it is given back."""
    calendar = lock * L.NR_LOCK_BUCKETS
    bucket = time // L.LOCK_BUCKET_NS
    while True:
        at = calendar + (bucket & (L.NR_LOCK_BUCKETS - 1))
        end = (bucket + 1) * L.LOCK_BUCKET_NS
        free = max(time, m.lru_calendar[at], bucket * L.LOCK_BUCKET_NS)
        if free < end:
            take = min(hold, end - free)
            m.lru_calendar[at] = free + take
            hold -= take
            if hold == 0:
                return free + take
        bucket += 1


@kernel
def _wait_for_lru_lock(m: Machine, cpu: int, hold: int) -> None:
    """Let a CPU wait until the lock can be its own for ``hold`` nanoseconds."""
    time = m.clock[cpu]
    wait = _acquire(m, cpu * m.lruvecs // m.ncpus, time, hold) - time - hold
    spend(m, cpu, L.SPENT_LOCK_WAIT, wait)


@inline
def hold_lru_lock(m: Machine, cpu: int, pages: int) -> None:
    """Wait for this CPU's lru_lock and hold it for as long as so many pages take.

    How often and for how many pages is counted; the time of it is booked at the end (clock.py).
    """
    if m.timed:
        hold = m.cost[Cost.LRU_HOLD] + pages * m.cost[Cost.LRU_HOLD_PAGE]
        if m.ncpus > 1 and hold > 0:
            _wait_for_lru_lock(m, cpu, hold)
        m.lru_lock_taken += 1
        m.lru_lock_pages += pages
        m.clock[cpu] += hold


@inline
def hold_lru_lock_often(m: Machine, cpu: int, times: int) -> None:
    """Hold the lock so many times for one page each, on a machine where nobody else wants it."""
    if m.timed:
        m.lru_lock_taken += times
        m.lru_lock_pages += times
        m.clock[cpu] += times * (m.cost[Cost.LRU_HOLD] + m.cost[Cost.LRU_HOLD_PAGE])
