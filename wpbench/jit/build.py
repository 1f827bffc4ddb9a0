"""Compile all that is compiled to one LLVM module, not optimised: ``python -m wpbench.jit.build``.

It is done in a process of its own: numba is imported there, and set up for this alone.  The module
goes to standard output, or into a file, as bitcode.py packs it.
"""

from __future__ import annotations

import gc
import importlib
import signal
import sys
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from . import bitcode, compile, lowered  # noqa: A004
from .private import GATHERED, Gathered, Gathering
from .sources import HERE, MODULES, sources


def _gathered(function: Any, **options: Any) -> Any:
    return Gathered(function, targetoptions=options | GATHERED)


def _import_all() -> None:
    """Import every module that has a function in the machine code."""
    for path in sources(MODULES):
        name = ".".join(path.relative_to(HERE).with_suffix("").parts)
        importlib.import_module(f"wpbench.{name.removesuffix('.__init__')}")


def gather() -> tuple[list[str], list[str]]:
    """Return the text of LLVM's modules, and the symbols that Python needs."""
    lowered.Dispatchers.make = staticmethod(_gathered)
    lowered.Dispatchers.building = True
    _import_all()
    gathering = Gathering()
    for declared in compile.DECLARED:
        arguments = lowered.types_of(declared.arguments)
        (result,) = lowered.types_of([declared.result])
        if isinstance(declared, compile.Kernel):
            compiled = gathering.compile(declared.py_func, arguments, result)
            raised = declared.arguments[0].layout.raised if declared.arguments else None
            gathering.kernel(compiled, declared.symbol, result, raised)
        else:
            compiled = gathering.compile(declared.py_func, arguments, None)
            if isinstance(declared, compile.Operation):
                gathering.operation(compiled, declared.symbol, result)
            else:
                gathering.entry(compiled, declared.symbol)
    return gathering.modules, [declared.symbol for declared in compile.DECLARED]


def linked(modules: list[str], symbols: list[str]) -> Any:
    """Link modules to one, of which only some symbols are seen from outside."""
    whole = llvm.parse_assembly(modules[0])
    for text in modules[1:]:
        whole.link_in(llvm.parse_assembly(text))
    seen = set(symbols)
    for thing in (*whole.functions, *whole.global_variables):
        if not thing.is_declaration and thing.name not in seen:
            thing.linkage = "internal"
    whole.verify()
    return whole


def main(arguments: list[str]) -> None:
    """Write the module to standard output, or packed into the file that is named."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # a tenth of the time, for nothing: this process ends soon
    code = linked(*gather()).as_bitcode()
    if arguments:
        Path(arguments[0]).write_bytes(bitcode.packed(code))
    else:
        sys.stdout.buffer.write(code)


if __name__ == "__main__":
    main(sys.argv[1:])
