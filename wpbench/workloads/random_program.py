"""A random program of the kind that the kernel traces recorded."""

from __future__ import annotations

from .. import mm
from .._jit import inline, workload
from ..mm.chance import below
from ..mm.machine import Machine
from .params import params
from .replay import touch_all


@inline
def _region(m: Machine, n: int) -> tuple[int, int]:
    """Draw a range of pages: all of them, or a random part."""
    first = below(m, n)
    return first, 1 + below(m, n - first)


@workload
def random_program(m: Machine) -> None:
    """Run ``rounds`` operations drawn by the weights ``mix``, on one thread that migrates.

    Operations as in the traces: accesses to a random page, madvise() over a random range,
    migration to a random CPU, one forked child at a time, on a CPU of its own.
    """
    p = params(m)
    cpu = 0
    forked = False
    touch_all(m, cpu)
    writes = p.mix_read + p.mix_write
    pageouts = writes + p.mix_pageout
    colds = pageouts + p.mix_cold
    migrations = colds + p.mix_migrate
    forks = migrations + p.mix_fork
    exits = forks + p.mix_exit
    total = exits + p.mix_free
    for _ in range(p.rounds):
        dice = below(m, total)
        if dice < p.mix_read:
            mm.read(m, cpu, below(m, p.npages))
        elif dice < writes:
            mm.write(m, cpu, below(m, p.npages))
        elif dice < pageouts:
            first, n = _region(m, p.npages)
            mm.madvise_pageout(m, cpu, first, n)
        elif dice < colds:
            first, n = _region(m, p.npages)
            mm.madvise_cold(m, cpu, first, n)
        elif dice < migrations:
            cpu = below(m, p.cpus)
        elif dice < forks:
            if not forked:
                mm.fork(m, cpu, 0, 1)
                mm.lru_add_drain(m, cpu)
                forked = True
        elif dice < exits:
            if forked:
                mm.exit_process(m, m.ncpus - 1, 1)
                mm.lru_add_drain(m, cpu)
                forked = False
        else:
            first, n = _region(m, p.npages)
            mm.madvise_free(m, cpu, first, n)
