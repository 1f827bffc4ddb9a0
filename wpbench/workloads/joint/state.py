"""The state of a small machine as a few words, renamed into a canonical form.

What cannot matter any more is left out: counters, ages, the free list, slot numbers, the order in
a pagevec, and pages that nobody can reach.  docs/differ.md says why each may be.  The CPU that the
program is on comes first; page frames and slots are numbered in the order in which PTEs name them.

A state: the header (child lives, pages, slots, entries of each lru_add, readahead); PTEs and slots,
six a word; of each page its word and where in pagevecs it waits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...jit.compile import Table, Words
from ...mm import layout as L
from ...mm.machine import Machine
from ...mm.names import Error, Vec
from .compiled import inline, jitted

MAX_LIVE = 31  # pages and slots that a state has room for
MAX_CPUS = 3
MAX_PTES = 12
MAX_STATE = 1 + 2 + 6 + 2 * MAX_LIVE  # words at most
SHIFT_LENGTHS = 11  # in the header: entries of each CPU's lru_add, five bits each
MASK_LENGTHS = ((1 << (5 * MAX_CPUS)) - 1) << SHIFT_LENGTHS
FRAMES = 96  # frames and slots that the machines of a search have
(_NEW, _SLOT, _PLACE, _ORDER, NR_SCRATCH) = range(5)  # rows of the scratch table
_PER_WORD = 6
_BITS = 10  # of a PTE or slot


@inline
def _vec(m: Machine, cpu: int, kind: int) -> int:
    return (cpu * L.NR_VECS + kind) * (m.pagevec + 1)


@inline
def _enter(m: Machine, cpu: int, kind: int, page: int) -> None:
    vec = _vec(m, cpu, kind)
    nr = np.int64(m.vec[vec]) + 1
    m.vec[vec + nr] = page
    m.vec[vec] = nr


@inline
def _load_registers(m: Machine, head: int) -> None:
    child = head & 1
    slots = (head >> 6) & 31
    m.error = Error.NONE
    for i in range(L.NR_FREE):
        m.free[i] = 0
    m.next_page = ((head >> 1) & 31) + 1
    m.next_slot = slots + 1
    m.slots_used = slots
    m.nr_processes = 1 + child
    m.processes = 1 | child << 1
    m.exiting = 0
    m.usable_ptes = m.npages * (1 + child)
    m.vma[L.VMA_ADDR] = ((head >> 32) & 255) - 2
    m.vma[L.VMA_WIN] = (head >> 40) & 255
    m.vma[L.VMA_HITS] = (head >> 48) & 255
    m.copies = 0
    m.zero_copies = 0
    m.drains = 0
    m.drains_swapin = 0
    m.drains_readahead = 0
    m.tlb_flushes = 0


@jitted
def load_state(m: Machine, words: Any, at: int) -> int:
    """Put a machine into the state at ``words[at]``; return where the state ends."""
    head = words[at]
    _load_registers(m, head)
    at += 1
    ptes = 2 * m.npages
    for i in range(ptes):
        m.pte[i] = (words[at + i // _PER_WORD] >> (_BITS * (i % _PER_WORD))) & 1023
    at += (ptes + _PER_WORD - 1) // _PER_WORD
    slots = (head >> 6) & 31
    for i in range(1, m.nslots):
        m.slot[i] = 0
    for i in range(slots):
        m.slot[1 + i] = (words[at + i // _PER_WORD] >> (_BITS * (i % _PER_WORD))) & 1023
    at += (slots + _PER_WORD - 1) // _PER_WORD
    for vec in range(m.ncpus * L.NR_VECS):
        m.vec[vec * (m.pagevec + 1)] = 0
    for page in range(1, m.next_page):
        m.page[page] = words[at]
        place = words[at + 1]
        at += 2
        if place & 7:
            _enter(m, (place & 7) - 1, Vec.LRU_ADD, page)
        place >>= 3
        kind = 1
        while place:
            for cpu in range(m.ncpus):
                for _ in range(place & 7):
                    _enter(m, cpu, kind, page)
                place >>= 3
            kind += 1
    for cpu in range(m.ncpus):
        vec = _vec(m, cpu, Vec.LRU_ADD)
        nr = (head >> (SHIFT_LENGTHS + 5 * cpu)) & 31
        for i in range(np.int64(m.vec[vec]) + 1, nr + 1):
            m.vec[vec + i] = L.ZERO_PAGE
        m.vec[vec] = nr
    return at


@inline
def _find_places(m: Machine, order: Any, tmp: Any) -> int:
    """Write down where each page waits; return the lengths of lru_add, as the header has them."""
    lengths = 0
    for page in range(1, m.next_page):
        tmp[_NEW, page] = 0
        tmp[_PLACE, page] = 0
    for slot in range(1, m.nslots):
        tmp[_SLOT, slot] = 0
    for c in range(m.ncpus):
        cpu = order[c]
        for kind in range(L.NR_VECS):
            vec = _vec(m, cpu, kind)
            nr = np.int64(m.vec[vec])
            if kind == Vec.LRU_ADD:
                lengths |= nr << (SHIFT_LENGTHS + 5 * c)
            for i in range(vec + 1, vec + 1 + nr):
                page = np.int64(m.vec[i])
                if kind == Vec.LRU_ADD:
                    tmp[_PLACE, page] |= c + 1
                else:
                    tmp[_PLACE, page] += 1 << (3 + 3 * ((kind - 1) * m.ncpus + c))
    return lengths


@inline
def _number_held(m: Machine, tmp: Any, nr: int) -> int:
    """Number the pages that no PTE leads to but a reference holds, equal ones next to each other.

    Any other page that no PTE leads to is out of reach: a flush frees it, or nothing does.
    """
    first = nr
    for page in range(1, m.next_page):
        if tmp[_NEW, page] == 0 and m.page[page] & L.MASK_GUP:
            word = m.page[page] & L.NOT_SLOT
            at = nr
            while at > first:
                other = tmp[_ORDER, at - 1]
                theirs = m.page[other] & L.NOT_SLOT
                if theirs < word:
                    break
                if theirs == word and tmp[_PLACE, other] <= tmp[_PLACE, page]:
                    break
                tmp[_ORDER, at] = other
                at -= 1
            tmp[_ORDER, at] = page
            nr += 1
    for i in range(first, nr):
        tmp[_NEW, tmp[_ORDER, i]] = i + 1
    return nr


@inline
def _number_pages(m: Machine, tmp: Any) -> int:
    """Number the pages that PTEs and their slots lead to; return how many."""
    nr = 0
    for at in range(2 * m.npages):
        pte = np.int64(m.pte[at])
        page = 0
        if pte & L.PTE_PRESENT:
            page = pte >> L.SHIFT_PTE
        elif pte & L.PTE_SWAP:
            entry = np.int64(m.slot[pte >> L.SHIFT_PTE])
            if not entry & L.SLOT_SHADOW:
                page = entry >> L.SHIFT_SLOT_PAGE
        if page != 0 and tmp[_NEW, page] == 0:
            tmp[_ORDER, nr] = page
            nr += 1
            tmp[_NEW, page] = nr
    return nr


@inline
def _number_slots(m: Machine, tmp: Any, nr: int) -> int:
    """Number the slots that PTEs and numbered pages lead to; return how many.

    Their old numbers follow the pages' in the order's row.
    """
    slots = 0
    for at in range(2 * m.npages):
        pte = np.int64(m.pte[at])
        slot = pte >> L.SHIFT_PTE
        if pte & L.PTE_SWAP and not pte & L.PTE_PRESENT and tmp[_SLOT, slot] == 0:
            tmp[_ORDER, nr + slots] = slot
            slots += 1
            tmp[_SLOT, slot] = slots
    for i in range(nr):
        word = m.page[tmp[_ORDER, i]]
        slot = word >> L.SHIFT_SLOT
        if word & L.PG_SWAPCACHE and tmp[_SLOT, slot] == 0:
            tmp[_ORDER, nr + slots] = slot
            slots += 1
            tmp[_SLOT, slot] = slots
    return slots


@jitted
def store_state(m: Machine, order: Words, tmp: Table, words: Words, at: int) -> int:
    """Write a machine's state to ``words[at]``, renamed; return where it ends.

    Parameters
    ----------
    m
        The machine.
    order
        int64[MAX_CPUS], the CPUs in the order in which the state has them.
    tmp
        int64[NR_SCRATCH, 2 * FRAMES], scratch.
    words, at
        Where to.
    """
    head = _find_places(m, order, tmp)
    nr = _number_held(m, tmp, _number_pages(m, tmp))
    slots = _number_slots(m, tmp, nr)
    head |= (m.nr_processes - 1) | nr << 1 | slots << 6
    head |= (m.vma[L.VMA_ADDR] + 2) << 32 | m.vma[L.VMA_WIN] << 40 | m.vma[L.VMA_HITS] << 48
    words[at] = head
    at += 1
    ptes = 2 * m.npages
    filled = (ptes + _PER_WORD - 1) // _PER_WORD
    for i in range(filled + (slots + _PER_WORD - 1) // _PER_WORD):
        words[at + i] = 0
    for i in range(ptes):
        pte = np.int64(m.pte[i])
        number = pte >> L.SHIFT_PTE
        if pte & L.PTE_PRESENT:
            if number != L.ZERO_PAGE:
                number = tmp[_NEW, number]
        elif pte & L.PTE_SWAP:
            number = tmp[_SLOT, number]
        pte = (pte & 31) | number << L.SHIFT_PTE
        words[at + i // _PER_WORD] |= pte << (_BITS * (i % _PER_WORD))
    at += filled
    for i in range(slots):
        entry = np.int64(m.slot[tmp[_ORDER, nr + i]])
        page = 0 if entry & L.SLOT_SHADOW else entry >> L.SHIFT_SLOT_PAGE
        if page != 0:
            page = tmp[_NEW, page]
        entry = (entry & L.MASK_SLOT_STATE) | page << L.SHIFT_SLOT_PAGE
        words[at + i // _PER_WORD] |= entry << (_BITS * (i % _PER_WORD))
    at += (slots + _PER_WORD - 1) // _PER_WORD
    for i in range(nr):
        page = tmp[_ORDER, i]
        word = m.page[page] & L.NOT_SLOT
        if word & L.PG_SWAPCACHE:
            word |= tmp[_SLOT, m.page[page] >> L.SHIFT_SLOT] << L.SHIFT_SLOT
        words[at] = word
        words[at + 1] = tmp[_PLACE, page]
        at += 2
    return at
