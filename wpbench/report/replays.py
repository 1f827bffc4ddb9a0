"""A report's section on real programs: what was counted, and what other kernels would have done."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from ..programs import replayed
from .sections import fill, table_of

REAL_PROGRAMS = "Real programs on other kernels (recorded, then simulated)"
SHOWN = ("patch1", "patch2", "v7.3")


@lru_cache(maxsize=1)
def replay_lines() -> list[str]:
    """Return, for each recorded program, the copies and the drains of some kernels."""
    table = replayed()
    release = str(table["kernel"].iloc[0]).split("-")[0]
    first, *_ = table.attrs["wpbench"]["recipes"].values()
    cpus = first["recorded"]["measured_on"]["cpus"]
    columns = [["faults"], ["agree %"], ["copies"], [release], *([name] for name in SHOWN)]
    names = []
    for recipe, rows in table.groupby("recipe"):
        names.append(str(recipe))
        measured, own = rows.iloc[0], rows.iloc[1]
        cells = [
            str(measured["wp_faults"]),
            f"{int(1000 * own['agree'] / own['wp_faults']) / 10:g}",
        ]
        cells += [str(measured["copies"]), f"{measured['helped']}/{measured['in_vain']}"]
        for kernel in SHOWN:
            row = rows[rows["kernel"] == kernel].iloc[0]
            difference = row["copies"] - own["copies"]
            cells.append(f"{difference:+d} {row['helped']}/{row['in_vain']}")
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    more = _copies(table, "never") - _copies(table, "if-not-lru")
    return [
        *fill(
            f"A run of each was recorded on Linux {release}, {cpus} CPUs, and drove the "
            "simulation. faults: write-protect faults on anonymous pages; agree: in so many the "
            f"simulation of {release} does what it did, reuse or copy, drained or not. Copies and "
            f"drains (helped/in vain, those that found pages) of {release} are measured; of the "
            "others simulated: copies more (+) or fewer (-) than the simulation of "
            f"{release}, and drains.",
            "",
        ),
        *table_of(names, columns),
        *fill(
            "",
            f"Simulated, {release} that never drains copies {more} pages more: a drain that is in "
            "vain still puts pages on the LRU for later faults.",
        ),
        *fill("", "Source: data/programs/replayed, docs/programs.md."),
    ]


def _copies(table: pd.DataFrame, drain: str) -> int:
    """Return the copies of the recorded kernel with a drain policy, simulated."""
    own = (table["kernel"] == table["kernel"].iloc[0]) & (table["what"] == "simulated")
    return int(table.loc[own & (table["drain"] == drain), "copies"].sum())
