"""LLVM's module of all that is compiled, not optimised: made by build.py, stored, found again.

It depends on the sources alone, and on the kind of processor, not on its model: ``make env`` makes
it, it stands in the wheel, and machine code is made of it without numba, in a few seconds.
"""

from __future__ import annotations

import lzma

import llvmlite.binding as llvm

from . import stored
from .other_process import made_by
from .sources import COMPILED, HERE, source_hash

NAME = "compiled.bc.xz"
SHIPPED = HERE / "jit" / NAME  # not in git


def _key() -> str:
    version = ".".join(map(str, llvm.llvm_version_info))
    return f"wpbench bitcode {source_hash(COMPILED)} {llvm.get_process_triple()} LLVM {version}"


def packed(code: bytes) -> bytes:
    """Return what a file of bitcode holds."""
    return stored.sealed(_key(), lzma.compress(code, preset=6))


def unpacked(data: bytes) -> bytes | None:
    """Return the bitcode that a file holds, None if it is damaged, or not of these sources."""
    found = stored.unsealed(_key(), data)
    return None if found is None else lzma.decompress(found)


def shipped() -> bytes | None:
    """Return the bitcode that stands beside this file, if it is of the sources as they are now."""
    try:
        return unpacked(SHIPPED.read_bytes())
    except OSError:
        return None


def built() -> bytes:
    """Return bitcode built from the sources, by another process.

    Raises
    ------
    RuntimeError
        If that fails.
    """
    return made_by("wpbench.jit.build")
