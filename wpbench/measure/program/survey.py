"""What is known of real programs: the tables of data/programs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ...data import data_dir


def _folder() -> Path:
    return data_dir() / "programs"


def measured() -> pd.DataFrame:
    """Return the counts of real programs, on the kernels that they ran on.

    Returns
    -------
    DataFrame
        As from ``measure.program()``: all tables of data/programs.  ``recipe`` names the table of
        each row.  ``attrs["wpbench"]["recipes"]`` has the provenance of each.

    Examples
    --------
    >>> import wpbench as wb
    >>> int(wb.programs.measured()["helped"].sum())
    3
    """
    names = sorted(path.stem for path in _folder().glob("*.csv"))
    parts = [pd.read_csv(_folder() / f"{name}.csv") for name in names]
    table = pd.concat(
        [part.assign(recipe=name) for name, part in zip(names, parts, strict=True)],
        ignore_index=True,
    )
    about = {name: json.loads((_folder() / f"{name}.json").read_text("utf-8")) for name in names}
    table.attrs["wpbench"] = {"command": "programs.measured", "recipes": about}
    return table


def replayed() -> pd.DataFrame:
    """Return the simulation of recorded programs under other kernels, from data/programs/replayed.

    Returns
    -------
    DataFrame
        As from ``programs.replay()``, for several recordings; ``recipe`` names them.

    Examples
    --------
    >>> import wpbench as wb
    >>> sorted(set(wb.programs.replayed()["recipe"]))
    ['compile', 'memcached', 'postgres', 'python-pool', 'redis', 'shell']
    """
    folder = _folder() / "replayed"
    table = pd.read_csv(folder / "kernels.csv", converters={"rules": str})
    counts = [name for name in table if name not in ("recipe", "what", "kernel", "rules", "drain")]
    table = table.astype(dict.fromkeys(counts, "Int64"))
    about = json.loads((folder / "kernels.json").read_text("utf-8"))
    table.attrs["wpbench"] = {"command": "programs.replayed", **about}
    return table
