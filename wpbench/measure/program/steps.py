"""Events in, steps of the simulated machine out (workloads/program_steps.py).

They are the same for any kernel: who shares which page does not depend on its decisions.
"""

from __future__ import annotations

from ...workloads.program_steps import (
    DOUBT_AT_ONCE,
    DOUBT_EXITING,
    S_ADD,
    S_BORN,
    S_DRAIN,
    S_EXIT,
    S_NEW,
    S_SWAPIN,
    S_SYNC,
    S_WRITE,
    TOLD_NOTHING,
)
from .events import (
    ALLOC,
    CPU,
    EXEC,
    EXIT,
    FAULT_KERNEL,
    FAULT_USER,
    INSERTION,
    KIND,
    NEWTASK,
    PAGE_CACHE,
    PID,
    RETURN,
    SYSCALL,
    TIME,
    UNMAPPED,
    WRITEOUT,
    A,
    B,
)
from .helper import helper
from .hints import H_LAST, H_UNSEEN
from .mappings import (
    fork_space,
    give_birth,
    leave_space,
    note_call,
    note_return,
    put,
    swap_ring_out,
    tear_down,
)
from .spaces import (
    E_FRAME,
    E_RIGHT,
    E_SHRUNK,
    E_SPACE,
    E_SWAPPED,
    K_ALONE,
    K_ENTRY,
    K_LEFT,
    K_SPACE,
    N_ADOPTING,
    N_BIRTHS,
    N_ENTRIES,
    N_SPACES,
    X_ENTRIES,
    X_ROOT,
    X_USERS,
    entry_of,
    have_frame,
    is_narrow,
    leave_ring,
    new_entry,
    new_known,
    new_space,
)
from .state import (
    V_COPY,
    V_IN_VAIN,
    V_NEW,
    V_NONE,
    V_OWN,
    V_REUSE,
    V_SWAPIN,
    V_SWAPIN_COPY,
    V_SWAPIN_WRITE,
    V_UNCLEAR,
    V_WITHIN,
)

_AT_ONCE_NS = 20_000  # a copy is made within this from its fault, if nothing comes between
_SPARE = 64  # steps that an event takes beside those of its pages


@helper
def _doubts(x, i, time):  # type: ignore[no-untyped-def]
    """Return what the events leave open about who maps an entry's page."""
    doubts = 0
    if time - x.entry[i, E_SHRUNK] < _AT_ONCE_NS:
        doubts = DOUBT_AT_ONCE
    j = x.entry[i, E_RIGHT]
    while j != i:
        if x.space[x.entry[j, E_SPACE], X_USERS] == 0:
            doubts |= DOUBT_EXITING
        j = x.entry[j, E_RIGHT]
    return doubts


@helper
def _fault(x, o, t, e, verdict):  # type: ignore[no-untyped-def]
    """A task has a fault, of which it is known what it was."""
    space, page, cpu = t[K_SPACE], e[A] >> 12, e[CPU]
    i = entry_of(x, space, page)
    t[K_ENTRY] = -1
    if verdict == V_NEW:
        if i < 0:
            i = new_entry(x, space, page)
        else:
            leave_ring(x, i)
        put(o, S_NEW, cpu, i, 0)
        t[K_ENTRY], t[K_ALONE] = i, 1
        return
    if i < 0:
        if verdict >= V_UNCLEAR:
            return
        n = x.number[N_BIRTHS]
        x.birth[n, 0], x.birth[n, 1] = x.space[space, X_ROOT], page
        x.number[N_BIRTHS] += 1
        i = new_entry(x, space, page)
        put(o, S_BORN, cpu, i, 0)
    t[K_ENTRY] = i
    if verdict in (V_SWAPIN, V_SWAPIN_WRITE, V_SWAPIN_COPY):
        if not x.entry[i, E_SWAPPED]:
            swap_ring_out(x, o, i, cpu)
        x.entry[i, E_SWAPPED] = 0
        put(o, S_SWAPIN, cpu, i, verdict != V_SWAPIN)
        t[K_ALONE] = 2 if verdict == V_SWAPIN_COPY else 0
        return
    t[K_ALONE] = 1
    told = verdict if V_REUSE <= verdict <= V_IN_VAIN else TOLD_NOTHING
    put(o, S_WRITE, cpu, i, told + 8 * _doubts(x, i, e[TIME]))
    if verdict in (V_COPY, V_IN_VAIN):
        j = x.entry[i, E_RIGHT]
        while j != i:
            x.entry[j, E_SHRUNK] = e[TIME]
            j = x.entry[j, E_RIGHT]
        leave_ring(x, i)


@helper
def _allocated(x, o, t, e, verdict, hint):  # type: ignore[no-untyped-def]
    """A followed task has allocated a page; say whether it is one of its own."""
    frame = e[A]
    i = t[K_ENTRY]
    if verdict == V_OWN and i >= 0:
        if t[K_ALONE] == 1:
            leave_ring(x, i)
        elif t[K_ALONE] == 2:
            t[K_ALONE] = 1
        have_frame(x, i, frame)
        return True
    if t[K_LEFT] >= 0 and hint:  # in execve(): the new program's stack, perhaps
        i = give_birth(x, o, t[K_SPACE], e[CPU], S_NEW)
        if i >= 0:
            have_frame(x, i, frame)
            return True
    return False


