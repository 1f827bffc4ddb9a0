"""C functions that are in the process already, for compiled code: called by symbol."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import llvmlite.binding as llvm

INT, LONG, VOID = "int32", "int64", "void"  # a pointer and a size_t are LONG: Linux on 64 bits


class External:
    """A C function whose address is known: machine code finds it under a symbol.

    Parameters
    ----------
    name
        Of the symbol.
    address
        Where it is in this process.
    result, arguments
        ``INT``, ``LONG`` or ``VOID``.

    Attributes
    ----------
    told
        All that a caller's instructions depend on.
    """

    def __init__(self, name: str, address: int, result: str, arguments: tuple[str, ...]) -> None:
        self.told = (f"wpbench.{name}", result, arguments)
        llvm.add_symbol(self.told[0], address)

    @cached_property
    def _numba_type_(self) -> Any:
        from .lowered import c_function_type

        return c_function_type(*self.told)
