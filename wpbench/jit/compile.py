"""Functions that are compiled: told here, made into machine code together (build.py), and called.

Nothing here imports numba: what Python calls is in the machine code (loaded.py), and numba asks
``_numba_type_`` of what it finds in the source that it compiles.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from . import loaded
from .pointer import POINTERS, Pointer
from .sources import CALLED, MACHINE

__all__ = [
    "CHECKED",
    "DECLARED",
    "JIT_DISABLED",
    "Bytes",
    "Cube",
    "Declared",
    "Inline",
    "Jitted",
    "Kernel",
    "Operation",
    "Table",
    "Words",
    "inline",
    "is_jitted",
    "is_numba_type",
    "jitted",
    "kernel",
    "link",
    "linked",
    "operation",
    "workload",
]


def _disabled() -> bool:
    """Does NUMBA_DISABLE_JIT say that nothing is compiled?  As numba reads it."""
    try:
        return bool(int(os.environ.get("NUMBA_DISABLE_JIT", "0")))
    except ValueError:
        return False


# WPBENCH_CHECK=1: plain Python, in which an index outside a table is an error.
CHECKED: bool = os.environ.get("WPBENCH_CHECK") == "1"
if CHECKED:  # for the functions that are decorated from here on, also a user's
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    if "numba" in sys.modules:
        from .private import config

        config.DISABLE_JIT = True
JIT_DISABLED: bool = _disabled()

# Arrays that a jitted function can be annotated to take, C-contiguous.
Words: TypeAlias = Any  # of int64
Table: TypeAlias = Any  # of int64, two dimensions
Cube: TypeAlias = Any  # of int64, three dimensions
Bytes: TypeAlias = Any  # of uint8
_ARRAYS = {
    "Words": (np.int64, 1),
    "Table": (np.int64, 2),
    "Cube": (np.int64, 3),
    "Bytes": (np.uint8, 1),
}
_NUMBERS = ("int", "bool", "float", "None")
_OPERATION_NUMBERS = (*_NUMBERS, "np.uint64")
_ENTRY_TYPES = ("int", "bool", "None", "tuple[int, int]", *_ARRAYS)

DECLARED: dict[str, list[Declared]] = {}  # of each unit, in the order of definition


def _load(unit: str) -> None:
    """Load the machine code of a unit, after that of those whose functions it calls."""
    if loaded.is_loaded(unit):
        return
    for called in CALLED[unit]:
        _load(called)
        for declared in DECLARED[called]:
            loaded.publish(declared.symbol, declared.address)
    loaded.load(unit)


def _annotations(function: Any, accepted: tuple[str, ...]) -> tuple[list[Any], Any]:
    """Return what a function's parameters and its result are annotated as; pointers as such.

    Raises
    ------
    TypeError
        If one is none of those accepted, nor a pointer.
    """
    told = function.__annotations__
    found: list[Any] = []
    for name in (*_parameters(function), "return"):
        annotation = told.get(name)
        if annotation not in accepted and annotation not in POINTERS:
            where = f"{function.__module__}.{function.__qualname__}()"
            what = "its result" if name == "return" else f"parameter {name}"
            shown = "no annotation" if annotation is None else repr(annotation)
            known = ", ".join([*accepted, *POINTERS])
            raise TypeError(f"{where}: {what} has {shown}; accepted: {known}")
        found.append(POINTERS.get(annotation, annotation))
    return found[:-1], found[-1]


def _parameters(function: Any) -> tuple[str, ...]:
    code = function.__code__
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    return names


def _named(made: Any, function: Any) -> None:
    """Give something the name and the docstring of the function that it stands for."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(made, name, getattr(function, name))
    made.__wrapped__ = function


class Inline:
    """A function that numba compiles into each of its callers; Python runs it as it is written."""

    options: dict[str, Any] = {"forceinline": True}  # noqa: RUF012

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        _named(self, function)

    @cached_property
    def dispatcher(self) -> Any:
        """Numba's."""
        from .lowered import dispatcher

        return dispatcher(self.py_func, self.options)

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_

    def __call__(self, *arguments: Any) -> Any:
        """Run it."""
        return self.py_func(*arguments)


class Declared:
    """A function in the machine code, with a symbol; its signature is in its annotations.

    Attributes
    ----------
    unit
        Which machine code (``sources.UNITS``).
    symbol
        Module and name.
    arguments, result
        Names of types, or pointers.
    """

    accepted: tuple[str, ...] = _NUMBERS

    def __init__(self, function: Callable[..., Any], unit: str = MACHINE) -> None:
        self.py_func = function
        self.unit = unit
        self.symbol = f"{function.__module__}.{function.__qualname__}"
        self.arguments, self.result = _annotations(function, self.accepted)
        _named(self, function)
        DECLARED.setdefault(unit, []).append(self)

    def link(self) -> None:
        """Make it callable."""
        _load(self.unit)

    @property
    def linked(self) -> bool:
        """Can it be run at once?"""
        return loaded.is_loaded(self.unit)

    @cached_property
    def address(self) -> int:
        """Where the compiled function is."""
        _load(self.unit)
        return loaded.address_of(self.unit, self.symbol)


class Kernel(Declared):
    """A C function of a pointer and integers, called by its symbol."""

    @property
    def raised(self) -> tuple[int, int] | None:
        """Where an exception is written down, and as what (``Layout.raised``)."""
        first = next(iter(self.arguments), None)
        return first.layout.raised if isinstance(first, Pointer) else None

    @property
    def _numba_type_(self) -> Any:
        from .lowered import Dispatchers, external_type

        address = None if Dispatchers.building else self.address
        return external_type(self.symbol, address, self.arguments, self.result)

    @cached_property
    def _call(self) -> Any:
        result = None if self.result == "None" else ctypes.c_int64
        numbers = [ctypes.c_int64] * (len(self.arguments) - 1)
        return ctypes.CFUNCTYPE(result, ctypes.c_void_p, *numbers)(self.address)

    def __call__(self, m: Any, *numbers: int) -> Any:
        """Run it on the object that the pointer is of."""
        return self._call(m.address, *map(int, numbers))


