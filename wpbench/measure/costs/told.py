"""What the process that measures costs is told, and what it answers."""

from __future__ import annotations

from ..probe.bench import RUSAGE_WORDS
from ..probe.litmus_row import CALLS as LITMUS_CALLS
from ..probe.shared_row import SharedRow

CALLS = (*LITMUS_CALLS, "the wait for a spinning thread")
FAILED_THREAD = len(CALLS) - 1

# Kinds of patterns; each fills the samples of its slot.
KINDS = (
    "clock",  # two readings of the clock, one after the other
    "hit",  # a write that does not fault
    "reuse",  # a write to a page on the LRU that is its owner's alone, after the child's exit
    "reuse-first",  # of that: the first writes after the exit, together
    "drain",  # the same, a page that waits with others in this CPU's pagevec
    "madvise",  # MADV_COLD on memory never touched: its lru_add_drain()
    "copy",  # a write to a page that the child maps too
    "copy-first",  # of that: the first writes after the fork, together
    "contended",  # MADV_COLD as above, while other CPUs' processes take the same lru_lock
    "vain",  # a write to a page that waits in another CPU's pagevec: a drain, and a copy
    "zero",  # a write to the zero page
    "touch",  # a write to memory never touched
    "interrupted",  # a copy while threads of the process run on other CPUs
    "lost",  # of that: what a thread on another CPU loses
    "pageout",  # MADV_PAGEOUT of pages; its sample is the call's
    "swapin",  # a read of a page in swap
)
(
    CLOCK,
    HIT,
    REUSE,
    REUSE_FIRST,
    DRAIN,
    MADVISE,
    COPY,
    COPY_FIRST,
    CONTENDED,
    VAIN,
    ZERO,
    TOUCH,
    INTERRUPTED,
    LOST,
    PAGEOUT,
    SWAPIN,
) = range(len(KINDS))

# Why a row is dropped.
REASONS = (
    "no-fault",  # the access met no fault, or more than one
    "lru",  # PageLRU is not what the pattern wants before it
    "mapped",  # the page is not mapped as often as the pattern wants, or not at all
    "frame",  # another page frame behind the address than the pattern wants, after it
    "drained",  # the pages that waited with it wait still
    "swap",  # not paged out, or not read from swap
    "interrupts",  # a spinning thread saw another number of interrupts
    "alone",  # no other process drained meanwhile
    "late",  # the child took so long to come or go that other tasks were let in
)
(NO_FAULT, LRU, MAPPED, FRAME, DRAINED, SWAP, INTERRUPTS, ALONE, LATE) = range(len(REASONS))
KEPT = -1

# What is broken on purpose between a pattern's set-up and its look at the state: by tests.
SPOILS = (
    "",
    "drained",
    "waiting",
    "forked",
    "exited",
    "written",
    "unmapped",
    "quiet",
    "elsewhere",
    "rested",
)
(INTACT, BY_DRAIN, BY_WAITING, BY_FORK, BY_EXIT, BY_WRITE, BY_UNMAP, BY_QUIET, BY_MOVE, BY_REST) = (
    range(len(SPOILS))
)

REGION = 256  # pages that a visit uses at most


class CostRow(SharedRow):
    """The numbers of one process that measures costs, or runs programs whose writes it times."""

    CONSTANTS = (
        "base",  # address of the region
        "npages",
        "kpageflags",  # open files, -1: not shown to this user
        "kpagecount",
        "frames",  # does pagemap show frame numbers?
        "other",  # not used by patterns: what litmus_steps.renew() wants is here
        "other_size",
        "nmasks",  # CPUs; a CPU is an index into "mask"
        "parent",
        "drained",  # address of a page that is never touched
        "flushed",  # address of FLUSHED_PAGES pages that are not measured
        "content",  # address of a page that compresses, and is not the same word all over
        "stack",  # address of the stacks: main, child, starter, spinning threads
        "stacks_end",
        "child_entry",
        "thread_entry",
        "rival_entry",
        "main_entry",
        "starter_entry",
        "nslots",
        "many",  # accesses of a visit
        "apart",  # pages from one that is read from swap to the next
        "capacity",  # samples of a slot
        "for_ns",  # rounds begin until so much time is over
        "spoil",  # what is broken on purpose: an index into SPOILS
        "nspared",  # words of "spared"
        "moves",  # does the program move between CPUs?
        "nops",  # of the program, 0: measure patterns
        "address",
        "rusage_at",
        "time_at",
        "word_at",
        "status_at",
        "mask_at",
        "path_at",
        "signals_at",
        "priority_at",
        "rest_at",
        "spin_at",
        "stop_threads_at",
    )
    VARIABLES = (
        "stop",
        "stop_threads",
        "thread",  # which spinning thread begins next
        "threads",  # how many spin
        "asleep",
        "child",
        "starter",
        "process",
        "pagemap",
        "failed",
        "errno",
        "cpu",
        "touched",
        "slot",
        "rounds",
        "faults",  # of the access just made: minor ones
        "major",
        "late",  # were others let in since the visit began?
        "realtime",  # does it run as a real-time task?
        "wp_faults",  # of the program
        "done",
    )
    NEAR = {  # noqa: RUF012 - Row's is a ClassVar
        "rusage": RUSAGE_WORDS,
        "time": 2,
        "word": 1,
        "status": 1,
        "signals": 1,
        "priority": 1,
        "rest": 2,
    }
    FAR = (
        "kind",  # of a slot
        "param",  # its number: pages that wait, threads, pages paged out
        "content_of",  # 0: pages of one and the same word, 1: pages that compress
        "sample",  # capacity for each slot, nanoseconds
        "count",  # samples that there are
        "dropped",  # len(REASONS) for each slot
        "order",  # of a visit's accesses
        "frame",  # REGION: of each page before
        "flags",
        "mappings",
        "took",  # REGION: what an access took
        "seen",  # REGION: faults that it met
        "gap",  # what a spinning thread lost, one after the other
        "gaps",  # how many of them, for each thread
        "rounds_of",  # of each process that takes the same lru_lock
        "spin",  # two words for each thread
        "mask",
        "path",
        "spared",  # start and length of each mapping that a forked child need not have
        "op",  # the program
        "arg",
        "n",
    )
