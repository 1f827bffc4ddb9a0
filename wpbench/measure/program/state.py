"""What is known of the tasks, address spaces and pages of a running program, as arrays.

Jitted code walks them (tasks.py, pages.py, faults.py); room.py makes them larger between two calls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.int64]

# A task: columns of State.task.  The second half describes its fault that is not over yet.
TASK = (
    "T_PID",
    "T_MM",
    "T_COMM",  # row of State.comm
    "T_COUNTED",  # 0: the launcher, before it has become the command
    "T_RECLAIM",  # depth of reclaim that it is in
    "T_SYSCALL",  # the last system call, and two of its arguments
    "T_LENGTH",
    "T_FLAGS",
    "T_OPEN",  # kind of the fault: below
    "T_PAGE",  # address / 4096
    "T_TIME",
    "T_CPU",
    "T_KERNEL",  # was it the kernel that touched the page?
    "T_FRAME",  # 1 + the page's frame, where its allocation was seen
    "T_DRAINED",  # LRU insertions before a copy was allocated
    "T_ITSELF",  # was the page among them?
    "T_COPY",  # 1 + the frame that was allocated, for a copy
    "T_COPY_TIME",
    "T_ZEROED",  # was it asked for as zeroes?
    "T_FILE",  # rss_stat: a file's (or tmpfs's) page went
    "T_ANON",  # rss_stat: an anonymous page came
    "T_SWAP",  # rss_stat: a swap entry went
    "T_SECOND",  # an allocation after that: do_wp_page() copied within do_swap_page()
    "T_SIGNAL",  # the fault ended in SIGSEGV or SIGBUS
    "T_LARGE",  # order of a large folio that was allocated
    "T_DOUBT",  # column of State.counts that says why it cannot be told, 0: it can
    "T_AT",  # places of its events: the fault, the allocation of the copy, the second one
    "T_COPY_AT",
    "T_SECOND_AT",
)
(
    T_PID, T_MM, T_COMM, T_COUNTED, T_RECLAIM, T_SYSCALL, T_LENGTH, T_FLAGS,
    T_OPEN, T_PAGE, T_TIME, T_CPU, T_KERNEL, T_FRAME, T_DRAINED, T_ITSELF, T_COPY, T_COPY_TIME,
    T_ZEROED, T_FILE, T_ANON, T_SWAP, T_SECOND, T_SIGNAL, T_LARGE, T_DOUBT,
    T_AT, T_COPY_AT, T_SECOND_AT,
) = range(len(TASK))  # fmt: skip
NO_FAULT, WRITE_PROTECT, WRITE_ABSENT, READ_ABSENT = range(4)

# An address space: columns of State.mm.
M_USERS, M_PARENT, M_BORN, M_EPOCH = range(4)  # epoch: pages may have become read-only then

# A page: columns of State.page, an open hash table.
P_MM, P_PAGE, P_STATE, P_CPU, P_TIME, P_FRAME, P_TASK = range(7)
# P_STATE; 0: the place is free.
WAS_READ, WAS_WRITTEN, IS_LARGE, WAS_SEEN = 1, 2, 3, 4
LARGE_KEY = 1 << 46  # in P_PAGE: a region of 512 pages that has a large folio somewhere

# A shared mapping: columns of State.shared.
S_MM, S_FIRST, S_END = range(3)

# What is counted, for each name and CPU.
COUNTED = (
    "reuses",
    "copies",
    "helped",
    "in_vain",
    "drained_pages",
    "file_faults",
    "zero_faults",
    "direct_writes",
    "direct_copies",
    "shared_faults",
    "moved",
    "after_read",
    "moved_anon",
    "after_read_anon",
    "signals",
    "repeated",
    "copy_ns",
    "copy_drained_ns",
)
(
    REUSES, COPIES, HELPED, IN_VAIN, DRAINED_PAGES, FILE_FAULTS, ZERO_FAULTS, DIRECT_WRITES,
    DIRECT_COPIES, SHARED_FAULTS, MOVED, AFTER_READ, MOVED_ANON, AFTER_READ_ANON, SIGNALS, REPEATED,
    COPY_NS, COPY_DRAINED_NS,
) = range(len(COUNTED))  # fmt: skip
# Why a write-protect fault could not be told; these columns follow.
UNCLEAR = {
    "writable": "the page had been made writable before: another CPU's TLB, or a change not seen",
    "race": "another thread was in a fault on the same page",
    "lost": "the ring buffer lost events",
    "large": "near a large folio: its own rules may have decided",
    "kernel": "a system call met the fault, and put pages on the LRU before or after its end",
    "itself": "pages were put on the LRU, but not the one that was reused",
    "events": "the events fit no kind of fault",
    "end": "the measurement ended within the fault",
}
U_WRITABLE, U_RACE, U_LOST, U_LARGE, U_KERNEL, U_ITSELF, U_EVENTS, U_END = range(
    len(COUNTED), len(COUNTED) + len(UNCLEAR)
)
COLUMNS = len(COUNTED) + len(UNCLEAR)

# What an event was found to be, for a replay: State.verdict.  Those up to V_UNCLEAR are faults; a
# fault that is unclear has its column of State.counts added to V_UNCLEAR.
(
    V_NONE,
    V_REUSE,
    V_COPY,
    V_HELPED,
    V_IN_VAIN,
    V_NEW,  # an anonymous page where there was none, or in place of a file's or the zero page
    V_SWAPIN,
    V_SWAPIN_WRITE,
    V_SWAPIN_COPY,
    V_OWN,  # an allocation: of the fault's page
    V_WITHIN,  # an insertion: within a fault
    V_UNCLEAR,
) = range(12)

# Times, as histograms with 16 bins an octave (4 %).
H_COPY, H_COPY_DRAINED, H_AFTER_READ = range(3)
OCTAVE, BINS = 16, 16 * 44

# Numbers of the whole: State.number.
(
    N_TASKS, N_MMS, N_PAGES, N_SHARED, N_COMMS, N_ROWS,
    N_ADOPT,  # count tasks whose beginning was not seen?
    N_LOST,  # events that the ring buffer lost
    N_LOST_TIME,  # when it last did
    N_ITSELF,  # drains that helped, in which the page was seen to go to the LRU
    N_BASE,  # place of the first event of a block
) = range(11)  # fmt: skip


class State(NamedTuple):
    """All of it; every array of int64 but the first."""

    slot_of: npt.NDArray[np.int32]  # by process id: row of task, -1
    task: Words
    mm: Words
    page: Words
    shared: Words
    comm: Words  # names, two words each
    row_of: Words  # by name and CPU: row of counts and hist, -1
    counts: Words  # [row, column]
    hist: Words  # [row, which, bin]
    verdict: npt.NDArray[np.int8]  # of each event, where a replay wants to know
    number: Words


def new_state(
    cpus: int, *, adopt: bool, pid_max: int = 1 << 22, room: int = 64, events: int = 0
) -> State:
    """Return the state before the first event.

    Parameters
    ----------
    cpus
        The machine's.
    adopt
        Count tasks whose beginning was not seen, too.
    pid_max
        No process id is larger.
    room
        For so many tasks, names and address spaces; more is made when needed.
    events
        So many get a verdict.
    """
    state = State(
        slot_of=np.full(pid_max + 1, -1, np.int32),
        task=np.zeros((room, len(TASK)), np.int64),
        mm=np.zeros((room, 4), np.int64),
        page=np.zeros((1024, 7), np.int64),
        shared=np.zeros((room, 3), np.int64),
        comm=np.zeros((room, 2), np.int64),
        row_of=np.full((room, cpus), -1, np.int64),
        counts=np.zeros((room, COLUMNS), np.int64),
        hist=np.zeros((room, 3, BINS), np.int64),
        verdict=np.zeros(events, np.int8),
        number=np.zeros(11, np.int64),
    )
    state.number[N_ADOPT] = adopt
    return state
