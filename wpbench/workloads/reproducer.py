"""Nadav Amit's reproducer: page out, read a page, write it.

Message 0480D692-D9B2-429A-9A88-9BBA1331AC3A@gmail.com (10 November 2021), ``forceswap``; in the
form in which data/kernel-measurements ran it.
"""

from __future__ import annotations

from .. import mm
from .._jit import inline, workload
from ..mm.machine import Machine
from .params import Params

ORDERS = ("read-write", "read-write-shuffled", "read-all-write-all")
(READ_WRITE, READ_WRITE_SHUFFLED, READ_ALL_WRITE_ALL) = range(3)


@inline
def shuffled(i: int, n: int, mask: int, shift: int) -> int:
    """Return where a fixed permutation of 0..n-1 takes ``i``, without a table.

    Each step is a bijection of 0..mask (a power of two, less 1); results beyond ``n`` go round
    again.  The table it replaces would cost 4 bytes a page.
    """
    while True:
        i = (i * 0x2545F491 + 0x3C6EF372) & mask
        i ^= i >> shift
        i = (i * 0x5851F42D) & mask
        i ^= i >> shift
        if i < n:
            return i


@inline
def _move(m: Machine, old: int, new: int) -> None:
    """Let the thread go on on another CPU, at its own time."""
    if m.timed and new != old:
        mm.sleep_until(m, new, max(m.clock[old], m.clock[new]))


@workload
def _round(m: Machine, p: Params, first: int, read_cpu: int, write_cpu: int) -> None:
    """Run one round of one thread over its own region."""
    n = p.npages
    mm.madvise_pageout(m, read_cpu, first, n)
    m.not_paged_out += mm.resident(m, first, n)
    if p.delay_ns:
        mm.sleep_until(m, read_cpu, m.clock[read_cpu] + p.delay_ns)
    if p.order == READ_ALL_WRITE_ALL:
        for v in range(first, first + n):
            mm.read(m, read_cpu, v)
        _move(m, read_cpu, write_cpu)
        for v in range(first, first + n):
            mm.write(m, write_cpu, v)
        _move(m, write_cpu, read_cpu)
        return
    mask = 1
    bits = 1
    while mask < n - 1:
        mask = mask * 2 + 1
        bits += 1
    shift = (bits + 1) // 2
    for i in range(n):
        v = first + (shuffled(i, n, mask, shift) if p.order == READ_WRITE_SHUFFLED else i)
        mm.read_inline(m, read_cpu, v)
        _move(m, read_cpu, write_cpu)
        mm.write_inline(m, write_cpu, v)
        _move(m, write_cpu, read_cpu)


@workload
def reproducer(m: Machine, p: Params) -> None:
    """Write the memory once, then ``rounds`` times page it out and read and write every page.

    Thread ``k`` has a region of its own and runs ``k`` CPUs further (modulo ``cpus``).  Spinner
    threads do nothing but run; they matter only to whom a TLB flush must interrupt.
    """
    for k in range(p.threads):
        for v in range(k * p.npages, (k + 1) * p.npages):
            mm.write(m, (p.read_cpu + k) % p.cpus, v)
    if p.fork_exit_before:
        mm.fork(m, p.read_cpu, 0, 1)
        mm.lru_add_drain(m, p.read_cpu)
        mm.exit_process(m, m.ncpus - 1, 1)
        mm.lru_add_drain(m, p.read_cpu)
    mm.reset_counters(m)
    for _ in range(p.rounds):
        for k in range(p.threads):
            read_cpu = (p.read_cpu + k) % p.cpus
            write_cpu = (p.write_cpu + k) % p.cpus
            _round(m, p, k * p.npages, read_cpu, write_cpu)


__all__ = ["ORDERS", "reproducer", "shuffled"]
