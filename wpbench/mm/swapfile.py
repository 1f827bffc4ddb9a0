"""Swap slots: who points at them, and when their page may leave the swap cache (mm/swapfile.c)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .machine import Machine
from .page import store_or_free


@inline
def swap_count(m: Machine, slot: int) -> int:
    """Return how many swap PTEs point at a slot (the has-cache marker not counted)."""
    return np.int64(m.slot[slot]) & L.MASK_SWAP_COUNT


@inline
def swap_cache_page(m: Machine, slot: int) -> int:
    """Return the page that the swap cache holds for a slot, 0 = none."""
    entry = np.int64(m.slot[slot])
    return 0 if entry & L.SLOT_SHADOW else entry >> L.SHIFT_SLOT_PAGE


@inline
def slot_in_use(entry: int) -> bool:
    """Does a swap PTE or the swap cache need the slot?  A shadow does not keep it."""
    if entry & L.SLOT_SHADOW:
        return entry & L.MASK_SWAP_COUNT != 0
    return entry != 0


@inline
def vm_swap_full(m: Machine) -> bool:
    """Is more than half of swap in use (``vm_swap_full()``)?"""
    return 2 * m.slots_used > m.swap_total


@inline
def put_slot(m: Machine, slot: int, entry: int) -> None:
    """Store a slot's entry; free the slot (and forget its shadow) when nobody uses it."""
    if not slot_in_use(entry):
        m.slot[slot] = 0
        m.slots_used -= 1
    else:
        m.slot[slot] = entry


@inline
def swap_free(m: Machine, slot: int) -> None:
    """Drop one swap PTE's claim on a slot (``swap_free()``)."""
    put_slot(m, slot, np.int64(m.slot[slot]) - 1)


@kernel
def delete_from_swap_cache(m: Machine, page: int) -> None:
    """Drop the swap cache's reference and mark the page dirty.

    ``delete_from_swap_cache()`` and the ``folio_set_dirty()`` that goes with it.
    """
    word = m.page[page]
    slot = word >> L.SHIFT_SLOT
    put_slot(m, slot, np.int64(m.slot[slot]) & L.MASK_SWAP_COUNT)
    word = (word & L.NOT_SLOT & ~L.PG_SWAPCACHE) | L.PG_DIRTY
    store_or_free(m, page, word)


@kernel
def scan_swap_map(m: Machine) -> int:
    """Find a slot the slow way: the next one is not free, or swap is over half full.

    ``scan_swap_map_slots()``: slots go round; a slot that only the swap cache keeps is reclaimed
    on the way when more than half of swap is in use.
    """
    slot = m.next_slot
    full = vm_swap_full(m)
    for _ in range(m.nslots):
        if slot >= m.nslots:
            slot = 1
        entry = np.int64(m.slot[slot])
        if not slot_in_use(entry):
            return slot
        if full and entry & L.MASK_SWAP_COUNT == 0:
            page = entry >> L.SHIFT_SLOT_PAGE
            if not m.page[page] & (L.PG_WRITEBACK | L.PG_LOCKED):
                delete_from_swap_cache(m, page)
                return slot
        slot += 1
    return 0


@inline
def get_swap_page(m: Machine) -> int:
    """Return a free slot, or 0 when swap has none.  Slots are handed out in sequence."""
    if m.slots_used >= m.swap_total:
        return 0
    slot = m.next_slot
    if slot >= m.nslots or slot_in_use(np.int64(m.slot[slot])):
        slot = scan_swap_map(m)
        if slot == 0:
            return 0
    m.next_slot = slot + 1
    m.slots_used += 1
    return slot


@kernel
def try_to_free_swap(m: Machine, page: int) -> int:
    """Take a page out of the swap cache if nothing else needs its slot; 1 if done.

    ``try_to_free_swap()`` / ``folio_free_swap()``: not while under writeback, nor while a swap PTE
    points at the slot.
    """
    word = m.page[page]
    if not word & L.PG_SWAPCACHE or word & L.PG_WRITEBACK:
        return 0
    if swap_count(m, word >> L.SHIFT_SLOT) != 0:
        return 0
    delete_from_swap_cache(m, page)
    return 1


@kernel
def free_swap_and_cache(m: Machine, slot: int) -> None:
    """Drop a zapped swap PTE's claim; a swap-cache page that nobody maps goes too.

    ``free_swap_and_cache()`` with ``__try_to_reclaim_swap(TTRS_UNMAPPED | TTRS_FULL)``.
    """
    page = swap_cache_page(m, slot)
    swap_free(m, slot)
    if page == 0 or swap_count(m, slot) != 0:
        return
    word = m.page[page]
    if word & L.PG_LOCKED:
        return
    if word & L.MASK_MAP == 0 or vm_swap_full(m):
        try_to_free_swap(m, page)


@kernel
def free_swap_cache(m: Machine, page: int) -> int:
    """Take a page that nobody maps any more out of the swap cache; 1 if done."""
    if m.page[page] & (L.PG_SWAPCACHE | L.MASK_MAP | L.PG_LOCKED) == L.PG_SWAPCACHE:
        return try_to_free_swap(m, page)
    return 0
