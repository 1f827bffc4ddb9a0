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


@lru_cache(maxsize=1)
def backends() -> dict[str, dict[str, Any]]:
    """Return the facts of each swap backend: name -> fact -> value (data/backends.toml)."""
    with (data_dir() / "backends.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {
        name: {
            key: fact["value"] if isinstance(fact, dict) else fact for key, fact in table.items()
        }
        for name, table in tables.items()
    }


@lru_cache(maxsize=1)
def costs() -> dict[str, dict[str, int]]:
    """Return the cost sets: name -> step -> nanoseconds (data/costs.toml)."""
    with (data_dir() / "costs.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {
        name: {key: fact["value"] for key, fact in table.items() if isinstance(fact, dict)}
        for name, table in tables.items()
    }


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return a short hash of the data files that a simulation's numbers depend on."""
    digest = hashlib.sha256()
    for name in ("backends.toml", "costs.toml"):
        digest.update((data_dir() / name).read_bytes())
    return digest.hexdigest()[:16]
