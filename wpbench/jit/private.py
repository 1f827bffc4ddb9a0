"""All that is used of numba and is not its public interface: here, and nowhere else.

A new numba may change any of it.  ``EXPECTED`` says what is relied on, and tests/test_jit.py names
what is no longer so.
"""

from __future__ import annotations

import inspect
from typing import Any

from numba.core import config as _config
from numba.core.caching import _Cache
from numba.core.ccallback import CFunc
from numba.core.codegen import CodeLibrary, CPUCodegen
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.imputils import lower_constant
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature
from numba.core.typing.templates import AttributeTemplate

__all__ = [
    "EXPECTED",
    "AttributeTemplate",
    "CFunc",
    "CodeCache",
    "CompileResult",
    "Dispatcher",
    "config",
    "dumps",
    "lower_constant",
    "normalize_signature",
]

config: Any = _config  # numba fills this module at run time
CodeCache: Any = _Cache

# Of each thing the attributes that are used, and of a function its parameters.
EXPECTED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (config, ("DISABLE_JIT",)),
    (_Cache, ("cache_path", "enable", "disable", "flush", "load_overload", "save_overload")),
    (CFunc, ("compile", "address")),
    (CompileResult, ("_rebuild", "_reduce", "library", "lifted")),
    (CodeLibrary, ("has_dynamic_globals", "codegen")),
    (CPUCodegen, ("magic_tuple",)),
    (Dispatcher, ("get_call_template",)),
    (AttributeTemplate, ("generic_resolve",)),
)
PARAMETERS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (CFunc.__init__, ("self", "pyfunc", "sig", "locals", "options")),
    (CompileResult._rebuild, ("target_context",)),
    (_Cache.load_overload, ("self", "sig", "target_context")),
    (_Cache.save_overload, ("self", "sig", "data")),
    (Dispatcher.get_call_template, ("self", "args", "kws")),
    (normalize_signature, ("sig",)),
    (dumps, ("obj",)),
)


def changed() -> list[str]:
    """Return what is no longer as this project relies on it, of the numba that is installed."""
    missing = [
        f"{thing.__name__} has no {name}"
        for thing, names in EXPECTED
        for name in names
        if not hasattr(thing, name) and name not in getattr(thing, "__annotations__", {})
    ]
    for function, names in PARAMETERS:
        has = tuple(inspect.signature(function).parameters)
        if has[: len(names)] != names:
            missing.append(f"{function.__qualname__}() takes {', '.join(has)}")
    return missing
