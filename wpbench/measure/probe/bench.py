"""What a compiled loop is told and what it answers: one row of numbers in shared memory."""

from __future__ import annotations

from .shared_row import SharedRow

RUSAGE_WORDS = 18
MASK_WORDS = 128  # a cpu_set_t of 8192 CPUs
FLUSHED_PAGES = 64  # more than a kernel flushes from a TLB one by one
OUT_COLUMNS = 7  # t_ns, outcome, resident or ignored, then the four flags; -1: blank

# Told: fixed while a loop runs.
CONSTANTS = (
    "base",  # address of the measured region
    "npages",
    "pagemap",  # open /proc/self/pagemap, -1: not read
    "kpageflags",  # open /proc/kpageflags, -1: not read
    "kpagecount",  # open /proc/kpagecount, -1: not read
    "frames",  # does pagemap show frame numbers?
    "nops",  # operations of the program
    "rounds",
    "order",
    "delay_ns",
    "read_cpu",  # CPUs are indices into "mask"
    "write_cpu",
    "child_cpu",
    "nmasks",
    "parent",  # process id of the measuring process
    "drained",  # address of a page that is never touched
    "own",  # address of a private page that is not measured
    "flushed",  # address of FLUSHED_PAGES pages that are not measured
    "address",  # of this row, and below of some of its tables, for system calls
    "stop_at",
    "rusage_at",
    "time_at",
    "word_at",
    "status_at",
    "entries_at",
    "mask_at",
    "samples",  # entries of "sample"
)
# Answered.
VARIABLES = (
    "stop",  # set by Python: end as soon as possible
    "go",  # set by Python: all threads begin
    "ready",  # the thread waits for "go"
    "asleep",  # the forked child sleeps on its CPU
    "child",  # process id of the forked child, 0: none
    "failed",  # which call failed: an index into CALLS
    "errno",  # why
    "cpu",  # where the thread is
    "done",  # operations or rounds finished
    "wall_ns",
    "accesses",
    "minor_faults",
    "major_faults",
    "wp_faults",
    "reuses",
    "copies",
    "zero_copies",
    "not_paged_out",
    "reads",
    "read_ns",
    "writes",
    "any_write_ns",  # of all writes
    "write_ns",  # of those that met a write-protect fault, as a simulation has it
    "likely_shared_pte",
    "likely_writeback",
    "likely_pagevec",
    "likely_swapcache",
    "likely_extra_ref",
)
COUNTED = VARIABLES[VARIABLES.index("accesses") :]
NEAR = {"rusage": RUSAGE_WORDS, "time": 2, "word": 1, "status": 1}
FAR = ("op", "arg", "n", "out", "sample", "entries", "mask")

CALLS = (
    "",
    "sched_setaffinity()",
    "madvise(MADV_PAGEOUT)",
    "madvise(MADV_COLD)",
    "madvise(MADV_FREE)",
    "fork()",
    "waitpid()",
    "mprotect()",
    "pread() of /proc/self/pagemap",
    "pread() of /proc/kpageflags",
)
(
    NOTHING_FAILED,
    FAILED_AFFINITY,
    FAILED_PAGEOUT,
    FAILED_COLD,
    FAILED_FREE,
    FAILED_FORK,
    FAILED_WAIT,
    FAILED_MPROTECT,
    FAILED_PAGEMAP,
    FAILED_KPAGEFLAGS,
) = range(len(CALLS))


class Bench(SharedRow):
    """The numbers of one measuring thread."""

    CONSTANTS = CONSTANTS
    VARIABLES = VARIABLES
    NEAR = NEAR
    FAR = FAR
