"""libc for compiled loops: the functions that ctypes finds, called by their address.

No compiler at run time and no kernel patch: what a loop needs of the kernel are these calls.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LIBC = ctypes.CDLL(None, use_errno=True)

CLOCK_MONOTONIC = 1
RUSAGE_THREAD = 1
PR_SET_PDEATHSIG = 1
SIGKILL = 9
PROT_READ, PROT_WRITE = 1, 2
MADV_FREE, MADV_COLD, MADV_PAGEOUT = 8, 20, 21

_INT, _LONG = types.int32, types.int64  # a pointer and a size_t are _LONG: Linux on 64 bits


def _external(signature: Any, *names: str) -> Any:
    """Return, for jitted code, the first of these functions that this libc has."""
    for name in names:
        function = getattr(LIBC, name, None)
        if function is not None:
            symbol = f"wpbench.libc.{names[0]}"
            llvm.add_symbol(symbol, ctypes.cast(function, ctypes.c_void_p).value)
            return types.ExternalFunction(symbol, signature)
    raise ImportError(f"this libc has no {names[0]}()")


c_clock_gettime = _external(_INT(_INT, _LONG), "clock_gettime")
# On a stack of its own: what it shares with the process that cloned it is said by the flags.
c_clone = _external(_INT(_LONG, _LONG, _INT, _LONG), "clone")
c_errno_location = _external(_LONG(), "__errno_location")
c_exit = _external(types.void(_INT), "_exit")
# _Fork() calls no handler that a library registered for a fork: those touch memory of their own.
c_fork = _external(_INT(), "_Fork", "fork")
c_getpid = _external(_INT(), "getpid")
c_getppid = _external(_INT(), "getppid")
c_getrusage = _external(_INT(_INT, _LONG), "getrusage")
c_kill = _external(_INT(_INT, _INT), "kill")
c_madvise = _external(_INT(_LONG, _LONG, _INT), "madvise")
c_memcpy = _external(_LONG(_LONG, _LONG, _LONG), "memcpy")
c_mmap = _external(_LONG(_LONG, _LONG, _INT, _INT, _INT, _LONG), "mmap")
c_mprotect = _external(_INT(_LONG, _LONG, _INT), "mprotect")
c_munmap = _external(_INT(_LONG, _LONG), "munmap")
c_pause = _external(_INT(), "pause")
c_prctl = _external(_INT(_INT, _LONG, _LONG, _LONG, _LONG), "prctl")
c_pread = _external(_LONG(_INT, _LONG, _LONG, _LONG), "pread")
c_sched_setaffinity = _external(_INT(_INT, _LONG, _LONG), "sched_setaffinity")
c_sched_setscheduler = _external(_INT(_INT, _INT, _LONG), "sched_setscheduler")
c_sched_yield = _external(_INT(), "sched_yield")
# By the number of the call (litmus_row.py).  What libc's functions do around a call that
# waits, so that a thread can be cancelled in it, writes to memory of the thread's own.
c_syscall = _external(_LONG(_LONG, _LONG, _LONG, _LONG, _LONG, _LONG, _LONG), "syscall")
c_usleep = _external(_INT(_INT), "usleep")
c_waitpid = _external(_INT(_INT, _LONG, _INT), "waitpid")


_step: Any = intrinsic  # so that its users are not held to numba's idea of a signature


def _pointer(builder: Any, address: Any, bits: int) -> Any:
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


@_step
def load_byte(_context: Any, _address: Any) -> Any:
    """Read the byte at an address: one load, which no optimizer drops or moves."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        byte = builder.load_atomic(_pointer(builder, args[0], 8), "monotonic", 1)
        return builder.zext(byte, ir.IntType(64))

    return types.int64(types.int64), generate


@_step
def store_byte(_context: Any, _address: Any, _value: Any) -> Any:
    """Write a byte at an address: one store, which no optimizer drops or moves."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        byte = builder.trunc(args[1], ir.IntType(8))
        builder.store_atomic(byte, _pointer(builder, args[0], 8), "monotonic", 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@_step
def load_int(_context: Any, _address: Any) -> Any:
    """Read the C int at an address."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        word = builder.load_atomic(_pointer(builder, args[0], 32), "monotonic", 4)
        return builder.sext(word, ir.IntType(64))

    return types.int64(types.int64), generate
