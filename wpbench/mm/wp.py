"""A write to a page that is mapped read-only: reuse it or copy it (do_wp_page(), mm/memory.c)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .anon import new_anon_page
from .clock import spend
from .device import step, tick
from .machine import Machine
from .names import Change, Cost, Drain, FirstTest, Outcome, Reason, Seen, WpTest
from .page import page_count, page_mapcount
from .pagevec import (
    drain_cpu,
    flush_lru_add,
    in_lru_add,
    lru_add_drain_all,
    lru_add_take,
    lru_add_waits,
    put_page,
    waiting,
)
from .swapfile import delete_from_swap_cache, free_swap_cache, swap_count, try_to_free_swap
from .tlb import flush_tlb
from .watch import note, record


@inline
def why_copied(m: Machine, cpu: int, page: int, word: int) -> int:
    """Return the reason of a copy: the first holder, in the order of ``texts(Reason)``."""
    if word & L.PG_KSM:
        return Reason.KSM
    if word & (L.MASK_GUP | L.MASK_PIN):
        return Reason.GUP
    if page_mapcount(word) > 1:
        return Reason.SHARED_PTE
    if word & L.MASK_LAG:
        return Reason.LAGGING_REF
    if word & L.PG_SWAPCACHE and swap_count(m, word >> L.SHIFT_SLOT) != 0:
        return Reason.SWAPCOUNT
    if word & L.HELD_ISOLATED:
        return Reason.ISOLATED
    local = word & L.HELD_LRU_ADD and in_lru_add(m, cpu, page) > 0
    if word & L.HELD_LRU_ADD and not local:
        return Reason.PAGEVEC_REMOTE
    if word & (L.MAX_VEC_REFS << L.SHIFT_ROTATE):
        return Reason.ROTATE
    if word & (L.MAX_VEC_REFS << L.SHIFT_ACTIVATE):
        return Reason.ACTIVATE
    if word & (L.MAX_VEC_REFS << L.SHIFT_DEACTIVATE):
        return Reason.DEACTIVATE
    if word & (L.MAX_VEC_REFS << L.SHIFT_LAZYFREE):
        return Reason.LAZYFREE
    if local:
        return Reason.PAGEVEC_LOCAL
    if word & L.PG_SWAPCACHE and word & L.PG_WRITEBACK:
        return Reason.WRITEBACK
    if word & L.PG_SWAPCACHE:
        return Reason.SWAPCACHE
    return Reason.TRYLOCK


@inline
def _seen_by_count(word: int) -> int:
    """Return what an instrumented kernel sees when a reference-count test fails."""
    if not word & L.PG_LRU:
        return Seen.PAGEVEC_WRITEBACK if word & L.PG_WRITEBACK else Seen.PAGEVEC
    if word & L.PG_WRITEBACK:
        return Seen.LRU_WRITEBACK
    if word & L.PG_SWAPCACHE:
        return Seen.LRU_SWAPCACHE_REF
    return Seen.LRU_EXTRA_REF


@kernel
def _drain_rarely(m: Machine, cpu: int, page: int) -> bool:
    """Drain by one of the policies that no kernel has, if it says so."""
    if m.drain == Drain.IF_IN_LRU_ADD and in_lru_add(m, cpu, page) == 0:
        return False
    m.drains_nonempty += lru_add_waits(m, cpu)
    if m.drain == Drain.LRU_ADD_ONLY:
        flush_lru_add(m, cpu)
    elif m.drain == Drain.IF_IN_LRU_ADD:
        m.drained_pages += waiting(m, cpu)
        drain_cpu(m, cpu)
    elif m.drain == Drain.THIS_PAGE:
        lru_add_take(m, cpu, page)
    elif m.drain == Drain.ALL_CPUS:
        # It would have to sleep, below the page-table lock: no kernel could do it.
        if m.timed:
            spend(m, cpu, Cost.DRAIN_ALL_CPU, m.ncpus * m.cost[Cost.DRAIN_ALL_CPU])
        lru_add_drain_all(m)
    return True


@inline
def drain_for(m: Machine, cpu: int, page: int) -> None:
    """Drain pagevecs for the sake of one page, as the policy says.

    ``if-not-lru`` is the patch: ``if (!PageLRU(page)) lru_add_drain()``.
    """
    if m.drain == Drain.NEVER:
        return
    if m.page[page] & L.PG_LRU and m.drain != Drain.ALWAYS:
        return
    if m.drain <= Drain.ALWAYS:
        m.drains_nonempty += lru_add_waits(m, cpu)
        m.drained_pages += waiting(m, cpu)
        drain_cpu(m, cpu)
    elif not _drain_rarely(m, cpu, page):
        return
    m.drains += 1
    step(m, cpu, Cost.DRAIN)
    note(m, Change.WP_DRAIN, cpu)


@inline
def _gave_up(m: Machine, reason: int, seen: int, word: int) -> bool:
    m.reason[reason] += 1
    m.seen[seen] += 1
    m.last_reason = reason
    m.last_word = word
    return False


@inline
def _count_too_high(m: Machine, cpu: int, page: int, word: int) -> bool:
    return _gave_up(m, why_copied(m, cpu, page, word), _seen_by_count(word), word)


@inline
def _may_peek(m: Machine, cpu: int, page: int, refs: int, in_cache: int) -> bool:
    """Does the page wait in this CPU's lru_add, and nobody unknown hold it?

    No kernel does this: Shakeel Butt's question of 11 June 2026 (lkml.iu.edu/2606.1/10207.html).
    """
    peeked = refs == 2 + in_cache and in_lru_add(m, cpu, page) != 0
    return record(m, WpTest.PEEK, refs, 2 + in_cache, peeked)


@inline
def _last_test(m: Machine, cpu: int, page: int, most: int = 1) -> bool:
    """Try to lock the page, take it out of the swap cache, and look at page_count once more.

    ``most`` references are explained then: the PTE's, and with ``peek`` this CPU's lru_add's.
    """
    word = m.page[page]
    if record(m, WpTest.LOCK, 0, 0, word & L.PG_LOCKED != 0):
        return _gave_up(m, why_copied(m, cpu, page, word), Seen.TRYLOCK, word)
    if word & L.PG_SWAPCACHE:
        freed = try_to_free_swap(m, page)
        record(m, WpTest.FREE_SWAP, 0, 0, freed == 0)
        note(m, Change.WP_FREE_SWAP, cpu)
        word = m.page[page]
    if record(m, WpTest.LAST, page_count(word), most, page_count(word) != most):
        seen = Seen.OTHER_AFTER_FREE_SWAP
        if word & L.PG_WRITEBACK:
            seen = Seen.WRITEBACK_AFTER_FREE_SWAP
        return _gave_up(m, why_copied(m, cpu, page, word), seen, word)
    return True


@kernel
def _can_reuse_v5_8(m: Machine, page: int) -> bool:
    """Decide as up to v5.8: mappings and swap PTEs count, other references do not."""
    word = m.page[page]
    if record(m, WpTest.KSM, 0, 0, word & L.PG_KSM != 0):
        if word & L.PG_SWAPCACHE or page_count(word) != 1:
            return _gave_up(m, Reason.KSM, _seen_by_count(word), word)
        m.page[page] = word & ~L.PG_KSM  # reuse_ksm_page()
        return True
    sharers = page_mapcount(word)
    if word & L.PG_SWAPCACHE:
        sharers += swap_count(m, word >> L.SHIFT_SLOT)
    if record(m, WpTest.SHARERS, sharers, 1, sharers > 1):
        reason = Reason.SHARED_PTE if page_mapcount(word) > 1 else Reason.SWAPCOUNT
        return _gave_up(m, reason, _seen_by_count(word), word)
    if word & L.PG_SWAPCACHE:
        if not word & L.PG_WRITEBACK:
            delete_from_swap_cache(m, page)
        elif record(m, WpTest.STABLE, 0, 0, m.stable_writes != 0):
            return _gave_up(m, Reason.STABLE_WB, Seen.LRU_WRITEBACK, word)
    return True


@inline
def can_reuse(m: Machine, cpu: int, page: int) -> bool:
    """Decide whether a write-protect fault may keep its page.

    ``do_wp_page()`` v5.9 to v6.6, ``wp_can_reuse_anon_folio()`` since v6.7, order-0 pages.
    """
    word = m.page[page]
    if m.reuse_exclusive:
        if record(m, WpTest.EXCLUSIVE, 0, 0, word & L.PG_ANON_EXCLUSIVE != 0):
            return True
    if m.first_test == FirstTest.MAPCOUNT:
        return _can_reuse_v5_8(m, page)
    refs = page_count(word)
    if record(m, WpTest.KSM, 0, 0, word & L.PG_KSM != 0):
        return _gave_up(m, Reason.KSM, _seen_by_count(word), word)
    in_cache = (word >> 1) & 1
    if m.first_test == FirstTest.THREE:
        if record(m, WpTest.GT3, refs, 3, refs > 3):
            m.early_gt3 += 1
            return _count_too_high(m, cpu, page, word)
    elif m.first_test == FirstTest.ONE_SC:
        if record(m, WpTest.COUNT, refs, in_cache, refs > 1 + in_cache):
            return _count_too_high(m, cpu, page, word)
    elif m.first_test == FirstTest.ONE:
        if record(m, WpTest.COUNT_V5_17, refs, 1, refs != 1):
            return _count_too_high(m, cpu, page, word)
    elif m.first_test == FirstTest.ONE_SC_NOT_LRU:
        most = 1 + in_cache + ((word & L.PG_LRU) ^ 1)
        if record(m, WpTest.COUNT_RFC2, refs, most, refs > most):
            return _count_too_high(m, cpu, page, word)
    if m.drain == Drain.NEVER and m.first_test <= FirstTest.ONE_SC:
        return _last_test(m, cpu, page)  # the second test is the first one
    not_lru = record(m, WpTest.NOT_LRU, 0, 0, word & L.PG_LRU == 0)
    if m.drain == Drain.PEEK:
        if not_lru and _may_peek(m, cpu, page, refs, in_cache):
            return _last_test(m, cpu, page, 2)
    else:
        drain_for(m, cpu, page)
    word = m.page[page]
    refs = page_count(word)
    in_cache = (word >> 1) & 1
    if record(m, WpTest.COUNT, refs, in_cache, refs > 1 + in_cache):
        return _count_too_high(m, cpu, page, word)
    return _last_test(m, cpu, page)


@inline
def wp_page_copy(m: Machine, cpu: int, at: int, page: int) -> None:
    """Give PTE ``at`` a copy of its page, in this CPU's lru_add (``wp_page_copy()``).

    The new page's insertion can flush the pagevec that holds the old one.
    """
    flush_tlb(m, cpu)
    step(m, cpu, Cost.COPY_INSERT)
    new_anon_page(m, cpu, at, L.PTE_WRITE, Change.WP_COPY)
    if page == L.ZERO_PAGE:
        return
    word = m.page[page] - L.ONE_MAP
    if word & L.PG_SWAPCACHE and m.frees_swap_after_copy:
        m.page[page] = word
        if free_swap_cache(m, page):
            tick(m, cpu, Cost.COPY_FREE_SWAP)
    else:
        put_page(m, cpu, page, word)
    note(m, Change.WP_COPY, cpu)


@kernel
def _log_fault(
    m: Machine, cpu: int, at: int, page: int, before: int, reused: bool, drained: int
) -> None:
    row = m.nr_logged
    if row >= m.log_rows:
        return
    m.nr_logged = row + 1
    row *= L.NR_LOG
    m.log[row] = m.wp_faults - 1
    m.log[row + 1] = at
    m.log[row + 2] = cpu
    m.log[row + 3] = m.clock[cpu]
    m.log[row + 4] = before
    m.log[row + 5] = m.page[page] if reused else m.last_word
    m.log[row + 6] = Outcome.REUSE if reused else Outcome.COPY
    m.log[row + 7] = -1 if reused else m.last_reason
    m.log[row + 8] = drained
    m.log[row + 9] = page


@inline
def _decide(m: Machine, cpu: int, at: int, page: int) -> bool:
    """Decide a fault on an anonymous page, count and log it; a page that is kept is exclusive."""
    before = m.page[page]
    drains = m.drains
    drained = m.drained_pages
    m.wp_faults += 1
    reuse = can_reuse(m, cpu, page)
    if m.log_rows:
        drained = m.drained_pages - drained if m.drains > drains else -1
        _log_fault(m, cpu, at, page, before, reuse, drained)
    if not reuse:
        m.copies += 1
        return False
    m.reuses += 1
    if m.drains > drains:
        m.drains_reused += 1
    m.page[page] |= L.PG_ANON_EXCLUSIVE
    return True


@inline
def do_wp_page(m: Machine, cpu: int, at: int) -> int:
    """Handle a write to PTE ``at``, present and read-only; return REUSE or COPY.

    The zero page is always copied and counted apart: it is no decision about an anonymous page.
    """
    page = np.int64(m.pte[at]) >> L.SHIFT_PTE
    if page == L.ZERO_PAGE:
        m.zero_copies += 1
        wp_page_copy(m, cpu, at, page)
        return Outcome.COPY
    at_once = m.reuse_exclusive and m.page[page] & L.PG_ANON_EXCLUSIVE
    if _decide(m, cpu, at, page):
        m.pte[at] = (page << L.SHIFT_PTE) | L.PTE_PRESENT | L.PTE_WRITE | L.PTE_DIRTY
        note(m, Change.WP_REUSE, cpu)
        if at_once:
            m.exclusive_reuses += 1
        step(m, cpu, Cost.EXCLUSIVE_RETURN if at_once else Cost.REUSE_RETURN)
        return Outcome.REUSE
    wp_page_copy(m, cpu, at, page)
    step(m, cpu, Cost.COPY_RETURN)
    return Outcome.COPY


@kernel
def do_wp_page_unshare(m: Machine, cpu: int, at: int) -> None:
    """Make the page of PTE ``at`` its owner's alone, for an R/O pin (FAULT_FLAG_UNSHARE, v5.19).

    The decision of ``do_wp_page()``, and counted as one of its faults; but the PTE does not become
    writable, nor dirty: the next write faults once more and finds PageAnonExclusive.
    """
    page = np.int64(m.pte[at]) >> L.SHIFT_PTE
    if _decide(m, cpu, at, page):
        note(m, Change.WP_REUSE, cpu)
        return
    wp_page_copy(m, cpu, at, page)
    m.pte[at] = np.int64(m.pte[at]) & ~(L.PTE_WRITE | L.PTE_DIRTY)
