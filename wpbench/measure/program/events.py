"""The tracepoints that are read, what of each, and the row of numbers that one becomes.

An event is a row of nine int64: ``TIME`` (ns, CLOCK_MONOTONIC), ``CPU``, ``KIND``, ``PID`` (0 for
what an interrupt did), and up to five of the tracepoint's own fields, ``A`` to ``E``.
"""

from __future__ import annotations

from typing import NamedTuple

TIME, CPU, KIND, PID, A, B, C, D, E = range(9)
WIDTH = 9
FIELDS = WIDTH - A  # of a tracepoint's own
COLUMNS = ("time", "cpu", "kind", "pid", "a", "b", "c", "d", "e")

(
    LOST,  # a: events that the ring buffer lost before this one, -1: not known how many
    FAULT_USER,  # a: address, b: error code
    FAULT_KERNEL,  # c: 1 where it cannot be handled, as preemption is off
    RSS,  # a: member, b: bytes of it now, c: a hash of the mm
    ALLOC,  # a: page frame, b: GFP flags, c: order
    INSERTION,  # a: page frame
    PAGE_CACHE,  # a: page frame
    RECLAIM_BEGIN,
    RECLAIM_END,
    SYSCALL,  # a: number, b: its second argument, c: its fourth, d: its first, e: its third
    RETURN,  # a: number of the system call, b: what it returned
    SIGNAL,  # a: signal, b: process that gets it
    DELIVER,  # a: signal
    NEWTASK,  # a: process id, b: clone flags
    RENAME,  # a: process id, b and c: its new name, 16 bytes
    EXEC,  # a: process id, b: the one it had before
    EXIT,  # a: process id
    WRITEOUT,  # a: page frame
    UNMAPPED,  # an address space is gone
) = range(19)
KINDS = (
    "lost",
    "fault_user",
    "fault_kernel",
    "rss",
    "alloc",
    "insertion",
    "page_cache",
    "reclaim_begin",
    "reclaim_end",
    "syscall",
    "return",
    "signal",
    "deliver",
    "newtask",
    "rename",
    "exec",
    "exit",
    "writeout",
    "unmapped",
)
# What others do that changes a CPU's batches, or a page of the command's.
EVERYBODYS = (LOST, ALLOC, INSERTION, PAGE_CACHE, WRITEOUT, UNMAPPED)
# Members of rss_stat: enum of include/linux/mm_types_task.h.
MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES = range(4)
# System calls by number: x86-64, the only machine with the tracepoints of the faults.
SYS_MMAP, SYS_MUNMAP, SYS_BRK, SYS_MREMAP, SYS_MADVISE = 9, 11, 12, 25, 28
# Those that are frequent and neither allocate a page for a user nor put one on the LRU:
# rt_sigprocmask, sched_yield, nanosleep, getpid, sendto, recvfrom, gettimeofday, gettid,
# clock_gettime, clock_nanosleep, epoll_wait, epoll_pwait.
_HARMLESS = (14, 24, 35, 39, 44, 45, 96, 186, 228, 230, 232, 281)


class Event(NamedTuple):
    """A tracepoint: its kind, its place below ``events/``, its fields, each with a byte offset."""

    kind: int
    name: str
    fields: tuple[tuple[str, int], ...] = ()
    filter: str = ""
    optional: bool = False


def _reclaim(name: str, *, optional: bool) -> tuple[Event, Event]:
    return (
        Event(RECLAIM_BEGIN, f"vmscan/mm_vmscan_{name}_begin", optional=optional),
        Event(RECLAIM_END, f"vmscan/mm_vmscan_{name}_end", optional=optional),
    )


_CALLS = " && ".join(f"id != {number}" for number in _HARMLESS)
_ARGUMENTS = (("id", 0), ("args", 8), ("args", 24), ("args", 0), ("args", 16))
_RETURNS = " || ".join(f"id == {number}" for number in (SYS_MMAP, SYS_MREMAP))
# In a filter ``MOVABLE`` stands for the kernel's __GFP_MOVABLE: no table page, no slab.
EVENTS = (
    Event(FAULT_USER, "exceptions/page_fault_user", (("address", 0), ("error_code", 0))),
    Event(FAULT_KERNEL, "exceptions/page_fault_kernel", (("address", 0), ("error_code", 0))),
    Event(RSS, "kmem/rss_stat", (("member", 0), ("size", 0), ("mm_id", 0)), "curr == 1"),
    Event(
        ALLOC,
        "kmem/mm_page_alloc",
        (("pfn", 0), ("gfp_flags", 0), ("order", 0)),
        "gfp_flags & MOVABLE",
    ),
    Event(INSERTION, "pagemap/mm_lru_insertion", (("pfn", 0),)),
    Event(PAGE_CACHE, "filemap/mm_filemap_add_to_page_cache", (("pfn", 0),)),
    *_reclaim("direct_reclaim", optional=False),
    *_reclaim("memcg_reclaim", optional=True),
    *_reclaim("memcg_softlimit_reclaim", optional=True),
    *_reclaim("node_reclaim", optional=True),
    Event(SYSCALL, "raw_syscalls/sys_enter", _ARGUMENTS, _CALLS),
    Event(RETURN, "raw_syscalls/sys_exit", (("id", 0), ("ret", 0)), _RETURNS),
    Event(SIGNAL, "signal/signal_generate", (("sig", 0), ("pid", 0)), "sig == 11 || sig == 7"),
    Event(DELIVER, "signal/signal_deliver", (("sig", 0),)),
    Event(NEWTASK, "task/task_newtask", (("pid", 0), ("clone_flags", 0))),
    Event(RENAME, "task/task_rename", (("pid", 0), ("newcomm", 0), ("newcomm", 8))),
    Event(EXEC, "sched/sched_process_exec", (("pid", 0), ("old_pid", 0))),
    Event(EXIT, "sched/sched_process_exit", (("pid", 0),)),
    # By another name up to 6.x; only a replay needs them.
    Event(WRITEOUT, "vmscan/mm_vmscan_write_folio", (("pfn", 0),), optional=True),
    Event(UNMAPPED, "mmap/exit_mmap", (("mm", 0),), optional=True),
)


def name_words(name: str) -> tuple[int, int]:
    """Return a task's name as the two numbers that an event of kind ``RENAME`` has."""
    raw = name.encode("utf-8", "replace")[:15].ljust(16, b"\0")
    return int.from_bytes(raw[:8], "little", signed=True), int.from_bytes(
        raw[8:], "little", signed=True
    )


def name_text(low: int, high: int) -> str:
    """Return the name that two numbers stand for."""
    raw = low.to_bytes(8, "little", signed=True) + high.to_bytes(8, "little", signed=True)
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")
