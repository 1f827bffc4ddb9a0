"""Compile to machine code; what was compiled before is loaded (wpbench/jit/cache.py)."""

from __future__ import annotations

import ctypes
import functools
import inspect
import os
import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
import numba.types
from numba.extending import (
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
)

from .cache import Cache, cache_dir
from .numbered import NumberedMeta
from .private import (
    AttributeTemplate,
    CFunc,
    config,
    lower_constant,
    normalize_signature,
)

__all__ = [
    "CHECKED",
    "JIT_DISABLED",
    "TYPES",
    "cfunction",
    "inline",
    "jitted",
    "kernel",
    "link",
    "linked",
    "njit",
    "workload",
]

# WPBENCH_CHECK=1: plain Python, in which an index outside a table is an error.
CHECKED: bool = os.environ.get("WPBENCH_CHECK") == "1"
if CHECKED:
    config.DISABLE_JIT = True  # for the functions that are decorated from here on, also a user's
JIT_DISABLED: bool = bool(config.DISABLE_JIT)
# Several threads may build their first machine, or be given workloads, at once.
_LINKING = threading.RLock()


def njit(function: Callable[..., Any], folder: Any, **options: Any) -> Any:
    """Return numba's dispatcher of a function; its compiled code is kept in a folder, if any."""
    dispatcher = numba.njit(**options)(function)
    dispatcher._cache = Cache(function, folder)
    return dispatcher


def cfunction(function: Callable[..., Any], signature: Any, folder: Any, **options: Any) -> Any:
    """Return a compiled C function with its ``address``; its code is kept in a folder, if any."""
    args, result = normalize_signature(signature)
    compiled: Any = CFunc(function, (args, result), locals={}, options=options)
    compiled._cache = Cache(function, folder)
    compiled.compile()
    return compiled


def _njit(function: Callable[..., Any], **options: Any) -> Any:
    if JIT_DISABLED:
        return function
    dispatcher = njit(function, cache_dir(), **options)
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


class NumbersType(numba.types.Type):
    """The type of an enumeration of numbers; its members are int64."""

    def __init__(self, numbers: NumberedMeta) -> None:
        self.numbers = numbers
        super().__init__(f"numbers({numbers.__module__}.{numbers.__qualname__})")


register_model(NumbersType)(models.OpaqueModel)


@typeof_impl.register(NumberedMeta)
def _typeof_numbers(numbers: Any, _context: Any) -> Any:
    return NumbersType(numbers)


@infer_getattr
class _Members(AttributeTemplate):
    key = NumbersType

    def generic_resolve(self, numbers: Any, name: str) -> Any:  # type: ignore[override]
        return numba.types.int64 if name in numbers.numbers.__members__ else None


@lower_getattr_generic(NumbersType)
def _member(context: Any, _builder: Any, numbers: Any, _value: Any, name: str) -> Any:
    return context.get_constant(numba.types.int64, int(numbers.numbers[name]))


@lower_constant(NumbersType)
def _numbers(context: Any, _builder: Any, _type: Any, _value: Any) -> Any:
    return context.get_dummy_value()


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


def _type_of(annotation: Any, what: str) -> Any:
    if annotation not in TYPES:
        shown = "no annotation" if annotation is inspect.Parameter.empty else repr(annotation)
        raise TypeError(f"{what} has {shown}; accepted: {', '.join(TYPES)}")
    return TYPES[annotation]


class Kernel(numba.types.ExternalFunction):
    """A function compiled on its own and called by its symbol, from jitted code and from Python.

    numba links the code of a jitted function into each of its callers and optimizes it there once
    more, and again in theirs; the machine's slow paths would be compiled dozens of times.  A symbol
    ends that.  Its signature is in its annotations.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        given = inspect.signature(function)
        where = f"{function.__module__}.{function.__qualname__}()"
        arguments = [
            _type_of(p.annotation, f"{where}: parameter {name}")
            for name, p in given.parameters.items()
        ]
        result = _type_of(given.return_annotation, f"{where}: its result")
        symbol = f"{function.__module__}.{function.__qualname__}"
        super().__init__(symbol, numba.types.Type.__call__(result, *arguments))
        functools.update_wrapper(self, function)
        self._compiled: Any = None

    def link(self) -> None:
        """Compile the function, or load it from the cache, and make its symbol known.

        A symbol must be known when a caller is loaded.  A kernel calls only what was defined before
        it, so those are linked first, in their order.
        """
        with _LINKING:
            while self._compiled is None and _kernels:
                _kernels[0]._link()
                del _kernels[0]
            if self._compiled is None:
                self._link()

    def _link(self) -> None:
        compiled = cfunction(self.py_func, self.sig, cache_dir(), forceinline=True)
        llvm.add_symbol(self.symbol, compiled.address)
        result = None if self.sig.return_type == numba.types.void else ctypes.c_int64
        numbers = [ctypes.c_int64] * (len(self.sig.args) - 1)
        prototype = ctypes.CFUNCTYPE(result, ctypes.c_void_p, *numbers)
        self._call = prototype(compiled.address)
        self._compiled = compiled

    @property
    def linked(self) -> bool:
        """Can it be run at once?"""
        return self._compiled is not None

    @property
    def address(self) -> int:
        """Where the compiled function is."""
        self.link()
        return int(self._compiled.address)

    def __call__(self, m: Any, *numbers: int) -> Any:  # type: ignore[override]
        """Run the compiled function on a machine."""
        self.link()
        return self._call(m.address, *map(int, numbers))


register_model(Kernel)(models.OpaqueModel)
_kernels: list[Kernel] = []  # not linked yet, in the order of their definition


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that is called, not inlined: a slow path, or an operation of the machine.

    Its parameters are a machine and integers.  It must not call itself, by whatever way.
    """
    if JIT_DISABLED:
        return function
    made = Kernel(function)
    _kernels.append(made)
    return made


def workload(function: Callable[..., Any]) -> Any:
    """Compile a program for the machine: a kernel that is compiled when it is first run."""
    return function if JIT_DISABLED else Kernel(function)


def linked() -> bool:
    """Has ``link()`` nothing left to do?"""
    return not _kernels


def link() -> None:
    """Make all kernels callable; called when a machine is built, before anything can run on it."""
    with _LINKING:
        while _kernels:
            _kernels[0].link()
