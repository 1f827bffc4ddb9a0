"""Does a page that comes back from swap begin on the active list (mm/workingset.c, v6.1)?

Reclaim leaves a shadow in the swap cache: the value of a clock of evictions and activations.  A
page whose shadow is recent enough would have stayed in memory had the inactive list been a little
longer, and begins active.  No reference hangs on it, but MADV_COLD looks at PG_active.
"""

from __future__ import annotations

from ..jit.compile import inline, kernel
from . import layout as L
from .machine import Machine


@inline
def workingset_eviction(m: Machine) -> int:
    """Return the shadow of a page that reclaim removes now, as the bits of its slot's entry."""
    age = m.nonresident_age
    m.nonresident_age = age + 1
    return L.SLOT_SHADOW | ((age & L.MASK_AGE) << L.SHIFT_SLOT_PAGE)


@kernel
def nr_active_anon(m: Machine) -> int:
    """Return how many pages are on the active list; looks at each page."""
    nr = 0
    for page in range(1, m.next_page):
        if m.page[page] & (L.PG_LRU | L.PG_ACTIVE) == L.PG_LRU | L.PG_ACTIVE:
            nr += 1
    return nr


@inline
def workingset_refault(m: Machine, entry: int) -> int:
    """Return PG_ACTIVE if a slot's shadow is no older than file LRU and active list are long.

    Otherwise 0.  The kernel reads the lists' lengths from per-node counters that lag by a few
    pages a CPU.
    """
    if not m.refaults_activate:
        return 0
    distance = (m.nonresident_age - (entry >> L.SHIFT_SLOT_PAGE)) & L.MASK_AGE
    if distance > m.file_lru:
        if distance > m.file_lru + nr_active_anon(m):
            return 0
    m.nonresident_age += 1
    return L.PG_ACTIVE
