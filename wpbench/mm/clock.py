"""A clock for each CPU, and an account of what its time was spent on."""

from __future__ import annotations

from ..jit.compile import inline, kernel
from ..jit.pointer import bit_length
from . import layout as L
from .machine import Machine
from .names import Cost


@inline
def spend(m: Machine, cpu: int, step: int, ns: int) -> None:
    """Let a CPU's clock go on, and book the time; ``step``: an index of ``layout.SPENT``."""
    m.clock[cpu] += ns
    m.spent[step] += ns


@inline
def pass_time(m: Machine, cpu: int, ns: int) -> None:
    """Let a CPU's clock go on; what it was spent on is booked by ``settle()``, from the counters.

    For the steps of the hot paths: their counters are there anyway.
    """
    m.clock[cpu] += ns


@inline
def idle_until(m: Machine, cpu: int, time: int) -> None:
    """Let a CPU do nothing until ``time``, if it is not later than that already."""
    wait = time - m.clock[cpu]
    if wait > 0:
        spend(m, cpu, L.SPENT_IDLE, wait)


@inline
def cool(m: Machine, cpu: int) -> None:
    """Note a system call or a thread that came from elsewhere: this CPU's caches are cold."""
    if m.timed:
        m.cold[cpu] = 1


@inline
def warm_up(m: Machine, cpu: int) -> None:
    """Take what the first write-protect fault with cold caches takes more."""
    if m.cold[cpu]:
        m.cold[cpu] = 0
        spend(m, cpu, Cost.FAULT_FIRST, m.cost[Cost.FAULT_FIRST])


@inline
def _bin(ns: int) -> int:
    """Return the bin of a time: its power of two, and the next four bits of it."""
    shift = max(0, bit_length(ns) - (L.HISTOGRAM_BITS + 1))
    return (shift << L.HISTOGRAM_BITS) + (ns >> shift)


@inline
def _bin_start(place: int) -> int:
    """Return the shortest time of a bin."""
    if place < 2 << L.HISTOGRAM_BITS:
        return place
    shift = (place >> L.HISTOGRAM_BITS) - 1
    return (place - (shift << L.HISTOGRAM_BITS)) << shift


@inline
def time_write_fault(m: Machine, ns: int) -> None:
    """Note how long a write took that met a write-protect fault."""
    m.write_ns += ns
    m.histogram[min(_bin(ns), L.NR_BINS - 1)] += 1


@kernel
def write_quantile(m: Machine, percent: int) -> int:
    """Return the time that so many per cent of the write-protect faults did not exceed.

    Within a bin, which is at most a sixteenth of the time wide, linearly.
    """
    total = 0
    for i in range(L.NR_BINS):
        total += m.histogram[i]
    if total == 0:
        return 0
    wanted = (total * percent + 99) // 100
    below = 0
    for i in range(L.NR_BINS):
        here = m.histogram[i]
        if below + here >= wanted:
            start = _bin_start(i)
            return start + (_bin_start(i + 1) - start) * (wanted - below) // here
        below += here
    return 0


@inline
def _book(m: Machine, step: int, times: int) -> None:
    m.spent[step] += times * m.cost[step]


@kernel
def _book_hot_paths(m: Machine) -> None:
    """Book what ``pass_time()`` left to be booked."""
    bypasses = m.pswpin - m.cache_reads
    _book(m, Cost.FAULT_ENTRY, bypasses)
    _book(m, Cost.SWAPIN_RETURN, bypasses)
    _book(m, Cost.DEVICE_READ, bypasses)
    _book(m, Cost.FAULT_DECISION, m.wp_faults - m.direct_wp_faults + m.zero_copies)
    _book(m, Cost.DRAIN, m.drains)
    _book(m, Cost.EXCLUSIVE_RETURN, m.exclusive_reuses)
    _book(m, Cost.REUSE_RETURN, m.reuses - m.exclusive_reuses)
    _book(m, Cost.COPY_INSERT, m.copies + m.zero_copies)
    _book(m, Cost.COPY_RETURN, m.copies)
    _book(m, Cost.SHRINK_NEW, m.pswpout - m.rewrites)
    _book(m, Cost.SHRINK_REWRITE, m.rewrites)
    _book(m, Cost.DEVICE_WRITE, 0 if m.async_io else m.pswpout)
    _book(m, Cost.LRU_HOLD, m.lru_lock_taken)
    _book(m, Cost.LRU_HOLD_PAGE, m.lru_lock_pages)
    m.lru_lock_hold_ns = m.spent[Cost.LRU_HOLD] + m.spent[Cost.LRU_HOLD_PAGE]
    m.lru_lock_wait_ns = m.spent[L.SPENT_LOCK_WAIT]


@kernel
def settle(m: Machine) -> None:
    """Write down what is known only at the end of a run."""
    for cpu in range(m.ncpus):
        m.wall_ns = max(m.wall_ns, m.clock[cpu] - m.started)
        m.cpu_ns += m.clock[cpu] - m.started
    m.cpu_ns -= m.spent[L.SPENT_IDLE]
    if m.timed:
        _book_hot_paths(m)
        m.write_ns_p50 = write_quantile(m, 50)
        m.write_ns_p99 = write_quantile(m, 99)
    for page in range(1, m.next_page):
        word = m.page[page]
        if word & L.MASK_HOLDERS == 0 or word & L.MASK_USERS:
            continue
        if word & L.PG_SWAPCACHE and m.slot[word >> L.SHIFT_SLOT] & L.MASK_SWAP_COUNT:
            continue
        m.orphans += 1
