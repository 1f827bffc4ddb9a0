"""A Python object that jitted code sees as one pointer to a row of 64-bit words.

The row holds numbers, whose names are the object's attributes, and the addresses of tables.
Numbers and addresses that never change are loaded as such (``invariant.load``), so that LLVM need
not load them again after each store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

_WORD = ir.IntType(64)


class Layout:
    """Where the attributes of a class are in its row.

    Parameters
    ----------
    constants, variables
        Names of numbers -> index.
    near
        Names of tables inside the row -> index of their first word.
    far
        Names of tables elsewhere -> index of their address, and the type of their elements.
    """

    def __init__(
        self,
        constants: Mapping[str, int],
        variables: Mapping[str, int],
        near: Mapping[str, int],
        far: Mapping[str, tuple[int, str]],
    ) -> None:
        self.constants = constants
        self.variables = variables
        self.near = near
        self.far = {
            name: (index, types.CPointer(getattr(types, element)))
            for name, (index, element) in far.items()
        }

    def typeof(self, name: str) -> Any:
        """Return the numba type of an attribute, None for one that is not there."""
        if name in self.constants or name in self.variables:
            return types.int64
        if name in self.near:
            return types.CPointer(types.int64)
        return self.far[name][1] if name in self.far else None


def pointer_type(cls: type, layout: Layout) -> Any:
    """Return the numba type of a class whose objects have the row's ``address``; register it."""
    numba_class = type(f"{cls.__name__}Pointer", (types.Type,), {"__module__": __name__})
    globals()[numba_class.__name__] = numba_class  # where pickle looks for it
    numba_type = numba_class(cls.__name__)
    register_model(numba_class)(models.OpaqueModel)

    @typeof_impl.register(cls)
    def _typeof(_value: Any, _context: Any) -> Any:
        return numba_type

    @infer_getattr
    class _Attributes(AttributeTemplate):
        key = numba_class

        def generic_resolve(self, _type: Any, name: str) -> Any:  # type: ignore[override]
            return layout.typeof(name)

    def place(builder: Any, pointer: Any, index: int) -> Any:
        row = builder.bitcast(pointer, _WORD.as_pointer())
        return builder.gep(row, [ir.Constant(_WORD, index)])

    def constant(builder: Any, pointer: Any, index: int) -> Any:
        load = builder.load(place(builder, pointer, index))
        load.set_metadata("invariant.load", builder.module.add_metadata([]))
        return load

    @lower_getattr_generic(numba_class)
    def _get(context: Any, builder: Any, _type: Any, pointer: Any, name: str) -> Any:
        if name in layout.constants:
            return constant(builder, pointer, layout.constants[name])
        if name in layout.variables:
            return builder.load(place(builder, pointer, layout.variables[name]))
        if name in layout.near:
            return place(builder, pointer, layout.near[name])
        index, table = layout.far[name]
        return builder.inttoptr(constant(builder, pointer, index), context.get_value_type(table))

    @lower_setattr_generic(numba_class)
    def _set(_context: Any, builder: Any, _signature: Any, args: Any, name: str) -> None:
        if name not in layout.variables:
            raise NotImplementedError(f"{cls.__name__}.{name} cannot be assigned to")
        builder.store(args[1], place(builder, args[0], layout.variables[name]))

    @unbox(numba_class)
    def _unbox(_type: Any, obj: Any, c: Any) -> Any:
        address = c.pyapi.object_getattr_string(obj, "address")
        number = c.pyapi.long_as_ulonglong(address)
        c.pyapi.decref(address)
        pointer = c.builder.inttoptr(number, c.context.get_value_type(numba_type))
        return NativeValue(pointer, is_error=c.pyapi.c_api_error())

    return numba_type
