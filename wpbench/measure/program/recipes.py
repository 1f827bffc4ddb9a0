"""Workloads that a reader knows, with real software: ``wpbench measure recipe NAME``."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ...errors import MeasureError, accepted
from .measure import program

SCRIPTS = Path(__file__).with_name("scripts")
_SYSTEM = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")  # the distribution's own come first


class Recipe(NamedTuple):
    """A script, the programs that it needs with their Debian packages, and its limits."""

    what: str
    script: str
    needs: Mapping[str, str]
    memory: str | None = None
    zram: str | None = None


RECIPES = {
    "redis": Recipe(
        "redis-server under redis-benchmark, three BGSAVE meanwhile",
        "redis.sh",
        {
            "redis-server": "redis-server",
            "redis-cli": "redis-tools",
            "redis-benchmark": "redis-tools",
        },
    ),
    "memcached": Recipe(
        "memcached with sets and gets of a skewed set of keys, larger than its cgroup, on zram",
        "memcached.sh",
        {"memcached": "memcached", "python3": "python3"},
        memory="80M",
        zram="256M",
    ),
    "compile": Recipe(
        "a compile of 16 C files with make -j in a memory cgroup on zram",
        "compile.sh",
        {"gcc": "gcc", "make": "make", "mawk": "mawk", "bash": "bash"},
        memory="60M",
        zram="512M",
    ),
    "python-pool": Recipe(
        "python with a multiprocessing pool that is forked from a large parent",
        "python-pool.sh",
        {"python3": "python3"},
    ),
    "shell": Recipe(
        "bash that spawns 2000 children",
        "shell.sh",
        {"bash": "bash"},
    ),
    "postgres": Recipe(
        "PostgreSQL under pgbench, a connection a transaction",
        "postgres.sh",
        {"initdb": "postgresql", "pgbench": "postgresql", "setpriv": "util-linux"},
    ),
}


def _search_path() -> str:
    postgres = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    here = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join([*_SYSTEM, *map(str, postgres), *here])


def recipe(
    name: str,
    *,
    memory: str | None = None,
    zram: str | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Measure a recipe: a real program with a fixed command and fixed limits.

    Parameters
    ----------
    name
        One of ``RECIPES``.
    memory, zram
        Replace the recipe's own limits; ``"0"``: no limit.
    options
        As in ``program()``: ``runs``, ``pairs``, ``buffer``, ``record``, ``quiet``.

    Returns
    -------
    DataFrame
        As from ``program()``.

    Raises
    ------
    MeasureError
        If there is no such recipe, or a program that it needs is not installed (names its Debian
        package), and as ``program()``.

    Examples
    --------
    >>> import wpbench as wb  # doctest: +SKIP
    >>> wb.measure.recipe("shell", pairs=5)  # doctest: +SKIP
    """
    if name not in RECIPES:
        raise MeasureError(accepted("recipe", name, RECIPES))
    found = RECIPES[name]
    path = _search_path()
    missing = [need for need in found.needs if shutil.which(need, path=path) is None]
    if missing:
        packages = " ".join(dict.fromkeys(found.needs[need] for need in missing))
        raise MeasureError(
            f"recipe {name}: {', '.join(missing)} not installed; Debian: apt install {packages}"
        )
    memory = found.memory if memory is None else memory
    zram = found.zram if zram is None else zram
    with tempfile.TemporaryDirectory(prefix="wpbench-") as folder:
        Path(folder).chmod(0o755)  # some servers run as another user
        shutil.copy(SCRIPTS / found.script, folder)
        return program(
            ["sh", "-eu", f"../{found.script}"],
            folder=folder,
            fresh=True,
            environment={"PATH": path, "JOBS": str(len(os.sched_getaffinity(0)))},
            name=name,
            memory=None if memory == "0" else memory,
            zram=None if zram == "0" else zram,
            **options,
        )
