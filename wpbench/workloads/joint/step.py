"""One operation on two machines at once, and what their outcomes differ in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...jit.compile import Table, Words
from ...mm import layout as L
from ...mm import operations as mm
from ...mm.machine import Machine
from ..litmus_ops import Op
from .compiled import inline, jitted, kernel
from .state import MASK_LENGTHS, MAX_CPUS, SHIFT_LENGTHS, load_state, store_state

# What can be observed, in the order of their bits.
OBSERVABLE = ("copies", "drains", "flushes", "memory")
(SEE_COPIES, SEE_DRAINS, SEE_FLUSHES, SEE_MEMORY) = range(len(OBSERVABLE))
# How far `touch` goes: until one entry fits into a machine's lru_add, or until it is flushed.
FILLS = ("a-1", "a", "b-1", "b")
# What an operation did on one machine: fields of a number, and their widths.
_OUTCOME_BITS = 3
_REASON_BITS = 5
_SEEN_BITS = 9
KIND_BITS = (2, 5, 5, _OUTCOME_BITS, _REASON_BITS, _SEEN_BITS, _OUTCOME_BITS, _REASON_BITS, 9)
KIND = (
    "observed",
    "operation",
    "diverged",
    "outcome_a",
    "reason_a",
    "seen_a",
    "outcome_b",
    "reason_b",
    "seen_b",
)
NO_OUTCOME = 7
# Rooms in lru_add up to which its length is part of a state; further ones are filled by `touch`.
NEAR = 2
DIVERGED = 1  # in a joint state's header; above it the operation that did it


@inline
def _room(m: Machine, cpu: int) -> int:
    return m.pagevec - np.int64(m.vec[cpu * L.NR_VECS * (m.pagevec + 1)])


@inline
def touched(a: Machine, b: Machine, how: int) -> int:
    """Return how many pages ``touch`` writes to fill an lru_add as ``FILLS[how]`` says.

    0 where that is no operation, or another of them.
    """
    room_a = _room(a, 0)
    room_b = _room(b, 0)
    pages = room_a if how < 2 else room_b
    if how % 2 == 0:
        pages -= 1
    if how >= 2 and (pages == room_a or pages == room_a - 1):
        return 0
    return pages


@inline
def may(a: Machine, b: Machine, do: int, most_held: int) -> bool:
    """Can the operation be next in a program?"""
    if do == Op.FORK:
        return a.nr_processes == 1
    if do == Op.EXIT:
        return a.nr_processes == 2
    if do == Op.GET:
        return held(a) < most_held and held(b) < most_held
    if do == Op.PUT:
        return held(a) + held(b) > 0
    return True


@kernel
def held(m: Machine) -> int:
    """Return how many references ``get`` holds."""
    nr = 0
    for page in range(1, m.next_page):
        word = m.page[page]
        if word & L.MASK_HOLDERS:
            nr += (word & L.MASK_GUP) >> L.SHIFT_GUP
    return nr


@inline
def _put(m: Machine) -> None:
    for page in range(1, m.next_page):
        while m.page[page] & L.MASK_HOLDERS and m.page[page] & L.MASK_GUP:
            mm.gup_put(m, page)


@kernel
def act(m: Machine, do: int, first: int, n: int) -> int:
    """Do an operation on CPU 0, which the program is on; return an access's outcome."""
    if do == Op.READ:
        return mm.read(m, 0, first)
    if do == Op.WRITE:
        return mm.write(m, 0, first)
    if do == Op.PAGEOUT:
        mm.madvise_pageout(m, 0, first, n)
    elif do == Op.COLD:
        mm.madvise_cold(m, 0, first, n)
    elif do == Op.FREE:
        mm.madvise_free(m, 0, first, n)
    elif do == Op.DONTNEED:
        mm.madvise_dontneed(m, 0, first, n)
    elif do == Op.ACCESS:
        mm.process_vm_readv(m, 0, first)
    elif do == Op.GET:
        mm.vmsplice_page(m, 0, first)
    elif do == Op.PUT:
        _put(m)
    elif do == Op.TOUCH:
        for _ in range(n):
            mm.insert_foreign_page(m, 0)
    elif do == Op.DRAIN:
        mm.lru_add_drain_all(m)
    elif do == Op.MUNMAP:
        mm.munmap_foreign(m, 0)
    elif do == Op.FORK:
        mm.fork(m, 0, 0, 1)
    elif do == Op.EXIT:
        mm.exit_process(m, first, 1)
    return NO_OUTCOME


@kernel
def memory(m: Machine) -> int:
    """Return how many pages and slots are in use, those left out that a flush would free."""
    nr = m.slots_used
    for page in range(1, m.next_page):
        if m.page[page] & (L.MASK_MAP | L.MASK_GUP | L.PG_SWAPCACHE):
            nr += m.page[page] & L.MASK_HOLDERS != 0
    return nr


@inline
def _seen(m: Machine, what: int, before: int) -> int:
    """Return what an operation did that is observed: the same number, the same to the observer."""
    if what == SEE_COPIES:
        return min(m.copies + m.zero_copies, 7)
    if what == SEE_DRAINS:
        return min(m.drains, 7) | min(m.drains_swapin, 7) << 3 | min(m.drains_readahead, 7) << 6
    if what == SEE_FLUSHES:
        return min(m.tlb_flushes, 511)
    return min(max(memory(m) - before + 256, 0), 511)


