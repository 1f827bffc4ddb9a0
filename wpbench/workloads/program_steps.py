"""A recorded program, step by step: what ``wb.programs.replay()`` runs on the machine.

A step is a row of four numbers: what, on which CPU, at which PTE, and another number.  PTEs have no
order here: the machine must not read ahead (page_cluster 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.compile import Cube, Table, Words, inline, jitted
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.fork import share_pte
from ..mm.machine import Machine
from ..mm.names import Outcome
from ..mm.pagevec import lru_add_take, lru_add_waits
from ..mm.vmscan import isolate_lru_page, shrink_page

STEPS = (
    "new",  # an anonymous page where none was
    "born",  # the same, seen too late: it is on the LRU already
    "write",  # a write-protect fault; the other number: TOLD_*, and 8 times the doubts
    "swapin",  # the other number: 1 for a write
    "share",  # fork: the other number is the child's PTE
    "unmap",
    "munmap",  # a range is about to be unmapped, whatever is there
    "exit",  # an address space begins to go
    "free",  # MADV_FREE
    "cold",
    "add",  # another page enters the CPU's lru_add
    "drain",  # somebody drains the CPU
    "sync",  # the CPU's lru_add was full
    "swapout",  # reclaim writes the page; the other number: PTEs more that map it, which follow
    "swapout_too",  # the other number: the first of them
)
(
    S_NEW, S_BORN, S_WRITE, S_SWAPIN, S_SHARE, S_UNMAP, S_MUNMAP, S_EXIT, S_FREE, S_COLD, S_ADD,
    S_DRAIN, S_SYNC, S_SWAPOUT, S_SWAPOUT_TOO,
) = range(len(STEPS))  # fmt: skip
# What the kernel did in a write-protect fault.
TOLD_NOTHING, TOLD_REUSE, TOLD_COPY, TOLD_HELPED, TOLD_IN_VAIN = range(5)
# Doubts: what the events leave open, so that the machine may differ; bits.
DOUBTS = ("exiting", "at_once")
DOUBT_EXITING = 1  # another process that maps the page exits: it may have given it up already
DOUBT_AT_ONCE = 2  # another process copies the page on another CPU at this moment
# What the machine did.
DID = (
    "reuse",
    "copy",
    "helped",
    "in_vain",
    "unknown",  # the machine does not have the page
)
DID_REUSE, DID_COPY, DID_HELPED, DID_IN_VAIN, DID_UNKNOWN = range(len(DID))
# Other numbers that are kept.
KEPT = (
    "drains",  # that do_wp_page() made, whether something waited or not
    "out_of_step",  # a full batch of the kernel that was not full on the machine
    "in_step",  # those that were
    "not_shared",  # a page with more mappings than the machine can count
    "was_writable",  # the kernel had made it read-only by other means: mprotect(), say
    "was_swapped",  # the machine had it swapped out
)
K_DRAINS, K_OUT_OF_STEP, K_IN_STEP, K_NOT_SHARED, K_WAS_WRITABLE, K_WAS_SWAPPED = range(len(KEPT))


@inline
def _unmap(m: Machine, cpu: int, at: int) -> None:
    if m.pte[at]:
        mm.madvise_dontneed(m, cpu, at, 1)


@inline
def _swap_out(m: Machine, cpu: int, at: int) -> None:
    """Reclaim the page of PTE ``at``, whatever else maps it."""
    pte = np.int64(m.pte[at])
    page = pte >> L.SHIFT_PTE
    if not pte & L.PTE_PRESENT or page == L.ZERO_PAGE:
        return
    if not m.page[page] & L.PG_LRU:
        for other in range(m.ncpus):  # it was on the LRU: it could be isolated
            mm.lru_add_drain(m, other)
        if not m.page[page] & L.PG_LRU:
            return
    more = m.page[page] & L.MASK_MAP
    more = more - L.ONE_MAP if more else 0
    isolate_lru_page(m, page, (m.page[page] - more) & ~(L.PG_ACTIVE | L.PG_REFERENCED))
    if shrink_page(m, cpu, at):
        m.page[page] = (m.page[page] & ~L.HELD_ISOLATED) | L.PG_LRU
        if np.int64(m.pte[at]) & L.PTE_PRESENT:
            m.page[page] += more


@inline
def _swap_out_too(m: Machine, at: int, first: int) -> None:
    """Let PTE ``at``, which maps the page of PTE ``first``, point at the slot, too."""
    gone = np.int64(m.pte[first])
    if gone & L.PTE_SWAP and np.int64(m.pte[at]) & L.PTE_PRESENT:
        m.pte[at] = gone & ~L.PTE_SWP_EXCLUSIVE
        m.slot[gone >> L.SHIFT_PTE] += 1


@inline
def _write(m: Machine, cpu: int, at: int, kept: Any) -> int:
    """Write to a page that is mapped read-only; return what the machine did."""
    pte = np.int64(m.pte[at])
    if pte & L.PTE_SWAP and not pte & L.PTE_PRESENT:
        kept[K_WAS_SWAPPED] += 1
        mm.read(m, cpu, at)
        pte = np.int64(m.pte[at])
    page = pte >> L.SHIFT_PTE
    if not pte & L.PTE_PRESENT or page == L.ZERO_PAGE:
        _unmap(m, cpu, at)
        mm.write(m, cpu, at)
        return DID_UNKNOWN
    if pte & L.PTE_WRITE:
        kept[K_WAS_WRITABLE] += 1
        m.pte[at] = pte & ~L.PTE_WRITE
    waited = m.page[page] & L.PG_LRU == 0
    found = m.drains_nonempty
    outcome = mm.write(m, cpu, at)
    if outcome == Outcome.REUSE:
        return DID_HELPED if waited and m.drains_nonempty > found else DID_REUSE
    return DID_IN_VAIN if m.drains_nonempty > found else DID_COPY


@jitted
def run_steps(m: Machine, steps: Table, n: int, follow: int, tally: Cube, kept: Words) -> None:
    """Run the first ``n`` steps.

    Parameters
    ----------
    m
        A machine with one process.
    steps
        int64[:, 4].
    follow
        1: a full batch of the kernel's empties the machine's, too.
    tally
        int64 in and out [doubts, TOLD_*, DID_*]: write-protect faults.
    kept
        int64 in and out: ``KEPT``.
    """
    for i in range(n):
        if m.large and i + 2 * mm.AHEAD < n:
            mm.prefetch_pte(m, steps[i + 2 * mm.AHEAD, 2])
            mm.prefetch_page(m, steps[i + mm.AHEAD, 2])
        what, cpu, at, more = steps[i, 0], steps[i, 1], steps[i, 2], steps[i, 3]
        if what == S_ADD:
            mm.insert_foreign_page(m, cpu)
        elif what == S_SHARE:
            _unmap(m, cpu, more)
            kept[K_NOT_SHARED] += 1 - share_pte(m, cpu, at, more)
        elif what == S_UNMAP:
            _unmap(m, cpu, at)
        elif what == S_WRITE:
            drains = m.drains
            tally[more >> 3, more & 7, _write(m, cpu, at, kept)] += 1
            if more & 7 != TOLD_NOTHING:
                kept[K_DRAINS] += m.drains - drains
        elif what in (S_NEW, S_BORN):
            _unmap(m, cpu, at)
            mm.write(m, cpu, at)
            if what == S_BORN:
                lru_add_take(m, cpu, np.int64(m.pte[at]) >> L.SHIFT_PTE)
        elif what == S_SYNC:
            waits = lru_add_waits(m, cpu)
            kept[K_OUT_OF_STEP] += waits
            kept[K_IN_STEP] += 1 - waits
            if waits and follow:
                mm.lru_add_drain(m, cpu)
        elif what == S_DRAIN:
            mm.lru_add_drain(m, cpu)
        elif what == S_MUNMAP:
            mm.munmap_foreign(m, cpu)  # drains as any munmap() does
        elif what == S_EXIT:
            if m.exit_drains:
                mm.lru_add_drain(m, cpu)
        elif what == S_SWAPIN:
            if more:
                mm.write(m, cpu, at)
            else:
                mm.read(m, cpu, at)
        elif what == S_SWAPOUT:
            _swap_out(m, cpu, at)
        elif what == S_SWAPOUT_TOO:
            _swap_out_too(m, at, more)
        elif what == S_FREE:
            mm.madvise_free(m, cpu, at, 1)
        elif what == S_COLD:
            mm.madvise_cold(m, cpu, at, 1)
        if m.error:
            return
