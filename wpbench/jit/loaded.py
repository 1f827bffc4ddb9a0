"""The machine code of this process: found, or built once and kept, and loaded."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import llvmlite.binding as llvm

from ..errors import WpbenchWarning
from . import bitcode, native, stored
from .cache import building, cache_dir, generation

_LOADING = threading.RLock()  # several threads may need it first
_loaded: dict[str, native.Loaded] = {}  # of each unit


def is_loaded(unit: str) -> bool:
    """Is it there already?"""
    return unit in _loaded


def load(unit: str) -> None:
    """Load the machine code of a unit, and build it if there is none."""
    with _LOADING:
        if unit not in _loaded:
            _loaded[unit] = native.Loaded(_object(unit))


def address_of(unit: str, symbol: str) -> int:
    """Return where a function is, by its symbol."""
    return _loaded[unit].address_of(symbol)


def publish(symbol: str, address: int) -> None:
    """Let units that are loaded from now on call a function by its symbol."""
    llvm.add_symbol(symbol, address)


def _object(unit: str) -> bytes:
    """Return the object file of a unit, from the folder of compiled code or built."""
    folder = cache_dir()
    key = f"wpbench object {unit} {generation(unit)} {native.processor()}"
    file = None if folder is None else folder / f"{native.short_name()}.{unit}.object"
    if file is not None and (found := stored.read(file, key)) is not None:
        return found
    with building(folder):
        if file is not None and (found := stored.read(file, key)) is not None:
            return found  # another process has built it meanwhile
        code = bitcode.found(unit)
        made = bitcode.built(unit) if code is None else native.compiled(code)
        _keep(file, key, made)
        return made


def _keep(file: Path | None, key: str, made: bytes) -> None:
    """Write the object file; where that cannot be, say so: the next process builds it again."""
    why = "there is no folder of this user's for it (NUMBA_CACHE_DIR, XDG_CACHE_HOME or HOME)"
    if file is not None:
        try:
            stored.write(file, key, made)
        except OSError as error:
            why = f"{file.parent}: {error.strerror or error}"
        else:
            return
    warnings.warn(
        f"compiled code is not kept, and is built again by the next process: {why}",
        WpbenchWarning,
        stacklevel=2,
    )
