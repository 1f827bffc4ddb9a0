"""New anonymous pages: the first write to memory, a copy, UFFDIO_COPY, a fork beside a pin."""

from __future__ import annotations

from ..jit.compile import inline
from . import layout as L
from .machine import Machine
from .page import alloc_page
from .pagevec import lru_cache_add
from .watch import note


@inline
def new_anon_page(m: Machine, cpu: int, at: int, pte_bits: int, operation: int) -> int:
    """Map a new page at PTE ``at``; it is its owner's alone and waits in this CPU's lru_add."""
    page = alloc_page(m)
    m.page[page] = m.new_active | L.PG_SWAPBACKED | L.PG_ANON_EXCLUSIVE | L.ONE_MAP
    note(m, operation, cpu)
    lru_cache_add(m, cpu, page)
    note(m, operation, cpu)
    m.pte[at] = (page << L.SHIFT_PTE) | L.PTE_PRESENT | L.PTE_DIRTY | pte_bits
    return page
