"""Where a table comes from: enough to make it again."""

from __future__ import annotations

import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ._sources import model_hash
from .data import fingerprint

SCHEMA_VERSION = 1
_PACKAGES = ("numba", "numpy", "pandas")


@lru_cache(maxsize=1)
def version() -> str:
    """Return wpbench's version."""
    try:
        return metadata.version("wpbench")
    except metadata.PackageNotFoundError:
        return "0+unknown"


@lru_cache(maxsize=1)
def git_commit() -> str | None:
    """Return the commit of the checkout that runs, with ``-dirty`` where it was edited."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _PACKAGES}


def provenance(command: str, parameters: Any) -> dict[str, Any]:
    """Return the record that goes into a table's ``attrs["wpbench"]`` (plain JSON types)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "software": {"name": "wpbench", "version": version(), "commit": git_commit()},
        "command": command,
        "parameters": parameters,
        "model": model_hash(),
        "data": fingerprint(),
        "environment": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            **_versions(),
        },
    }
