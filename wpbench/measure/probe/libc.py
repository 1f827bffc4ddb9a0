"""libc for compiled loops: the functions that ctypes finds, called by their address.

No compiler at run time and no kernel patch: what a loop needs of the kernel are these calls.
"""

from __future__ import annotations

import ctypes
from typing import Any

from ...jit.external import INT, LONG, VOID, External
from ...jit.pointer import Intrinsic

LIBC = ctypes.CDLL(None, use_errno=True)

CLOCK_MONOTONIC = 1
RUSAGE_THREAD = 1
PR_SET_PDEATHSIG = 1
SIGKILL = 9
PROT_READ, PROT_WRITE = 1, 2
MADV_FREE, MADV_COLD, MADV_PAGEOUT = 8, 20, 21


def _external(result: str, arguments: tuple[str, ...], *names: str) -> Any:
    """Return, for jitted code, the first of these functions that this libc has."""
    for name in names:
        function = getattr(LIBC, name, None)
        if function is not None:
            address = ctypes.cast(function, ctypes.c_void_p).value
            return External(f"libc.{names[0]}", address or 0, result, arguments)
    raise ImportError(f"this libc has no {names[0]}()")


c_clock_gettime = _external(INT, (INT, LONG), "clock_gettime")
# On a stack of its own: what it shares with the process that cloned it is said by the flags.
c_clone = _external(INT, (LONG, LONG, INT, LONG), "clone")
c_errno_location = _external(LONG, (), "__errno_location")
c_exit = _external(VOID, (INT,), "_exit")
# _Fork() calls no handler that a library registered for a fork: those touch memory of their own.
c_fork = _external(INT, (), "_Fork", "fork")
c_getpid = _external(INT, (), "getpid")
c_getppid = _external(INT, (), "getppid")
c_getrusage = _external(INT, (INT, LONG), "getrusage")
c_kill = _external(INT, (INT, INT), "kill")
c_madvise = _external(INT, (LONG, LONG, INT), "madvise")
c_memcpy = _external(LONG, (LONG, LONG, LONG), "memcpy")
c_mmap = _external(LONG, (LONG, LONG, INT, INT, INT, LONG), "mmap")
c_mprotect = _external(INT, (LONG, LONG, INT), "mprotect")
c_munmap = _external(INT, (LONG, LONG), "munmap")
c_pause = _external(INT, (), "pause")
c_prctl = _external(INT, (INT, LONG, LONG, LONG, LONG), "prctl")
c_pread = _external(LONG, (INT, LONG, LONG, LONG), "pread")
c_sched_setaffinity = _external(INT, (INT, LONG, LONG), "sched_setaffinity")
c_sched_setscheduler = _external(INT, (INT, INT, LONG), "sched_setscheduler")
c_sched_yield = _external(INT, (), "sched_yield")
# By the number of the call (litmus_row.py).  What libc's functions do around a call that
# waits, so that a thread can be cancelled in it, writes to memory of the thread's own.
c_syscall = _external(LONG, (LONG, LONG, LONG, LONG, LONG, LONG, LONG), "syscall")
c_usleep = _external(INT, (INT,), "usleep")
c_waitpid = _external(INT, (INT, LONG, INT), "waitpid")


# One load or one store at an address, of a byte or a C int; no optimizer drops or moves it.
load_byte = Intrinsic("load_number", 8)
load_int = Intrinsic("load_number", 32)
store_byte = Intrinsic("store_byte")
