"""What numba makes of the functions and pointers that the rest of jit/ tells it about.

Imported when numba compiles something: all compiled code (build.py), or a workload of one's own,
which calls what is in the machine code by symbol.  Constants of a row never change and are loaded
as such (``invariant.load``), so that LLVM need not load them again after each store.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import llvmlite.binding as llvm
import numba
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

from .numbered import NumberedMeta
from .private import AttributeTemplate, alloca_once, lower_constant, raise_from, type_of_global

_WORD = ir.IntType(64)
_ZERO = ir.Constant(_WORD, 0)


def _place(builder: Any, pointer: Any, index: int) -> Any:
    row = builder.bitcast(pointer, _WORD.as_pointer())
    return builder.gep(row, [ir.Constant(_WORD, index)])


def _constant(builder: Any, pointer: Any, index: int) -> Any:
    load = builder.load(_place(builder, pointer, index))
    load.set_metadata("invariant.load", builder.module.add_metadata([]))
    return load


def _type_in(layout: Any, name: str) -> Any:
    """Return the numba type of an attribute, None for one that is not there."""
    if name in layout.constants or name in layout.variables:
        return types.int64
    if name in layout.near:
        return types.CPointer(types.int64)
    if name in layout.far:
        return types.CPointer(getattr(types, layout.far[name][1]))
    return None


def pointer_type(name: str, layout: Any) -> Any:
    """Return a new numba type with the attributes of a layout (``pointer.Layout``).

    Objects that have it as ``_numba_type_``, and their row's ``address``, can be arguments.
    """
    numba_class = type(f"{name}Pointer", (types.Type,), {"__module__": __name__})
    globals()[numba_class.__name__] = numba_class  # where pickle looks for it
    numba_type = numba_class(name)
    register_model(numba_class)(models.OpaqueModel)

    @infer_getattr
    class _Attributes(AttributeTemplate):
        key = numba_class

        def generic_resolve(self, _type: Any, name: str) -> Any:  # type: ignore[override]
            return _type_in(layout, name)

    @lower_getattr_generic(numba_class)
    def _get(context: Any, builder: Any, _type: Any, pointer: Any, name: str) -> Any:
        if name in layout.constants:
            return _constant(builder, pointer, layout.constants[name])
        if name in layout.variables:
            return builder.load(_place(builder, pointer, layout.variables[name]))
        if name in layout.near:
            return _place(builder, pointer, layout.near[name])
        address = _constant(builder, pointer, layout.far[name][0])
        return builder.inttoptr(address, context.get_value_type(_type_in(layout, name)))

    @lower_setattr_generic(numba_class)
    def _set(_context: Any, builder: Any, _signature: Any, args: Any, name: str) -> None:
        if name not in layout.variables:
            raise NotImplementedError(f"{numba_type}.{name} cannot be assigned to")
        builder.store(args[1], _place(builder, args[0], layout.variables[name]))

    @unbox(numba_class)
    def _unbox(_type: Any, obj: Any, c: Any) -> Any:
        address = c.pyapi.object_getattr_string(obj, "address")
        number = c.pyapi.long_as_ulonglong(address)
        c.pyapi.decref(address)
        pointer = c.builder.inttoptr(number, c.context.get_value_type(numba_type))
        return NativeValue(pointer, is_error=c.pyapi.c_api_error())

    return numba_type


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


def call() -> Any:
    """Return a function for jitted code that calls the C function of one pointer at an address."""

    @intrinsic
    def called(_context: Any, _function: Any, pointer: Any) -> Any:
        def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            prototype = ir.FunctionType(ir.VoidType(), [context.get_value_type(pointer)])
            builder.call(builder.inttoptr(args[0], prototype.as_pointer()), [args[1]])
            return context.get_dummy_value()

        return types.void(types.int64, pointer), codegen

    return called


def bit_length() -> Any:
    """Return a function for jitted code: how many bits has a number that is not negative?"""

    @intrinsic
    def bits(_context: Any, _number: Any) -> Any:
        def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            zeros = builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))
            return builder.sub(ir.Constant(_WORD, 64), zeros)

        return types.int64(types.int64), codegen

    return bits


def load_number(bits: int) -> Any:
    """Return a function for jitted code: one load of so many bits at an address."""

    @intrinsic
    def load(_context: Any, _address: Any) -> Any:
        def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            place = builder.inttoptr(args[0], ir.IntType(bits).as_pointer())
            number = builder.load_atomic(place, "monotonic", bits // 8)
            return builder.sext(number, _WORD) if bits > 8 else builder.zext(number, _WORD)

        return types.int64(types.int64), codegen

    return load


def store_byte() -> Any:
    """Return a function for jitted code: one store of a byte at an address."""

    @intrinsic
    def store(_context: Any, _address: Any, _value: Any) -> Any:
        def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            place = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
            byte = builder.trunc(args[1], ir.IntType(8))
            builder.store_atomic(byte, place, "monotonic", 1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    return store


def prefetch() -> Any:
    """Return a function for jitted code that fetches an element, to be written, into all caches.

    Where there is no memory, nothing happens.
    """
    number = ir.IntType(32)
    write, keep, data = (ir.Constant(number, value) for value in (1, 3, 1))

    @intrinsic
    def fetch(_context: Any, table: Any, _at: Any) -> Any:
        def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            byte = ir.IntType(8).as_pointer()
            taken = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
            fetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], taken)
            place = builder.bitcast(builder.gep(args[0], [args[1]]), byte)
            builder.call(fetch, [place, write, keep, data])
            return context.get_dummy_value()

        return types.void(table, types.int64), codegen

    return fetch


# What a parameter or a result can be annotated as, beside the pointers.
TYPES: dict[str, Any] = {
    "int": types.int64,
    "bool": types.int64,
    "float": types.float64,
    "np.uint64": types.uint64,
    "None": types.void,
    "Words": types.Array(types.int64, 1, "C"),
    "Table": types.Array(types.int64, 2, "C"),
    "Cube": types.Array(types.int64, 3, "C"),
    "Bytes": types.Array(types.uint8, 1, "C"),
    "tuple[int, int]": types.UniTuple(types.int64, 2),
}


def types_of(annotations: Iterable[Any]) -> list[Any]:
    """Return numba's types of annotations: names of ``TYPES``, or pointers."""
    return [TYPES[a] if isinstance(a, str) else a.numba_type for a in annotations]


