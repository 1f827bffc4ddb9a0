"""Compile the measuring loops, and never run a stale copy of them.

As wpbench/jit/cache.py, for the sources of what measures: they call no machine, and the machine's
cache need not be emptied when they change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import MeasureError
from ...jit.cache import cache_dir
from ...jit.compile import JIT_DISABLED
from ...jit.folder import private_folder
from ...jit.sources import source_hash

# Every file whose code can end up inside a compiled loop.
SOURCES = (
    "measure/costs/children.py",
    "measure/costs/elsewhere.py",
    "measure/costs/patterns.py",
    "measure/costs/process.py",
    "measure/costs/states.py",
    "measure/costs/told.py",
    "measure/costs/visits.py",
    "measure/probe/bench.py",
    "measure/probe/compiled.py",
    "measure/probe/libc.py",
    "measure/probe/litmus_loops.py",
    "measure/probe/litmus_row.py",
    "measure/probe/litmus_steps.py",
    "measure/probe/loops.py",
    "measure/probe/memory.py",
    "measure/probe/shared_row.py",
    "measure/probe/steps.py",
    "measure/program/advance.py",
    "measure/program/events.py",
    "measure/program/faults.py",
    "measure/program/hints.py",
    "measure/program/mappings.py",
    "measure/program/pages.py",
    "measure/program/ring.py",
    "measure/program/spaces.py",
    "measure/program/state.py",
    "measure/program/steps.py",
    "measure/program/tasks.py",
    "workloads/litmus_ops.py",
    "workloads/program_steps.py",
)


NEEDS_COMPILED = "measuring needs compiled code: NUMBA_DISABLE_JIT is set"
_kept: list[Any] = []  # compiled functions whose address is in use


@lru_cache(maxsize=1)
def measure_cache_dir() -> Path | None:
    """Return the folder of the loops compiled from the sources as they are now, if any."""
    parent = cache_dir()
    try:
        return parent and private_folder(parent / f"measure-{source_hash(SOURCES)}")
    except OSError:
        return None


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    if JIT_DISABLED:

        def refuse(*_args: object) -> None:
            raise MeasureError(NEEDS_COMPILED)

        return refuse
    from ...jit.functions import njit  # noqa: PLC0415

    return njit(function, measure_cache_dir(), **options)


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
        from ...jit.functions import cfunction  # noqa: PLC0415

        compiled = cfunction(function, "int32(int64)", measure_cache_dir())
        _kept.append(compiled)
        return int(compiled.address)

    return address


def step(function: Callable[..., Any]) -> Any:
    """Compile a step of a loop, inlined into it: between two system calls nothing is called."""
    return _compiled(function, forceinline=True)


def part(function: Callable[..., Any]) -> Any:
    """Compile a part of a loop, called by it: what is long, or used often, compiles sooner so."""
    return _compiled(function, nogil=True)


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function over arrays that measures nothing itself; it also runs as plain Python."""
    return function if JIT_DISABLED else _compiled(function, nogil=True)
