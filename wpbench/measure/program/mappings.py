"""What becomes of a program's pages, but for its faults: fork, exec, exit, munmap, reclaim."""

from __future__ import annotations

from ...workloads.program_steps import (
    S_COLD,
    S_DRAIN,
    S_EXIT,
    S_FREE,
    S_MUNMAP,
    S_SHARE,
    S_SWAPOUT,
    S_SWAPOUT_TOO,
    S_UNMAP,
)
from .events import (
    CPU,
    SYS_BRK,
    SYS_MADVISE,
    SYS_MMAP,
    SYS_MUNMAP,
    A,
    B,
    D,
    E,
)
from .helper import helper
from .hints import H_EXEC
from .spaces import (
    E_NEXT,
    E_PAGE,
    E_RIGHT,
    E_SWAPPED,
    K_CALL,
    K_FIRST,
    K_LEFT,
    K_SECOND,
    K_SPACE,
    K_THIRD,
    N_TOLD,
    X_BIRTH,
    X_BREAK,
    X_ENTRIES,
    X_FIRST,
    X_ROOT,
    X_USERS,
    entry_of,
    join_ring,
    move_entry,
    new_entry,
    new_known,
    new_space,
    remove_entry,
)
from .tasks import CLONE_VM

WIDTH = 4  # of a step: what, CPU, PTE, another number
_DONTNEED, _FREE, _COLD = 4, 8, 20  # advice to madvise()


@helper
def put(o, what, cpu, at, more):  # type: ignore[no-untyped-def]
    """Write down a step."""
    row = o.steps[o.used[0]]
    row[0], row[1], row[2], row[3] = what, cpu, at, more
    o.used[0] += 1


@helper
def give_birth(x, o, space, cpu, what):  # type: ignore[no-untyped-def]
    """Let the next page begin that is met without a beginning; say whether there is one."""
    if space + 1 >= len(o.starts):
        return -1
    at = o.starts[space] + x.space[space, X_BIRTH]
    if at >= o.starts[space + 1]:
        return -1
    x.space[space, X_BIRTH] += 1
    i = entry_of(x, space, o.births[at])
    if i < 0:
        i = new_entry(x, space, o.births[at])
    put(o, what, cpu, i, 0)
    return i


@helper
def unmap_pages(x, o, space, first, end, what, cpu):  # type: ignore[no-untyped-def]
    """Take a step for each page of a range; unmapped ones are forgotten."""
    if end <= first:
        return
    if end - first < x.space[space, X_ENTRIES]:
        for page in range(first, end):
            i = entry_of(x, space, page)
            if i >= 0:
                put(o, what, cpu, i, 0)
                if what == S_UNMAP:
                    remove_entry(x, i)
        return
    i = x.space[space, X_FIRST]
    while i >= 0:
        after = x.entry[i, E_NEXT]
        if first <= x.entry[i, E_PAGE] < end:
            put(o, what, cpu, i, 0)
            if what == S_UNMAP:
                remove_entry(x, i)
        i = after


@helper
def tear_down(x, o, space, cpu):  # type: ignore[no-untyped-def]
    """An address space goes."""
    x.space[space, X_USERS] = 0
    put(o, S_EXIT, cpu, 0, 0)
    unmap_pages(x, o, space, 0, 1 << 62, S_UNMAP, cpu)


@helper
def leave_space(x, o, space, cpu):  # type: ignore[no-untyped-def]
    """A task leaves an address space; the last one takes it along.

    Where the kernel tells when it is gone (``UNMAPPED``), not before: since 6.16 or so a task says
    that it exits before it does.
    """
    if x.space[space, X_USERS] > 0:
        x.space[space, X_USERS] -= 1
        if x.space[space, X_USERS] == 0 and not x.number[N_TOLD]:
            tear_down(x, o, space, cpu)


