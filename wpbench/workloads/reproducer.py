"""Nadav Amit's reproducer: page out, read a page, write it.

Message 0480D692-D9B2-429A-9A88-9BBA1331AC3A@gmail.com (10 November 2021), ``forceswap``; in the
form in which data/kernel-measurements ran it.
"""

from __future__ import annotations

from .. import mm
from .._jit import inline, workload
from ..mm.machine import Machine
from .params import Params, params

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
def page_of_step(p: Params, i: int, mask: int, shift: int) -> int:
    """Return which page the i-th read or write of a round goes to."""
    return shuffled(i, p.npages, mask, shift) if p.order == READ_WRITE_SHUFFLED else i


@inline
def move(m: Machine, old: int, new: int) -> None:
    """Let a thread go on on another CPU, at its own time."""
    if m.timed and new != old:
        mm.sleep_until(m, new, max(m.clock[old], m.clock[new]))


@inline
def page_out(m: Machine, p: Params, cpu: int, first: int) -> None:
    """Let a thread page out its region, note what stayed, and wait ``delay_ns``."""
    mm.madvise_pageout(m, cpu, first, p.npages)
    m.not_paged_out += mm.resident(m, first, p.npages)
    if p.delay_ns:
        mm.sleep_until(m, cpu, m.clock[cpu] + p.delay_ns)


@inline
def _round(m: Machine, p: Params, mask: int, shift: int) -> None:
    """Run one round of one thread that the scheduler leaves where it is."""
    read_cpu = p.read_cpu
    write_cpu = p.write_cpu
    page_out(m, p, read_cpu, 0)
    if p.order == READ_ALL_WRITE_ALL:
        for v in range(p.npages):
            mm.read(m, read_cpu, v)
        move(m, read_cpu, write_cpu)
        for v in range(p.npages):
            mm.write(m, write_cpu, v)
        move(m, write_cpu, read_cpu)
        return
    for i in range(p.npages):
        v = page_of_step(p, i, mask, shift)
        mm.read_inline(m, read_cpu, v)
        move(m, read_cpu, write_cpu)
        mm.write_inline(m, write_cpu, v)
        move(m, write_cpu, read_cpu)


@inline
def _migrate_some(m: Machine, p: Params) -> None:
    """Let the scheduler move threads, each with probability ``migration_rate``."""
    if p.migration_ppm == 0 or p.cpus == 1:
        return
    for k in range(p.threads):
        if mm.chance(m, p.migration_ppm):
            old = m.thread[k]
            m.thread[k] = (old + 1 + mm.below(m, p.cpus - 1)) % p.cpus
            move(m, old, m.thread[k])


@inline
def _write_in_turn(m: Machine, p: Params, v: int) -> None:
    for k in range(p.threads):
        cpu = m.thread[k]
        there = (cpu + p.write_cpu - p.read_cpu + p.cpus) % p.cpus
        move(m, cpu, there)
        mm.write(m, there, k * p.npages + v)
        move(m, there, cpu)


@inline
def _round_in_turn(m: Machine, p: Params, mask: int, shift: int) -> None:
    """Run one round of all threads, at the same time: each takes a step, then the next one."""
    for k in range(p.threads):
        page_out(m, p, m.thread[k], k * p.npages)
    for i in range(p.npages):
        v = page_of_step(p, i, mask, shift)
        for k in range(p.threads):
            mm.read(m, m.thread[k], k * p.npages + v)
        if p.order != READ_ALL_WRITE_ALL:
            _migrate_some(m, p)
            _write_in_turn(m, p, v)
    if p.order == READ_ALL_WRITE_ALL:
        for v in range(p.npages):
            _migrate_some(m, p)
            _write_in_turn(m, p, v)


@workload
def reproducer(m: Machine) -> None:
    """Write the memory once, then ``rounds`` times page it out and read and write every page.

    Of ``threads`` threads each has a region of its own, and begins ``k`` CPUs further than
    ``read_cpu`` and ``write_cpu`` say (modulo ``cpus``).  Before its write, the scheduler moves a
    thread to another CPU, drawn at random, with probability ``migration_rate``; there it stays.
    Spinner threads do nothing but run; they matter only to whom a TLB flush must interrupt.
    """
    p = params(m)
    for k in range(p.threads):
        m.thread[k] = (p.read_cpu + k) % p.cpus
        for v in range(k * p.npages, (k + 1) * p.npages):
            mm.write(m, m.thread[k], v)
    if p.fork_exit_before:
        mm.fork(m, p.read_cpu, 0, 1)
        mm.lru_add_drain(m, p.read_cpu)
        mm.exit_process(m, m.ncpus - 1, 1)
        mm.lru_add_drain(m, p.read_cpu)
    mm.reset_counters(m)
    mask = 1
    bits = 1
    while mask < p.npages - 1:
        mask = mask * 2 + 1
        bits += 1
    shift = (bits + 1) // 2
    for _ in range(p.rounds):
        if p.threads == 1 and p.migration_ppm == 0:
            _round(m, p, mask, shift)
        else:
            _round_in_turn(m, p, mask, shift)
