"""Machine code: bitcode optimised for any processor, compiled for this one, and loaded.

llvmlite does all of it.  Optimising takes three quarters of LLVM's time and gains nothing by what
this processor has (measured): it is done once, when the bitcode is built.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

from .other_process import made_by

_SPEED = 2  # LLVM's -O2; -O3 takes 1.4 times as long


@lru_cache(maxsize=1)
def processor() -> tuple[str, str, str]:
    """Return what machine code is made for: the triple, the CPU's name and its features.

    As numba does: NUMBA_CPU_NAME and NUMBA_CPU_FEATURES say it for another CPU than this one.
    """
    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = llvm.get_host_cpu_features().flatten()
    return llvm.get_process_triple(), name, features


def short_name() -> str:
    """Return 16 hexadecimal digits that stand for the processor."""
    return hashlib.sha256(repr(processor()).encode()).hexdigest()[:16]


def _target_machine(triple: str, name: str = "", features: str = "") -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(triple)
    # Code for an address that is not known yet is static on x86 (LLVM, D47211).
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=name, features=features, opt=_SPEED, reloc=reloc, codemodel="jitdefault", jit=True
    )


def optimise(module: Any) -> None:
    """Optimise a module of LLVM's for any processor of this kind."""
    machine = _target_machine(llvm.get_process_triple())
    module.data_layout = str(machine.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=_SPEED)
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)


def hide(module: Any, seen: Collection[str]) -> None:
    """Let LLVM remove or change whatever is not called by symbol from outside."""
    for thing in (*module.functions, *module.global_variables):
        if not thing.is_declaration and thing.name not in seen:
            thing.linkage = "internal"


def emitted(module: Any, wanted: Sequence[str]) -> bytes:
    """Return an object file of a module, for a ``processor()``."""
    made: bytes = _target_machine(*wanted).emit_object(module)
    return made


def compiled(code: bytes) -> bytes:
    """Return an object file, of bitcode; made by another process.

    Raises
    ------
    RuntimeError
        If that fails.
    """
    return made_by("wpbench.jit.native", *processor(), given=code)


class Loaded:
    """An object file in this process.

    Parameters
    ----------
    data
        Its bytes; they must be what ``compiled()`` made.
    """

    def __init__(self, data: bytes) -> None:
        self._engine = llvm.create_mcjit_compiler(
            llvm.parse_assembly(""), _target_machine(*processor())
        )
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()

    def address_of(self, symbol: str) -> int:
        """Return where a function is.

        Raises
        ------
        KeyError
            If there is none.
        """
        address = int(self._engine.get_function_address(symbol))
        if not address:
            raise KeyError(symbol)
        return address


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.buffer.write(emitted(llvm.parse_bitcode(sys.stdin.buffer.read()), sys.argv[1:]))
