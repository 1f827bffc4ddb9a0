"""Of a compiled function all that its code is made of, as a hash: functions, constants, signatures.

What a function calls by symbol counts with its signature alone; what it inlines counts whole.
Where a function uses something whose kind is not known here, it has no hash, and is compiled anew.
"""

from __future__ import annotations

import builtins
import dis
import hashlib
import types
from functools import cache
from typing import Any

import numpy as np

from .compile import Declared, Inline, Jitted, Operation
from .external import External
from .numbered import NumberedMeta
from .pointer import POINTERS, Intrinsic, Pointer

_PLAIN = (int, float, bool, str, np.number, type, types.BuiltinFunctionType, np.ufunc)
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
_MISSING = object()


class UnknownKindError(Exception):
    """A function uses something of a kind that is not known here."""


def digest_of(declared: Declared) -> str | None:
    """Return a hash of all that a declared function's code depends on, None if that is not known.

    The tools that compile it aside (``sources.TOOLS``, numba, llvmlite).
    """
    told = [_signature(declared), repr(getattr(declared, "raised", None)), _layouts()]
    try:
        told.append(_function(declared.py_func))
    except UnknownKindError:
        return None
    return _hash(told)


def _hash(told: list[str]) -> str:
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


@cache
def _layouts() -> str:
    return _hash([f"{name} {pointer.layout!r}" for name, pointer in sorted(POINTERS.items())])


def _signature(declared: Declared) -> str:
    """Return all that a caller's code has of a function that it calls by symbol."""
    kinds = [_value(kind) for kind in (*declared.arguments, declared.result)]
    refused = repr(declared.refused) if isinstance(declared, Operation) else ""
    return " ".join((type(declared).__name__, declared.symbol, *kinds, refused))


@cache
def _function(function: types.FunctionType) -> str:
    """Return a hash of a function with all that is inlined into it."""
    code = function.__code__
    if function.__closure__ or function.__kwdefaults__:
        raise UnknownKindError(function.__qualname__)
    told = [
        f"{function.__module__}.{function.__qualname__}",
        repr(function.__annotations__),
        code.co_code.hex(),
        repr((code.co_varnames, code.co_names, code.co_argcount)),
        *(_value(value) for value in (*code.co_consts, *(function.__defaults__ or ()))),
    ]
    steps = list(dis.get_instructions(function))
    for at, step in enumerate(steps):
        if step.opname == "LOAD_GLOBAL":
            value = _global(function, step.argval)
            while isinstance(value, types.ModuleType):
                at += 1  # noqa: PLW2901
                if steps[at].opname not in _ATTRIBUTE:
                    raise UnknownKindError(step.argval)
                value = getattr(value, steps[at].argval)
            told.append(f"{step.argval} {_value(value)}")
    return _hash(told)


def _global(function: types.FunctionType, name: str) -> Any:
    found = function.__globals__.get(name, _MISSING)
    return getattr(builtins, name) if found is _MISSING else found


def _value(value: Any) -> str:
    """Return a constant, or something that a function calls or looks into, as a text."""
    if isinstance(value, NumberedMeta):
        members: dict[str, Any] = dict(value.__members__)
        return repr([(name, int(member)) for name, member in members.items()])
    if value is None or isinstance(value, _PLAIN):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    if isinstance(value, Inline):
        entry = value.entry if isinstance(value, Jitted) else None
        own = _signature(entry) if entry is not None else ""
        return f"{type(value).__name__} {value.options} {own} {_function(value.py_func)}"
    if isinstance(value, Declared):
        return _signature(value)
    if isinstance(value, Pointer):
        return f"pointer {value.name}"
    if isinstance(value, Intrinsic | External):
        return f"{type(value).__name__} {_value(value.told)}"
    raise UnknownKindError(type(value).__name__)
