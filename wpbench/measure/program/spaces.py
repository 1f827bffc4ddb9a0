"""Address spaces as a replay knows them: which page each address has, and who shares it.

An entry is a page of an address space; its number is that of the simulated machine's PTE.  Entries
that map the same page, after a fork, are a ring.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .helper import helper
from .state import Words

# An entry: columns of Spaces.entry.  NEXT also chains the free ones.
(
    E_SPACE,
    E_PAGE,
    E_NEXT,  # of its address space's, -1: the last
    E_PREVIOUS,
    E_CHAIN,  # next with the same hash
    E_RIGHT,  # ring of those that map the same page
    E_LEFT,
    E_FRAME,  # page frame, -1: not known
    E_SWAPPED,
    E_SHRUNK,  # when another one last left the ring with a copy
) = range(10)
# An address space: columns of Spaces.space.
X_USERS, X_FIRST, X_ENTRIES, X_ROOT, X_BIRTH, X_BREAK = range(6)
# A task: columns of Spaces.task.
(
    K_SPACE,
    K_LEFT,  # the space that an execve() is about to leave, -1
    K_CALL,  # the last system call and its first three arguments
    K_FIRST,
    K_SECOND,
    K_THIRD,
    K_ENTRY,  # of the fault that it is in, -1
    K_ALONE,  # 1: the fault's next page is this entry's alone; 2: the one after it is
) = range(8)
(
    N_ENTRIES, N_FREE, N_SPACES, N_KNOWN, N_BIRTHS,
    N_ADOPTING,  # follow tasks whose beginning was not seen?
    N_TOLD,  # are there events of kind UNMAPPED?
) = range(7)  # fmt: skip


class Spaces(NamedTuple):
    """All of it; arrays of int64 where nothing else is said."""

    entry: Words
    head: npt.NDArray[np.int32]  # by hash: first entry, -1
    space: Words
    slot_of: npt.NDArray[np.int32]  # by process id: row of task, -1
    task: Words
    owner: npt.NDArray[np.int32]  # by page frame: 1 + an entry that maps it, 0
    birth: Words  # [space that it belongs to, page], for pages met that nobody had seen
    number: Words


def new_spaces(frames: int, pids: int, *, adopt: bool, told: bool) -> Spaces:
    """Return no address spaces.

    Parameters
    ----------
    frames, pids
        One more than the highest page frame and process id.
    adopt
        Follow tasks whose beginning was not seen, too.
    told
        Do events tell when an address space is gone?
    """
    made = Spaces(
        entry=np.zeros((1 << 12, 10), np.int64),
        head=np.full(1 << 12, -1, np.int32),
        space=np.zeros((64, 6), np.int64),
        slot_of=np.full(pids, -1, np.int32),
        task=np.zeros((64, 8), np.int64),
        owner=np.zeros(frames, np.int32),
        birth=np.zeros((1 << 10, 2), np.int64),
        number=np.zeros(7, np.int64),
    )
    made.number[N_FREE] = -1
    made.number[N_ADOPTING], made.number[N_TOLD] = adopt, told
    return made


def widened(x: Spaces, *, force: bool) -> Spaces:
    """Return the same with twice the room wherever half is used; ``force``: for entries anyway."""
    number = x.number
    changed = {}
    for name, used in (
        ("entry", number[N_ENTRIES]),
        ("space", number[N_SPACES]),
        ("task", number[N_KNOWN]),
        ("birth", number[N_BIRTHS]),
    ):
        array = getattr(x, name)
        if 2 * used >= len(array) or (force and name == "entry"):
            changed[name] = np.concatenate([array, np.zeros_like(array)])
    if "entry" in changed:
        changed["head"] = np.full(2 * len(x.head), -1, np.int32)
    wider = x._replace(**changed)
    if "entry" in changed:
        rehash(wider)
    return wider


@helper
def is_narrow(x):  # type: ignore[no-untyped-def]
    """Is it time for more room?"""
    n = x.number
    return (
        2 * n[N_SPACES] >= len(x.space)
        or 2 * n[N_KNOWN] >= len(x.task)
        or 2 * n[N_BIRTHS] >= len(x.birth)
    )


@helper
def _hash(x, space, page):  # type: ignore[no-untyped-def]
    return (space * 1000003 + page * 40503 + (page >> 12)) & (len(x.head) - 1)


@helper
def rehash(x):  # type: ignore[no-untyped-def]
    """Enter all live entries into empty heads."""
    for i in range(x.number[N_ENTRIES]):
        if x.entry[i, E_SPACE] >= 0:
            h = _hash(x, x.entry[i, E_SPACE], x.entry[i, E_PAGE])
            x.entry[i, E_CHAIN] = x.head[h]
            x.head[h] = i


@helper
def entry_of(x, space, page):  # type: ignore[no-untyped-def]
    """Return the entry of a page, -1 where there is none."""
    i = x.head[_hash(x, space, page)]
    while i >= 0 and (x.entry[i, E_PAGE] != page or x.entry[i, E_SPACE] != space):
        i = x.entry[i, E_CHAIN]
    return i


@helper
def _chain(x, i, space, page):  # type: ignore[no-untyped-def]
    h = _hash(x, space, page)
    e = x.entry[i]
    e[E_SPACE], e[E_PAGE], e[E_CHAIN] = space, page, x.head[h]
    x.head[h] = i


@helper
def _unchain(x, i):  # type: ignore[no-untyped-def]
    h = _hash(x, x.entry[i, E_SPACE], x.entry[i, E_PAGE])
    if x.head[h] == i:
        x.head[h] = x.entry[i, E_CHAIN]
        return
    j = x.head[h]
    while x.entry[j, E_CHAIN] != i:
        j = x.entry[j, E_CHAIN]
    x.entry[j, E_CHAIN] = x.entry[i, E_CHAIN]


@helper
def new_entry(x, space, page):  # type: ignore[no-untyped-def]
    """Return a new entry, alone in its ring; there must be room."""
    i = x.number[N_FREE]
    if i >= 0:
        x.number[N_FREE] = x.entry[i, E_NEXT]
    else:
        i = x.number[N_ENTRIES]
        x.number[N_ENTRIES] += 1
    _chain(x, i, space, page)
    e = x.entry[i]
    first = x.space[space, X_FIRST]
    e[E_NEXT], e[E_PREVIOUS] = first, -1
    if first >= 0:
        x.entry[first, E_PREVIOUS] = i
    x.space[space, X_FIRST] = i
    x.space[space, X_ENTRIES] += 1
    e[E_RIGHT] = e[E_LEFT] = i
    e[E_FRAME], e[E_SWAPPED], e[E_SHRUNK] = -1, 0, -(1 << 62)
    return i


@helper
def leave_ring(x, i):  # type: ignore[no-untyped-def]
    """The entry maps its page no more; another one stands for its frame, if any."""
    e = x.entry[i]
    frame = e[E_FRAME]
    if frame >= 0 and x.owner[frame] == i + 1:
        x.owner[frame] = 1 + e[E_RIGHT] if e[E_RIGHT] != i else 0
    x.entry[e[E_LEFT], E_RIGHT] = e[E_RIGHT]
    x.entry[e[E_RIGHT], E_LEFT] = e[E_LEFT]
    e[E_RIGHT] = e[E_LEFT] = i
    e[E_FRAME], e[E_SWAPPED] = -1, 0


@helper
def join_ring(x, i, other):  # type: ignore[no-untyped-def]
    """The entry maps the page that another one maps (fork)."""
    e, o = x.entry[i], x.entry[other]
    e[E_FRAME], e[E_SWAPPED] = o[E_FRAME], o[E_SWAPPED]
    right = o[E_RIGHT]
    e[E_LEFT], e[E_RIGHT] = other, right
    x.entry[right, E_LEFT] = i
    o[E_RIGHT] = i


@helper
def have_frame(x, i, frame):  # type: ignore[no-untyped-def]
    """The page of a ring is in a frame from now on."""
    j = i
    while True:
        x.entry[j, E_FRAME] = frame
        j = x.entry[j, E_RIGHT]
        if j == i:
            break
    x.owner[frame] = i + 1


@helper
def remove_entry(x, i):  # type: ignore[no-untyped-def]
    """Forget an entry."""
    leave_ring(x, i)
    _unchain(x, i)
    e = x.entry[i]
    if e[E_NEXT] >= 0:
        x.entry[e[E_NEXT], E_PREVIOUS] = e[E_PREVIOUS]
    if e[E_PREVIOUS] >= 0:
        x.entry[e[E_PREVIOUS], E_NEXT] = e[E_NEXT]
    else:
        x.space[e[E_SPACE], X_FIRST] = e[E_NEXT]
    x.space[e[E_SPACE], X_ENTRIES] -= 1
    e[E_SPACE] = -1
    e[E_NEXT] = x.number[N_FREE]
    x.number[N_FREE] = i


@helper
def move_entry(x, i, page):  # type: ignore[no-untyped-def]
    """A page is at another address of its space now (mremap)."""
    _unchain(x, i)
    _chain(x, i, x.entry[i, E_SPACE], page)


@helper
def new_space(x, root):  # type: ignore[no-untyped-def]
    """Return a new, empty address space; ``root``: whose pages it began with, -1: its own."""
    n = x.number[N_SPACES]
    x.number[N_SPACES] += 1
    s = x.space[n]
    s[X_USERS], s[X_FIRST], s[X_ENTRIES] = 1, -1, 0
    s[X_ROOT] = n if root < 0 else root
    s[X_BIRTH] = s[X_BREAK] = 0
    return n


@helper
def new_known(x, pid, space):  # type: ignore[no-untyped-def]
    """Return the row of a new task."""
    k = x.number[N_KNOWN]
    x.number[N_KNOWN] += 1
    x.slot_of[pid] = k
    t = x.task[k]
    t[K_SPACE], t[K_LEFT], t[K_CALL], t[K_ENTRY] = space, -1, -1, -1
    t[K_FIRST] = t[K_SECOND] = t[K_THIRD] = t[K_ALONE] = 0
    return k
