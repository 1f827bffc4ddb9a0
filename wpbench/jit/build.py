"""Compile the functions of a unit to one LLVM module: ``python -m wpbench.jit.build UNIT``.

It is done in a process of its own: numba is imported there, and set up for this alone.  It reads
the texts that an earlier build kept (texts.py), and writes bitcode, texts and object file.
Without a unit the module of each goes into the file that is shipped, as bitcode.py packs it.
"""

from __future__ import annotations

import gc
import importlib
import signal
import sys
from typing import Any

import llvmlite.binding as llvm

from . import bitcode, compile, lowered, native  # noqa: A004
from .depends import digest_of
from .private import Gathering, gathered
from .sources import HERE, UNITS, sources
from .texts import Texts


def _import_all(unit: str) -> None:
    """Import every module that has a function in the machine code of a unit."""
    for path in sources(UNITS[unit]):
        name = ".".join(path.relative_to(HERE).with_suffix("").parts)
        importlib.import_module(f"wpbench.{name.removesuffix('.__init__')}")


def gather(unit: str, texts: Texts) -> list[str]:
    """Add the texts of a unit's functions, and return the symbols that Python needs."""
    lowered.Dispatchers.make = staticmethod(gathered)
    lowered.Dispatchers.building = True
    _import_all(unit)
    gathering = Gathering()
    made = {}
    for declared in compile.DECLARED[unit]:
        digest = digest_of(declared) or declared.symbol  # which is no hash: never found again
        if not texts.take(digest):
            _compile(gathering, declared)
            made[declared.symbol] = digest
    texts.add(made, gathering.modules)
    return [declared.symbol for declared in compile.DECLARED[unit]]


def _compile(gathering: Gathering, declared: compile.Declared) -> None:
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


def linked(modules: list[str], symbols: list[str]) -> Any:
    """Link modules to one, optimised, of which only some symbols are seen from outside."""
    whole = llvm.parse_assembly(modules[0])
    for text in modules[1:]:
        whole.link_in(llvm.parse_assembly(text))
    native.hide(whole, set(symbols))
    whole.verify()
    native.optimise(whole)
    return whole


def made(unit: str, kept: bytes = b"") -> tuple[Any, bytes]:
    """Return a unit's module, optimised, and the texts that it is made of.

    Parameters
    ----------
    unit
        Of ``sources.UNITS``.
    kept
        The texts of an earlier build, or b"": what has not changed since is not compiled again.
    """
    texts = Texts(kept)
    symbols = gather(unit, texts)
    return linked(texts.modules(), symbols), texts.packed()


def main(unit: str = "", *processor: str) -> None:
    """Build a unit for ``bitcode.built()``, or (without one) all of them, for a first run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # a tenth of the time, for nothing: this process ends soon
    if unit:
        module, texts = made(unit, sys.stdin.buffer.read())
        for part in (module.as_bitcode(), texts, native.emitted(module, processor)):
            sys.stdout.buffer.write(len(part).to_bytes(8) + part)
        return
    for name in UNITS:
        module, texts = made(name, bitcode.kept_texts(name))
        bitcode.shipped_file(name).write_bytes(bitcode.packed(name, module.as_bitcode()))
        bitcode.keep_texts(name, texts)


if __name__ == "__main__":
    main(*sys.argv[1:])
