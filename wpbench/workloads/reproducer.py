"""Nadav Amit's reproducer: page out, read a page, write it.

Message 0480D692-D9B2-429A-9A88-9BBA1331AC3A@gmail.com (10 November 2021), ``forceswap``; in the
form in which data/kernel-measurements ran it.
"""

from __future__ import annotations

from ..jit.compile import inline, workload
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.machine import Machine
from .fast_forward import rounds_left
from .params import Params, params

ORDERS = ("read-write", "read-write-shuffled", "read-all-write-all")
(READ_WRITE, READ_WRITE_SHUFFLED, READ_ALL_WRITE_ALL) = range(3)
# What a thread does next.
(PAGE_OUT, READ, WRITE) = range(3)


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
def shuffle_mask(n: int) -> int:
    """Return the power of two, less 1, that ``shuffled()`` of ``n`` takes."""
    mask = 1
    while mask < n - 1:
        mask = mask * 2 + 1
    return mask


@inline
def shuffle_shift(mask: int) -> int:
    """Return the shift that ``shuffled()`` takes: half the bits of the mask."""
    bits = 0
    while mask >> bits:
        bits += 1
    return (bits + 1) // 2


@inline
def page_of_step(p: Params, i: int, mask: int, shift: int) -> int:
    """Return which page the i-th read or write of a round goes to."""
    return shuffled(i, p.npages, mask, shift) if p.order == READ_WRITE_SHUFFLED else i


