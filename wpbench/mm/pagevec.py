"""Per-CPU pagevecs: pages wait there for lru_lock, each holding a reference (mm/swap.c)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .lru_lock import hold_lru_lock
from .machine import Machine
from .names import Change, Error, Vec
from .page import fail, store_or_free
from .watch import note


@inline
def pagevec(m: Machine, cpu: int, kind: int) -> int:
    """Return where in ``vec`` a pagevec is: its number of entries, then the entries."""
    return (cpu * L.NR_VECS + kind) * (m.pagevec + 1)


@kernel
def _nr_dead(m: Machine, vec: int, nr: int) -> int:
    """Return how many pages nobody but lru_add holds.

    Since v7.2 no list gets them (9669b87065a6).
    """
    dead = 0
    for i in range(vec + 1, vec + 1 + nr):
        page = np.int64(m.vec[i])
        if page != L.ZERO_PAGE and m.page[page] & L.MASK_HOLDERS == L.HELD_LRU_ADD:
            dead += 1
    return dead


@inline
def _flush_lru_add(m: Machine, cpu: int) -> None:
    vec = pagevec(m, cpu, Vec.LRU_ADD)
    nr = np.int64(m.vec[vec]) & 255
    m.vec[vec] = 0
    if m.timed:
        hold_lru_lock(m, cpu, nr - _nr_dead(m, vec, nr) if m.dead_filter else nr)
    others = 0
    dead = 0
    for i in range(vec + 1, vec + 1 + nr):
        page = np.int64(m.vec[i])
        if page == L.ZERO_PAGE:
            others += 1
            continue
        word = (m.page[page] & ~L.HELD_LRU_ADD) | L.PG_LRU
        if word & L.MASK_HOLDERS == 0:
            dead += 1
        store_or_free(m, page, word)
    m.lru_add_flushed += nr - others
    m.lru_add_dead += dead


@kernel
def flush_lru_add(m: Machine, cpu: int) -> None:
    """Put every page of this CPU's lru_add on an LRU list and drop the pagevec's references.

    ``__pagevec_lru_add()``.
    """
    _flush_lru_add(m, cpu)
    note(m, Change.FULL, cpu)


@kernel
def flush_moves(m: Machine, cpu: int, kind: int) -> None:
    """Flush a pagevec of pages that are on an LRU list and change their place there.

    ``pagevec_lru_move_fn()`` (v5.18), ``folio_batch_move_lru()`` (v6.1): an entry whose PageLRU is
    clear is left where it is, but its reference is dropped all the same.
    """
    vec = pagevec(m, cpu, kind)
    nr = np.int64(m.vec[vec]) & 255
    m.vec[vec] = 0
    hold_lru_lock(m, cpu, nr)
    shift = L.SHIFT_ROTATE + 3 * (kind - Vec.ROTATE)
    for i in range(vec + 1, vec + 1 + nr):
        page = np.int64(m.vec[i])
        word = m.page[page]
        if m.batch_clears_lru:
            word |= L.PG_LRU
        if word & L.PG_LRU:
            if kind == Vec.ROTATE:
                word &= ~L.PG_ACTIVE  # lru_move_tail_fn
            elif kind == Vec.DEACTIVATE:
                # lru_deactivate_fn: an inactive page stays as it is
                if word & L.PG_ACTIVE:
                    word &= ~(L.PG_ACTIVE | L.PG_REFERENCED)
            elif kind == Vec.LAZYFREE:
                # lru_lazyfree_fn
                if word & L.PG_SWAPBACKED and not word & L.PG_SWAPCACHE:
                    word &= ~(L.PG_ACTIVE | L.PG_REFERENCED | L.PG_SWAPBACKED)
            elif kind == Vec.ACTIVATE:
                word |= L.PG_ACTIVE
        store_or_free(m, page, word - (1 << shift))
    note(m, Change.FLUSH_MOVES, cpu)


@inline
def lru_cache_add(m: Machine, cpu: int, page: int) -> None:
    """Queue a new page in this CPU's lru_add; the insertion that fills the pagevec flushes it.

    ``folio_add_lru()``.  The page must have another holder already.
    """
    if page != L.ZERO_PAGE:
        # First of all: where the caller has just stored the word, the compiler joins the two.
        m.page[page] |= L.HELD_LRU_ADD
    vec = pagevec(m, cpu, Vec.LRU_ADD)
    nr = (np.int64(m.vec[vec]) & 255) + 1
    m.vec[vec + nr] = page
    m.vec[vec] = nr
    if nr >= m.pagevec or m.lru_cache_disabled != 0:
        flush_lru_add(m, cpu)


@kernel
def queue_move(m: Machine, cpu: int, page: int, kind: int) -> None:
    """Queue a page that is PageLRU in one of this CPU's moving pagevecs.

    ``folio_batch_add_and_move()``.  The caller has tested PageLRU.
    """
    vec = pagevec(m, cpu, kind)
    shift = L.SHIFT_ROTATE + 3 * (kind - Vec.ROTATE)
    word = m.page[page]
    if (word >> shift) & L.MAX_VEC_REFS == L.MAX_VEC_REFS:
        fail(m, Error.FIELD_OVERFLOW)
        return
    word += 1 << shift
    if m.batch_clears_lru:
        word &= ~L.PG_LRU
    m.page[page] = word
    nr = (np.int64(m.vec[vec]) & 255) + 1
    m.vec[vec + nr] = page
    m.vec[vec] = nr
    if nr >= m.pagevec or m.lru_cache_disabled != 0:
        flush_moves(m, cpu, kind)


@kernel
def activate_page(m: Machine, cpu: int, page: int) -> None:
    """Queue a page for the active list, unless it is there or on no list (``folio_activate()``)."""
    if m.page[page] & (L.PG_LRU | L.PG_ACTIVE) == L.PG_LRU:
        queue_move(m, cpu, page, Vec.ACTIVATE)


@inline
def drain_cpu(m: Machine, cpu: int) -> None:
    """Do what ``lru_add_drain()`` does, inlined: for the write fault's hot path."""
    vec = pagevec(m, cpu, 0)
    step = m.pagevec + 1
    if m.vec[vec] != 0:
        _flush_lru_add(m, cpu)
    if (
        m.vec[vec + step] | m.vec[vec + 2 * step] | m.vec[vec + 3 * step] | m.vec[vec + 4 * step]
    ) != 0:
        for kind in range(1, L.NR_VECS):
            if m.vec[vec + kind * step] != 0:
                flush_moves(m, cpu, kind)


