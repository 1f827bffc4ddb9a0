"""Writes around a fork, and to swapped-out pages: the programs of the 2026 series.

Messages 20260611105124.98668-1-baohua@kernel.org (RFC) and 20260701235955.36126-1-baohua@kernel.org
(v3): "mm: drop redundant lru_add_drain in anon folio reuse paths".
"""

from __future__ import annotations

from ..jit.compile import inline, workload
from ..mm import operations as mm
from ..mm.machine import Machine
from .fast_forward import rounds_left
from .params import params
from .reproducer import move

FORK_ORDERS = ("child-alive", "child-exited")
CHILD_ALIVE = 0
SWAP_ORDERS = ("write", "fork-read-write")
WRITE = 0
PARENT, CHILD = 0, 1


@inline
def _write_all(m: Machine, cpu: int, n: int) -> None:
    for v in range(n):
        mm.look_ahead(m, v, n)
        mm.write(m, cpu, v)


@workload
def fork_write(m: Machine) -> None:
    """Write fresh pages on ``read_cpu``, fork there, and write them again on ``write_cpu``.

    While the child lives (``child-alive``), or once it has exited on ``read_cpu``
    (``child-exited``).  The pages wait in lru_add of ``read_cpu`` when the child is forked: a
    shell's, before it starts a command.  MADV_DONTNEED empties the memory before each round.
    """
    p = params(m)
    left = p.rounds
    while left > 0 and not m.error:  # failed or stopped
        mm.madvise_dontneed(m, p.read_cpu, 0, p.npages)
        _write_all(m, p.read_cpu, p.npages)
        mm.fork(m, p.read_cpu, PARENT, CHILD)
        if p.order != CHILD_ALIVE:
            mm.exit_process(m, p.read_cpu, CHILD)
        move(m, p.read_cpu, p.write_cpu)
        _write_all(m, p.write_cpu, p.npages)
        move(m, p.write_cpu, p.read_cpu)
        if p.order == CHILD_ALIVE:
            mm.exit_process(m, p.read_cpu, CHILD)
        left = rounds_left(m, left - 1)


@workload
def swap_write(m: Machine) -> None:
    """Page the memory out and write it again on ``write_cpu``.

    Directly (``write``: the RFC's loop), or after a child was forked and has exited, and all pages
    were read back on ``read_cpu`` (``fork-read-write``: none is PageAnonExclusive).
    """
    p = params(m)
    _write_all(m, p.read_cpu, p.npages)
    mm.lru_add_drain(m, p.read_cpu)
    mm.reset_counters(m)
    left = p.rounds
    while left > 0 and not m.error:
        if p.order != WRITE:
            mm.fork(m, p.read_cpu, PARENT, CHILD)
            mm.exit_process(m, p.read_cpu, CHILD)
        mm.madvise_pageout(m, p.read_cpu, 0, p.npages)
        m.not_paged_out += mm.resident(m, 0, p.npages)
        if p.order != WRITE:
            for v in range(p.npages):
                mm.look_ahead(m, v, p.npages)
                mm.read(m, p.read_cpu, v)
        move(m, p.read_cpu, p.write_cpu)
        _write_all(m, p.write_cpu, p.npages)
        move(m, p.write_cpu, p.read_cpu)
        left = rounds_left(m, left - 1)
