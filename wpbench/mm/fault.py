"""An access of a process to its memory: hit or fault (mm/memory.c, handle_mm_fault())."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .anon import new_anon_page
from .background import background
from .clock import idle_until, time_write_fault, warm_up
from .device import complete_until, step, tick
from .machine import Machine, as_clocked, as_plain
from .names import Change, Cost, Outcome
from .swapin import do_swap_page
from .wp import do_wp_page


@kernel
def do_anonymous_page(m: Machine, cpu: int, at: int) -> None:
    """Write to memory never touched."""
    new_anon_page(m, cpu, at, L.PTE_WRITE, Change.ANON)


@inline
def _count_fault(m: Machine, kind: int) -> None:
    if kind == Outcome.MINOR:
        m.minor_faults += 1
    else:
        m.major_faults += 1


@inline
def _read(m: Machine, cpu: int, at: int) -> int:
    if m.background_insert_ppm + m.background_drain_ppm:
        background(m)
    m.accesses += 1
    pte = np.int64(m.pte[at])
    if pte & L.PTE_PRESENT:
        tick(m, cpu, Cost.ACCESS)
        return Outcome.HIT
    if pte & L.PTE_SWAP:
        kind = do_swap_page(m, cpu, at, 0)
        _count_fault(m, kind)
        return kind
    tick(m, cpu, Cost.FAULT_ENTRY)
    m.pte[at] = L.PTE_ZERO_PAGE
    m.minor_faults += 1
    return Outcome.MINOR


@kernel
def _log_time(m: Machine, ns: int) -> None:
    """Write into the log how long the write took whose fault was the last one."""
    row = (m.nr_logged - 1) * L.NR_LOG
    if row >= 0 and m.log[row] == m.wp_faults - 1:
        m.log[row + L.NR_LOG - 1] = ns


@inline
def _write(m: Machine, cpu: int, at: int) -> int:
    if m.background_insert_ppm + m.background_drain_ppm:
        background(m)
    m.accesses += 1
    pte = np.int64(m.pte[at])
    if pte & L.PTE_WRITE and pte & L.PTE_PRESENT:
        m.pte[at] = pte | L.PTE_DIRTY
        tick(m, cpu, Cost.ACCESS)
        return Outcome.HIT
    if pte & L.PTE_PRESENT:
        start = m.clock[cpu] if m.timed else 0
        if m.timed:
            warm_up(m, cpu)
        step(m, cpu, Cost.FAULT_DECISION)
        outcome = do_wp_page(m, cpu, at)
        if m.timed and pte >> L.SHIFT_PTE != L.ZERO_PAGE:
            time_write_fault(m, m.clock[cpu] - start)
            if m.log_rows:
                _log_time(m, m.clock[cpu] - start)
        return outcome
    if pte & L.PTE_SWAP:
        kind = do_swap_page(m, cpu, at, 1)
        _count_fault(m, kind)
        return kind
    tick(m, cpu, Cost.FAULT_ENTRY)
    do_anonymous_page(m, cpu, at)
    m.minor_faults += 1
    return Outcome.MINOR


@kernel
def read(m: Machine, cpu: int, at: int) -> int:
    """Read the page of PTE ``at`` on ``cpu``; return HIT, MINOR or MAJOR."""
    return _read(m, cpu, at)


@kernel
def write(m: Machine, cpu: int, at: int) -> int:
    """Write to the page of PTE ``at`` on ``cpu``; return HIT, MINOR, MAJOR, REUSE or COPY."""
    return _write(m, cpu, at)


@inline
def read_inline(m: Machine, cpu: int, at: int) -> int:
    """Do what ``read()`` does, inlined where nobody looks on: for a workload of little else."""
    if m.plain:
        return _read(as_plain(m), cpu, at)
    if m.clocked:
        return _read(as_clocked(m), cpu, at)
    return read(m, cpu, at)


@inline
def write_inline(m: Machine, cpu: int, at: int) -> int:
    """Do what ``write()`` does, inlined where nobody looks on: for a workload of little else."""
    if m.plain:
        return _write(as_plain(m), cpu, at)
    if m.clocked:
        return _write(as_clocked(m), cpu, at)
    return write(m, cpu, at)


@inline
def is_mapped(m: Machine, at: int) -> bool:
    """Is PTE ``at`` present (the zero page counts)?"""
    return np.int64(m.pte[at]) & L.PTE_PRESENT != 0


@kernel
def resident(m: Machine, first: int, n: int) -> int:
    """Return how many of ``n`` pages from ``first`` on are mapped (the zero page counts)."""
    nr = 0
    for at in range(first, first + n):
        nr += np.int64(m.pte[at]) & L.PTE_PRESENT
    return nr


@kernel
def sleep_until(m: Machine, cpu: int, time: int) -> None:
    """Let a CPU do nothing until ``time`` (nanoseconds); run the I/O that is done by then.

    An interrupt that ends before does not make it wake later.  A clock never goes back.
    """
    if m.async_io:
        complete_until(m, time)
    idle_until(m, cpu, time)
