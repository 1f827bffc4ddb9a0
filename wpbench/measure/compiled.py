"""Compile the measuring loops, and never run a stale copy of them.

As wpbench/_jit.py, for the sources of this room: they call no machine, and the machine's cache need
not be emptied when they change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
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
    "loops.py",
    "memory.py",
    "program/advance.py",
    "program/events.py",
    "program/faults.py",
    "program/pages.py",
    "program/ring.py",
    "program/state.py",
    "program/tasks.py",
)


def measure_cache_dir() -> Path:
    """Return the directory of the compiled loops that belong to the sources as they are now."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((Path(__file__).parent / name).read_bytes())
    directory = cache_dir() / f"measure-{digest.hexdigest()[:16]}"
    directory.mkdir(exist_ok=True)
    return directory


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    if JIT_DISABLED:

        def refuse(*_args: object) -> None:
            raise MeasureError("measuring needs compiled code: NUMBA_DISABLE_JIT is set")

        return refuse
    previous = config.CACHE_DIR
    config.CACHE_DIR = str(measure_cache_dir())
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        config.CACHE_DIR = previous


def loop(function: Callable[..., Any]) -> Any:
    """Compile a loop that Python calls; other Python threads run meanwhile."""
    return _compiled(function, nogil=True)


def step(function: Callable[..., Any]) -> Any:
    """Compile a step of a loop, inlined into it: between two system calls nothing is called."""
    return _compiled(function, forceinline=True)


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function over arrays that measures nothing itself; it also runs as plain Python."""
    return function if JIT_DISABLED else _compiled(function, nogil=True)
