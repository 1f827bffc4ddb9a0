"""A litmus program, operation by operation; each that observes writes down what it saw."""

from __future__ import annotations

from ..jit.compile import Table, Words, inline, jitted
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.machine import Machine
from .litmus_ops import Op
from .replay import page_word


@inline
def _pages_with(m: Machine, flag: int, first: int, n: int) -> int:
    """Return how many of ``n`` pages from ``first`` on are mapped and have a flag."""
    nr = 0
    for at in range(first, first + n):
        nr += page_word(m, at) & flag != 0
    return nr


@inline
def _advise(m: Machine, cpu: int, do: int, first: int, n: int) -> None:
    if do == Op.PAGEOUT:
        mm.madvise_pageout(m, cpu, first, n)
    elif do == Op.COLD:
        mm.madvise_cold(m, cpu, first, n)
    elif do == Op.FREE:
        mm.madvise_free(m, cpu, first, n)
    else:
        mm.madvise_dontneed(m, cpu, first, n)


@jitted
def run_litmus(m: Machine, op: Words, arg: Words, n: Words, held: Words, seen: Table) -> None:
    """Run a program on the first of two processes and write down what each operation observed.

    Parameters
    ----------
    m
        A fresh machine of two processes.
    op, arg, n
        int64 arrays, one entry an operation: its number in ``litmus_ops.OPS``; its first page, its
        CPU or its number of pages; of a range the number of pages.
    held
        int64, as many entries as pages are held by ``get`` at a time.
    seen
        int64[operations, NR_SEEN] out, zeroed: of an access how many pages had each of
        ``texts(Outcome)``, of another observation the number of pages in its first entry.
    """
    cpu = 0
    nr_held = 0
    for i in range(op.size):
        do = op[i]
        first = arg[i]
        end = first + n[i]
        if do == Op.READ:
            for at in range(first, end):
                seen[i, mm.read(m, cpu, at)] += 1
        elif do == Op.WRITE:
            for at in range(first, end):
                seen[i, mm.write(m, cpu, at)] += 1
        elif Op.PAGEOUT <= do <= Op.DONTNEED:
            _advise(m, cpu, do, first, n[i])
        elif do == Op.ACCESS:
            for at in range(first, end):
                mm.process_vm_readv(m, cpu, at)
        elif do == Op.GET:
            for at in range(first, end):
                held[nr_held] = mm.vmsplice_page(m, cpu, at)
                nr_held += 1
        elif do == Op.PUT:
            for k in range(nr_held):
                if held[k] != L.ZERO_PAGE:
                    mm.gup_put(m, held[k])
            nr_held = 0
        elif do == Op.LRU:
            seen[i, 0] = _pages_with(m, L.PG_LRU, first, n[i])
        elif do == Op.ACTIVE:
            seen[i, 0] = _pages_with(m, L.PG_ACTIVE, first, n[i])
        elif do == Op.SWAPCACHE:
            seen[i, 0] = _pages_with(m, L.PG_SWAPCACHE, first, n[i])
        elif do == Op.MAPPED:
            seen[i, 0] = mm.resident(m, first, n[i])
        elif do == Op.ON:
            cpu = first
        elif do == Op.EXIT:
            mm.exit_process(m, first, 1)
        elif do == Op.TOUCH:
            for _ in range(first):
                mm.insert_foreign_page(m, cpu)
        elif do == Op.DRAIN:
            mm.lru_add_drain_all(m)
        elif do == Op.MUNMAP:
            mm.munmap_foreign(m, cpu)
        elif do == Op.FORK:
            mm.fork(m, cpu, 0, 1)