@kernel
def lru_add_drain(m: Machine, cpu: int) -> None:
    """Flush every pagevec of one CPU, lru_add first (``lru_add_drain_cpu()``)."""
    drain_cpu(m, cpu)
    note(m, Change.DRAIN, cpu)


@kernel
def lru_add_drain_all(m: Machine) -> None:
    """Flush every pagevec of every CPU.  It sleeps: never in the fault path of a kernel."""
    for cpu in range(m.ncpus):
        lru_add_drain(m, cpu)


@kernel
def lru_cache_disable(m: Machine) -> None:
    """From here on every insertion flushes at once (v5.13; move_pages, CMA, memory offline)."""
    m.lru_cache_disabled += 1
    lru_add_drain_all(m)


@kernel
def lru_cache_enable(m: Machine) -> None:
    """End one lru_cache_disable()."""
    if m.lru_cache_disabled == 0:
        fail(m, Error.BAD_OPERATION)
        return
    m.lru_cache_disabled -= 1


@inline
def put_page(m: Machine, cpu: int, page: int, word: Any) -> None:
    """Store a page's word after a reference was dropped; the last one takes it off its list."""
    if m.timed and word & L.PG_LRU and not word & L.MASK_HOLDERS:
        hold_lru_lock(m, cpu, 1)  # __page_cache_release()
    store_or_free(m, page, word)


@inline
def in_lru_add(m: Machine, cpu: int, page: int) -> int:
    """Return where in ``vec`` a page waits in this CPU's lru_add, or 0.  Newest first."""
    vec = pagevec(m, cpu, Vec.LRU_ADD)
    i = vec + np.int64(m.vec[vec])
    while i > vec:
        if m.vec[i] == page:
            return i
        i -= 1
    return 0


@kernel
def lru_add_take(m: Machine, cpu: int, page: int) -> int:
    """Take just this page out of this CPU's lru_add and put it on its list; 1 if it was there.

    No kernel does this: the alternative named in the cover letter of the patch's RFC v2.
    """
    at = in_lru_add(m, cpu, page)
    if at == 0:
        return 0
    vec = pagevec(m, cpu, Vec.LRU_ADD)
    for i in range(at, vec + np.int64(m.vec[vec])):
        m.vec[i] = m.vec[i + 1]
    m.vec[vec] -= 1
    hold_lru_lock(m, cpu, 1)
    store_or_free(m, page, (m.page[page] & ~L.HELD_LRU_ADD) | L.PG_LRU)
    return 1


@inline
def lru_add_waits(m: Machine, cpu: int) -> int:
    """Return 1 if a page waits in this CPU's lru_add, else 0."""
    return 1 if m.vec[pagevec(m, cpu, Vec.LRU_ADD)] != 0 else 0


@inline
def waiting(m: Machine, cpu: int) -> int:
    """Return how many entries wait in all pagevecs of one CPU."""
    nr = 0
    for kind in range(L.NR_VECS):
        nr += np.int64(m.vec[pagevec(m, cpu, kind)])
    return nr
