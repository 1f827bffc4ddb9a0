"""A clock for each CPU, and an account of what its time was spent on."""

from __future__ import annotations

from .._jit import inline, kernel
from . import layout as L
from .machine import Machine


@inline
def spend(m: Machine, cpu: int, step: int, ns: int) -> None:
    """Let a CPU's clock go on, and book the time; ``step``: an index of ``layout.SPENT``."""
    m.clock[cpu] += ns
    m.spent[step] += ns


@inline
def idle_until(m: Machine, cpu: int, time: int) -> None:
    """Let a CPU do nothing until ``time``, if it is not later than that already."""
    wait = time - m.clock[cpu]
    if wait > 0:
        spend(m, cpu, L.SPENT_IDLE, wait)


@inline
def _bin(ns: int) -> int:
    """Return the bin of a time: its power of two, and the next four bits of it."""
    shift = 0
    while ns >> (shift + L.HISTOGRAM_BITS + 1):
        shift += 1
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


@kernel
def settle(m: Machine) -> None:
    """Write down what is known only at the end of a run."""
    for cpu in range(m.ncpus):
        m.wall_ns = max(m.wall_ns, m.clock[cpu] - m.started)
    if m.timed:
        m.write_ns_p50 = write_quantile(m, 50)
        m.write_ns_p99 = write_quantile(m, 99)
    for page in range(1, m.next_page):
        word = m.page[page]
        if word & L.HOLDERS == 0 or word & (L.MASK_MAP | L.MASK_GUP | L.MASK_PIN | L.MASK_LAG):
            continue
        if word & L.PG_SWAPCACHE and m.slot[word >> L.SHIFT_SLOT] & L.MASK_SWAP_COUNT:
            continue
        m.orphans += 1
