"""Single functions that numba compiles, each kept in a file of its own (measure/program/).

numba's own cache is keyed by the file that holds a function: it does not see an edit to a jitted
helper in *another* file and silently runs the old one.  Here the folder's name says which sources.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import stored
from .lowered import dispatcher
from .private import CodeCache, CompileResult, dumps


class Cache(CodeCache):  # type: ignore[misc]
    """The compiled code of one function, a file a signature, for numba's dispatchers.

    Parameters
    ----------
    function
        What is compiled.
    folder
        Where it is kept; None: nowhere.
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

    def _file(self, signature: Any, codegen: Any) -> tuple[Path, str] | None:
        """Return where a signature's code is kept, and the key of that file."""
        if self._folder is None:
            return None
        code = self._function.__code__
        name = f"{self._function.__module__}.{self._function.__qualname__}"
        key = repr((name, code.co_firstlineno, code.co_code, str(signature), codegen.magic_tuple()))
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.code", key

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, None where there is none that can be trusted."""
        target_context.refresh()
        file = self._file(sig, target_context.codegen())
        data = stored.read(*file) if file is not None else None
        if data is None:
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(data))  # noqa: S301
        except Exception:  # whatever a file can do that is damaged in spite of its checksum
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if that can be."""
        file = self._file(sig, data.codegen)
        lifted = any(not part.can_cache for part in data.lifted)
        if file is None or lifted or data.library.has_dynamic_globals:
            return
        with suppress(OSError):  # a full disk, say
            stored.write(*file, dumps(data._reduce()))


def njit(function: Callable[..., Any], folder: Path | None, **options: Any) -> Any:
    """Return numba's dispatcher of a function; its compiled code is kept in a folder, if any."""
    made = dispatcher(function, options)
    made._cache = Cache(function, folder)
    return made
