"""MADV_PAGEOUT, MADV_COLD, MADV_FREE, MADV_DONTNEED (mm/madvise.c, v6.1)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .ahead import look_ahead
from .clock import cool
from .device import flush_plug, tick
from .lru_lock import hold_lru_lock, hold_lru_lock_often
from .machine import Machine, as_clocked, as_plain
from .names import Change, Cost, Error, Vec
from .page import fail, page_mapcount, store_or_free
from .pagevec import lru_add_drain, queue_move
from .swapfile import free_swap_and_cache, free_swap_cache, try_to_free_swap
from .tlb import flush_tlb
from .vmscan import isolate_lru_page, putback_lru_page, shrink_batch
from .watch import note


@inline
def _next_page_table(m: Machine, at: int, end: int) -> int:
    """Return where the page table that maps PTE ``at`` ends, or ``end`` if that comes first."""
    page = at % m.npages + m.pmd_offset
    step = L.PTRS_PER_PTE - page % L.PTRS_PER_PTE
    return min(end, at + step)


@inline
def _madvise_pageout(m: Machine, cpu: int, first: int, n: int) -> None:
    cool(m, cpu)
    tick(m, cpu, Cost.MADVISE_ENTRY)
    lru_add_drain(m, cpu)
    end = first + n
    while first < end:
        stop = _next_page_table(m, first, end)
        nr = 0
        for at in range(first, stop):
            look_ahead(m, at, end)
            pte = np.int64(m.pte[at])
            page = pte >> L.SHIFT_PTE
            if pte & L.PTE_PRESENT and page != L.ZERO_PAGE:
                word = m.page[page]
                if word & (L.PG_LRU | L.MASK_MAP) == (L.PG_LRU | L.ONE_MAP):
                    if m.ncpus > 1:
                        hold_lru_lock(m, cpu, 1)
                    isolate_lru_page(m, page, word & ~(L.PG_REFERENCED | L.PG_ACTIVE))
                    m.batch[nr] = at
                    nr += 1
        note(m, Change.ISOLATE, cpu)
        if m.ncpus == 1:
            hold_lru_lock_often(m, cpu, nr)
        if nr:
            for _ in range(m.pageout_tlb_flushes):
                flush_tlb(m, cpu)
        kept = shrink_batch(m, cpu, nr, Change.SHRINK)
        for i in range(kept):
            putback_lru_page(m, cpu, m.batch[i])
        note(m, Change.PUTBACK, cpu)
        first = stop
    tick(m, cpu, Cost.MADVISE_FINISH)
    if m.async_io:
        flush_plug(m, cpu)
    tick(m, cpu, Cost.MADVISE_RETURN)


@kernel
def madvise_pageout(m: Machine, cpu: int, first: int, n: int) -> None:
    """Reclaim ``n`` pages from ``first`` on (``madvise(MADV_PAGEOUT)``).

    Drains this CPU's pagevecs, then, a page table at a time and in address order, isolates the
    pages that are PageLRU and mapped once, reclaims them, and puts back those that stay.
    """
    if m.plain:
        _madvise_pageout(as_plain(m), cpu, first, n)
    elif m.clocked:
        _madvise_pageout(as_clocked(m), cpu, first, n)
    else:
        _madvise_pageout(m, cpu, first, n)


@kernel
def madvise_cold(m: Machine, cpu: int, first: int, n: int) -> None:
    """Deactivate ``n`` pages (``madvise(MADV_COLD)``): active ones go through lru_deactivate."""
    cool(m, cpu)
    tick(m, cpu, Cost.MADVISE_ENTRY)
    lru_add_drain(m, cpu)
    for at in range(first, first + n):
        look_ahead(m, at, first + n)
        pte = np.int64(m.pte[at])
        page = pte >> L.SHIFT_PTE
        if not pte & L.PTE_PRESENT or page == L.ZERO_PAGE:
            continue
        word = m.page[page]
        if word & (L.PG_LRU | L.MASK_MAP) != (L.PG_LRU | L.ONE_MAP):
            continue
        m.page[page] = word & ~L.PG_REFERENCED
        if word & L.PG_ACTIVE or m.cold_queues_inactive:
            queue_move(m, cpu, page, Vec.DEACTIVATE)
        note(m, Change.COLD, cpu)


@kernel
def madvise_free(m: Machine, cpu: int, first: int, n: int) -> None:
    """Let the kernel discard ``n`` pages unless they are written again (``MADV_FREE``)."""
    cool(m, cpu)
    tick(m, cpu, Cost.MADVISE_ENTRY)
    lru_add_drain(m, cpu)
    for at in range(first, first + n):
        look_ahead(m, at, first + n)
        pte = np.int64(m.pte[at])
        if pte & L.PTE_SWAP:
            m.pte[at] = L.PTE_NONE
            free_swap_and_cache(m, pte >> L.SHIFT_PTE)
            continue
        page = pte >> L.SHIFT_PTE
        if not pte & L.PTE_PRESENT or page == L.ZERO_PAGE:
            continue
        word = m.page[page]
        if word & (L.PG_SWAPCACHE | L.PG_DIRTY):
            if word & L.PG_LOCKED or page_mapcount(word) != 1:
                continue
            if word & L.PG_SWAPCACHE and not try_to_free_swap(m, page):
                continue
            word = m.page[page] & ~L.PG_DIRTY
            m.page[page] = word
        m.pte[at] = pte & ~L.PTE_DIRTY
        # As mark_page_lazyfree() does.
        if word & L.PG_LRU and word & L.PG_SWAPBACKED and not word & L.PG_SWAPCACHE:
            queue_move(m, cpu, page, Vec.LAZYFREE)
        note(m, Change.FREE, cpu)


@kernel
def zap_pte_range(m: Machine, cpu: int, first: int, n: int) -> None:
    """Unmap ``n`` PTEs: map counts drop at once, references wait in the mmu_gather batch.

    A gathered page is remembered in the PTE it had until ``tlb_flush_mmu()`` releases it.
    """
    for at in range(first, first + n):
        look_ahead(m, at, first + n)
        pte = np.int64(m.pte[at])
        page = pte >> L.SHIFT_PTE
        m.pte[at] = L.PTE_NONE
        if pte & L.PTE_SWAP:
            free_swap_and_cache(m, page)
        elif pte & L.PTE_PRESENT and page != L.ZERO_PAGE:
            m.pte[at] = (page << L.SHIFT_PTE) | L.PTE_GATHERED
            if m.page[page] & L.MASK_LAG == L.MASK_LAG:
                fail(m, Error.FIELD_OVERFLOW)  # one KSM page at many addresses
                return
            m.page[page] += L.ONE_LAG - L.ONE_MAP
        note(m, Change.ZAP, cpu)


@kernel
def tlb_flush_mmu(m: Machine, cpu: int, first: int, n: int) -> None:
    """Release what ``zap_pte_range()`` gathered: ``free_pages_and_swap_cache()``.

    Up to v6.13 drains this CPU's pagevecs first, unless the batch is empty.  Frees swap cache that
    nobody needs any more, and takes the pages that nobody else holds off their lists, lru_lock held
    for up to 32 at a time (``release_pages()``).
    """
    drained = False
    nr = 0
    for at in range(first, first + n):
        look_ahead(m, at, first + n)
        pte = np.int64(m.pte[at])
        if not pte & L.PTE_GATHERED or pte & (L.PTE_PRESENT | L.PTE_SWAP):
            continue
        if not drained and m.gather_drains:
            lru_add_drain(m, cpu)
        drained = True
        page = pte >> L.SHIFT_PTE
        m.pte[at] = L.PTE_NONE
        free_swap_cache(m, page)
        word = m.page[page] - L.ONE_LAG
        if word & L.PG_LRU and not word & L.MASK_HOLDERS:
            nr += 1
        if nr == L.SWAP_CLUSTER_MAX:
            hold_lru_lock(m, cpu, nr)
            nr = 0
        store_or_free(m, page, word)
        note(m, Change.TLB_FLUSH, cpu)
    if nr:
        hold_lru_lock(m, cpu, nr)


@kernel
def madvise_dontneed(m: Machine, cpu: int, first: int, n: int) -> None:
    """Drop ``n`` pages (``madvise(MADV_DONTNEED)``); the next access finds the zero page."""
    cool(m, cpu)
    if m.gather_drains:
        lru_add_drain(m, cpu)
    zap_pte_range(m, cpu, first, n)
    tlb_flush_mmu(m, cpu, first, n)
