"""Isolation from the LRU by compaction, khugepaged or reclaim, and migration (mm/migrate.c).

What takes a PTE, ``at``, returns the page that it did something to, or 0 where it could not.
"""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .machine import Machine
from .names import Change, Error
from .page import alloc_page, fail, mapped_page, page_count, page_mapcount, store_or_free
from .pagevec import lru_add_drain, lru_add_drain_all, lru_cache_add
from .vmscan import isolate_lru_page, putback_lru_page
from .watch import note


@kernel
def isolate(m: Machine, at: int) -> int:
    """Take a page off its LRU list and leave it mapped (``folio_isolate_lru()``)."""
    page = mapped_page(m, at)
    if page == 0 or not m.page[page] & L.PG_LRU:
        return 0
    isolate_lru_page(m, page, m.page[page])
    note(m, Change.ISOLATE_ALONE, 0)
    return page


@kernel
def putback(m: Machine, cpu: int, page: int) -> None:
    """Give an isolated page back through this CPU's lru_add (``folio_putback_lru()``)."""
    if not m.page[page] & L.HELD_ISOLATED:
        fail(m, Error.BAD_OPERATION)
        return
    putback_lru_page(m, cpu, page)
    note(m, Change.PUTBACK_ALONE, cpu)


@kernel
def move_to_lru(m: Machine, page: int) -> None:
    """Give an isolated page straight back to a list, as reclaim does (``move_folios_to_lru()``)."""
    if not m.page[page] & L.HELD_ISOLATED:
        fail(m, Error.BAD_OPERATION)
        return
    store_or_free(m, page, (m.page[page] & ~L.HELD_ISOLATED) | L.PG_LRU)
    note(m, Change.MOVE_TO_LRU, 0)


@kernel
def collapse_fails(m: Machine, cpu: int, first: int, n: int) -> int:
    """Let khugepaged try to collapse ``n`` pages and give up; return how many it had isolated.

    ``collapse_huge_page()``: all CPUs are drained before, pages are isolated as long as each
    reference is explained, and put back through the lru_add of khugepaged's CPU.
    """
    lru_add_drain_all(m)
    nr = 0
    for at in range(first, first + n):
        page = mapped_page(m, at)
        word = m.page[page]
        if page == 0 or not word & L.PG_LRU or word & L.PG_LOCKED:
            break
        if page_count(word) != page_mapcount(word) + ((word >> 1) & 1):
            break
        isolate_lru_page(m, page, word)
        note(m, Change.ISOLATE_ALONE, cpu)
        nr += 1
    for at in range(first, first + nr):
        putback_lru_page(m, cpu, mapped_page(m, at))
        note(m, Change.PUTBACK_ALONE, cpu)
    return nr


@inline
def _remap(m: Machine, at: int, old: int, new: int) -> int:
    """Let PTE ``at`` map ``new`` if it maps ``old``; return 1 if it did."""
    pte = np.int64(m.pte[at])
    if not pte & L.PTE_PRESENT or pte >> L.SHIFT_PTE != old:
        return 0
    m.pte[at] = (new << L.SHIFT_PTE) | (pte & ((1 << L.SHIFT_PTE) - 1))
    if pte & L.PTE_DIRTY:
        m.page[new] |= L.PG_DIRTY
    m.page[old] -= L.ONE_MAP
    m.page[new] += L.ONE_MAP
    return 1


@kernel
def migrate_page(m: Machine, cpu: int, at: int) -> int:
    """Move the page of PTE ``at`` to another page frame (compaction); return the new page.

    ``migrate_pages()``: isolate; give up, and put back through this CPU's lru_add, where a
    reference is left that nobody explains.  From v5.18 on the new page is inserted and this CPU
    drained before the PTEs are restored; before, the new page stays in this CPU's lru_add.
    """
    old = mapped_page(m, at)
    if old == 0:
        return 0
    word = m.page[old]
    if word & (L.PG_LRU | L.PG_LOCKED | L.PG_WRITEBACK) != L.PG_LRU:
        return 0
    isolate_lru_page(m, old, word)
    word = m.page[old]
    if page_count(word) != 1 + page_mapcount(word) + (1 if word & L.PG_SWAPCACHE else 0):
        putback_lru_page(m, cpu, old)
        return 0
    new = alloc_page(m)
    # The isolation's reference stands for the migration's own until all is done.
    m.page[new] = (word & L.MIGRATED_FLAGS) | L.HELD_ISOLATED
    m.page[old] = word & ~L.PG_ACTIVE
    if word & L.PG_SWAPCACHE:
        slot = word >> L.SHIFT_SLOT
        m.page[new] |= L.PG_SWAPCACHE | (slot << L.SHIFT_SLOT)
        m.page[old] = m.page[old] & L.NOT_SLOT & ~L.PG_SWAPCACHE
        m.slot[slot] = (np.int64(m.slot[slot]) & L.MASK_SWAP_COUNT) | (new << L.SHIFT_SLOT_PAGE)
    if m.drains_on_migrate:
        lru_cache_add(m, cpu, new)
        lru_add_drain(m, cpu)
    if not word & L.PG_KSM:
        for process in range(m.nprocs):
            _remap(m, process * m.npages + at % m.npages, old, new)
    # A KSM page can be anywhere, and so can one that came back from swap after KSM had merged it.
    if page_mapcount(m.page[old]):
        for v in range(m.npages * m.nprocs):
            _remap(m, v, old, new)
    if not m.drains_on_migrate:
        lru_cache_add(m, cpu, new)
    store_or_free(m, old, m.page[old] & ~L.HELD_ISOLATED)
    store_or_free(m, new, m.page[new] & ~L.HELD_ISOLATED)
    note(m, Change.MIGRATE, cpu)
    return new
