"""Compile the measuring loops, and never run a stale copy of them.

As wpbench/_jit.py, for the sources of this room: they call no machine, and the machine's cache need
not be emptied when they change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba

from .._jit import JIT_DISABLED, cache_dir, config
from ..errors import MeasureError

# Every file whose code can end up inside a compiled loop.
SOURCES = (
    "bench.py",
    "compiled.py",
    "libc.py",
    "litmus_loops.py",
    "litmus_row.py",
    "litmus_steps.py",
    "loops.py",
    "memory.py",
    "row.py",
    "../workloads/litmus_ops.py",
)


NEEDS_COMPILED = "measuring needs compiled code: NUMBA_DISABLE_JIT is set"
_kept: list[Any] = []  # compiled functions whose address is in use


def measure_cache_dir() -> Path:
    """Return the directory of the compiled loops that belong to the sources as they are now."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((Path(__file__).parent / name).read_bytes())
    directory = cache_dir() / f"measure-{digest.hexdigest()[:16]}"
    directory.mkdir(exist_ok=True)
    return directory


@contextmanager
def _cached() -> Iterator[None]:
    previous = config.CACHE_DIR
    config.CACHE_DIR = str(measure_cache_dir())
    try:
        yield
    finally:
        config.CACHE_DIR = previous


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    if JIT_DISABLED:

        def refuse(*_args: object) -> None:
            raise MeasureError(NEEDS_COMPILED)

        return refuse
    with _cached():
        return numba.njit(cache=True, **options)(function)


def loop(function: Callable[..., Any]) -> Any:
    """Compile a loop that Python calls; other Python threads run meanwhile."""
    return _compiled(function, nogil=True)


def entry(function: Callable[..., Any]) -> Callable[[], int]:
    """Return what compiles a C function of one address, which a cloned process begins in.

    The result is called for the compiled function's address; it is compiled then.
    """

    @lru_cache(maxsize=1)
    def address() -> int:
        if JIT_DISABLED:
            raise MeasureError(NEEDS_COMPILED)
        with _cached():
            compiled: Any = numba.cfunc("int32(int64)", cache=True)(function)
        _kept.append(compiled)
        return int(compiled.address)

    return address


def step(function: Callable[..., Any]) -> Any:
    """Compile a step of a loop, inlined into it: between two system calls nothing is called."""
    return _compiled(function, forceinline=True)
