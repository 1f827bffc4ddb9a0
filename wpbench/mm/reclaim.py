"""Reclaim by kswapd, or by whoever needs memory (shrink_inactive_list(), mm/vmscan.c)."""

from __future__ import annotations

from ..jit.compile import kernel
from . import layout as L
from .device import flush_plug
from .lru_lock import hold_lru_lock
from .machine import Machine
from .names import Change
from .page import mapped_page, store_or_free
from .pagevec import lru_add_drain
from .vmscan import isolate_lru_page, shrink_batch
from .watch import note


@kernel
def shrink_inactive_list(m: Machine, cpu: int, n: int) -> int:
    """Reclaim the pages of ``n`` PTEs in ``m.batch``; return how many are not mapped any more.

    Drains this CPU's pagevecs, isolates what is PageLRU, and gives what stays straight back to the
    lists, past the pagevecs.  Which pages are at the tail of the inactive list, the caller says.
    """
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
