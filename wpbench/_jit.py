"""Compile to machine code, and never run a stale copy of it.

numba's on-disk cache is keyed by the file that holds a function.  It does not see an edit to a
jitted helper in *another* file: the caller is loaded from the cache with the old helper inlined
and silently computes old numbers.  The machine is many small files that inline each other, so the
cache directory is named after a hash of all their sources: any edit starts an empty cache.
"""

from __future__ import annotations

import ctypes
import dis
import functools
import inspect
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numba.types
from numba.core import config as _config
from numba.core.caching import CompileResultCacheImpl, UserProvidedCacheLocator
from numba.core.dispatcher import Dispatcher
from numba.extending import models, register_model

from ._sources import COMPILED, source_hash

__all__ = ["JIT_DISABLED", "TYPES", "cache_dir", "inline", "jitted", "kernel", "link", "workload"]

config: Any = _config  # numba fills this module at run time
JIT_DISABLED: bool = bool(config.DISABLE_JIT)
_KEPT_GENERATIONS = 8


@lru_cache(maxsize=1)
def cache_dir() -> Path:
    """Return the directory of the compiled code that belongs to the sources as they are now.

    ``NUMBA_CACHE_DIR`` is respected as the parent; otherwise ``$XDG_CACHE_HOME/wpbench``.  Where
    neither can be written (a read-only home), a private temporary directory is used and nothing
    is kept.
    """
    name = f"{numba.__version__}-{source_hash(COMPILED)}"
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


class _Locator(UserProvidedCacheLocator):
    """numba's, for a source in any folder.

    Numba's own fails where the folder's name has bytes that the locale does not know
    (PYTHONUTF8=0, LC_ALL=C): Python has them as surrogates, and these have no UTF-8.
    """

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        name = os.fsencode(py_file).decode("ascii", "backslashreplace")
        return str(super().get_suitable_cache_subpath(name))


@contextmanager
def _own_cache() -> Iterator[None]:
    """Let functions decorated here be cached in ``cache_dir()``.

    The cache locator reads config.CACHE_DIR while a function is decorated; it is set for just that
    moment, so that the user's own numba functions keep their own cache.
    """
    previous = config.CACHE_DIR, CompileResultCacheImpl._locator_classes
    config.CACHE_DIR, CompileResultCacheImpl._locator_classes = str(cache_dir()), [_Locator]
    try:
        yield
    finally:
        config.CACHE_DIR, CompileResultCacheImpl._locator_classes = previous


def _njit(function: Callable[..., Any], **options: Any) -> Any:
    if JIT_DISABLED:
        return function
    with _own_cache():
        dispatcher = numba.njit(cache=True, **options)(function)
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


def jitted(function: Callable[..., Any]) -> Any:
    """Compile a function of arrays; other Python threads run meanwhile."""
    return _njit(function, nogil=True)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a function that LLVM must inline into its caller: a step of a hot path.

    Measured: without it the machine runs 1.8 to 2.7 times slower than the same program in C.
    """
    return _njit(function, forceinline=True)


# What a kernel's parameters and result can be annotated as.
TYPES: dict[str, Any] = {
    "int": numba.types.int64,
    "bool": numba.types.int64,
    "float": numba.types.float64,
    "None": numba.types.void,
}


class Kernel(numba.types.ExternalFunction):
    """A function compiled on its own and called by its symbol, from jitted code and from Python.

    numba links the code of a jitted function into each of its callers and optimizes it there once
    more, and again in theirs; the machine's slow paths would be compiled dozens of times.  A symbol
    ends that.  Its signature is in its annotations.
    """

    _made = itertools.count()

    def __init__(self, function: Callable[..., Any], *, made_at_run_time: bool = False) -> None:
        self.py_func = function
        self._cache = not made_at_run_time
        parameters = inspect.signature(function)
        arguments = [TYPES[p.annotation] for p in parameters.parameters.values()]
        result = TYPES[parameters.return_annotation]
        symbol = f"{function.__module__}.{function.__qualname__}"
        if made_at_run_time:  # the name alone does not tell such functions apart
            symbol += f".{next(self._made)}"
        super().__init__(symbol, numba.types.Type.__call__(result, *arguments))
        functools.update_wrapper(self, function)
        self._compiled: Any = None

    def link(self) -> None:
        """Compile the function, or load it from the cache, and make its symbol known."""
        if self._compiled is None:
            for callee in _kernels_called(self.py_func):
                callee.link()
            with _own_cache():
                compiler = numba.cfunc(self.sig, cache=self._cache, forceinline=True)
                self._compiled = compiler(self.py_func)
            llvm.add_symbol(self.symbol, self._compiled.address)
            result = None if self.sig.return_type == numba.types.void else ctypes.c_int64
            numbers = [ctypes.c_int64] * (len(self.sig.args) - 1)
            prototype = ctypes.CFUNCTYPE(result, ctypes.c_void_p, *numbers)
            self._call = prototype(self._compiled.address)

    @property
    def address(self) -> int:
        """Where the compiled function is."""
        self.link()
        return int(self._compiled.address)

    def __call__(self, m: Any, *numbers: int) -> Any:  # type: ignore[override]
        """Run the compiled function on a machine."""
        self.link()
        return self._call(m.address, *map(int, numbers))


def _kernels_called(function: Any) -> Iterator[Kernel]:
    """Yield the kernels that a function calls, itself or in what is inlined into it."""
    for instruction in dis.get_instructions(function):
        if instruction.opname != "LOAD_GLOBAL":
            continue
        called = function.__globals__.get(instruction.argval)
        if isinstance(called, Kernel):
            yield called
        elif isinstance(called, Dispatcher):
            yield from _kernels_called(called.py_func)


register_model(Kernel)(models.OpaqueModel)
_kernels: list[Kernel] = []


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that is called, not inlined: a slow path, or an operation of the machine.

    Its parameters are a machine and integers.  It must not call itself, by whatever way.
    """
    if JIT_DISABLED:
        return function
    made = Kernel(function)
    _kernels.append(made)
    return made


def compile_workload(function: Callable[..., Any]) -> Any:
    """Compile a program that is made at run time; it is not cached."""
    return function if JIT_DISABLED else Kernel(function, made_at_run_time=True)


def workload(function: Callable[..., Any]) -> Any:
    """Compile a program for the machine: a kernel that is compiled when it is first run."""
    return function if JIT_DISABLED else Kernel(function)


def link() -> None:
    """Make all kernels callable; called when a machine is built, before anything can run on it."""
    while _kernels:
        _kernels.pop(0).link()
