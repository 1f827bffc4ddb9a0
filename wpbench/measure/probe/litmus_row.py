"""What the process that runs litmus programs is told, and what it answers."""

from __future__ import annotations

import platform

from .bench import RUSAGE_WORDS
from .shared_row import SharedRow

STACK = 64 << 10  # bytes, of each process
PROC_PAGEMAP = b"/proc/self/pagemap\0"

CALLS = (
    "",
    "openat() of /proc/self/pagemap",
    "sched_setaffinity()",
    "madvise()",
    "clone()",
    "wait4()",
    "mprotect()",
    "pread() of /proc/self/pagemap",
    "pread() of /proc/kpageflags",
    "munmap()",
    "mmap()",
    "process_vm_readv()",
    "vmsplice()",
    "read() of a pipe",
    "the wait for a forked child",
    "the wait for a spinner",
)
(
    NOTHING_FAILED,
    FAILED_OPEN,
    FAILED_AFFINITY,
    FAILED_MADVISE,
    FAILED_CLONE,
    FAILED_WAIT,
    FAILED_MPROTECT,
    FAILED_PAGEMAP,
    FAILED_KPAGEFLAGS,
    FAILED_MUNMAP,
    FAILED_MMAP,
    FAILED_READV,
    FAILED_VMSPLICE,
    FAILED_PIPE,
    FAILED_CHILD,
    FAILED_SPINNER,
) = range(len(CALLS))

# Numbers of system calls: x86-64's own, and those that all newer architectures share.
_X86 = platform.machine() in ("x86_64", "AMD64")
SYS_PREAD64 = 17 if _X86 else 67
SYS_READ = 0 if _X86 else 63
SYS_OPENAT = 257 if _X86 else 56
SYS_WAIT4 = 61 if _X86 else 260
SYS_PPOLL = 271 if _X86 else 73
SYS_NANOSLEEP = 35 if _X86 else 101
SYS_VMSPLICE = 278 if _X86 else 75
SYS_PROCESS_VM_READV = 310 if _X86 else 270
SYS_RT_SIGPROCMASK = 14 if _X86 else 135


class LitmusRow(SharedRow):
    """The numbers of one run of litmus programs, one after the other."""

    CONSTANTS = (
        "base",  # address of the program's region
        "nprograms",
        "kpageflags",  # open /proc/kpageflags
        "other",  # address of the other region, which `touch` writes
        "other_size",
        "pipe_out",  # the end that is read
        "pipe_in",
        "nmasks",  # CPUs; a CPU is an index into "mask"
        "parent",  # process id of the Python process
        "drained",  # address of a page that is never touched
        "flushed",  # address of FLUSHED_PAGES pages that are not measured
        "buffer",  # address of a page to read into
        "stack",  # address of the stacks: the program's, child's, starter's, spinners'
        "stacks_end",
        "child_entry",  # addresses of the functions in which processes begin
        "spin_entry",
        "main_entry",
        "starter_entry",
        "deadline_ns",  # from a program's start on
        "address",
        "rusage_at",
        "time_at",
        "spin_at",
        "word_at",
        "status_at",
        "iov_at",
        "mask_at",
        "path_at",
        "signals_at",
        "priority_at",
        "pause_at",
        "rest_at",
    )
    VARIABLES = (
        "stop",  # told to the spinners: end
        "spinner",  # which spinner begins next
        "spinning",  # spinners that run
        "asleep",  # the forked child sleeps
        "child",  # process id of the forked child, 0: none
        "starter",  # process id of the process that clones the measuring one
        "process",  # process id of the measuring process
        "pagemap",  # its own /proc/self/pagemap
        "failed",  # which call failed: an index into CALLS
        "errno",
        "line",  # the operation in which, of all programs'
        "program",
        "cpu",
        "touched",  # pages of the other region so far
        "held",  # pages in the pipe
        "started_ns",
        "operation_ns",  # when the operation began
        "disturbed",  # did a spinner rest?
        "late",  # was the deadline over?
        "done",
    )
    NEAR = {  # noqa: RUF012 - Row's is a ClassVar
        "rusage": RUSAGE_WORDS,
        "time": 2,
        "word": 1,
        "status": 1,
        "iov": 4,
        "signals": 1,
        "priority": 1,
        "pause": 2,
        "rest": 2,
    }
    # "begin": a program's first operation, and the end of the last; "sizes": bytes of its region;
    # "rests": did a spinner rest in it?
    FAR = ("op", "arg", "n", "seen", "mask", "path", "spin", "begin", "sizes", "rests")
