"""Let the cache fetch an element of a table that will be written soon."""

from __future__ import annotations

from typing import Any

from .compile import JIT_DISABLED


def prefetch(table: Any, at: int) -> None:
    """Fetch ``table[at]`` into all caches; as plain Python, do nothing."""


if not JIT_DISABLED:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    _INT = ir.IntType(32)
    _WRITE, _KEEP, _DATA = (ir.Constant(_INT, value) for value in (1, 3, 1))

    def _prefetch(_context: Any, table: Any, _at: Any) -> Any:
        """Fetch an element, to be written; where there is no memory, nothing happens."""

        def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            byte = ir.IntType(8).as_pointer()
            taken = ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
            fetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], taken)
            place = builder.bitcast(builder.gep(args[0], [args[1]]), byte)
            builder.call(fetch, [place, _WRITE, _KEEP, _DATA])
            return context.get_dummy_value()

        return types.void(table, types.int64), codegen

    _compiled: Any = intrinsic(_prefetch)
    prefetch = _compiled
