"""A fault on a swap PTE: do_swap_page() and readahead (mm/memory.c, mm/swap_state.c)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .clock import pass_time
from .device import flush_plug, submit_page, tick, wait_on_page_locked
from .lru_lock import hold_lru_lock
from .machine import Machine
from .names import Change, Cost, FreeSwap, Outcome, SoleOwner, SwapinDrain
from .page import alloc_page, page_count
from .pagevec import activate_page, lru_add_drain, lru_add_waits, lru_cache_add
from .swapfile import (
    delete_from_swap_cache,
    swap_cache_page,
    swap_free,
    try_to_free_swap,
    vm_swap_full,
)
from .watch import note
from .workingset import workingset_refault
from .wp import do_wp_page

SWAP_RA_ORDER_CEILING = 5
SWAP_RA_HITS_MAX = 63


@kernel
def swap_cache_get_folio(m: Machine, cpu: int, at: int, page: int) -> None:
    """Note a swap-cache hit of PTE ``at`` for readahead.

    ``swap_cache_get_folio()``: the readahead mark is the same bit as PG_reclaim, so a page that
    is touched while under writeback will not be rotated when that ends.
    """
    marked = (m.page[page] >> 3) & 1
    m.page[page] &= ~L.PG_READAHEAD
    if not m.rotational:
        vma = (at // m.npages) * L.NR_VMA
        m.vma[vma + L.VMA_HITS] = min(m.vma[vma + L.VMA_HITS] + marked, SWAP_RA_HITS_MAX)
        m.vma[vma + L.VMA_ADDR] = at % m.npages
    elif marked:
        m.readahead_hits += 1
    note(m, Change.CACHE_HIT, cpu)


@inline
def _window(prev: int, offset: int, hits: int, most: int, prev_win: int) -> int:
    """Return how many pages to read (``__swapin_nr_pages()``)."""
    pages = hits + 2
    if pages == 2:
        if offset != prev + 1 and offset != prev - 1:
            pages = 1
    else:
        roundup = 4
        while roundup < pages:
            roundup <<= 1
        pages = roundup
    pages = min(pages, most)
    return max(pages, prev_win // 2)


@inline
def _enter_lru(m: Machine, cpu: int, page: int) -> None:
    """Put a swapped-in page into lru_add, or past it on its list at once, under lru_lock."""
    if m.swapin_inserts_at_once:
        if m.timed:
            hold_lru_lock(m, cpu, 1)
        m.page[page] |= L.PG_LRU
    else:
        lru_cache_add(m, cpu, page)


@kernel
def read_swap_cache_async(m: Machine, cpu: int, slot: int, readahead: int) -> None:
    """Allocate a page for a slot, put it into the swap cache and lru_add, and read it.

    ``__read_swap_cache_async()``; ``workingset_refault()`` activates what reclaim had evicted.
    """
    page = alloc_page(m)
    entry = np.int64(m.slot[slot])
    word = L.PG_SWAPCACHE | L.PG_SWAPBACKED | (slot << L.SHIFT_SLOT)
    if entry & L.SLOT_SHADOW:
        word |= workingset_refault(m, entry)
    if readahead:
        word |= L.PG_READAHEAD
    if m.load_leaves_dirty:
        word |= L.PG_DIRTY
    if m.async_io:
        word |= L.PG_LOCKED
    m.page[page] = word
    m.slot[slot] = (entry & L.MASK_SWAP_COUNT) | (page << L.SHIFT_SLOT_PAGE)
    note(m, Change.CACHE_READ, cpu)
    _enter_lru(m, cpu, page)
    m.pswpin += 1
    m.cache_reads += 1
    note(m, Change.CACHE_READ, cpu)
    if m.async_io:
        submit_page(m, cpu, slot, 0, 0)
    else:
        tick(m, cpu, Cost.DEVICE_READ)


@inline
def _read_wanted(m: Machine, cpu: int, slot: int) -> None:
    """Read the slot that the fault is about, where readahead has not."""
    if swap_cache_page(m, slot) == 0:
        read_swap_cache_async(m, cpu, slot, 0)
        flush_plug(m, cpu)


@kernel
def _readahead_drain(m: Machine, cpu: int) -> None:
    """Drain at the end of a readahead, up to v7.2 (a4519e5b648a)."""
    if m.readahead_drains:
        m.drains_readahead += 1
        m.drains_readahead_nonempty += lru_add_waits(m, cpu)
        lru_add_drain(m, cpu)
        tick(m, cpu, Cost.DRAIN)


@kernel
def swap_vma_readahead(m: Machine, cpu: int, at: int, slot: int) -> int:
    """Read the pages around PTE ``at`` into the swap cache; return the window.

    ``swap_vma_readahead()``: a window above 1 ends with ``lru_add_drain()``, a window of 1 does
    not, and reads its page synchronously.
    """
    vma = (at // m.npages) * L.NR_VMA
    base = at - at % m.npages
    here = at % m.npages
    most = 1 << min(m.page_cluster, SWAP_RA_ORDER_CEILING)
    win = 1
    if most > 1:
        prev = m.vma[vma + L.VMA_ADDR]
        win = _window(prev, here, m.vma[vma + L.VMA_HITS], most, m.vma[vma + L.VMA_WIN])
        m.vma[vma + L.VMA_ADDR] = here
        m.vma[vma + L.VMA_WIN] = win
        m.vma[vma + L.VMA_HITS] = 0
        if win > 1:
            if here == prev + 1:
                first = here
            elif prev == here + 1:
                first = here - win + 1
            else:
                first = here - (win - 1) // 2
            table = here + m.pmd_offset - (here + m.pmd_offset) % L.PTRS_PER_PTE - m.pmd_offset
            last = min(first + win, m.npages, table + L.PTRS_PER_PTE)
            first = max(first, 0, table)
            for v in range(first, last):
                pte = np.int64(m.pte[base + v])
                if not pte & L.PTE_SWAP:
                    continue
                s = pte >> L.SHIFT_PTE
                if swap_cache_page(m, s) == 0:
                    read_swap_cache_async(m, cpu, s, 1 if v != here else 0)
            flush_plug(m, cpu)
            _readahead_drain(m, cpu)
    _read_wanted(m, cpu, slot)
    return win


@kernel
def swap_cluster_readahead(m: Machine, cpu: int, slot: int) -> int:
    """Read the aligned block of slots around ``slot``; return the window.

    ``swap_cluster_readahead()``, used while a rotational swap device is active.
    """
    most = 1 << m.page_cluster
    win = 1
    if most > 1:
        hits = m.readahead_hits
        m.readahead_hits = 0
        win = _window(
            m.readahead_prev_offset,
            slot,
            hits,
            most,
            m.readahead_prev_win,
        )
        if hits == 0:
            m.readahead_prev_offset = slot
        m.readahead_prev_win = win
        if win > 1:
            first = slot - slot % win
            last = min(first + win, m.nslots)
            for s in range(max(first, 1), last):
                entry = np.int64(m.slot[s])
                if entry & L.MASK_SWAP_COUNT and swap_cache_page(m, s) == 0:
                    read_swap_cache_async(m, cpu, s, 1 if s != slot else 0)
            flush_plug(m, cpu)
            _readahead_drain(m, cpu)
    _read_wanted(m, cpu, slot)
    return win


@kernel
def swap_cache_fault(m: Machine, cpu: int, at: int, slot: int) -> int:
    """Bring a slot's page through the swap cache; return MINOR or MAJOR.

    A page that is still being read makes the fault wait and start again, which the kernel
    accounts as major (``mm_account_fault()``, FAULT_FLAG_TRIED).
    """
    kind = Outcome.MINOR
    page = swap_cache_page(m, slot)
    if page != 0:
        swap_cache_get_folio(m, cpu, at, page)
        retry = True
    else:
        kind = Outcome.MAJOR
        if m.synchronous_swapin:
            read_swap_cache_async(m, cpu, slot, 0)
            win = 1
        elif m.rotational:
            win = swap_cluster_readahead(m, cpu, slot)
        else:
            win = swap_vma_readahead(m, cpu, at, slot)
        page = swap_cache_page(m, slot)
        retry = win > 1
    if m.page[page] & L.PG_LOCKED:
        wait_on_page_locked(m, cpu, page)
        kind = Outcome.MAJOR
        if retry:
            tick(m, cpu, Cost.FAULT_ENTRY)
            swap_cache_get_folio(m, cpu, at, page)
    return kind


@inline
def _may_make_writable(m: Machine, word: int, slot: int) -> bool:
    """Decide before v5.18 whether a write fault takes the page (``reuse_swap_page()``).

    Counts mappings and swap PTEs; other references do not matter.
    """
    if word & L.PG_KSM:
        return False
    sharers = (word >> L.SHIFT_MAP) & L.MAX_MAP
    if not word & L.PG_SWAPCACHE:
        return sharers <= 1
    sharers += np.int64(m.slot[slot]) & L.MASK_SWAP_COUNT
    if sharers != 1:
        return False
    return not (word & L.PG_WRITEBACK and m.stable_writes)


@inline
def _free_swap_at_fault(
    m: Machine, page: int, slot: int, write: int, exclusive: bool, writable: bool
) -> None:
    """Drop the swap PTE's claim and, if that is likely to pay, the swap cache's reference.

    ``should_try_to_free_swap()``; before the page is mapped, since v7.0 (4b34f1d82c65) after: then
    a page that is mapped writable has lost the fault's write flag by now.
    """
    swap_free(m, slot)
    word = m.page[page]
    if not word & L.PG_SWAPCACHE:
        return
    free = vm_swap_full(m)
    rule = m.free_swap_on_write
    if m.synchronous_io and (rule >= FreeSwap.SYNC_OR_2 if write else m.free_swap_on_read_if_sync):
        free = True
    if write and rule == FreeSwap.SYNC_OR_EXCLUSIVE:
        free = free or exclusive
    elif write and rule != FreeSwap.IF_FULL and not word & L.PG_KSM and not writable:
        free = free or page_count(word) == 2
    if free:
        try_to_free_swap(m, page)


@kernel
def _swapin_drain(m: Machine, cpu: int) -> None:
    """Drain for the sake of a page that a write brings back (do_swap_page(), v5.18 to v7.2)."""
    m.drains_swapin += 1
    m.drains_swapin_nonempty += lru_add_waits(m, cpu)
    lru_add_drain(m, cpu)
    tick(m, cpu, Cost.DRAIN)


@kernel
def map_swap_cache_page(m: Machine, cpu: int, at: int, write: int) -> bool:
    """Map the swap-cache page of PTE ``at``'s slot: the second half of ``do_swap_page()``.

    Returns whether the page was kept: not copied by the same fault.
    """
    pte = np.int64(m.pte[at])
    slot = pte >> L.SHIFT_PTE
    page = swap_cache_page(m, slot)
    drains = m.drains_swapin
    if write and m.swapin_drain and m.page[page] & (L.PG_KSM | L.PG_LRU) == 0:
        _swapin_drain(m, cpu)
    word = m.page[page]
    writable = False
    exclusive = False
    if not word & L.PG_KSM:
        exclusive = pte & L.PTE_SWP_EXCLUSIVE != 0
        if word & L.PG_WRITEBACK and m.stable_writes:
            exclusive = False
    reused = m.sole_owner_writable == SoleOwner.REUSE_SWAP_PAGE and write != 0 and not exclusive
    reused = reused and _may_make_writable(m, word, slot)
    # The reference that the lookup took becomes the PTE's.
    m.page[page] = word + L.ONE_MAP
    if reused:
        exclusive = True
        if not word & L.PG_WRITEBACK:
            delete_from_swap_cache(m, page)
    if m.free_swap_before_mapping:
        _free_swap_at_fault(m, page, slot, write, exclusive, False)
    if not m.page[page] & L.PG_KSM:
        if m.sole_owner_writable == SoleOwner.IF_1 and page_count(m.page[page]) == 1:
            exclusive = True
        writable = exclusive and (write != 0 or m.writable_on_read != 0)
    new = (page << L.SHIFT_PTE) | L.PTE_PRESENT
    if exclusive:
        m.page[page] |= L.PG_ANON_EXCLUSIVE
    if writable:
        new |= L.PTE_WRITE
        if write:
            new |= L.PTE_DIRTY
    m.pte[at] = new
    if m.swapin_activates:
        activate_page(m, cpu, page)
    if not m.free_swap_before_mapping:
        _free_swap_at_fault(m, page, slot, write, exclusive, writable)
    note(m, Change.SWAPIN, cpu)
    kept = write != 0
    if write and not writable:
        m.direct_wp_faults += 1
        kept = do_wp_page(m, cpu, at) == Outcome.REUSE
    if kept and m.drains_swapin > drains:
        m.drains_swapin_reused += 1
    return kept


@inline
def do_swap_page(m: Machine, cpu: int, at: int, write: int) -> int:
    """Swap in the page of PTE ``at``; return MINOR or MAJOR.

    A device that reads synchronously and a slot with one swap PTE: the page never enters the swap
    cache, waits in this CPU's lru_add, and is exclusive.  Anything else goes through the swap
    cache, with readahead.
    """
    pte = np.int64(m.pte[at])
    slot = pte >> L.SHIFT_PTE
    entry = np.int64(m.slot[slot])
    if m.bypass and (entry == 1 or entry & L.MASK_SLOT_STATE == L.SLOT_SHADOW | 1):
        if m.timed:
            cost = m.cost[Cost.FAULT_ENTRY] + m.cost[Cost.DEVICE_READ]
            pass_time(m, cpu, cost + m.cost[Cost.SWAPIN_RETURN])
        page = alloc_page(m)
        word = L.PG_SWAPBACKED | L.PG_ANON_EXCLUSIVE | L.ONE_MAP
        if entry & L.SLOT_SHADOW:
            word |= workingset_refault(m, entry)
        m.page[page] = word
        note(m, Change.SWAPIN, cpu)
        _enter_lru(m, cpu, page)
        if write and m.swapin_drain == SwapinDrain.IF_NOT_LRU and not m.page[page] & L.PG_LRU:
            _swapin_drain(m, cpu)
            m.drains_swapin_reused += 1
        swap_free(m, slot)
        m.pswpin += 1
        new = (page << L.SHIFT_PTE) | L.PTE_PRESENT
        if write:
            new |= L.PTE_WRITE | L.PTE_DIRTY
        elif m.writable_on_read:
            new |= L.PTE_WRITE
        m.pte[at] = new
        if m.swapin_activates:
            activate_page(m, cpu, page)
        note(m, Change.SWAPIN, cpu)
        return Outcome.MAJOR
    tick(m, cpu, Cost.FAULT_ENTRY)
    drains = m.drains_readahead
    kind = swap_cache_fault(m, cpu, at, slot)
    if map_swap_cache_page(m, cpu, at, write) and m.drains_readahead > drains:
        m.drains_readahead_reused += 1
    tick(m, cpu, Cost.SWAPIN_RETURN)
    return kind
