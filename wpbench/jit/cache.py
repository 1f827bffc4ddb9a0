"""Compiled code on disk: checked before it is loaded, and never in the way.

It is in our folder (wpbench/jit/folder.py); a file begins with the checksum of the rest.  What does
not pass is a miss: it is compiled.  What cannot be written is not kept.

numba's on-disk cache is keyed by the file that holds a function.  It does not see an edit to a
jitted helper in *another* file: the caller is loaded from the cache with the old helper inlined
and silently computes old numbers.  The machine is many small files that inline each other, so the
folder's name has a hash of all their sources: any edit starts an empty cache.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import shutil
import stat
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import numba

from .folder import own_folder, private_folder, trusted
from .private import CodeCache, CompileResult, dumps
from .sources import COMPILED, source_hash

_KEPT_GENERATIONS = 8
_GENERATION = re.compile(r"py\d+-numba[\w.+]+-llvmlite[\w.+]+-[0-9a-f]{16}")
_DIGEST = hashlib.sha256().digest_size


def generation() -> str:
    """Return the name of the compiled code that belongs to the sources as they are now."""
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    versions = f"numba{numba.__version__}-llvmlite{llvmlite.__version__}"
    return f"{python}-{versions}-{source_hash(COMPILED)}"


@lru_cache(maxsize=1)
def cache_dir() -> Path | None:
    """Return the folder of the compiled code that belongs to the sources as they are now.

    None where nothing can be kept: our folder cannot be made, or is not ours.
    """
    own = own_folder()
    try:
        folder = own and private_folder(own / generation())
    except OSError:
        return None
    if own is not None and folder is not None:
        with suppress(OSError):  # read-only, and useful all the same
            os.utime(folder)
            _remove_old(own)
    return folder


def _remove_old(own: Path) -> None:
    """Remove all but the newest generations: folders of ours, by names that we give."""
    found = []
    for entry in os.scandir(own):
        if _GENERATION.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            with suppress(OSError):  # another process has removed it
                found.append((entry.stat().st_mtime, entry.path))
    for _, old in sorted(found, reverse=True)[_KEPT_GENERATIONS:]:
        shutil.rmtree(old, ignore_errors=True)


class Cache(CodeCache):  # type: ignore[misc]
    """The compiled code of one function, a file a signature, for numba's dispatchers.

    Parameters
    ----------
    function
        What is compiled.
    folder
        Where it is kept, from ``cache_dir()``; None: nowhere.
    """

    def __init__(self, function: Callable[..., Any], folder: Path | None) -> None:
        self._function = function
        self._folder = folder

    @property
    def cache_path(self) -> str:
        """The folder, for numba's statistics."""
        return str(self._folder)

    def enable(self) -> None:
        """Do nothing: it is always in use."""

    def disable(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing: no index is kept."""

    def _file(self, signature: Any, codegen: Any) -> Path | None:
        if self._folder is None:
            return None
        code = self._function.__code__
        name = f"{self._function.__module__}.{self._function.__qualname__}"
        key = (name, code.co_firstlineno, code.co_code, str(signature), codegen.magic_tuple())
        return self._folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.code"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, None where there is none that can be trusted."""
        target_context.refresh()
        file = self._file(sig, target_context.codegen())
        try:
            data = _read(file) if file is not None else None
            if data is None:
                return None
            return CompileResult._rebuild(target_context, *pickle.loads(data))  # noqa: S301
        except Exception:  # whatever a file can do that is damaged in spite of its checksum
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if that can be."""
        file = self._file(sig, data.codegen)
        lifted = any(not part.can_cache for part in data.lifted)
        if file is None or lifted or data.library.has_dynamic_globals:
            return
        made = dumps(data._reduce())
        with suppress(OSError):  # a full disk, say
            _write(file, hashlib.sha256(made).digest() + made)


def _read(file: Path) -> bytes | None:
    """Return what a file of compiled code holds, None if it cannot be trusted or is damaged."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as opened:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or not trusted(found):
            return None
        data = opened.read()
    made = data[_DIGEST:]
    return made if hashlib.sha256(made).digest() == data[:_DIGEST] else None


def _write(file: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    beside = file.with_name(f"{uuid.uuid4().hex}.part")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
