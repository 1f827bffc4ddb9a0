"""Compile all functions of a unit to one LLVM module: ``python -m wpbench.jit.build UNIT``.

It is done in a process of its own: numba is imported there, and set up for this alone.  The module,
optimised, goes to standard output; without a unit the module of each goes into the file that is
shipped, as bitcode.py packs it.
"""

from __future__ import annotations

import gc
import importlib
import signal
import sys
from typing import Any

import llvmlite.binding as llvm

from . import bitcode, compile, lowered, native  # noqa: A004
from .private import Gathering, gathered
from .sources import HERE, UNITS, sources


def _import_all(unit: str) -> None:
    """Import every module that has a function in the machine code of a unit."""
    for path in sources(UNITS[unit]):
        name = ".".join(path.relative_to(HERE).with_suffix("").parts)
        importlib.import_module(f"wpbench.{name.removesuffix('.__init__')}")


def gather(unit: str) -> tuple[list[str], list[str]]:
    """Return the text of LLVM's modules, and the symbols that Python needs."""
    lowered.Dispatchers.make = staticmethod(gathered)
    lowered.Dispatchers.building = True
    _import_all(unit)
    gathering = Gathering()
    for declared in compile.DECLARED[unit]:
        arguments = lowered.types_of(declared.arguments)
        (result,) = lowered.types_of([declared.result])
        if isinstance(declared, compile.Kernel):
            compiled = gathering.compile(declared.py_func, arguments, result)
            gathering.kernel(compiled, declared.symbol, result, declared.raised)
        else:
            compiled = gathering.compile(declared.py_func, arguments, None)
            if isinstance(declared, compile.Operation):
                gathering.operation(compiled, declared.symbol, result)
            else:
                gathering.entry(compiled, declared.symbol)
    return gathering.modules, [declared.symbol for declared in compile.DECLARED[unit]]


def linked(modules: list[str], symbols: list[str]) -> Any:
    """Link modules to one, optimised, of which only some symbols are seen from outside."""
    whole = llvm.parse_assembly(modules[0])
    for text in modules[1:]:
        whole.link_in(llvm.parse_assembly(text))
    native.hide(whole, set(symbols))
    whole.verify()
    native.optimise(whole)
    return whole


def main(arguments: list[str]) -> None:
    """Write the module of the unit that is named to standard output, or of each to its file."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # a tenth of the time, for nothing: this process ends soon
    for unit in arguments or UNITS:
        code = linked(*gather(unit)).as_bitcode()
        if arguments:
            sys.stdout.buffer.write(code)
        else:
            bitcode.shipped_file(unit).write_bytes(bitcode.packed(unit, code))


if __name__ == "__main__":
    main(sys.argv[1:])
