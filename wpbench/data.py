"""The files of data/: in a checkout beside the package, in an installed wheel inside it."""

from __future__ import annotations

import hashlib
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


@lru_cache(maxsize=1)
def data_dir() -> Path:
    """Return the directory of wpbench's data files."""
    installed = _HERE / "_data"
    return installed if installed.is_dir() else _HERE.parent / "data"


@lru_cache(maxsize=2)
def facts(name: str) -> dict[str, dict[str, Any]]:
    """Return a file of facts as it stands: table -> key -> value, source, and low and high if any.

    ``name``: ``backends`` or ``costs``.
    """
    with (data_dir() / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def _values(name: str) -> dict[str, dict[str, Any]]:
    return {
        table: {
            key: fact["value"] if isinstance(fact, dict) else fact for key, fact in entries.items()
        }
        for table, entries in facts(name).items()
    }


@lru_cache(maxsize=1)
def backends() -> dict[str, dict[str, Any]]:
    """Return the facts of each swap backend: name -> fact -> value (data/backends.toml)."""
    return _values("backends")


@lru_cache(maxsize=1)
def costs() -> dict[str, dict[str, int]]:
    """Return the cost sets: name -> step -> nanoseconds (data/costs.toml)."""
    return {
        name: {key: value for key, value in table.items() if key not in ("description", "ghz")}
        for name, table in _values("costs").items()
    }


def ghz(name: str) -> float:
    """Return the cycles a nanosecond of a cost set; NaN where that means nothing."""
    return float(_values("costs")[name].get("ghz", "nan"))


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return a short hash of the data files that a simulation's numbers depend on."""
    digest = hashlib.sha256()
    for name in ("backends.toml", "costs.toml"):
        digest.update((data_dir() / name).read_bytes())
    return digest.hexdigest()[:16]