@inline
def _reason(m: Machine) -> int:
    return 1 + m.last_reason if m.copies else 0


@jitted
def kind(a: Machine, b: Machine, what: int, do: int, cause: int, outcomes: Any, before: Any) -> int:
    """Return the kind of a difference as a number, -1 where there is none.

    ``outcomes``: of the operation on either machine; ``before``: ``memory()`` of either before it.
    """
    seen_a = _seen(a, what, before[0])
    seen_b = _seen(b, what, before[1])
    if seen_a == seen_b and (what != SEE_COPIES or outcomes[0] == outcomes[1]):
        return -1
    made = what | do << 2 | cause << 7
    made |= outcomes[0] << 12 | _reason(a) << 15 | seen_a << 20
    return made | outcomes[1] << 29 | _reason(b) << 32 | seen_b << 37


@jitted
def load_joint(a: Machine, b: Machine, words: Any, at: int) -> int:
    """Put both machines into the joint state at ``words[at]``; return its header."""
    head = words[at]
    end = load_state(a, words, at + 1)
    load_state(b, words, end if head & DIVERGED else at + 1)
    return head


@inline
def _mix(hashed: int, word: int, factor: int) -> int:
    hashed = (hashed ^ word) * factor
    return hashed ^ (hashed >> 29)


@inline
def _length_class(a: Machine, b: Machine, cpu: int, touches: int) -> int:
    """Return what of two lengths of lru_add is part of a state.

    Far from full, without ``touch`` nothing, with it how much fuller one of the two is.
    """
    room_a = _room(a, cpu)
    room_b = _room(b, cpu)
    if min(room_a, room_b) <= NEAR:
        return room_a << 6 | room_b
    return (1 << 12) + touches * (64 + room_a - room_b)


@jitted
def _store(
    a: Machine, b: Machine, order: Any, head: int, do: int, tmp: Any, words: Any, at: int
) -> int:
    """Write the joint state to ``words[at]``; return where it ends."""
    middle = store_state(a, order, tmp, words, at + 1)
    end = store_state(b, order, tmp, words, middle)
    same = end - middle == middle - at - 1
    for i in range(middle - at - 1):
        if not same or words[at + 1 + i] != words[middle + i]:
            same = False
            break
    if same:
        words[at] = 0
        return middle
    words[at] = head if head & DIVERGED else DIVERGED | do << 1
    return end


@inline
def _less(words: Any, one: int, other: int, n: int) -> bool:
    for i in range(n):
        if words[one + i] != words[other + i]:
            return words[one + i] < words[other + i]
    return False


@jitted
def store_joint(
    a: Machine, b: Machine, cpu: int, head: int, do: int, order: Any, tmp: Any, words: Any, at: int
) -> int:
    """Write the joint state to ``words[at]``, of all names the least; return where it ends.

    ``cpu`` is the one that the program is on now; ``order`` is where the old names of the CPUs go.
    """
    order[0] = cpu
    nr = 1
    for other in range(a.ncpus):
        if other != cpu:
            order[nr] = other
            nr += 1
    end = _store(a, b, order, head, do, tmp, words, at)
    if a.ncpus == MAX_CPUS:
        order[1], order[2] = order[2], order[1]
        last = _store(a, b, order, head, do, tmp, words, end)
        n = end - at
        if last - end == n and _less(words, end, at, n):
            for i in range(n):
                words[at + i] = words[end + i]
        else:
            order[1], order[2] = order[2], order[1]
    return end


@jitted
def hash_joint(
    a: Machine, b: Machine, order: Any, words: Any, at: int, end: int, touches: int, out: Any
) -> None:
    """Give ``out[0:2]`` the hash of the joint state at ``words[at:end]``, lengths as classes."""
    one = 0
    two = words[at]
    for cpu in range(a.ncpus):
        length = _length_class(a, b, order[cpu], touches)
        one = _mix(one, length, -0x61C8864680B583EB)
        two = _mix(two, length, -0x40A7B892E31B1A47)
    second = at + 1
    if words[at] & DIVERGED:
        second = at + 1 + _state_words(a, words[at + 1])
    for i in range(at + 1, end):
        word = words[i]
        if i == at + 1 or i == second:
            word &= ~MASK_LENGTHS
        one = _mix(one, word, -0x61C8864680B583EB)
        two = _mix(two, word, -0x40A7B892E31B1A47)
    out[0] = one
    out[1] = two


@inline
def _state_words(m: Machine, head: int) -> int:
    """Return how many words a state with this header has."""
    return 1 + (2 * m.npages + 5) // 6 + (((head >> 6) & 31) + 5) // 6 + 2 * ((head >> 1) & 31)


@jitted
def step_once(
    a: Machine,
    b: Machine,
    words: Words,
    out: Words,
    do: int,
    first: int,
    n: int,
    order: Words,
    tmp: Table,
) -> int:
    """Do one operation on the joint state in ``words`` and write the next one to ``out``.

    Returns the pages that ``touch`` wrote; ``order`` gets the old names of the CPUs.
    """
    head = load_joint(a, b, words, 0)
    if do == Op.TOUCH:
        n = touched(a, b, first)
    act(a, do, first, n)
    act(b, do, first, n)
    store_joint(a, b, first if do == Op.ON else 0, head, do, order, tmp, out, 0)
    return n


__all__ = ["SHIFT_LENGTHS", "step_once"]
