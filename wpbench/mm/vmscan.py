"""Reclaim: isolate, give a swap slot, unmap, write back, free (mm/vmscan.c, mm/rmap.c)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .ahead import prefetch_page
from .clock import pass_time
from .device import flush_plug, step, submit_page, tick
from .lru_lock import hold_lru_lock
from .machine import Machine
from .names import Change, Cost, Error, LazyfreeExtraRef
from .page import fail, mapped_page, page_count, page_mapcount, store_or_free
from .pagevec import lru_add_drain, lru_cache_add
from .swapfile import get_swap_page, put_slot, try_to_free_swap, vm_swap_full
from .tlb import flush_tlb
from .watch import note
from .workingset import workingset_eviction


@inline
def isolate_lru_page(m: Machine, page: int, word: int) -> None:
    """Take a page off its LRU list (``folio_isolate_lru()``); the caller has tested PageLRU."""
    m.page[page] = (word & ~L.PG_LRU) | L.HELD_ISOLATED


@inline
def putback_lru_page(m: Machine, cpu: int, page: int) -> None:
    """Give an isolated page back: first into this CPU's lru_add, then the reference is dropped."""
    lru_cache_add(m, cpu, page)
    store_or_free(m, page, m.page[page] & ~L.HELD_ISOLATED)


@kernel
def _activate(m: Machine, cpu: int, page: int, word: int) -> bool:
    """Keep a page that cannot go, on the active list (activate_locked)."""
    m.page[page] = word | L.PG_ACTIVE
    if word & L.PG_SWAPCACHE and vm_swap_full(m):
        try_to_free_swap(m, page)
    tick(m, cpu, Cost.SHRINK_OTHER)
    return True


@kernel
def _unmap_others(m: Machine, page: int, at: int, swap_pte: int) -> int:
    """Make all other PTEs that map the page swap PTEs; PG_dirty if one was dirty.

    A KSM page's can be anywhere; another page's are at the same address in other processes, unless
    KSM had merged it before it was swapped out: then it may have come back at several.
    """
    dirty = 0
    left = page_mapcount(m.page[page]) - 1
    first = at % m.npages
    apart = m.npages
    if m.page[page] & L.PG_KSM:
        first = 0
        apart = 1
    while True:
        for other in range(first, m.npages * m.nprocs, apart):
            pte = np.int64(m.pte[other])
            if pte & L.PTE_PRESENT and pte >> L.SHIFT_PTE == page:
                m.pte[other] = swap_pte & ~L.PTE_SWP_EXCLUSIVE
                left -= 1
                if pte & L.PTE_DIRTY:
                    dirty = L.PG_DIRTY
        if left == 0 or apart == 1:
            return dirty
        first = 0
        apart = 1


@inline
def _held_by_others(word: int) -> bool:
    """Does anybody but reclaim and the swap cache hold an unmapped page (page_count is not 2)?

    Asked of every page, so of the holders themselves: page_count() would add them all up.
    """
    return word & L.MASK_HOLDERS & ~(L.HELD_ISOLATED | L.PG_SWAPCACHE) != 0


