"""Machine code for this processor: made of bitcode, and loaded; llvmlite does both."""

from __future__ import annotations

import hashlib
import signal
import sys
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

from .other_process import made_by

_SPEED = 2  # LLVM's -O2; -O3 takes 1.4 times as long


@lru_cache(maxsize=1)
def processor() -> tuple[str, str, str]:
    """Return what machine code is made for: the triple, the CPU's name and its features."""
    features = llvm.get_host_cpu_features().flatten()
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features


def short_name() -> str:
    """Return 16 hexadecimal digits that stand for the processor."""
    return hashlib.sha256(repr(processor()).encode()).hexdigest()[:16]


def _target_machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple, name, features = processor()
    target = llvm.Target.from_triple(triple)
    # Code for an address that is not known yet is static on x86 (LLVM, D47211).
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=name, features=features, opt=_SPEED, reloc=reloc, codemodel="jitdefault", jit=True
    )


def _optimise(code: bytes) -> bytes:
    machine = _target_machine()
    module = llvm.parse_bitcode(code)
    module.data_layout = str(machine.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=_SPEED)
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    made: bytes = machine.emit_object(module)
    return made


def optimised(code: bytes) -> bytes:
    """Return an object file, of bitcode; made by another process.

    Raises
    ------
    RuntimeError
        If that fails.
    """
    return made_by("wpbench.jit.native", code)


class Loaded:
    """An object file in this process.

    Parameters
    ----------
    data
        Its bytes; they must be what ``optimised()`` made.
    """

    def __init__(self, data: bytes) -> None:
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
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
    sys.stdout.buffer.write(_optimise(sys.stdin.buffer.read()))