class Operation(Declared):
    """A kernel that may refuse, which is an exception to a workload of one's own and to Python.

    Parameters
    ----------
    function
        What raises any exception where it refuses.
    refused
        The exception that its callers see, and its text.
    """

    accepted = _OPERATION_NUMBERS

    def __init__(self, function: Callable[..., Any], refused: tuple[type[Exception], str]) -> None:
        super().__init__(function)
        self.refused = refused

    @cached_property
    def _numba_type_(self) -> Any:
        from .lowered import operation_type

        given = inspect.signature(self.py_func)
        return operation_type(
            self.symbol, self.address, given, self.arguments, self.result, self.refused
        )

    @cached_property
    def _call(self) -> Any:
        numbers = [ctypes.c_int64] * (len(self.arguments) - 1)
        return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *numbers)(
            self.address
        )

    def __call__(self, m: Any, *numbers: int) -> Any:
        """Run it on the object that the pointer is of."""
        slot = _RESULTS.get(self.result, ctypes.c_int64)(0)
        if self._call(ctypes.addressof(slot), m.address, *map(int, numbers)):
            raise self.refused[0](self.refused[1])
        return None if self.result == "None" else slot.value


_RESULTS: dict[Any, Any] = {
    "bool": ctypes.c_bool, "float": ctypes.c_double, "np.uint64": ctypes.c_uint64
}  # fmt: skip


class Entry(Declared):
    """A function of pointers, integers and arrays that Python calls, and jitted code too.

    Its C function takes the address of a few words: the arguments (an array is its address, then
    its lengths), and then the result.  It returns 0, or 1 if there was an exception.
    """

    accepted = _ENTRY_TYPES

    @cached_property
    def _call(self) -> Any:
        return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(self.address)

    def __call__(self, *arguments: Any) -> Any:
        """Run it."""
        words: list[int] = []
        for kind, value in zip(self.arguments, arguments, strict=True):
            if isinstance(kind, Pointer):
                words.append(value.address)
            elif kind in _ARRAYS:
                words += self._array(value, *_ARRAYS[kind])
            else:
                words.append(int(value))
        block = (ctypes.c_int64 * max(len(words), 2))(*words)
        if self._call(block):
            raise RuntimeError(f"{self.symbol}(): an exception in compiled code")
        if self.result == "None":
            return None
        return block[0] if self.result in ("int", "bool") else (block[0], block[1])

    def _array(self, value: Any, dtype: Any, ndim: int) -> tuple[int, ...]:
        if value.dtype != dtype or value.ndim != ndim or not value.flags.c_contiguous:
            raise TypeError(f"{self.symbol}(): {value.dtype}[{value.ndim}] is not accepted")
        return (value.__array_interface__["data"][0], *value.shape)


class Jitted(Inline):
    """A function of arrays, compiled on its own; ``entry`` where Python can call it, too."""

    # Said, because numba would inherit it from the caller: then LLVM must inline all of it.
    options = {"nogil": True, "forceinline": False}  # noqa: RUF012

    def __init__(self, function: Callable[..., Any], unit: str) -> None:
        super().__init__(function)
        told = function.__annotations__
        self.entry = None if "Any" in told.values() else Entry(function, unit)

    def __call__(self, *arguments: Any) -> Any:
        """Run it."""
        return self.entry(*arguments) if self.entry is not None else super().__call__(*arguments)


def jitted(function: Callable[..., Any], unit: str = MACHINE) -> Any:
    """Compile a function of arrays; other Python threads run meanwhile.

    Python can call one whose arrays are annotated as ``Words``, ``Table`` or ``Bytes``; one with
    ``Any`` only jitted code can.
    """
    return function if JIT_DISABLED else Jitted(function, unit)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a function that LLVM must inline into its caller: a step of a hot path.

    Measured: without it the machine runs 1.8 to 2.7 times slower than the same program in C.
    """
    return function if JIT_DISABLED else Inline(function)


def kernel(function: Callable[..., Any], unit: str = MACHINE) -> Any:
    """Compile a function that is called, not inlined: a slow path, or an operation of the machine.

    Its parameters are a machine and integers.
    """
    return function if JIT_DISABLED else Kernel(function, unit)


def operation(function: Callable[..., Any], refused: tuple[type[Exception], str]) -> Any:
    """Compile a kernel that may refuse, for workloads of one's own."""
    return function if JIT_DISABLED else Operation(function, refused)


workload = kernel  # a program for the machine


def is_jitted(function: Any) -> bool:
    """Is it what ``numba.njit`` returns?  Without numba nothing is."""
    if "numba" not in sys.modules:
        return False
    from .private import Dispatcher

    return isinstance(function, Dispatcher)


def is_numba_type(value: Any) -> bool:
    """Is it a type of numba's?  Without numba nothing is."""
    if "numba" not in sys.modules:
        return False
    from numba import types

    return isinstance(value, types.Type)


def linked() -> bool:
    """Has ``link()`` nothing left to do?"""
    return JIT_DISABLED or loaded.is_loaded(MACHINE)


def link() -> None:
    """Make all that is compiled callable; called when a machine is built."""
    if not JIT_DISABLED:
        _load(MACHINE)
