"""A random program of the kind that the kernel traces recorded."""

from __future__ import annotations

from ..jit.compile import inline, workload
from ..mm import operations as mm
from ..mm.chance import below
from ..mm.machine import Machine
from .params import Params, params
from .replay import (
    OP_COLD,
    OP_EXIT,
    OP_FORK,
    OP_FREE,
    OP_MIGRATE,
    OP_PAGEOUT,
    OP_READ,
    OP_WRITE,
    touch_all,
)


@inline
def draw_operation(m: Machine, p: Params) -> tuple[int, int, int]:
    """Draw what comes next: an operation (``replay.OP_*``), its page or CPU, and its pages.

    A madvise() is about all pages from a random one on, or about a part of them.
    """
    writes = p.mix_read + p.mix_write
    pageouts = writes + p.mix_pageout
    colds = pageouts + p.mix_cold
    migrations = colds + p.mix_migrate
    forks = migrations + p.mix_fork
    exits = forks + p.mix_exit
    dice = below(m, exits + p.mix_free)
    if dice < writes:
        return (OP_READ if dice < p.mix_read else OP_WRITE), below(m, p.npages), 0
    if colds <= dice < migrations:
        return OP_MIGRATE, below(m, p.cpus), 0
    if migrations <= dice < exits:
        return (OP_FORK if dice < forks else OP_EXIT), 0, 0
    op = OP_PAGEOUT if dice < pageouts else OP_COLD if dice < colds else OP_FREE
    first = below(m, p.npages)
    return op, first, 1 + below(m, p.npages - first)


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
    for _ in range(p.rounds):
        if m.error:  # failed or stopped
            return
        op, arg, n = draw_operation(m, p)
        if op == OP_READ:
            mm.read(m, cpu, arg)
        elif op == OP_WRITE:
            mm.write(m, cpu, arg)
        elif op == OP_PAGEOUT:
            mm.madvise_pageout(m, cpu, arg, n)
        elif op == OP_COLD:
            mm.madvise_cold(m, cpu, arg, n)
        elif op == OP_FREE:
            mm.madvise_free(m, cpu, arg, n)
        elif op == OP_MIGRATE:
            cpu = arg
            mm.cool(m, cpu)
        elif op == OP_FORK and not forked:
            mm.fork(m, cpu, 0, 1)
            mm.lru_add_drain(m, cpu)
            forked = True
        elif op == OP_EXIT and forked:
            mm.exit_process(m, m.ncpus - 1, 1)
            mm.lru_add_drain(m, cpu)
            forked = False
