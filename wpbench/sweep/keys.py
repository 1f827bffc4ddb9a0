"""The key of a run: what its numbers follow from, as one hash.

Two runs with the same key count the same; whatever could change a count changes the key: a field
of the resolved scenario, the replication, the model's sources, the data files, the code of a
workload of one's own.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..data import cost_version, fingerprint
from ..errors import ScenarioError
from ..jit.compile import is_numba_type
from ..scenario import Scenario
from ..simulate import MODEL, Plan

_BYTES = 16
_FIELDS = (*Scenario.model_fields, "replication")
_ROWS = 1 << 16  # keys made at a time: 36 MB of digests


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_BYTES).digest()


def run_keys(plan: Plan) -> Any:
    """Return the key of each run, an object array of 32 hexadecimal digits."""
    prefix = f"{MODEL} {fingerprint()} ".encode()
    digests, codes = zip(*(_column(plan, name) for name in _FIELDS), strict=True)
    keys = np.empty(plan.n, object)
    for start in range(0, plan.n, _ROWS):
        stop = min(start + _ROWS, plan.n)
        rows = np.empty((stop - start, len(_FIELDS), _BYTES), np.uint8)
        for i, (of_value, code) in enumerate(zip(digests, codes, strict=True)):
            rows[:, i] = of_value[code[start:stop] if len(code) > 1 else code]
        for i, row in enumerate(rows.reshape(stop - start, -1), start):
            keys[i] = _digest(prefix + row.tobytes()).hex()
    return keys


def _column(plan: Plan, name: str) -> tuple[Any, Any]:
    """Return uint8[values, _BYTES], a digest of each distinct value, and which each run has."""
    known: dict[Any, int] = {}
    codes = [known.setdefault(value, len(known)) for value in plan.columns[name].tolist()]
    digest = {"workload": workload_digest, "costs": _costs_digest}.get(name, _value_digest)
    return (
        np.frombuffer(b"".join(map(digest, known)), np.uint8).reshape(-1, _BYTES),
        np.array(codes),
    )


def _value_digest(value: Any) -> bytes:
    return _digest(repr(value).encode())


def _costs_digest(name: str) -> bytes:
    """Return the digest of a cost set's name, and of what is in it if it is a file."""
    version = cost_version(name)
    return _value_digest((name, version) if version else name)


def workload_digest(workload: Any) -> bytes:
    """Return the digest of a built-in workload's name, or of all the code of one's own.

    Raises
    ------
    ScenarioError
        If the workload depends on something whose value cannot be told.
    """
    if isinstance(workload, str):
        return _value_digest(workload)
    parts = _Code(getattr(workload, "__name__", "workload")).parts(workload)
    return _digest(b"\0".join(parts))


class _Code:
    """What a function's result follows from: its code, and the values that it refers to."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: set[int] = set()

    def parts(self, value: Any) -> Iterator[bytes]:
        """Yield the bytes that tell a value apart."""
        value = getattr(value, "py_func", value)
        yield type(value).__name__.encode()
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            yield repr(value).encode()
        elif isinstance(value, tuple | list | frozenset):
            items = sorted(value, key=repr) if isinstance(value, frozenset) else value
            for item in items:
                yield from self.parts(item)
        elif is_numba_type(value):
            yield str(value).encode()
        elif isinstance(value, CodeType):
            yield from self._of_code(value)
        elif isinstance(value, ModuleType):
            yield from _of_module(value.__name__)
        elif hasattr(value, "__name__") and _is_known(getattr(value, "__module__", None)):
            yield f"{value.__module__}.{value.__name__}".encode()
        elif isinstance(value, FunctionType):
            yield from self._of_function(value)
        else:
            yield self._pickled(value)

    def _of_code(self, code: CodeType) -> Iterator[bytes]:
        yield code.co_code
        yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
        yield from self.parts(code.co_consts)

    def _of_function(self, function: FunctionType) -> Iterator[bytes]:
        if id(function) in self._seen:
            return
        self._seen.add(id(function))
        yield from self._of_code(function.__code__)
        yield from self.parts(function.__defaults__)
        for cell in function.__closure__ or ():
            yield from self.parts(cell.cell_contents)
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                yield name.encode()
                yield from self.parts(function.__globals__[name])

    def _pickled(self, value: Any) -> bytes:
        try:
            return pickle.dumps(value, protocol=5)
        except Exception:
            raise ScenarioError(
                f"workload: {self._name}() refers to {value!r}, and a sweep cannot tell whether "
                "that changed; accepted: functions, modules, numbers, texts and arrays"
            ) from None


def _names(code: CodeType) -> set[str]:
    """Return the names that a function's code, or a function inside it, looks up."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _is_known(module: str | None) -> bool:
    """Is this a module whose version is settled elsewhere: the model's own, or a library's?"""
    top = (module or "").partition(".")[0]
    return top in {"wpbench", "numba", "numpy", "math", "builtins"}


def _of_module(name: str) -> Iterator[bytes]:
    yield name.encode()
    path = getattr(sys.modules[name], "__file__", None)
    if path is not None and not _is_known(name):
        yield Path(path).read_bytes()
