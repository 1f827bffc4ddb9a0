"""Replay a recorded program, operation by operation."""

from __future__ import annotations

import numpy as np

from ..jit.compile import Words, inline, jitted
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.machine import Machine

OPS = ("read", "write", "pageout", "cold", "free", "migrate", "fork", "exit")
(OP_READ, OP_WRITE, OP_PAGEOUT, OP_COLD, OP_FREE, OP_MIGRATE, OP_FORK, OP_EXIT) = range(8)
IGNORED = -1
FLAGS = ("lru", "active", "writeback", "swapcache")


@inline
def page_word(m: Machine, at: int) -> int:
    """Return the word of the page that PTE ``at`` maps, 0 where there is none."""
    pte = np.int64(m.pte[at])
    if not pte & L.PTE_PRESENT or pte >> L.SHIFT_PTE == L.ZERO_PAGE:
        return 0
    return m.page[pte >> L.SHIFT_PTE]


@inline
def page_flags(m: Machine, at: int) -> int:
    """Return lru, active, writeback, swapcache (bits 0..3) of a mapped page, as kpageflags has."""
    word = page_word(m, at)
    return (word & 1) | ((word >> 5) & 1) << 1 | ((word >> 2) & 1) << 2 | ((word >> 1) & 1) << 3


@inline
def _look_ahead(m: Machine, op: Words, arg: Words, i: int) -> None:
    """Have fetched what the operations after the i-th will touch."""
    if m.large and i + 2 * mm.AHEAD < op.size:
        if op[i + 2 * mm.AHEAD] <= OP_FREE:
            mm.prefetch_pte(m, arg[i + 2 * mm.AHEAD])
        if op[i + mm.AHEAD] <= OP_FREE:
            mm.prefetch_page(m, arg[i + mm.AHEAD])


@inline
def touch_all(m: Machine, cpu: int) -> None:
    """Write every page of the first process once, so that memory exists."""
    for v in range(m.npages):
        mm.write(m, cpu, v)


@jitted
def replay_trace(
    m: Machine,
    op: Words,
    arg: Words,
    n: Words,
    t_ns: Words,
    outcome: Words,
    flags: Words,
    words: Words,
) -> None:
    """Run a trace's operations and write down what happened to each.

    Parameters
    ----------
    m
        A fresh machine with one CPU more than the trace has: the forked child sleeps there.
    op, arg, n, t_ns
        int64 arrays, one entry an operation: ``OPS``, page or CPU, pages, start.
    outcome
        int64 out: ``texts(Outcome)`` of an access, pages still mapped of a pageout, ``IGNORED``
        for a fork or exit that found nothing to do.
    flags
        int64 out: ``page_flags()`` just before an access.
    words
        int64 out: the page's word (holders and flags) then, 0 where it is not mapped.
    """
    cpu = 0
    child_cpu = m.ncpus - 1
    touch_all(m, cpu)
    forked = False
    for i in range(op.size):
        _look_ahead(m, op, arg, i)
        if m.timed:
            mm.sleep_until(m, cpu, max(m.clock[cpu], t_ns[i]))
        do = op[i]
        if do == OP_READ:
            flags[i] = page_flags(m, arg[i])
            words[i] = page_word(m, arg[i])
            outcome[i] = mm.read(m, cpu, arg[i])
        elif do == OP_WRITE:
            flags[i] = page_flags(m, arg[i])
            words[i] = page_word(m, arg[i])
            outcome[i] = mm.write(m, cpu, arg[i])
        elif do == OP_PAGEOUT:
            mm.madvise_pageout(m, cpu, arg[i], n[i])
            outcome[i] = mm.resident(m, arg[i], n[i])
        elif do == OP_COLD:
            mm.madvise_cold(m, cpu, arg[i], n[i])
        elif do == OP_FREE:
            mm.madvise_free(m, cpu, arg[i], n[i])
        elif do == OP_MIGRATE:
            cpu = arg[i]
        elif do == OP_FORK:
            if forked:
                outcome[i] = IGNORED
            else:
                mm.fork(m, cpu, 0, 1)
                mm.lru_add_drain(m, cpu)
                # The forking process copies a few pages of its own; one of these copies comes
                # after the drain (data/kernel-measurements/README.md, "Known limits").
                mm.insert_foreign_page(m, cpu)
                forked = True
        elif do == OP_EXIT:
            if forked:
                mm.exit_process(m, child_cpu, 1)
                mm.lru_add_drain(m, cpu)
                forked = False
            else:
                outcome[i] = IGNORED
