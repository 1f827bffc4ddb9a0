"""Search programs breadth-first over the joint states of two machines."""

from __future__ import annotations

from typing import Any

from ...jit.compile import Bytes, Table, Words
from ...mm.machine import Machine
from ..litmus_ops import Op
from .compiled import inline, jitted
from .state import MAX_STATE
from .step import (
    DIVERGED,
    OBSERVABLE,
    SEE_COPIES,
    act,
    hash_joint,
    kind,
    load_joint,
    may,
    memory,
    store_joint,
    touched,
)

JOINT_WORDS = 2 + 4 * MAX_STATE  # room that one joint state takes while it is made
MAX_KINDS = 4096  # of differences that one call can tell apart
(AT_NEXT, AT_NEW, AT_WORDS, AT_HITS, AT_STEPS, AT_REFUSED, NR_AT) = range(7)
(NEW_HASH, NEW_HASH_2, NEW_PARENT, NEW_OP, NEW_START, NR_NEW) = range(6)
(HIT_KIND, HIT_PARENT, HIT_OP, NR_HIT) = range(4)


@inline
def find(table: Any, hashes: Any, one: int, two: int) -> int:
    """Return the place of a hash in the table: where its state's number is, or belongs."""
    mask = table.size - 1
    at = one & mask
    while table[at] >= 0:
        state = table[at]
        if hashes[state, 0] == one and hashes[state, 1] == two:
            return at
        at = (at + 1) & mask
    return at


@inline
def _is_wanted(kinds: Any, counts: Any, made: int, most: int) -> bool:
    """Count a difference of a kind; is it among the first of it?"""
    at = (made * -0x61C8864680B583EB) >> 20 & (MAX_KINDS - 1)
    for _ in range(MAX_KINDS):
        if kinds[at] == made or counts[at] == 0:
            kinds[at] = made
            counts[at] += 1
            return counts[at] <= most
        at = (at + 1) & (MAX_KINDS - 1)
    return False


@jitted
def expand(
    a: Machine,
    b: Machine,
    ops: Table,
    words: Words,
    starts: Words,
    base: int,
    first: int,
    last: int,
    observed: int,
    most_held: int,
    most_hits: int,
    keep: int,
    table: Words,
    hashes: Table,
    new: Table,
    new_words: Words,
    hits: Table,
    kinds: Words,
    counts: Words,
    tmp: Table,
    at: Words,
    stop: Bytes,
) -> None:
    """Do every operation on states of the frontier; write down new states and differences.

    Parameters
    ----------
    a, b
        The machines.
    ops
        int64[n, 3]: operation, page or CPU or how far to fill, pages.
    words, starts
        The frontier: states, and where each begins.
    base
        Number of the frontier's first state.
    first, last
        States of the frontier to begin with and to end before.
    observed
        A bit for each of ``OBSERVABLE``.
    most_held, most_hits
        References that a program may hold; programs of each kind of difference to write down.
    keep
        0: states are not needed any more, differences alone are.
    table, hashes
        States seen before: an open hash table of their numbers, and the hash of each.
    new, new_words, hits
        Out: int64[_, NR_NEW], the states, int64[_, NR_HIT].
    kinds, counts, tmp
        Scratch.
    at
        int64[NR_AT] out: the state to go on with, and how many of each there are.
    stop
        uint8[1]: ends early.
    """
    touches = 0
    for k in range(ops.shape[0]):
        if ops[k, 0] == Op.TOUCH:
            touches = 1
    outcomes = tmp[-1]
    before = tmp[-2]
    hashed = tmp[-3]
    order = tmp[-4]
    nr, end, nr_hits = 0, 0, 0
    steps, refused = 0, 0
    state = first
    while state < last and not stop[0]:
        if nr + ops.shape[0] > new.shape[0] or nr_hits + 4 * ops.shape[0] > hits.shape[0]:
            break
        if end + (ops.shape[0] + 1) * JOINT_WORDS > new_words.size:
            break
        for k in range(ops.shape[0]):
            do = ops[k, 0]
            n = ops[k, 2]
            head = load_joint(a, b, words, starts[state])
            if not may(a, b, do, most_held):
                continue
            if do == Op.TOUCH:
                n = touched(a, b, ops[k, 1])
                if n <= 0:
                    continue
            if observed >> 3:
                before[0] = memory(a)
                before[1] = memory(b)
            outcomes[0] = act(a, do, ops[k, 1], n)
            outcomes[1] = act(b, do, ops[k, 1], n)
            steps += 1
            if a.error or b.error:
                refused += 1
                continue
            cause = head >> 1 if head & DIVERGED else do
            differs = outcomes[0] != outcomes[1]
            for what in range(len(OBSERVABLE)):
                if observed >> what & 1 == 0 or (differs and what != SEE_COPIES):
                    continue
                made = kind(a, b, what, do, cause, outcomes, before)
                if made >= 0 and _is_wanted(kinds, counts, made, most_hits):
                    hits[nr_hits, HIT_KIND] = made
                    hits[nr_hits, HIT_PARENT] = base + state
                    hits[nr_hits, HIT_OP] = k
                    nr_hits += 1
            if differs or not keep:
                continue
            cpu = ops[k, 1] if do == Op.ON else 0
            after = store_joint(a, b, cpu, head, do, order, tmp, new_words, end)
            hash_joint(a, b, order, new_words, end, after, touches, hashed)
            if table[find(table, hashes, hashed[0], hashed[1])] >= 0:
                continue
            new[nr, NEW_HASH] = hashed[0]
            new[nr, NEW_HASH_2] = hashed[1]
            new[nr, NEW_PARENT] = base + state
            new[nr, NEW_OP] = k
            new[nr, NEW_START] = end
            nr += 1
            end = after
        state += 1
    at[AT_NEXT] = state
    at[AT_NEW] = nr
    at[AT_WORDS] = end
    at[AT_HITS] = nr_hits
    at[AT_STEPS] = steps
    at[AT_REFUSED] = refused


@jitted
def merge(
    new: Table,
    nr: int,
    new_words: Words,
    end: int,
    table: Words,
    hashes: Table,
    parents: Words,
    operations: Bytes,
    states: int,
    words: Words,
    starts: Words,
    nr_starts: int,
    used: int,
) -> tuple[int, int]:
    """Enter new states into the table; return how many states there are now, and words.

    ``words[used:]`` and ``starts[nr_starts:]`` get those that were not there.
    """
    for i in range(nr):
        one, two = new[i, NEW_HASH], new[i, NEW_HASH_2]
        place = find(table, hashes, one, two)
        if table[place] >= 0:
            continue
        table[place] = states
        hashes[states, 0] = one
        hashes[states, 1] = two
        parents[states] = new[i, NEW_PARENT]
        operations[states] = new[i, NEW_OP]
        states += 1
        starts[nr_starts] = used
        nr_starts += 1
        stop = new[i + 1, NEW_START] if i + 1 < nr else end
        for k in range(new[i, NEW_START], stop):
            words[used] = new_words[k]
            used += 1
    return states, used


@jitted
def rehash(table: Words, hashes: Table, states: int) -> None:
    """Enter all states into an empty table."""
    for state in range(states):
        table[find(table, hashes, hashes[state, 0], hashes[state, 1])] = state
