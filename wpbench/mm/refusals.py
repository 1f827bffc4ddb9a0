"""What the machine refuses to do for a workload of one's own, and why, in words."""

from __future__ import annotations

from ..jit.numbered import Numbered
from .names import Error


class Call(Numbered):
    """Operations that a workload of one's own can call."""

    BACKGROUND = "background"
    BELOW = "below"
    CHANCE = "chance"
    COLLAPSE_FAILS = "collapse_fails"
    ENQUEUE = "enqueue"
    EXIT_FLUSH = "exit_flush"
    EXIT_PROCESS = "exit_process"
    EXIT_ZAP = "exit_zap"
    FLUSH_TLB = "flush_tlb"
    FORK = "fork"
    GUP_GET = "gup_get"
    GUP_PUT = "gup_put"
    IDLE_UNTIL = "idle_until"
    INSERT_FOREIGN_PAGE = "insert_foreign_page"
    IS_MAPPED = "is_mapped"
    ISOLATE = "isolate"
    KSM_MERGE = "ksm_merge"
    LOCK_PAGE = "lock_page"
    LRU_ADD_DRAIN = "lru_add_drain"
    LRU_ADD_DRAIN_ALL = "lru_add_drain_all"
    LRU_CACHE_DISABLE = "lru_cache_disable"
    LRU_CACHE_ENABLE = "lru_cache_enable"
    MADVISE_COLD = "madvise_cold"
    MADVISE_DONTNEED = "madvise_dontneed"
    MADVISE_FREE = "madvise_free"
    MADVISE_PAGEOUT = "madvise_pageout"
    MARK_PAGE_ACCESSED = "mark_page_accessed"
    MAYBE_END_SLICE = "maybe_end_slice"
    MAYBE_MIGRATE = "maybe_migrate"
    MIGRATE_PAGE = "migrate_page"
    MIGRATE_THREAD = "migrate_thread"
    MOVE_TO_LRU = "move_to_lru"
    MUNMAP_FOREIGN = "munmap_foreign"
    NEXT_THREAD = "next_thread"
    NEXT_U64 = "next_u64"
    PIN_USER_PAGE = "pin_user_page"
    PROCESS_VM_READV = "process_vm_readv"
    PUTBACK = "putback"
    READ = "read"
    READ_INLINE = "read_inline"
    RESET_COUNTERS = "reset_counters"
    RESIDENT = "resident"
    RUN_OFF = "run_off"
    RUN_ON = "run_on"
    SHRINK_INACTIVE_LIST = "shrink_inactive_list"
    SLEEP_UNTIL = "sleep_until"
    SPEND = "spend"
    START_THREAD = "start_thread"
    UFFD_COPY = "uffd_copy"
    UNIFORM = "uniform"
    UNLOCK_PAGE = "unlock_page"
    UNPIN_USER_PAGE = "unpin_user_page"
    VMSPLICE_PAGE = "vmsplice_page"
    WRITE = "write"
    WRITE_INLINE = "write_inline"


class Refusal(Numbered):
    """Why one was refused; {0}: the value, {1}: a bound."""

    NO_CPU = "CPU {0} is not there; accepted: 0 to {1}"
    NO_PAGE = "page {0} is not there; accepted: 0 to {1}"
    NO_LENGTH = "{0} pages are no part of the process's memory from there on; accepted: 0 to {1}"
    NO_PROCESS = "process {0} is not there; accepted: 0, or a child that fork() has made"
    NO_CHILD_NUMBER = "process {0} cannot be a child; accepted: 1 to {1}"
    FORKED_ALREADY = "process {0} is there already; it has to exit before it can be forked again"
    NO_CHILD = "process {0} is no child, or has exited; accepted: one that fork() has made"
    NOT_EXITING = "process {0} is not exiting; exit_zap() comes first"
    NO_FRAME = "page frame {0} is not there; accepted: one that an operation has returned"
    NOT_HELD = "page frame {0} is not held so; what was taken can be given back once"
    NO_THREAD = "thread {0} is not there; accepted: 0 to {1}"
    NOT_STARTED = "thread {0} is not running; start_thread() comes first"
    QUEUE_FULL = "thread {0} cannot be queued: all {1} threads are"
    NOT_RUNNING = "CPU {0}: no thread runs there"
    NO_CPUS = "{0} CPUs are not there; accepted: 1 to {1}"
    NO_BOUND = "{0} is no bound to draw below; accepted: 1 to {1}"
    NO_PROBABILITY = "{0} millionths are no probability; accepted: 0 to {1}"
    NO_TIME = "{0} ns is no time that a clock can show; accepted: 0 to {1}"
    NO_STEP = "step {0} is not there; accepted: 0 to {1}, layout.SPENT"
    NO_BATCH = "{0} pages are no batch; accepted: 0 to {1}"
    NOT_DISABLED = "it was not disabled"


# The registers that say why a run failed.
FAILURE = ("error", "refused_call", "refusal", "refused_value", "refused_bound")


def failure(error: int, call: int, refusal: int, value: int, bound: int) -> str:
    """Return why a run failed, in words, from the registers ``FAILURE``; "" if it did not."""
    if error == Error.REFUSED:
        return f"mm.{Call.text_of(call)}(): {Refusal.text_of(refusal).format(value, bound)}"
    return Error.text_of(error)
