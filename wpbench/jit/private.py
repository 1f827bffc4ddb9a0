"""All that is used of numba and is not its public interface: here, and nowhere else.

A new numba may change any of it.  ``EXPECTED`` says what is relied on, and tests/test_jit.py names
what is no longer so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import config as _config
from numba.core import typed_passes, untyped_passes
from numba.core.caching import _Cache
from numba.core.callconv import CPUCallConv
from numba.core.cgutils import alloca_once
from numba.core.codegen import CodeLibrary, JITCPUCodegen
from numba.core.compiler import (
    CompilerBase,
    CompileResult,
    DefaultPassBuilder,
    Flags,
    compile_extra,
)
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.cpu import CPUContext
from numba.core.dispatcher import Dispatcher
from numba.core.imputils import lower_constant
from numba.core.registry import CPUDispatcher, CPUTarget, cpu_target
from numba.core.serialize import dumps
from numba.core.target_extension import (
    CPU,
    dispatcher_registry,
    jit_registry,
    target_override,
    target_registry,
)
from numba.core.typing import mathdecl
from numba.core.typing.context import Context
from numba.core.typing.templates import AttributeTemplate
from numba.np.arrayobj import populate_array

__all__ = [
    "BUILDING",
    "EXPECTED",
    "AttributeTemplate",
    "CodeCache",
    "CompileResult",
    "Dispatcher",
    "Gathering",
    "alloca_once",
    "config",
    "dumps",
    "gathered",
    "lower_constant",
    "raise_from",
    "type_of_global",
]

config: Any = _config  # numba fills this module at run time
CodeCache: Any = _Cache
_WORD = ir.IntType(64)
_STATUS = ir.IntType(32)


class _Library(CodeLibrary):
    """What numba makes of one function: LLVM's text of it, kept and not compiled."""

    _object_compiled_hook = _object_getbuffer_hook = None  # no object is ever made of it

    def add_ir_module(self, ir_module: Any) -> None:
        self._codegen.modules.append(str(ir_module))  # type: ignore[attr-defined]

    def add_linking_library(self, library: Any) -> None:
        pass

    def finalize(self) -> None:
        self._finalized = True

    def get_function(self, name: str) -> Any:
        raise NotImplementedError

    def get_llvm_str(self) -> str:
        raise NotImplementedError

    def get_asm_str(self) -> str:
        raise NotImplementedError


class _Codegen(JITCPUCodegen):
    """Gives all functions such libraries, and keeps their text in one place."""

    _library_class: Any = _Library

    def __init__(self, name: str) -> None:
        self.modules: list[str] = []
        super().__init__(name)


class _Context(CPUContext):
    """Compiles for this processor, up to LLVM's text."""

    def init(self) -> None:
        """Give it a codegen of its own."""
        super().init()
        self._internal_codegen = _Codegen("wpbench")

    def get_executable(self, _library: Any, fndesc: Any, _env: Any) -> Any:
        return fndesc.llvm_func_name  # a name that calls are found by

    def add_dynamic_addr(self, _builder: Any, _address: int, info: str) -> Any:  # noqa: ARG002
        return ir.Constant(ir.IntType(8).as_pointer(), None)  # this process's are no use elsewhere


BUILDING = "wpbench"  # the name of the target


class _Typing(Context):
    """Knows the types of numbers, arrays and our own."""

    def load_additional_registries(self) -> None:
        """Leave out lists, sets and NumPy's functions: to try them takes a tenth of the time."""
        self.install_registry(mathdecl.registry)


class _Target(CPUTarget):
    @cached_property
    def _toplevel_typing_context(self) -> Any:
        return _Typing()

    @cached_property
    def _toplevel_target_context(self) -> Any:
        return _Context(self.typing_context, self._target_name)


build_target: Any = _Target(BUILDING)


# Passes for what our functions have not: closures, array expressions, calls of numba's own
# functions in Python, and objects with a count, which end with a variable (IRLegalization).
_NEEDLESS = (
    typed_passes.IRLegalization,
    typed_passes.InlineOverloads,
    typed_passes.NopythonRewrites,
    untyped_passes.DeadBranchPrune,
    untyped_passes.FindLiterallyCalls,
    untyped_passes.InlineClosureLikes,
    untyped_passes.InlineInlinables,
    untyped_passes.LiteralUnroll,
    untyped_passes.RewriteSemanticConstants,
)


class _Compiler(CompilerBase):
    """Runs numba's passes but for the needless ones."""

    def define_pipelines(self) -> list[Any]:
        """Return them."""
        manager = PassManager(BUILDING)
        for made, said in DefaultPassBuilder.define_nopython_pipeline(self.state).passes:
            if made not in _NEEDLESS:
                manager.add_pass(made, said)
        manager.finalize()
        return [manager]