@helper
def fork_space(x, o, t, e):  # type: ignore[no-untyped-def]
    """A task has a child."""
    pid, space = e[A], t[K_SPACE]
    if not 0 < pid < len(x.slot_of):
        return
    if e[B] & CLONE_VM:
        x.space[space, X_USERS] += 1
        new_known(x, pid, space)
        return
    child = new_space(x, x.space[space, X_ROOT])
    x.space[child, X_BREAK] = x.space[space, X_BREAK]
    new_known(x, pid, child)
    i = x.space[space, X_FIRST]
    while i >= 0:
        j = new_entry(x, child, x.entry[i, E_PAGE])
        join_ring(x, j, i)
        put(o, S_SHARE, e[CPU], i, j)
        i = x.entry[i, E_NEXT]


@helper
def note_call(x, o, t, e, hint):  # type: ignore[no-untyped-def]
    """A task makes a system call."""
    t[K_CALL], t[K_FIRST], t[K_SECOND], t[K_THIRD] = e[A], e[D], e[B], e[E]
    space, first = t[K_SPACE], e[D] >> 12
    end = (e[D] + e[B] + 4095) >> 12
    if hint == H_EXEC:
        if t[K_LEFT] < 0:
            t[K_LEFT] = space
        t[K_SPACE] = new_space(x, -1)
    elif e[A] == SYS_MUNMAP:
        put(o, S_MUNMAP, e[CPU], 0, 0)
        unmap_pages(x, o, space, first, end, S_UNMAP, e[CPU])
    elif e[A] == SYS_BRK and e[D] > 0:
        before = x.space[space, X_BREAK]
        unmap_pages(x, o, space, (e[D] + 4095) >> 12, before >> 12, S_UNMAP, e[CPU])
        x.space[space, X_BREAK] = e[D] + 4095
    elif e[A] == SYS_MADVISE and e[E] == _DONTNEED:
        put(o, S_MUNMAP, e[CPU], 0, 0)
        unmap_pages(x, o, space, first, end, S_UNMAP, e[CPU])
    elif e[A] == SYS_MADVISE and e[E] == _FREE:
        put(o, S_DRAIN, e[CPU], 0, 0)
        unmap_pages(x, o, space, first, end, S_FREE, e[CPU])
    elif e[A] == SYS_MADVISE and e[E] == _COLD:
        put(o, S_DRAIN, e[CPU], 0, 0)
        unmap_pages(x, o, space, first, end, S_COLD, e[CPU])


@helper
def note_return(x, o, t, e):  # type: ignore[no-untyped-def]
    """A system call has made a mapping."""
    if -4095 <= e[B] <= 0 or t[K_CALL] != e[A]:
        return
    space, new, length = t[K_SPACE], e[B] >> 12, (t[K_SECOND] + 4095) >> 12
    if e[A] == SYS_MMAP:
        unmap_pages(x, o, space, new, new + length, S_UNMAP, e[CPU])
        return
    old = t[K_FIRST] >> 12
    if new == old:
        kept = (t[K_THIRD] + 4095) >> 12
        unmap_pages(x, o, space, old + kept, old + length, S_UNMAP, e[CPU])
        return
    unmap_pages(x, o, space, new, new + length, S_UNMAP, e[CPU])
    i = x.space[space, X_FIRST]
    while i >= 0:
        page = x.entry[i, E_PAGE]
        if old <= page < old + length:
            move_entry(x, i, page - old + new)
        i = x.entry[i, E_NEXT]


@helper
def swap_ring_out(x, o, i, cpu):  # type: ignore[no-untyped-def]
    """Reclaim takes the page of an entry away from all who map it."""
    put(o, S_SWAPOUT, cpu, i, 0)
    x.entry[i, E_SWAPPED] = 1
    j = x.entry[i, E_RIGHT]
    while j != i:
        if not x.entry[j, E_SWAPPED]:
            put(o, S_SWAPOUT_TOO, cpu, j, i)
            x.entry[j, E_SWAPPED] = 1
        j = x.entry[j, E_RIGHT]
