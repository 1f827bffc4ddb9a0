"""A physical page: who holds a reference to it, and its birth and death.

The page that was freed last is the next one allocated: free pages are a stack, in the words of the
pages themselves.  Each names the one below it.  In a large machine that would be a chain of misses,
so there each names the one ``NR_FREE`` below it: the stack is that many chains, which take turns,
and a page is fetched ``NR_FREE`` allocations before it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.compile import inline
from ..jit.pointer import prefetch
from . import layout as L
from .machine import Machine
from .names import Error

# Of the rare holders, as jitted code reads them.
SHIFTS = tuple(holder.shift for holder in L.RARE)
MOSTS = tuple(holder.most for holder in L.RARE)
REFS = tuple(holder.refs for holder in L.RARE)


@inline
def page_count(word: int) -> int:
    """Return the reference count of a page: the sum of its holders (``page_count()``)."""
    refs = (word >> L.SHIFT_MAP) & L.MAX_MAP
    refs += (word >> L.SHIFT_SWAPCACHE) & 1
    refs += (word >> L.SHIFT_LRU_ADD) & 1
    if word & L.MASK_RARE_HOLDERS:
        for i in range(len(SHIFTS)):
            refs += REFS[i] * ((word >> SHIFTS[i]) & MOSTS[i])
    return refs


@inline
def page_mapcount(word: int) -> int:
    """Return how many present PTEs map the page."""
    return (word >> L.SHIFT_MAP) & L.MAX_MAP


@inline
def mapped_page(m: Machine, at: int) -> int:
    """Return the page that PTE ``at`` maps, 0 for none (and for the zero page)."""
    pte = np.int64(m.pte[at])
    return pte >> L.SHIFT_PTE if pte & L.PTE_PRESENT else 0


@inline
def fail(m: Machine, error: int) -> None:
    """Note the first error of a run; whoever started the run raises it."""
    if m.error == Error.NONE:
        m.error = error


@inline
def alloc_page(m: Machine) -> int:
    """Return the number of a free page.  The caller writes its word, with a holder in it."""
    top = m.free_top if m.large else 0
    page = m.free[top]
    if page != 0:
        below = m.page[page] >> L.SHIFT_SLOT
        m.free[top] = below
        if m.large:
            prefetch(m.page, below)
            m.free_top = (top - 1) & (L.NR_FREE - 1)
        return page
    page = m.next_page
    if page >= m.nphys:
        fail(m, Error.OUT_OF_PAGES)
        return m.nphys - 1
    m.next_page = page + 1
    return page


@inline
def store_or_free(m: Machine, page: int, word: Any) -> None:
    """Store a page's word after a reference was dropped; free the page if it was the last."""
    if word & L.MASK_HOLDERS:
        m.page[page] = word
    else:
        top = 0
        if m.large:
            top = (m.free_top + 1) & (L.NR_FREE - 1)
            m.free_top = top
        m.page[page] = m.free[top] << L.SHIFT_SLOT
        m.free[top] = page
