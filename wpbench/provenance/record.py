"""Where a table comes from: enough to make it again."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ..data import fingerprint
from ..jit.sources import model_hash
from .version import version

SCHEMA_VERSION = 1
_PACKAGES = ("numba", "numpy", "pandas")


class Record(dict[str, Any]):
    """What ``attrs["wpbench"]`` is: nobody changes it once it is made, so copies share it.

    pandas copies ``attrs`` deeply at each operation on a table, each column that is taken included.
    With the parameters of a grid in it that took two thirds of a report's time.
    """

    def __deepcopy__(self, memo: Any) -> Record:
        return self


@lru_cache(maxsize=1)
def git_commit() -> tuple[str | None, str]:
    """Return the commit of the checkout that runs, with ``-dirty`` where it was edited.

    Where it cannot be told it is None, and the second is why; else that is empty.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None, "not run from a checkout"
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=10)
    except FileNotFoundError:
        return None, "git is not installed"
    except subprocess.TimeoutExpired:
        return None, "git does not answer"
    except OSError as error:
        return None, f"git does not run: {error.strerror}"
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode == 0 and said:
        return said, ""
    error_lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return None, f"git: {error_lines[0] if error_lines else f'exit status {done.returncode}'}"


def _software() -> dict[str, Any]:
    """Return what runs; ``no_commit`` says why where its commit is not known."""
    commit, why = git_commit()
    found = {"name": "wpbench", "version": version(), "commit": commit}
    return found | ({"no_commit": why} if why else {})


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _PACKAGES}


def provenance(command: str, parameters: Any, costs: Iterable[str] = ()) -> Record:
    """Return the record that goes into a table's ``attrs["wpbench"]`` (plain JSON types).

    ``costs``: the cost sets; what is in a file of the user's own is part of the data then.
    """
    return Record(
        schema_version=SCHEMA_VERSION,
        software=_software(),
        command=command,
        parameters=parameters,
        model=model_hash(),
        data=fingerprint(costs),
        environment={
            "python": platform.python_version(),
            "machine": platform.machine(),
            **_versions(),
        },
    )
