"""Compile what follows a program's events: functions over arrays, each by numba, each kept.

As wpbench/jit/cache.py, for the sources of these functions.  They also run as plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...jit.cache import cache_dir
from ...jit.compile import JIT_DISABLED
from ...jit.folder import private_folder
from ...jit.sources import source_hash

# Every file whose code can end up inside a compiled function.
SOURCES = (
    "jit/functions.py",
    "measure/program/advance.py",
    "measure/program/events.py",
    "measure/program/faults.py",
    "measure/program/helper.py",
    "measure/program/hints.py",
    "measure/program/mappings.py",
    "measure/program/pages.py",
    "measure/program/ring.py",
    "measure/program/spaces.py",
    "measure/program/state.py",
    "measure/program/steps.py",
    "measure/program/tasks.py",
    "workloads/program_steps.py",
)


@lru_cache(maxsize=1)
def _folder() -> Path | None:
    """Return the folder of the functions compiled from the sources as they are now, if any."""
    parent = cache_dir()
    try:
        return parent and private_folder(parent / f"program-{source_hash(SOURCES)}")
    except OSError:
        return None


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function over arrays; other Python threads run meanwhile."""
    if JIT_DISABLED:
        return function
    from ...jit.functions import njit  # noqa: PLC0415

    return njit(function, _folder(), nogil=True)
