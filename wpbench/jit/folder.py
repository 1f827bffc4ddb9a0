"""A folder of our own for what is kept between commands: made, marked, and nobody else's.

What is in it may be compiled code, and loading that is running it; so the folder and what is in it
must belong to this user and be writable by nobody else.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

NAME = "wpbench-code"
# Says that the folder is ours, and to programs that make backups that it need not be kept
# (https://bford.info/cachedir/).
_MARK = "CACHEDIR.TAG"
_MARK_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# Compiled code of wpbench.\n"
# Where other programs keep what a command of ours makes them write, and where in our folder.
_OTHERS = {
    "MPLCONFIGDIR": "matplotlib",
    "IPYTHONDIR": "ipython",
    "JUPYTER_RUNTIME_DIR": "jupyter-runtime",
}


@lru_cache(maxsize=1)
def own_folder() -> Path | None:
    """Return our folder, made and marked where there is none; None if there can be none.

    ``wpbench-code`` in ``NUMBA_CACHE_DIR``, otherwise in ``XDG_CACHE_HOME`` or ``~/.cache``.
    """
    parent = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(parent or Path("~/.cache").expanduser()).absolute() / NAME
        return _marked(folder) if private_folder(folder) else None
    except (OSError, RuntimeError, ValueError):  # the others: there is no home; no path
        return None


def keep_others_in_own_folder() -> None:
    """Let matplotlib and Jupyter keep their caches in our folder, unless the user says where.

    Where that cannot be, in a temporary folder that goes when this process ends.
    """
    for variable, name in _OTHERS.items():
        if os.environ.get(variable):
            continue
        for parent in (own_folder, _passing_folder):
            with suppress(OSError):
                folder = parent()
                if folder is not None and private_folder(folder / name):
                    os.environ[variable] = str(folder / name)
                    break


@lru_cache(maxsize=1)
def _passing_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="wpbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def trusted(found: os.stat_result) -> bool:
    """Can only those have written it whose code runs here anyway?

    This user, root, and whose wpbench is.
    """
    owners = {os.geteuid(), 0, Path(__file__).stat().st_uid}
    return found.st_uid in owners and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def private_folder(folder: Path) -> Path | None:
    """Return a folder, made where there is none; None if others can write to it."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    return folder if stat.S_ISDIR(found.st_mode) and trusted(found) else None


def _marked(folder: Path) -> Path | None:
    """Mark an empty folder as ours; None if it is not empty and was not marked."""
    if (folder / _MARK).is_file():
        return folder
    # Another process may be marking it just now; what else is in it is somebody's.
    if {entry.name for entry in os.scandir(folder)} - {_MARK, ".gitignore"}:
        return None
    # Where it is inside a checkout, git need not know.
    (folder / ".gitignore").write_text("*\n", encoding="ascii")
    (folder / _MARK).write_text(_MARK_TEXT, encoding="ascii")
    return folder