@helper
def _inserted(o, e, verdict, hint):  # type: ignore[no-untyped-def]
    """A page goes from a batch to the LRU."""
    cpu = e[CPU]
    o.burst[cpu] += 1
    if verdict == V_WITHIN:
        o.within[cpu] = 1
    if hint & H_UNSEEN:
        put(o, S_ADD, cpu, 0, 0)
    if hint & H_LAST:
        if o.burst[cpu] >= o.used[1]:
            put(o, S_SYNC, cpu, 0, 0)
        elif not o.within[cpu]:
            put(o, S_DRAIN, cpu, 0, 0)
        o.burst[cpu] = o.within[cpu] = 0


@helper
def _live(x, o, k, e, verdict, hint):  # type: ignore[no-untyped-def]
    """A followed task does something."""
    t, kind, cpu = x.task[k], e[KIND], e[CPU]
    if kind in (FAULT_USER, FAULT_KERNEL):
        if verdict != V_NONE:
            _fault(x, o, t, e, verdict)
    elif kind == SYSCALL:
        note_call(x, o, t, e, hint)
    elif kind == RETURN:
        note_return(x, o, t, e)
    elif kind == NEWTASK:
        fork_space(x, o, t, e)
    elif kind == UNMAPPED:
        space = t[K_LEFT] if t[K_LEFT] >= 0 else t[K_SPACE]
        if x.space[space, X_USERS] <= 1:
            tear_down(x, o, space, cpu)
    elif kind == EXIT:
        if t[K_LEFT] >= 0:
            leave_space(x, o, t[K_LEFT], cpu)
        leave_space(x, o, t[K_SPACE], cpu)


@helper
def _executed(x, o, k, e):  # type: ignore[no-untyped-def]
    """A task runs another program now."""
    t = x.task[k]
    if t[K_LEFT] < 0:  # its call was not seen
        t[K_LEFT] = t[K_SPACE]
        t[K_SPACE] = new_space(x, -1)
    leave_space(x, o, t[K_LEFT], e[CPU])
    t[K_LEFT] = -1
    while give_birth(x, o, t[K_SPACE], e[CPU], S_BORN) >= 0:
        pass
    if e[B] != e[A] and 0 < e[A] < len(x.slot_of):
        x.slot_of[e[B]] = -1
        x.slot_of[e[A]] = k


@helper
def _happened(x, o, k, e, verdict, hint):  # type: ignore[no-untyped-def]
    """Take the steps of one event; ``k``: row of its task, -1 for one that is not followed."""
    kind = e[KIND]
    if kind == INSERTION:
        _inserted(o, e, verdict, hint)
    elif kind in (ALLOC, PAGE_CACHE):
        own = False
        if kind == ALLOC:
            x.owner[e[A]] = 0
            own = k >= 0 and _allocated(x, o, x.task[k], e, verdict, hint)
        if hint and not own:
            put(o, S_ADD, hint - 1, 0, 0)
    elif kind == WRITEOUT:
        i = x.owner[e[A]] - 1
        if i >= 0 and x.entry[i, E_FRAME] == e[A]:
            swap_ring_out(x, o, i, e[CPU])
    elif kind == EXEC:
        if k >= 0:
            _executed(x, o, k, e)
    elif k >= 0:
        _live(x, o, k, e, verdict, hint)
    elif kind == UNMAPPED:
        put(o, S_EXIT, e[CPU], 0, 0)


@helper
def _needs(x, o, k):  # type: ignore[no-untyped-def]
    """Return how many steps, and new entries, an event of a task can take at most."""
    most, space = _SPARE, x.number[N_SPACES]
    if k >= 0:
        t = x.task[k]
        space = t[K_SPACE]
        most += 2 * x.space[space, X_ENTRIES]
        if t[K_LEFT] >= 0:
            most += 2 * x.space[t[K_LEFT], X_ENTRIES]
    if space + 1 < len(o.starts):
        most += o.starts[space + 1] - o.starts[space]
    return most


@helper
def take_steps(x, o, events, verdict, hint, begun):  # type: ignore[no-untyped-def]
    """Turn events into steps; return how far it came: not to the end where there is no room.

    Parameters
    ----------
    x
        ``Spaces``.
    o
        ``recording.Steps``.
    events, verdict, hint
        Rows as events.py has them, and of each ``state.V_*`` and ``hints.H_*``.
    begun
        The first that is to be done.
    """
    for i in range(begun, len(events)):
        e = events[i]
        kind, pid = e[KIND], e[B] if e[KIND] == EXEC else e[PID]
        k = x.slot_of[pid]
        most = _needs(x, o, k)
        if (
            o.used[0] + most > len(o.steps)
            or x.number[N_ENTRIES] + most > len(x.entry)
            or is_narrow(x)
        ):
            return i
        if k < 0 and x.number[N_ADOPTING] and kind in (FAULT_USER, FAULT_KERNEL) and pid > 0:
            k = new_known(x, pid, new_space(x, -1))
            while give_birth(x, o, x.task[k, K_SPACE], e[CPU], S_BORN) >= 0:
                pass
        _happened(x, o, k, e, verdict[i], hint[i])
    return len(events)