class Dispatchers:
    """Numba's dispatchers of our functions: for this process, or (build.py) to gather their code.

    Attributes
    ----------
    make
        Makes one of a function and options.
    building
        Is it the second?
    """

    make: Callable[..., Any] = staticmethod(numba.njit)
    building = False


def dispatcher(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Return the dispatcher of a function.

    numba compiles a function once more for every constant it is called with (0, 1, ...); the
    machine's functions gain nothing by it, and it doubles the time to compile them.
    """
    made = Dispatchers.make(function, **options)
    original = made.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        return original(
            tuple(types.unliteral(arg) for arg in args),
            {name: types.unliteral(arg) for name, arg in kws.items()},
        )

    made.get_call_template = get_call_template
    return made


def intrinsic_type(made: Any) -> Any:
    """Return the numba type of an intrinsic."""
    return type_of_global(made, building=Dispatchers.building)


def external_type(symbol: str, address: int | None, arguments: Any, result: Any) -> Any:
    """Return the numba type of a C function that is called by its symbol."""
    if address is not None:
        llvm.add_symbol(symbol, address)
    (returned,) = types_of([result])
    return types.ExternalFunction(symbol, returned(*types_of(arguments)))


def c_function_type(symbol: str, result: str, arguments: Iterable[str]) -> Any:
    """Return the numba type of a C function of numbers, which are named as numba does."""
    returned = getattr(types, result)
    return types.ExternalFunction(symbol, returned(*(getattr(types, a) for a in arguments)))


def operation_type(
    symbol: str, address: int, given: inspect.Signature, arguments: Any, result: Any, refused: Any
) -> Any:
    """Return the numba type of an operation in the machine code, which may refuse.

    Parameters
    ----------
    symbol, address
        Its function: ``int32 f(int64 *result, pointer, int64...)``, not 0 where it is refused.
    given
        Its signature in Python.
    arguments, result
        Their annotations.
    refused
        The exception that is raised then, and its text.
    """
    llvm.add_symbol(symbol, address)
    wanted = types_of(arguments)
    returned = types.boolean if result == "bool" else types_of([result])[0]
    signature = returned(*wanted)

    def typed(context: Any, *args: Any, **named: Any) -> Any:
        fit = (context.can_convert(arg, to) for arg, to in zip(args, wanted, strict=False))
        return None if None in [*fit, *named] else (signature, codegen)

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        slot = alloca_once(builder, _WORD)  # one for all turns of a loop
        builder.store(_ZERO, slot)
        prototype = ir.FunctionType(ir.IntType(32), [slot.type, *(arg.type for arg in args)])
        function = builder.module.globals.get(symbol)
        if function is None:
            function = ir.Function(builder.module, prototype, symbol)
        status = builder.call(function, [slot, *args])
        with builder.if_then(
            builder.icmp_signed("!=", status, ir.Constant(status.type, 0)), likely=False
        ):
            raise_from(context, builder, *refused)
        if returned == types.void:
            return context.get_dummy_value()
        word = builder.load(slot)
        if returned == types.boolean:
            return builder.trunc(word, ir.IntType(1))
        return builder.bitcast(word, context.get_value_type(returned))

    parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += given.parameters.values()
    typed.__signature__ = given.replace(parameters=parameters)  # type: ignore[attr-defined]
    return intrinsic_type(intrinsic(typed))


class NumbersType(types.Type):
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
        return types.int64 if name in numbers.numbers.__members__ else None


@lower_getattr_generic(NumbersType)
def _member(context: Any, _builder: Any, numbers: Any, _value: Any, name: str) -> Any:
    return context.get_constant(types.int64, int(numbers.numbers[name]))


@lower_constant(NumbersType)
def _numbers(context: Any, _builder: Any, _type: Any, _value: Any) -> Any:
    return context.get_dummy_value()