@inline
def steps_ahead(p: Params) -> int:
    """Return how many steps of each thread are AHEAD accesses of all."""
    return max(1, mm.AHEAD // p.threads)


@inline
def look_ahead(m: Machine, p: Params, first: int, i: int, mask: int, shift: int) -> None:
    """Have fetched what the region at ``first`` is asked for after its i-th step."""
    if m.large:
        steps = steps_ahead(p)
        if p.order == READ_WRITE_SHUFFLED:
            last = p.npages - 1
            mm.prefetch_pte(m, first + shuffled(min(i + 2 * steps, last), p.npages, mask, shift))
            mm.prefetch_page(m, first + shuffled(min(i + steps, last), p.npages, mask, shift))
        elif p.threads > 1:  # of one thread the processor sees the order itself
            mm.look_ahead(m, first + i, first + p.npages, steps)


@inline
def move(m: Machine, old: int, new: int) -> None:
    """Let the only thread go on on another CPU, at its own time."""
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
            mm.look_ahead(m, v, p.npages)
            mm.read(m, read_cpu, v)
        move(m, read_cpu, write_cpu)
        for v in range(p.npages):
            mm.look_ahead(m, v, p.npages)
            mm.write(m, write_cpu, v)
        move(m, write_cpu, read_cpu)
        return
    for i in range(p.npages):
        v = page_of_step(p, i, mask, shift)
        look_ahead(m, p, 0, i, mask, shift)
        mm.read_inline(m, read_cpu, v)
        move(m, read_cpu, write_cpu)
        mm.write_inline(m, write_cpu, v)
        move(m, write_cpu, read_cpu)


@inline
def _write_elsewhere(m: Machine, p: Params, cpu: int, v: int) -> None:
    """Write a page as far from ``cpu`` as ``write_cpu`` is from ``read_cpu``."""
    there = (cpu + p.write_cpu - p.read_cpu + p.cpus) % p.cpus
    move(m, cpu, there)
    mm.write(m, there, v)
    move(m, there, cpu)


@inline
def _round_in_step(m: Machine, p: Params, mask: int, shift: int) -> None:
    """Run one round of all threads without a clock: each takes a step, then each the next."""
    for k in range(p.threads):
        page_out(m, p, m.thread[k * L.NR_TH], k * p.npages)
    batch = p.order == READ_ALL_WRITE_ALL
    for i in range(p.npages):
        v = page_of_step(p, i, mask, shift)
        for k in range(p.threads):
            look_ahead(m, p, k * p.npages, i, mask, shift)
            mm.read(m, m.thread[k * L.NR_TH], k * p.npages + v)
        if not batch:
            for k in range(p.threads):
                mm.maybe_migrate(m, k, p.migration_ppm, p.cpus)
            for k in range(p.threads):
                _write_elsewhere(m, p, m.thread[k * L.NR_TH], k * p.npages + v)
    if batch:
        for v in range(p.npages):
            for k in range(p.threads):
                mm.maybe_migrate(m, k, p.migration_ppm, p.cpus)
            for k in range(p.threads):
                look_ahead(m, p, k * p.npages, v, mask, shift)
                _write_elsewhere(m, p, m.thread[k * L.NR_TH], k * p.npages + v)


@inline
def next_round(m: Machine, p: Params, row: int) -> bool:
    """Let the thread of a row begin its next round; False when that was its last."""
    m.thread[row + L.TH_INDEX] = 0
    m.thread[row + L.TH_PHASE] = PAGE_OUT
    m.thread[row + L.TH_AUX] += 1
    return m.thread[row + L.TH_AUX] < p.rounds


@inline
def _step(m: Machine, p: Params, k: int, mask: int, shift: int) -> bool:
    """Let thread ``k`` take its next step; False when its last round is over."""
    row = k * L.NR_TH
    mm.maybe_end_slice(m, k, p.time_slice_ns, p.cpus)
    cpu = m.thread[row + L.TH_CPU]
    i = m.thread[row + L.TH_INDEX]
    batch = p.order == READ_ALL_WRITE_ALL
    v = k * p.npages + page_of_step(p, i, mask, shift)
    if m.thread[row + L.TH_PHASE] == READ or batch:
        look_ahead(m, p, k * p.npages, i, mask, shift)
    if m.thread[row + L.TH_PHASE] == PAGE_OUT:
        page_out(m, p, cpu, k * p.npages)
        m.thread[row + L.TH_PHASE] = READ
        return True
    if m.thread[row + L.TH_PHASE] == READ:
        mm.read(m, cpu, v)
        if not batch:
            m.thread[row + L.TH_PHASE] = WRITE
        elif i + 1 < p.npages:
            m.thread[row + L.TH_INDEX] = i + 1
            return True
        else:
            m.thread[row + L.TH_PHASE] = WRITE
            m.thread[row + L.TH_INDEX] = 0
        mm.maybe_migrate(m, k, p.migration_ppm, p.cpus)
        return True
    _write_elsewhere(m, p, cpu, v)
    if i + 1 < p.npages:
        m.thread[row + L.TH_INDEX] = i + 1
        if batch:
            mm.maybe_migrate(m, k, p.migration_ppm, p.cpus)
        else:
            m.thread[row + L.TH_PHASE] = READ
        return True
    return next_round(m, p, row)


@workload
def reproducer(m: Machine) -> None:
    """Write the memory once, then ``rounds`` times page it out and read and write every page.

    Of ``threads`` threads each has a region of its own, and begins ``k`` CPUs further than
    ``read_cpu`` and ``write_cpu`` say (modulo ``cpus``).  Before its write, the scheduler moves a
    thread to another CPU, drawn at random, with probability ``migration_rate``; there it stays.
    So it does after every ``time_slice_ns``, wherever the thread is in its round.  With a clock the
    threads go by their times; without one they go in step.  Spinner threads do nothing but run, on
    the CPUs after those; a TLB flush must interrupt them.
    """
    p = params(m)
    for k in range(p.threads):
        cpu = (p.read_cpu + k) % p.cpus
        mm.start_thread(m, k, cpu)
        for v in range(k * p.npages, (k + 1) * p.npages):
            mm.write(m, cpu, v)
    for k in range(p.spinner_threads):
        mm.run_on(m, (p.read_cpu + p.threads + k) % p.cpus)
    if p.fork_exit_before:
        mm.fork(m, p.read_cpu, 0, 1)
        mm.lru_add_drain(m, p.read_cpu)
        mm.exit_process(m, m.ncpus - 1, 1)
        mm.lru_add_drain(m, p.read_cpu)
    mm.reset_counters(m)
    mask = shuffle_mask(p.npages)
    shift = shuffle_shift(mask)
    if p.threads == 1 and p.migration_ppm == 0 and p.time_slice_ns == 0:
        left = p.rounds
        while left > 0 and not m.error:  # failed or stopped
            _round(m, p, mask, shift)
            left = rounds_left(m, left - 1)
        return
    if not m.timed:
        left = p.rounds
        while left > 0 and not m.error:
            _round_in_step(m, p, mask, shift)
            left = rounds_left(m, left - 1)
        return
    k = mm.next_thread(m) if p.rounds else -1
    while k >= 0:
        if _step(m, p, k, mask, shift):
            mm.enqueue(m, k)
        k = mm.next_thread(m)
