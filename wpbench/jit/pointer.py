"""A Python object that jitted code sees as one pointer to a row of 64-bit words.

The row holds numbers, whose names are the object's attributes, and the addresses of tables.
Numbers and addresses that never change are loaded as such (``invariant.load``), so that LLVM need
not load them again after each store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import (
    NativeValue,
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

from .private import AttributeTemplate

_WORD = ir.IntType(64)
_ZERO = ir.Constant(_WORD, 0)


@dataclass(frozen=True)
class Layout:
    """Where the attributes of a class are in its row.

    Attributes
    ----------
    constants, variables
        Names of numbers -> index.
    near
        Names of tables inside the row -> index of their first word.
    far
        Names of tables elsewhere -> index of their address, and the type of their elements.
    """

    constants: Mapping[str, int]
    variables: Mapping[str, int]
    near: Mapping[str, int]
    far: Mapping[str, tuple[int, str]]

    def typeof(self, name: str) -> Any:
        """Return the numba type of an attribute, None for one that is not there."""
        if name in self.constants or name in self.variables:
            return types.int64
        if name in self.near:
            return types.CPointer(types.int64)
        if name in self.far:
            return types.CPointer(getattr(types, self.far[name][1]))
        return None


def _place(builder: Any, pointer: Any, index: int) -> Any:
    row = builder.bitcast(pointer, _WORD.as_pointer())
    return builder.gep(row, [ir.Constant(_WORD, index)])


def _constant(builder: Any, pointer: Any, index: int) -> Any:
    load = builder.load(_place(builder, pointer, index))
    load.set_metadata("invariant.load", builder.module.add_metadata([]))
    return load


def pointer_type(name: str, layout: Layout) -> Any:
    """Return a new numba type with the attributes of a layout."""
    numba_class = type(f"{name}Pointer", (types.Type,), {"__module__": __name__})
    globals()[numba_class.__name__] = numba_class  # where pickle looks for it
    numba_type = numba_class(name)
    register_model(numba_class)(models.OpaqueModel)

    @infer_getattr
    class _Attributes(AttributeTemplate):
        key = numba_class

        def generic_resolve(self, _type: Any, name: str) -> Any:  # type: ignore[override]
            return layout.typeof(name)

    @lower_getattr_generic(numba_class)
    def _get(context: Any, builder: Any, _type: Any, pointer: Any, name: str) -> Any:
        if name in layout.constants:
            return _constant(builder, pointer, layout.constants[name])
        if name in layout.variables:
            return builder.load(_place(builder, pointer, layout.variables[name]))
        if name in layout.near:
            return _place(builder, pointer, layout.near[name])
        address = _constant(builder, pointer, layout.far[name][0])
        return builder.inttoptr(address, context.get_value_type(layout.typeof(name)))

    @lower_setattr_generic(numba_class)
    def _set(_context: Any, builder: Any, _signature: Any, args: Any, name: str) -> None:
        if name not in layout.variables:
            raise NotImplementedError(f"{numba_type}.{name} cannot be assigned to")
        builder.store(args[1], _place(builder, args[0], layout.variables[name]))

    return numba_type


def passes_as(cls: type, numba_type: Any) -> None:
    """Let objects of a class, which have their row's ``address``, be arguments of jitted code."""

    @typeof_impl.register(cls)
    def _typeof(_value: Any, _context: Any) -> Any:
        return numba_type

    @unbox(type(numba_type))
    def _unbox(_type: Any, obj: Any, c: Any) -> Any:
        address = c.pyapi.object_getattr_string(obj, "address")
        number = c.pyapi.long_as_ulonglong(address)
        c.pyapi.decref(address)
        pointer = c.builder.inttoptr(number, c.context.get_value_type(numba_type))
        return NativeValue(pointer, is_error=c.pyapi.c_api_error())


def assume_zero(numba_type: Any, places: Iterable[int]) -> Any:
    """Return a function for jitted code that tells the optimiser which constants are 0.

    It returns its argument.  What is inlined after it loses the tests of these constants.
    """

    @intrinsic
    def assume(_context: Any, _pointer: Any) -> Any:
        def codegen(_c: Any, builder: Any, _signature: Any, args: Any) -> Any:
            taken = ir.FunctionType(ir.VoidType(), [ir.IntType(1)])
            assumption = builder.module.declare_intrinsic("llvm.assume", (), taken)
            for index in places:
                zero = builder.icmp_signed("==", _constant(builder, args[0], index), _ZERO)
                builder.call(assumption, [zero])
            return args[0]

        return numba_type(numba_type), codegen

    return assume


def seen_as(numba_type: Any) -> Any:
    """Return a function for jitted code that takes a pointer for one of another type."""

    @intrinsic
    def seen(_context: Any, pointer: Any) -> Any:
        def codegen(_c: Any, _builder: Any, _signature: Any, args: Any) -> Any:
            return args[0]

        return numba_type(pointer), codegen

    return seen


def pointer_at(numba_type: Any) -> Any:
    """Return a function for jitted code that takes an address for a pointer."""

    @intrinsic
    def at(_context: Any, _address: Any) -> Any:
        def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(numba_type))

        return numba_type(types.int64), codegen

    return at


def _call(_context: Any, _function: Any, pointer: Any) -> Any:
    """Call the C function of one pointer at an address, in jitted code."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        prototype = ir.FunctionType(ir.VoidType(), [context.get_value_type(pointer)])
        builder.call(builder.inttoptr(args[0], prototype.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.void(types.int64, pointer), codegen


call: Any = intrinsic(_call)


def _bit_length(_context: Any, _number: Any) -> Any:
    """Return how many bits a number that is not negative has, in jitted code."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        zeros = builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(_WORD, 64), zeros)

    return types.int64(types.int64), codegen


bit_length: Any = intrinsic(_bit_length)
