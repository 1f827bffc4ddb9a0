"""Compile the measuring loops: they are a unit of machine code of their own (jit/sources.py).

They call no machine, and numba is not imported to measure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import MeasureError
from ...jit import loaded
from ...jit.compile import JIT_DISABLED, Inline, Kernel
from ...jit.sources import MEASURE
from . import libc  # its symbols must be there when the loops are loaded

__all__ = ["NEEDS_COMPILED", "entry", "libc", "loop", "part", "step", "warm"]

NEEDS_COMPILED = "measuring needs compiled code: NUMBA_DISABLE_JIT is set"


def warm() -> None:
    """Load the loops, and compile them if that has not been done."""
    if not JIT_DISABLED:
        loaded.load(MEASURE)


def _refuse(*_args: object) -> None:
    raise MeasureError(NEEDS_COMPILED)


def loop(function: Callable[..., Any]) -> Any:
    """Compile a loop that Python calls, or a part of one; other Python threads run meanwhile."""
    return _refuse if JIT_DISABLED else Kernel(function, MEASURE)


part = loop  # called by a loop, not by Python: what is long, or used often


def entry(function: Callable[..., Any]) -> Callable[[], int]:
    """Return what tells the address of a C function of one address: a cloned process begins in it.

    The function is compiled.
    """
    if JIT_DISABLED:
        return _refuse  # type: ignore[return-value]
    compiled = Kernel(function, MEASURE)
    return lambda: compiled.address


def step(function: Callable[..., Any]) -> Any:
    """Compile a step of a loop, inlined into it: between two system calls nothing is called."""
    return _refuse if JIT_DISABLED else Inline(function)
