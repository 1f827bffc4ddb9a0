"""Rounds that repeat: a machine that is in a state in which it was before does again what it did.

The state after a round is told as a row of words, in which pages and swap slots are named in the
order in which PTEs lead to them: two machines of which the same is told do the same from there on.
A row is kept after 256 rounds, and after twice as many each time (Brent's way to find a cycle);
each later round's is compared with it, as far as they agree.  Once all of it is the same, every
further period adds the same to every counter, and as many periods as fit are skipped.

That holds where nothing but this state decides what happens: not a clock, nor a random number.
``scenario/repeats.py`` says of which runs it does; the others have no memory for a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..jit.compile import inline, kernel
from ..mm import layout as L
from ..mm.machine import Machine
from ..mm.pagevec import pagevec
from ..mm.swapfile import slot_in_use

FIRST_LOOK = 256  # rounds after which the first state is kept
LAST_LOOK = 1 << 14  # rounds after which nobody looks any more

# Registers that must be as they were.
EXACT = (
    "random",
    "slots_used",
    "error",
    "lru_cache_disabled",
    "nr_processes",
    "nr_running",
    "nr_runnable",
    "started",
    "nr_requests",
    "request_seq",
    "nr_plugged",
    "readahead_hits",
    "readahead_prev_offset",
    "readahead_prev_win",
    "nr_logged",
    "nr_events",
    "nr_tests",
    "usable_cpus",
    "usable_ptes",
    "processes",
    "exiting",
)
# Those that need not be.  Of the turn and the age only what lies between them and the queue's
# entries, or the shadows, matters, which is told; so is the next slot, where slots keep their
# numbers.  The rest: where free pages are found, what only those read who look on, and how a run
# has ended.
OTHERS = (
    "turn",
    "nonresident_age",
    "free_top",
    "next_page",
    "next_slot",
    "last_reason",
    "last_word",
    "fault_event",
    "watched_word",
    "refused_call",
    "refusal",
    "refused_value",
    "refused_bound",
    "rounds_skipped",
)
_EXACT_AT = tuple(L.REGISTERS.index(name) for name in EXACT)

# m.scratch: these, then what grew until the row was kept, the names of pages and slots, the row.
(
    _ROUNDS,  # done
    _KEPT,  # after which of them the row was kept
    _OVER,  # nobody looks any more
    _KEEPS,  # is a row being kept, or compared?
    _AT,  # the next word of the row
    _DIFFERS,  # has a word differed, or is the state none that can be told?
    _LOOK,  # the number of this look, which is in the names that it gives
    _PAGES,  # named so far
    _SLOTS,
    _SLOTS_USED,
    _NR,
) = range(11)
_NR_GROWING = L.NR_COUNTERS + L.NR_REASONS + L.NR_SEEN + L.NR_SPENT
_SHIFT_LOOK = 32
_MASK_NAME = (1 << _SHIFT_LOOK) - 1


def scratch_words(config: Mapping[str, Any]) -> Any:
    """Return how many words of ``m.scratch`` it takes; from arrays of configurations, arrays."""
    names = config["nphys"] + config["nslots"]
    growing = _NR_GROWING + config["ncpus"] + config["timed"] * L.NR_BINS
    row = len(EXACT) + 2 + (L.NR_TH + 3) * config["threads"] + 2 * config["ncpus"]
    row = row + L.NR_VMA * config["nprocs"] + config["npages"] * config["nprocs"]
    row = row + config["ncpus"] * L.NR_VECS * (config["pagevec"] + 1)
    return _NR + growing + names + row + 2 * names


@inline
def _tell(m: Machine, word: Any) -> None:
    """Keep the next word of the row, or compare it."""
    at = m.scratch[_AT]
    m.scratch[_AT] = at + 1
    if m.scratch[_KEEPS]:
        m.scratch[at] = word
    elif m.scratch[at] != word:
        m.scratch[_DIFFERS] = 1


@inline
def _pages_at(m: Machine) -> int:
    """Return where in ``m.scratch`` the names of pages are; those of slots follow."""
    return _NR + _NR_GROWING + m.ncpus + (L.NR_BINS if m.timed else 0)


@inline
def _name(m: Machine, at: int, named: int) -> int:
    """Return the name at ``m.scratch[at]``; a new one, of which it is the first time, negated."""
    known = m.scratch[at]
    look = m.scratch[_LOOK]
    if known >> _SHIFT_LOOK == look:
        return known & _MASK_NAME
    name = m.scratch[named] + 1
    m.scratch[named] = name
    m.scratch[at] = look << _SHIFT_LOOK | name
    return -name


@inline
def _slots_have_numbers(m: Machine) -> bool:
    """Does it matter which slot is which, and not just who uses the same one?

    To cluster readahead, to the clock where slots are taken 64 at a time, and where more than half
    of swap can be in use: the search for a slot then frees those that it comes across.
    """
    return m.rotational or (m.timed and m.slot_cache) or 2 * (m.nslots - 1) > m.swap_total


@inline
def _tell_entry(m: Machine, slot: int, name: int, bits: int) -> int:
    """Tell a slot, and whatever it says but its page; return its page."""
    _tell(m, (slot if _slots_have_numbers(m) else abs(name)) << L.SHIFT_PTE | bits)
    if name > 0:
        return 0
    entry = np.int64(m.slot[slot])
    if slot_in_use(entry):
        m.scratch[_SLOTS_USED] += 1
    age = 0
    if entry & L.SLOT_SHADOW and m.refaults_activate and m.file_lru < L.MASK_AGE:
        age = (m.nonresident_age - (entry >> L.SHIFT_SLOT_PAGE)) & L.MASK_AGE
    _tell(m, age << L.SHIFT_SLOT_PAGE | entry & L.MASK_SLOT_STATE)
    return 0 if entry & L.SLOT_SHADOW else entry >> L.SHIFT_SLOT_PAGE


@kernel
def _tell_page(m: Machine, page: int, bits: int) -> None:
    """Tell a page and, the first time, its word and what its slot says."""
    if page == L.ZERO_PAGE:
        _tell(m, bits)
        return
    name = _name(m, _pages_at(m) + page, _PAGES)
    _tell(m, abs(name) << L.SHIFT_PTE | bits)
    if name > 0:
        return
    word = m.page[page]
    _tell(m, word & L.NOT_SLOT)
    if word & L.PG_SWAPCACHE:
        slot = word >> L.SHIFT_SLOT
        name = _name(m, _pages_at(m) + m.nphys + slot, _SLOTS)
        if name > 0 or _tell_entry(m, slot, name, 0) != page:
            m.scratch[_DIFFERS] = 1


@inline
def _tell_slot(m: Machine, slot: int, bits: int) -> None:
    """Tell a swap PTE's slot and, the first time, what it says, and its page's word."""
    name = _name(m, _pages_at(m) + m.nphys + slot, _SLOTS)
    page = _tell_entry(m, slot, name, bits)
    if name > 0:
        return
    if page == 0:
        _tell(m, 0)
        return
    word = m.page[page]
    _tell(m, word & L.NOT_SLOT)
    new = _name(m, _pages_at(m) + page, _PAGES) < 0
    if not (new and word & L.PG_SWAPCACHE and word >> L.SHIFT_SLOT == slot):
        m.scratch[_DIFFERS] = 1


@inline
def _tell_registers(m: Machine) -> None:
    for i in range(len(_EXACT_AT)):
        _tell(m, m.registers[_EXACT_AT[i]])
    _tell(m, m.next_slot if _slots_have_numbers(m) else 0)
    _tell(m, m.turn if m.nr_runnable else 0)
    for i in range(3 * m.nr_runnable):
        _tell(m, m.runqueue[i])
    for i in range(L.NR_TH * m.threads):
        _tell(m, m.thread[i])
    for cpu in range(m.ncpus):
        _tell(m, m.running[cpu])
        if m.timed:
            _tell(m, m.cold[cpu])
    for i in range(L.NR_VMA * m.nprocs):
        _tell(m, m.vma[i])
    for cpu in range(m.ncpus):
        for kind in range(L.NR_VECS):
            _tell(m, np.int64(m.vec[pagevec(m, cpu, kind)]))


@inline
def _tell_ptes(m: Machine) -> None:
    for at in range(m.npages * m.nprocs):
        if m.scratch[_DIFFERS]:
            return
        pte = np.int64(m.pte[at])
        number = pte >> L.SHIFT_PTE
        bits = pte & ((1 << L.SHIFT_PTE) - 1)
        if pte & L.PTE_PRESENT:
            _tell_page(m, number, bits)
        elif pte & L.PTE_SWAP:
            _tell_slot(m, number, bits)
        elif pte == L.PTE_NONE:
            _tell(m, pte)
        else:
            m.scratch[_DIFFERS] = 1  # in the middle of an operation


@inline
def _tell_pages(m: Machine) -> None:
    """Tell the pages that wait in pagevecs, in their order, then all that somebody holds."""
    for cpu in range(m.ncpus):
        for kind in range(L.NR_VECS):
            vec = pagevec(m, cpu, kind)
            for i in range(vec + 1, vec + 1 + np.int64(m.vec[vec])):
                _tell_page(m, np.int64(m.vec[i]), 0)
    if m.scratch[_DIFFERS]:
        return
    for page in range(1, m.next_page):
        if m.page[page] & L.MASK_HOLDERS:
            if m.scratch[_pages_at(m) + page] >> _SHIFT_LOOK != m.scratch[_LOOK]:
                _tell_page(m, page, 0)


@kernel
def _tell_state(m: Machine, keeps: int) -> int:
    """Keep the row of the machine's state, or compare it with the one that was kept.

    Return 1 if it could be told, and is the same.
    """
    m.scratch[_KEEPS] = keeps
    m.scratch[_AT] = _pages_at(m) + m.nphys + m.nslots
    m.scratch[_DIFFERS] = 0
    m.scratch[_LOOK] += 1
    m.scratch[_PAGES] = 0
    m.scratch[_SLOTS] = 0
    m.scratch[_SLOTS_USED] = 0
    _tell_registers(m)
    if not m.scratch[_DIFFERS]:
        _tell_ptes(m)
    if not m.scratch[_DIFFERS]:
        _tell_pages(m)
    if m.scratch[_DIFFERS] or m.scratch[_SLOTS_USED] != m.slots_used:
        return 0
    return 1


@inline
def _repeat(m: Machine, table: Any, length: int, at: int, times: int) -> int:
    """Let a table's numbers grow ``times`` more by what they have since the row was kept.

    Keep them from ``m.scratch[at]`` on; return where the next table's are.
    """
    for i in range(length):
        table[i] += times * (table[i] - m.scratch[at + i])
        m.scratch[at + i] = table[i]
    return at + length


@kernel
def _repeat_all(m: Machine, times: int) -> None:
    """Let everything that grows do so ``times`` more, and keep it."""
    at = _repeat(m, m.counters, L.NR_COUNTERS, _NR, times)
    at = _repeat(m, m.reason, L.NR_REASONS, at, times)
    at = _repeat(m, m.seen, L.NR_SEEN, at, times)
    at = _repeat(m, m.spent, L.NR_SPENT, at, times)
    at = _repeat(m, m.clock, m.ncpus, at, times)
    if m.timed:
        _repeat(m, m.histogram, L.NR_BINS, at, times)


@kernel
def _look(m: Machine, left: int) -> int:
    """Look at the state after a round; return how many of the ``left`` ones are to be done."""
    m.scratch[_ROUNDS] += 1
    rounds = m.scratch[_ROUNDS]
    if rounds < FIRST_LOOK or m.scratch[_OVER]:
        return left
    kept = m.scratch[_KEPT]
    if kept:
        if _tell_state(m, 0):
            m.scratch[_OVER] = 1
            times = left // (rounds - kept)
            _repeat_all(m, times)
            m.rounds_skipped = times * (rounds - kept)
            return left - m.rounds_skipped
        if rounds < 2 * kept:
            return left
    _repeat_all(m, 0)
    m.scratch[_KEPT] = rounds
    m.scratch[_OVER] = rounds >= LAST_LOOK or not _tell_state(m, 1)
    return left


@inline
def rounds_left(m: Machine, left: int) -> int:
    """Return how many of the ``left`` rounds of a run are to be done after the one just done.

    All of them; or those that are left over once the machine has repeated itself as often as it
    can, its counters as if it had.
    """
    return _look(m, left) if m.scratch_words else left
