"""What was counted, in words and as a table on a terminal."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...tables import mean_interval
from ...text.layout import paragraph
from .state import UNCLEAR

SHOWN = (
    "wp_faults",
    "reuses",
    "copies",
    "drained",
    "helped",
    "in_vain",
    "file_faults",
    "zero_faults",
    "direct_writes",
    "unclear",
)


def by_command(table: pd.DataFrame) -> pd.DataFrame:
    """Return each run's counts by command, all CPUs together."""
    bare = table.copy(deep=False)
    bare.attrs = {}
    return bare.groupby(["command", "run"], sort=True)[list(SHOWN)].sum()


def _cell(values: pd.Series, runs: int) -> str:
    """Return a count: of the only run, or the mean of several with its 95 % interval."""
    # A run in which a command has no row counted 0.
    whole = [*values.tolist(), *[0] * (runs - len(values))]
    if runs == 1:
        return f"{whole[0]}"
    found = mean_interval(whole, bounds=(0.0, float("inf")))
    if found.distinct == 1:
        return f"{found.mean:.0f}"
    return f"{found.mean:.0f} [{found.low:.0f}, {found.high:.0f}]"


def overview(table: pd.DataFrame) -> str:
    """Return a line a command, those with the most write-protect faults first, and their sum."""
    runs = 1 + int(table["run"].max()) if len(table) else 1
    counts = by_command(table)
    names = counts.groupby("command")["wp_faults"].sum().sort_values(ascending=False).index
    lines = [
        {"command": name, **{column: _cell(counts.loc[name][column], runs) for column in SHOWN}}
        for name in names
    ]
    sums = counts.groupby("run").sum()
    lines.append({"command": "(all)", **{column: _cell(sums[column], runs) for column in SHOWN}})
    return pd.DataFrame(lines).to_string(index=False)


def _cost(tracing: dict[str, Any]) -> str:
    cost = tracing.get("cost")
    if cost is None:
        return "The tracing's cost was not measured (--pairs N does)."
    if cost["pairs"] == 1:
        return (
            f"Tracing made the command {cost['wall_percent']:.1f} % slower, and its CPU time "
            f"{cost['cpu_percent']:.1f} % longer (one pair: no interval)."
        )
    wall, cpu = (
        f"{cost[f'{name}_percent']:.1f} % "
        f"[{cost[f'{name}_percent_low']:.1f}, {cost[f'{name}_percent_high']:.1f}]"
        for name in ("wall", "cpu")
    )
    return (
        f"Tracing made the command {wall} slower, and its CPU time {cpu} longer "
        f"(mean of {cost['pairs']} pairs, 95 % interval)."
    )


def sentences(table: pd.DataFrame) -> list[str]:
    """Return the answer and what it rests on, a paragraph each."""
    about = table.attrs["wpbench"]
    sums = table[["wp_faults", "copies", "drained", "helped", "in_vain", "unclear"]].sum()
    faults, helped = int(sums["wp_faults"]), int(sums["helped"])
    runs = about["parameters"].get("runs", 1)
    told = (
        f"{faults} write-protect faults on anonymous pages in {runs} run{'s' * (runs != 1)}: "
        f"{int(sums['copies'])} copied. A drain put pages on the LRU in {int(sums['drained'])}: "
        f"it helped in {helped}, and {int(sums['in_vain'])} copied all the same."
    )
    if helped:
        told += f" It helps in one of {faults / helped:.0f} faults."
    unclear = ", ".join(f"{about['unclear'][name]} {name}" for name in UNCLEAR)
    found = [told]
    if sums["unclear"]:
        found.append(f"Unclear, in no other column: {int(sums['unclear'])} ({unclear}).")
    tracing = about["tracing"]
    found.append(
        f"{tracing['events']} events, {tracing['lost']} lost. " + _cost(tracing),
    )
    return found


def describe(table: pd.DataFrame) -> str:
    """Return ``overview()`` and ``sentences()``."""
    paragraphs = [paragraph(text) for text in sentences(table)]
    return "\n".join([overview(table), *paragraphs])
