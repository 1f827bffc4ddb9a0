"""What holds after every operation: references equal holders, nothing is lost or in two places."""

from __future__ import annotations

import numpy as np

from ..jit.compile import Table, Words, jitted
from . import layout as L
from .machine import Machine
from .names import Vec
from .pagevec import pagevec
from .swapfile import slot_in_use, swap_cache_page

INVARIANTS = (
    "all hold",
    "a page's map count is the number of PTEs that map it",
    "a page waits in as many pagevecs of a kind as its word says",
    "PageLRU is clear just while a page is in lru_add or isolated",
    "a page in the swap cache and its slot point at each other",
    "swap_count is the number of swap PTEs that point at a slot",
    "the slots in use are counted",
    "every page is held by somebody or on the free list, once",
    "a page under writeback is in the swap cache",
)


def broken_invariant(m: Machine) -> int:
    """Return the index in ``INVARIANTS`` of the first that does not hold, 0 if all do.

    Counts everything anew from the PTEs, pagevecs and slots; slow, for tests.
    """
    used, slots = int(m.next_page), int(m.nslots)
    maps, lags, free = (np.zeros(used, np.int64) for _ in range(3))
    waits = np.zeros((L.NR_VECS, used), np.int64)
    return int(_broken(m, used, maps, lags, waits, np.zeros(slots, np.int64), free))


@jitted
def _broken(
    m: Machine, used: int, maps: Words, lags: Words, waits: Table, swaps: Words, free: Words
) -> int:
    first = before = used
    for k in range(L.NR_FREE if m.large else 1):
        page = m.free[(m.free_top - k) & (L.NR_FREE - 1)]
        nr = 0
        while page != 0:
            if free[page]:
                return 7
            free[page] = 1
            nr += 1
            page = m.page[page] >> L.SHIFT_SLOT
        if k == 0:
            first = nr
        if nr > before or nr < first - 1:  # the chains take turns
            return 7
        before = nr
    for at in range(m.npages * m.nprocs):
        pte = np.int64(m.pte[at])
        target = pte >> L.SHIFT_PTE
        if pte & L.PTE_PRESENT:
            maps[target] += 1
        elif pte & L.PTE_SWAP:
            swaps[target] += 1
        elif pte & L.PTE_GATHERED:
            lags[target] += 1
    for cpu in range(m.ncpus):
        for kind in range(L.NR_VECS):
            vec = pagevec(m, cpu, kind)
            for i in range(vec + 1, vec + 1 + np.int64(m.vec[vec])):
                waits[kind, np.int64(m.vec[i])] += 1
    for page in range(1, used):
        word = m.page[page]
        if free[page]:
            if maps[page] or lags[page] or word & L.NOT_SLOT:
                return 7
            continue
        if not word & L.MASK_HOLDERS:
            return 7
        if (word >> L.SHIFT_MAP) & L.MAX_MAP != maps[page]:
            return 1
        if (word >> L.SHIFT_LAG) & L.MAX_LAG != lags[page]:
            return 1
        if (word >> L.SHIFT_LRU_ADD) & 1 != waits[Vec.LRU_ADD, page]:
            return 2
        moving = 0
        for kind in range(Vec.ROTATE, L.NR_VECS):
            shift = L.SHIFT_ROTATE + 3 * (kind - Vec.ROTATE)
            if (word >> shift) & L.MAX_VEC_REFS != waits[kind, page]:
                return 2
            moving += waits[kind, page]
        off = word & (L.HELD_LRU_ADD | L.HELD_ISOLATED) != 0
        if m.batch_clears_lru and moving:
            off = True
        if (word & L.PG_LRU != 0) == off:
            return 3
        if word & L.PG_SWAPCACHE:
            if swap_cache_page(m, word >> L.SHIFT_SLOT) != page:
                return 4
        elif word & L.PG_WRITEBACK:
            return 8
    in_use = 0
    for slot in range(1, m.nslots):
        entry = np.int64(m.slot[slot])
        if entry & L.MASK_SWAP_COUNT != swaps[slot]:
            return 5
        if slot_in_use(entry):
            in_use += 1
        page = swap_cache_page(m, slot)
        if page and not (m.page[page] & L.PG_SWAPCACHE and m.page[page] >> L.SHIFT_SLOT == slot):
            return 4
    if in_use != m.slots_used:
        return 6
    return 0
