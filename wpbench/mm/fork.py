"""fork() and exit(): pages and swap slots with two owners (mm/memory.c)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .ahead import look_ahead
from .anon import new_anon_page
from .clock import cool
from .machine import Machine
from .madvise import tlb_flush_mmu, zap_pte_range
from .names import Change, Error
from .page import fail, page_count
from .pagevec import lru_add_drain
from .watch import note


@inline
def _note_processes(m: Machine, processes: int) -> None:
    """Note which processes are there, and up to where PTEs are theirs."""
    m.processes = processes
    last = m.nprocs - 1
    while last > 0 and not (processes >> last) & 1:
        last -= 1
    m.usable_ptes = (last + 1) * m.npages


@inline
def share_pte(m: Machine, cpu: int, old: int, new: int) -> bool:
    """Let PTE ``new``, the child's, have what ``old`` has (``copy_pte_range()``).

    Both become read-only and the page loses PageAnonExclusive; a swap PTE loses its exclusive
    marker and its slot counts one more.  A pinned page is not shared (v5.9): the child gets its own
    copy at once (``copy_present_page()``).  False: one owner more than the machine can count.
    """
    pte = np.int64(m.pte[old])
    if pte & L.PTE_SWAP:
        slot = pte >> L.SHIFT_PTE
        if np.int64(m.slot[slot]) & L.MASK_SWAP_COUNT == L.MAX_SWAP_COUNT:
            return False
        m.slot[slot] += 1
        pte &= ~L.PTE_SWP_EXCLUSIVE
        m.pte[old] = pte
    elif pte & L.PTE_PRESENT and pte >> L.SHIFT_PTE != L.ZERO_PAGE:
        page = pte >> L.SHIFT_PTE
        word = m.page[page]
        if m.copies_pinned_at_fork and page_count(word) >= L.GUP_PIN_COUNTING_BIAS:
            new_anon_page(m, cpu, new, L.PTE_WRITE, Change.FORK)
            return True
        if (word >> L.SHIFT_MAP) & L.MAX_MAP == L.MAX_MAP:
            return False
        m.page[page] = (word & ~L.PG_ANON_EXCLUSIVE) + L.ONE_MAP
        pte &= ~L.PTE_WRITE
        m.pte[old] = pte
    m.pte[new] = pte
    return True


@kernel
def fork(m: Machine, cpu: int, parent: int, child: int) -> None:
    """Copy the address space of process ``parent``, on ``cpu``, into the empty one of ``child``."""
    if m.nr_processes >= m.nprocs:
        fail(m, Error.BAD_OPERATION)
        return
    m.nr_processes += 1
    cool(m, cpu)
    _note_processes(m, m.processes | (1 << child))
    m.usable_cpus = m.ncpus
    old = parent * m.npages
    new = child * m.npages
    for k in range(L.NR_VMA):
        m.vma[child * L.NR_VMA + k] = m.vma[parent * L.NR_VMA + k]
    for v in range(m.npages):
        look_ahead(m, old + v, old + m.npages)
        if not share_pte(m, cpu, old + v, new + v):
            fail(m, Error.FIELD_OVERFLOW)
            return
    note(m, Change.FORK, cpu)


@kernel
def exit_zap(m: Machine, cpu: int, process: int) -> None:
    """First half of a process's exit on ``cpu``: drain this CPU (up to v6.13), unmap everything.

    Between this and ``exit_flush()`` its pages keep a reference that no PTE explains.
    """
    if m.exit_drains:
        lru_add_drain(m, cpu)
    zap_pte_range(m, cpu, process * m.npages, m.npages)
    _note_processes(m, m.processes & ~(1 << process))
    m.exiting |= 1 << process


@kernel
def exit_flush(m: Machine, cpu: int, process: int) -> None:
    """Second half: the mmu_gather batch is released, up to v6.13 after another drain."""
    tlb_flush_mmu(m, cpu, process * m.npages, m.npages)
    m.nr_processes -= 1
    m.exiting &= ~(1 << process)


@kernel
def exit_process(m: Machine, cpu: int, process: int) -> None:
    """Let a process exit on ``cpu`` (``exit_mmap()``).

    Up to v6.13 that drains the CPU's pagevecs (1aa43598c03b), and no other's.
    """
    exit_zap(m, cpu, process)
    exit_flush(m, cpu, process)
    if m.timed:
        for other in range(m.ncpus):  # whoever waits for it, wherever that is
            cool(m, other)
