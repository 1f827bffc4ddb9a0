"""LLVM's module of all that a unit compiles, optimised: made by build.py, stored, found again.

It depends on the sources alone, and on the kind of processor, not on its model: ``make env`` makes
it, it stands in the wheel, and machine code is made of it without numba, in two seconds.
"""

from __future__ import annotations

import lzma
import mmap
from contextlib import suppress
from pathlib import Path

import llvmlite.binding as llvm

from . import stored
from .cache import cache_dir, versions
from .folder import own_folder
from .native import processor
from .other_process import made_by
from .sources import COMPILED, HERE, TOOLS, source_hash


def shipped_file(unit: str) -> Path:
    """Return where a unit's bitcode stands in the package; it is not in git."""
    return HERE / "jit" / f"{unit}.bc.xz"


def _machine() -> str:
    version = ".".join(map(str, llvm.llvm_version_info))
    page = mmap.PAGESIZE  # it is in the code
    return f"{llvm.get_process_triple()} {page} LLVM {version}"


def _key(unit: str) -> str:
    return f"wpbench bitcode {unit} {source_hash(COMPILED[unit])} {_machine()}"


def packed(unit: str, code: bytes) -> bytes:
    """Return what a file of bitcode holds."""
    return stored.sealed(_key(unit), lzma.compress(code, preset=6))


def unpacked(unit: str, data: bytes) -> bytes | None:
    """Return the bitcode that a file holds, None if it is damaged, or not of these sources."""
    found = stored.unsealed(_key(unit), data)
    return None if found is None else lzma.decompress(found)


def shipped(unit: str) -> bytes | None:
    """Return the bitcode that stands beside this file, if it is of the sources as they are now."""
    try:
        return unpacked(unit, shipped_file(unit).read_bytes())
    except OSError:
        return None


def _kept_file(unit: str) -> Path | None:
    folder = cache_dir()
    return None if folder is None else folder / f"{unit}.bitcode"


def found(unit: str) -> bytes | None:
    """Return a unit's bitcode where it is there, shipped or built before; else None."""
    code = shipped(unit)
    if code is None and (file := _kept_file(unit)) is not None:
        code = stored.read(file, _key(unit))
    return code


def built(unit: str) -> bytes:
    """Return a unit's object file, built from the sources by another process.

    Bitcode and texts are kept if that can be.

    Raises
    ------
    RuntimeError
        If that fails.
    """
    rest = made_by("wpbench.jit.build", unit, *processor(), given=kept_texts(unit))
    parts = []
    while rest:
        length = int.from_bytes(rest[:8])
        parts.append(rest[8 : 8 + length])
        rest = rest[8 + length :]
    code, texts, made = parts
    if (file := _kept_file(unit)) is not None:
        with suppress(OSError):  # a full disk: who keeps the object says so
            stored.write(file, _key(unit), code)
    keep_texts(unit, texts)
    return made


def _texts_file(unit: str) -> tuple[Path, str] | None:
    """Return where the texts of functions are (texts.py), and their key.

    They are good for other sources, too; not for other tools.
    """
    own = own_folder()
    key = f"wpbench texts {unit} {source_hash(TOOLS)} {versions()} {_machine()}"
    return None if own is None else (own / f"{unit}.texts", key)


def kept_texts(unit: str) -> bytes:
    """Return the texts that an earlier build kept, b"" if there are none."""
    file = _texts_file(unit)
    return (file and stored.read(*file)) or b""


def keep_texts(unit: str, packed: bytes) -> None:
    """Keep texts for the next build, if that can be."""
    if (file := _texts_file(unit)) is not None:
        with suppress(OSError):
            stored.write(*file, packed)
