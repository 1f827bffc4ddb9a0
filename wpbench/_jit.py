"""Compile to machine code, and never run a stale copy of it.

numba's on-disk cache is keyed by the file that holds a function.  It does not see an edit to a
jitted helper in *another* file: the caller is loaded from the cache with the old helper inlined
and silently computes old numbers.  The machine is many small files that inline each other, so the
cache directory is named after a hash of all their sources: any edit starts an empty cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config as _config

__all__ = ["JIT_DISABLED", "allocating", "cache_dir", "inline", "kernel"]

config: Any = _config  # numba fills this module at run time
JIT_DISABLED: bool = bool(config.DISABLE_JIT)
_HERE = Path(__file__).resolve().parent
_KEPT_GENERATIONS = 8


def _sources() -> list[Path]:
    """Return every file whose code can end up inside a compiled function."""
    return sorted([_HERE / "_jit.py", *_HERE.glob("mm/**/*.py"), *_HERE.glob("workloads/**/*.py")])


@lru_cache(maxsize=1)
def cache_dir() -> Path:
    """Return the directory of the compiled code that belongs to the sources as they are now.

    ``NUMBA_CACHE_DIR`` is respected as the parent; otherwise ``$XDG_CACHE_HOME/wpbench``.  Where
    neither can be written (a read-only home), a private temporary directory is used and nothing
    is kept.
    """
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.relative_to(_HERE).as_posix().encode())
        digest.update(b"\0")
        digest.update(path.read_bytes())
    name = f"{numba.__version__}-{digest.hexdigest()[:16]}"
    if os.environ.get("NUMBA_CACHE_DIR"):
        parent = Path(os.environ["NUMBA_CACHE_DIR"]) / "wpbench"
    else:
        home_cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        parent = Path(home_cache) / "wpbench" / "numba"
    directory = parent / name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(directory)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="wpbench-numba-"))
    os.utime(directory)
    generations = sorted(parent.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in generations[_KEPT_GENERATIONS:]:
        shutil.rmtree(old, ignore_errors=True)
    return directory


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    if JIT_DISABLED:
        return function
    # The cache locator reads config.CACHE_DIR while the function is decorated; set it for just
    # that moment, so that the user's own numba functions keep their own cache.
    previous = config.CACHE_DIR
    config.CACHE_DIR = str(cache_dir())
    try:
        dispatcher = numba.njit(cache=True, **options)(function)
    finally:
        config.CACHE_DIR = previous
    # numba compiles a function once more for every constant it is called with (0, 1, ...); the
    # machine's functions gain nothing by it, and it doubles the time to compile them.
    original = dispatcher.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        return original(
            tuple(numba.types.unliteral(arg) for arg in args),
            {name: numba.types.unliteral(arg) for name, arg in kws.items()},
        )

    dispatcher.get_call_template = get_call_template
    return dispatcher


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that is called, not inlined: a slow path, or a whole workload.

    It cannot make arrays: without them numba need not count references to those of the machine,
    which would cost many times what the machine itself does.
    """
    return _compile(function, _nrt=False)


def allocating(function: Callable[..., Any]) -> Any:
    """Compile a function that makes arrays of its own."""
    return _compile(function)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a function that LLVM must inline into its caller: a step of a hot path.

    Measured: without it the machine runs 1.8 to 2.7 times slower than the same program in C.
    """
    return _compile(function, forceinline=True, _nrt=False)