class Gathered(Dispatcher):
    """A function that others call, of ``build_target``."""

    targetdescr = build_target

    def __init__(self, function: Any, targetoptions: Any) -> None:
        super().__init__(function, targetoptions=targetoptions, pipeline_class=_Compiler)

    def add_overload(self, cres: Any) -> None:
        """Keep what was compiled; there is nothing that could be called."""
        self.overloads[tuple(cres.signature.args)] = cres


_GATHERED = {
    "nopython": True,
    "_nrt": False,  # an array that is made in compiled code is a mistake
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


class _Hardware(CPU):
    """The processor, for what is gathered."""


def gathered(function: Any = None, **options: Any) -> Any:
    """Do as ``numba.jit`` does; called for functions that numba itself has in Python."""
    if function is None:
        return lambda given: gathered(given, **options)
    return Gathered(function, options | _GATHERED)


target_registry[BUILDING] = _Hardware
dispatcher_registry[_Hardware] = Gathered
jit_registry[_Hardware] = gathered


class Gathering:
    """Compiles functions to LLVM's text, each under a symbol for a C function that calls it."""

    def __init__(self) -> None:
        self._context = build_target.target_context
        self._typing = build_target.typing_context
        self._flags = Flags()
        build_target.options.parse_as_flags(self._flags, _GATHERED | {"forceinline": True})

    @property
    def modules(self) -> list[str]:
        """The text so far."""
        modules: list[str] = self._context.codegen().modules
        return modules

    def compile(self, function: Callable[..., Any], arguments: Sequence[Any], result: Any) -> Any:
        """Compile a function; ``result``: None for what numba finds."""
        with target_override(BUILDING), global_compiler_lock:
            return compile_extra(
                self._typing, self._context, function,
                args=tuple(arguments), return_type=result, flags=self._flags, locals={},
                pipeline_class=_Compiler,
            )  # fmt: skip

    def _wrapper(self, symbol: str, result: Any, arguments: Sequence[Any]) -> Any:
        """Return a new C function, never inlined, and what writes its instructions."""
        module = self._context.create_module(symbol)
        made = ir.Function(module, ir.FunctionType(result, arguments), symbol)
        made.attributes.add("noinline")
        return made, ir.IRBuilder(made.append_basic_block("entry"))

    def _call(self, builder: Any, compiled: Any, arguments: Sequence[Any]) -> tuple[Any, Any]:
        described = compiled.fndesc
        convention = self._context.call_conv
        prototype = convention.get_function_type(described.restype, described.argtypes)
        callee = ir.Function(builder.module, prototype, described.llvm_func_name)
        status, result = convention.call_function(
            builder, callee, described.restype, described.argtypes, arguments
        )
        return status, result

    def kernel(
        self, compiled: Any, symbol: str, result: Any, raised: tuple[int, int] | None
    ) -> None:
        """Give a function a symbol; what it raises is written down in its first argument's row."""
        values = [self._context.get_value_type(t) for t in compiled.fndesc.argtypes]
        void = result == types.void
        returned = ir.VoidType() if void else self._context.get_value_type(result)
        made, builder = self._wrapper(symbol, returned, values)
        status, found = self._call(builder, compiled, made.args)
        if raised is not None:
            with builder.if_then(status.is_error, likely=False):
                row = builder.bitcast(made.args[0], _WORD.as_pointer())
                place = builder.gep(row, [_WORD(raised[0])])
                said = builder.load(place)
                first = builder.icmp_signed("==", said, _WORD(0))
                builder.store(builder.select(first, _WORD(raised[1]), said), place)
        if void:
            builder.ret_void()
        else:
            builder.ret(self._context.cast(builder, found, compiled.fndesc.restype, result))
        self.modules.append(str(made.module))

    def operation(self, compiled: Any, symbol: str, result: Any) -> None:
        """Give a function a symbol: the result's address comes first, the status is returned."""
        values = [self._context.get_value_type(t) for t in compiled.fndesc.argtypes]
        made, builder = self._wrapper(symbol, _STATUS, [_WORD.as_pointer(), *values])
        status, found = self._call(builder, compiled, made.args[1:])
        if result != types.void:
            value = self._context.cast(builder, found, compiled.fndesc.restype, result)
            self._store(builder, value, made.args[0])
        builder.ret(builder.zext(status.is_error, _STATUS))
        self.modules.append(str(made.module))

    def entry(self, compiled: Any, symbol: str) -> None:
        """Give a function a symbol: its arguments, then its results are in a row of words."""
        made, builder = self._wrapper(symbol, _STATUS, [_WORD.as_pointer()])
        at = 0

        def word() -> Any:
            nonlocal at
            at += 1
            return builder.load(builder.gep(made.args[0], [_WORD(at - 1)]))

        arguments = []
        for kind in compiled.fndesc.argtypes:
            if isinstance(kind, types.Array):
                arguments.append(self._array(builder, kind, word))
            elif isinstance(kind, types.Integer):
                arguments.append(word())
            else:
                arguments.append(builder.inttoptr(word(), self._context.get_value_type(kind)))
        status, found = self._call(builder, compiled, arguments)
        result = compiled.fndesc.restype
        if isinstance(result, types.UniTuple):
            for i in range(result.count):
                value = builder.extract_value(found, i)
                self._store(builder, value, builder.gep(made.args[0], [_WORD(i)]))
        elif result not in (types.none, types.void):
            value = self._context.cast(builder, found, result, types.int64)
            self._store(builder, value, made.args[0])
        builder.ret(builder.zext(status.is_error, _STATUS))
        self.modules.append(str(made.module))

    def _array(self, builder: Any, kind: Any, word: Callable[[], Any]) -> Any:
        """Return an array that is C-contiguous, from its address and lengths."""
        made = self._context.make_array(kind)(self._context, builder)
        data = builder.inttoptr(word(), made.data.type)
        shape = [word() for _ in range(kind.ndim)]
        size = _WORD(self._context.get_abi_sizeof(self._context.get_data_type(kind.dtype)))
        strides = [size]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        populate_array(made, data, shape, strides, size, None)
        return made._getvalue()

    def _store(self, builder: Any, value: Any, place: Any) -> None:
        """Write a number, of whatever type, as a word."""
        if isinstance(value.type, ir.IntType):
            value = builder.zext(value, _WORD) if value.type.width < _WORD.width else value
        else:
            value = builder.bitcast(value, _WORD)
        builder.store(value, place)


def raise_from(context: Any, builder: Any, error: type[Exception], text: str) -> None:
    """Raise an exception, in the code of an intrinsic."""
    context.call_conv.return_user_exc(builder, error, (text,))


def type_of_global(value: Any, *, building: bool) -> Any:
    """Return the numba type of a function that numba knows by itself, such as an intrinsic."""
    target = build_target if building else cpu_target
    target.typing_context.refresh()  # it may be new
    return target.typing_context.resolve_value_type(value)


# Of each thing the attributes that are used, and of a function its parameters.
EXPECTED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (config, ("DISABLE_JIT",)),
    (_Cache, ("cache_path", "enable", "disable", "flush", "load_overload", "save_overload")),
    (CompileResult, ("_rebuild", "_reduce", "library", "lifted", "fndesc", "signature")),
    (CodeLibrary, ("has_dynamic_globals", "codegen", *sorted(CodeLibrary.__abstractmethods__))),
    (_Library, ("_object_compiled_hook", "_object_getbuffer_hook")),
    (JITCPUCodegen, ("magic_tuple", "_library_class", "_init")),
    (CPUContext, ("init", "get_executable", "add_dynamic_addr", "create_module", "call_conv")),
    (CPUContext, ("get_value_type", "get_data_type", "get_abi_sizeof", "cast", "make_array")),
    (CPUTarget, ("_toplevel_target_context", "_toplevel_typing_context", "options")),
    (CompilerBase, ("define_pipelines",)),
    (PassManager, ("add_pass",)),
    (CPUDispatcher, ("get_call_template", "add_overload", "targetdescr")),
    (AttributeTemplate, ("generic_resolve",)),
    (CPUCallConv, ("call_function", "get_function_type", "return_user_exc")),
    (Context, ("refresh", "resolve_value_type", "can_convert", "load_additional_registries")),
)
PARAMETERS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (CompileResult._rebuild, ("target_context",)),
    (_Cache.load_overload, ("self", "sig", "target_context")),
    (_Cache.save_overload, ("self", "sig", "data")),
    (Dispatcher.__init__, ("self", "py_func", "locals", "targetoptions", "pipeline_class")),
    (DefaultPassBuilder.define_nopython_pipeline, ("state", "name")),
    (PassManager.__init__, ("self", "pipeline_name")),
    (Dispatcher.get_call_template, ("self", "args", "kws")),
    (Dispatcher.add_overload, ("self", "cres")),
    (CPUContext.get_executable, ("self", "library", "fndesc", "env")),
    (CPUContext.add_dynamic_addr, ("self", "builder", "intaddr", "info")),
    (CPUContext.cast, ("self", "builder", "val", "fromty", "toty")),
    (CPUCallConv.call_function, ("self", "builder", "callee", "resty", "argtys", "args")),
    (CPUCallConv.return_user_exc, ("self", "builder", "exc", "exc_args")),
    (populate_array, ("array", "data", "shape", "strides", "itemsize", "meminfo")),
    (compile_extra, ("typingctx", "targetctx", "func", "args", "return_type", "flags", "locals")),
    (target_override.__init__, ("self", "name")),
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
