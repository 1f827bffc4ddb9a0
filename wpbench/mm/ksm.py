"""Pages with the same contents become one (mm/ksm.c)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .gup import mark_page_accessed
from .machine import Machine
from .names import Change, Error
from .page import fail, mapped_page, page_count, page_mapcount, store_or_free
from .swapfile import try_to_free_swap
from .watch import note


@inline
def _write_protect_page(m: Machine, page: int) -> bool:
    """Is every reference to a page explained, so that KSM may write-protect it?

    Any pagevec's reference is one too many (``write_protect_page()``).
    """
    word = m.page[page]
    if word & L.PG_LOCKED:
        return False
    return page_count(word) == page_mapcount(word) + ((word >> 1) & 1)


@kernel
def ksm_merge(m: Machine, cpu: int, at: int, other_at: int) -> int:
    """Let two PTEs share the page of the first, as a KSM page (``try_to_merge_two_pages()``)."""
    page = mapped_page(m, at)
    other = mapped_page(m, other_at)
    if page == 0 or other == 0 or page == other:
        return 0
    if m.page[other] & L.PG_KSM:
        return 0
    if not _write_protect_page(m, page) or not _write_protect_page(m, other):
        return 0
    if m.page[page] & L.MASK_MAP == L.MASK_MAP:
        fail(m, Error.FIELD_OVERFLOW)
        return 0
    if not m.page[page] & L.PG_KSM:
        pte = np.int64(m.pte[at])
        m.pte[at] = pte & ~(L.PTE_WRITE | L.PTE_DIRTY)
        m.page[page] = (m.page[page] & ~L.PG_ANON_EXCLUSIVE) | L.PG_KSM
        mark_page_accessed(m, cpu, at)
        m.page[page] |= L.PG_DIRTY
    word = m.page[other] & ~L.PG_ANON_EXCLUSIVE
    if np.int64(m.pte[other_at]) & L.PTE_DIRTY:
        word |= L.PG_DIRTY
    m.pte[other_at] = (page << L.SHIFT_PTE) | L.PTE_PRESENT
    m.page[page] += L.ONE_MAP
    m.page[other] = word - L.ONE_MAP + L.ONE_GUP
    if m.page[other] & L.MASK_MAP == 0:
        try_to_free_swap(m, other)
    store_or_free(m, other, m.page[other] - L.ONE_GUP)
    note(m, Change.KSM, cpu)
    return page
