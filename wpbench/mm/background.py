"""What other tasks do to the pagevecs of a CPU."""

from __future__ import annotations

from ..jit.compile import inline, kernel
from . import layout as L
from .chance import below, chance
from .machine import Machine
from .pagevec import lru_add_drain, lru_cache_add


@kernel
def insert_foreign_page(m: Machine, cpu: int) -> None:
    """Let some other task's new page enter this CPU's lru_add."""
    lru_cache_add(m, cpu, L.ZERO_PAGE)


@kernel
def munmap_foreign(m: Machine, cpu: int) -> None:
    """Let a task on this CPU unmap memory that is not the workload's (``unmap_region()``)."""
    if m.gather_drains:
        lru_add_drain(m, cpu)


@inline
def _times(m: Machine, ppm: int) -> int:
    """Draw a number of events with a mean of ``ppm`` millionths."""
    return ppm // 1_000_000 + (1 if chance(m, ppm % 1_000_000) else 0)


@kernel
def background(m: Machine) -> None:
    """Let other tasks run for as long as one access takes, on every CPU.

    Their insertions advance the pagevecs that the workload's pages wait in; their munmap() and
    exit() drain them.
    """
    for _ in range(_times(m, m.background_insert_ppm * m.ncpus)):
        insert_foreign_page(m, below(m, m.ncpus))
    for _ in range(_times(m, m.background_drain_ppm * m.ncpus)):
        lru_add_drain(m, below(m, m.ncpus))
