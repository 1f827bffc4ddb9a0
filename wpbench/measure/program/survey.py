"""What is known of real programs: the tables of data/programs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ...data import data_dir


def _folder() -> Path:
    return data_dir() / "programs"


def measured() -> pd.DataFrame:
    """Return what was counted of real programs, on the kernels that they ran on.

    Returns
    -------
    DataFrame
        As ``measure.program()``'s, the tables of data/programs one below the other; ``recipe``
        says of which each row is.  ``attrs["wpbench"]["recipes"]`` has what each says of itself.

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


def survey_answer(counted: pd.DataFrame) -> str:
    """Return in words how often a drain helped, of what was measured of real programs.

    Parameters
    ----------
    counted
        From ``measured()``.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.programs.survey_answer(wb.programs.measured()).split(";")[0]
    'Measured: of 1607624 write-protect faults of 6 programs a drain helped in 3'
    """
    sums = counted[["wp_faults", "helped", "in_vain", "copies"]].sum()
    return (
        f"Measured: of {sums['wp_faults']} write-protect faults of {counted['recipe'].nunique()} "
        f"programs a drain helped in {sums['helped']}; {sums['in_vain']} drains were in vain. "
        f"{sums['copies'] / sums['wp_faults']:.0%} of the faults were copied."
    )


def replayed() -> pd.DataFrame:
    """Return what other kernels would have done with recorded programs, simulated.

    Returns
    -------
    DataFrame
        As ``programs.replay()``'s, of several recordings, which ``recipe`` names.

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
