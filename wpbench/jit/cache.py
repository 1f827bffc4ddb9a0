"""Where compiled code is kept: a folder for each generation of the sources, and never in the way.

It is in our folder (wpbench/jit/folder.py).  The folder's name has a hash of all sources that end
up in compiled code: any edit starts an empty one.  What cannot be written is not kept.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .folder import own_folder, private_folder, trusted
from .sources import COMPILED, MACHINE, source_hash

_KEPT_GENERATIONS = 8
_GENERATION = re.compile(r"py\d+-numba[\w.+]+-llvmlite[\w.+]+-[0-9a-f]{16}")
_LOCK = "building"
_WAIT = 600.0  # seconds that another process is given to build; then this one does, too
_LOOK = 0.05


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def versions() -> str:
    """Return the versions of all that compiles."""
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    return f"{python}-numba{_version('numba')}-llvmlite{_version('llvmlite')}"


def generation(unit: str) -> str:
    """Return the name of a unit's compiled code that belongs to the sources as they are now."""
    return f"{versions()}-{source_hash(COMPILED[unit])}"


@lru_cache(maxsize=1)
def cache_dir() -> Path | None:
    """Return the folder of the compiled code that belongs to the sources as they are now.

    None where nothing can be kept: our folder cannot be made, or is not ours.
    """
    own = own_folder()
    try:
        folder = own and private_folder(own / generation(MACHINE))
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


@contextmanager
def building(folder: Path | None) -> Iterator[None]:
    """Let one process build at a time; the others wait, and find what it has built.

    Where that cannot be, or takes ten minutes, each builds.
    """
    descriptor = None
    with suppress(OSError):
        if folder is not None:
            how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(folder / _LOCK, how, 0o600)
    try:
        if descriptor is not None and trusted(os.fstat(descriptor)):
            _wait_for(descriptor)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)  # and the lock is gone


def _wait_for(descriptor: int) -> None:
    until = time.monotonic() + _WAIT
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK)
        except OSError:  # a file system without locks
            return
        else:
            return