@inline
def shrink_page(m: Machine, cpu: int, at: int) -> bool:
    """Try to reclaim the isolated page that PTE ``at`` maps; True if it must be put back.

    ``shrink_folio_list()`` for one anonymous page, with ``add_to_swap()``,
    ``try_to_unmap_one()``, ``pageout()`` and ``__remove_mapping()``.
    """
    pte = np.int64(m.pte[at])
    page = pte >> L.SHIFT_PTE
    word = m.page[page]
    if word & L.PG_LOCKED:
        tick(m, cpu, Cost.SHRINK_OTHER)
        return True
    if word & L.PG_WRITEBACK:
        # MADV_PAGEOUT does not wait for writeback: the page stays, mapped.
        return _activate(m, cpu, page, word | L.PG_RECLAIM)
    if not word & L.PG_SWAPBACKED:
        # MADV_FREE has been here: no swap.  Discarded if nobody wrote to it or, since v5.18
        # (6c8e2a256915), holds it; one that is held is to be swapped again, up to v6.14.
        alone = page_count(word) == 2
        clean = not (word & L.PG_DIRTY or pte & L.PTE_DIRTY)
        if clean and (alone or m.lazyfree_extra_ref == LazyfreeExtraRef.DISCARD):
            m.pte[at] = L.PTE_NONE
            tick(m, cpu, Cost.SHRINK_OTHER)
            if not alone:
                m.page[page] = word - L.ONE_MAP  # page_ref_freeze() fails: the page stays, unmapped
                return True
            store_or_free(m, page, word & ~(L.HELD_ISOLATED | L.MASK_MAP))
            return False
        if clean and m.lazyfree_extra_ref == LazyfreeExtraRef.KEEP:
            return _activate(m, cpu, page, word)
        if pte & L.PTE_DIRTY:
            word |= L.PG_DIRTY
        return _activate(m, cpu, page, word | L.PG_SWAPBACKED)
    if word & L.MASK_PIN and m.pinned_not_swapped and not word & L.PG_SWAPCACHE:
        tick(m, cpu, Cost.SHRINK_OTHER)
        return True
    new = 0
    if not word & L.PG_SWAPCACHE:
        slot = get_swap_page(m)
        if slot == 0:
            return _activate(m, cpu, page, word)
        new = 1
        if m.slot_cache and slot % L.SWAP_SLOTS_CACHE_SIZE == 1:
            tick(m, cpu, Cost.SLOT_REFILL)  # mm/swap_slots.c; slots are handed out in sequence
        word = (word & L.NOT_SLOT) | L.PG_SWAPCACHE | L.PG_DIRTY | (slot << L.SHIFT_SLOT)
        entry = page << L.SHIFT_SLOT_PAGE
    else:
        slot = word >> L.SHIFT_SLOT
        entry = np.int64(m.slot[slot])
    if word & L.MASK_PIN and m.reuse_exclusive and word & L.PG_ANON_EXCLUSIVE:
        # page_try_share_anon_rmap() (6c287605fd56) fails, so the page stays mapped.
        m.slot[slot] = entry
        return _activate(m, cpu, page, word)
    # try_to_unmap_one(): the PTE becomes a swap PTE and takes the exclusive marker along.
    entry += 1
    swap_pte = (slot << L.SHIFT_PTE) | L.PTE_SWAP
    if word & L.PG_ANON_EXCLUSIVE and m.swp_exclusive:
        swap_pte |= L.PTE_SWP_EXCLUSIVE
    if pte & L.PTE_DIRTY:
        word |= L.PG_DIRTY
    m.pte[at] = swap_pte
    word = (word & ~L.PG_ANON_EXCLUSIVE) - L.ONE_MAP
    if word & L.MASK_MAP:
        word |= _unmap_others(m, page, at, swap_pte)
        entry += page_mapcount(word)
        if (entry & L.MASK_SWAP_COUNT) < page_mapcount(word):
            fail(m, Error.FIELD_OVERFLOW)
        word &= ~L.MASK_MAP
    if word & L.PG_DIRTY:
        if _held_by_others(word):
            # pageout(): page_count is not 2; dirty, in the swap cache, not written.
            m.page[page] = word
            m.slot[slot] = entry
            tick(m, cpu, Cost.SHRINK_OTHER)
            return True
        word &= ~L.PG_DIRTY
        m.pswpout += 1
        m.rewrites += 1 - new
        flush_tlb(m, cpu)  # try_to_unmap_flush_dirty()
        if m.async_io:
            m.page[page] = word | L.PG_RECLAIM | L.PG_WRITEBACK
            m.slot[slot] = entry
            step(m, cpu, Cost.SHRINK_NEW if new else Cost.SHRINK_REWRITE)
            submit_page(m, cpu, slot, 1, new)
            return True
        if m.timed:
            cost = m.cost[Cost.SHRINK_NEW if new else Cost.SHRINK_REWRITE]
            pass_time(m, cpu, cost + m.cost[Cost.DEVICE_WRITE])
    else:
        tick(m, cpu, Cost.SHRINK_OTHER)
    if _held_by_others(word):
        m.page[page] = word
        m.slot[slot] = entry
        return True
    # __remove_mapping(): page_count is 2; the page is freed at once and leaves a shadow.
    put_slot(m, slot, (entry & L.MASK_SWAP_COUNT) | workingset_eviction(m))
    store_or_free(m, page, word & ~(L.HELD_ISOLATED | L.PG_SWAPCACHE))
    return False


@inline
def shrink_batch(m: Machine, cpu: int, nr: int, op: int) -> int:
    """Reclaim the isolated pages of ``nr`` PTEs in ``m.batch`` (``shrink_folio_list()``).

    Returns how many stayed; they are in ``m.batch`` then, isolated still.
    """
    kept = 0
    for i in range(nr):
        at = m.batch[i]
        page = np.int64(m.pte[at]) >> L.SHIFT_PTE
        if shrink_page(m, cpu, at):
            m.batch[kept] = page
            kept += 1
        note(m, op, cpu)
    return kept


@kernel
def shrink_inactive_list(m: Machine, cpu: int, n: int) -> int:
    """Reclaim the pages of ``n`` PTEs in ``m.batch``; return how many are not mapped any more.

    By kswapd, or by whoever needs memory.  Drains this CPU's pagevecs, isolates what is PageLRU,
    and gives what stays straight back to the lists, past the pagevecs.  The caller says which pages
    are at the tail of the inactive list.
    """
    for i in range(n):
        prefetch_page(m, m.batch[i])
    lru_add_drain(m, cpu)
    hold_lru_lock(m, cpu, n)
    nr = 0
    for i in range(n):
        at = m.batch[i]
        page = mapped_page(m, at)
        if page != 0 and m.page[page] & L.PG_LRU:
            isolate_lru_page(m, page, m.page[page] & ~L.PG_ACTIVE)
            m.batch[nr] = at
            nr += 1
    note(m, Change.RECLAIM, cpu)
    kept = shrink_batch(m, cpu, nr, Change.RECLAIM)
    if kept:
        hold_lru_lock(m, cpu, kept)
    gone = nr - kept
    for i in range(kept):
        page = m.batch[i]
        word = (m.page[page] & ~L.HELD_ISOLATED) | L.PG_LRU
        gone += 1 if word & L.MASK_MAP == 0 else 0
        store_or_free(m, page, word)
        note(m, Change.RECLAIM, cpu)
    if m.async_io:
        flush_plug(m, cpu)
    return gone
