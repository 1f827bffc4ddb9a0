"""What a Price says, in words that are computed from its table."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import TableError, accepted
from ..text.comparison import WIDTH

if TYPE_CHECKING:
    from .result import Price

_MOST_NAMED = 3
MEANING = {
    "write": "of the writes that met a write-protect fault",
    "cpu": "of all CPUs, for whatever they did",
}


def check_measure(measure: str) -> None:
    """Raise TableError unless ``measure`` is ``write`` or ``cpu``."""
    if measure not in MEANING:
        raise TableError(accepted("measure", measure, MEANING))


def answer(
    priced: Price, *, measure: str = "write", by: str = "backend", x: str = "migration_rate"
) -> str:
    """Return how often the patch pays and where it stops to, as text of at most 72 columns.

    Parameters
    ----------
    priced
        From ``price()``.
    measure
        ``write`` or ``cpu``.
    by
        A parameter whose values get a paragraph each; where it does not vary there is one.
    x
        The parameter along which the patch may stop to pay; left out where it does not vary.

    Raises
    ------
    TableError
        For an unknown measure.
    """
    check_measure(measure)
    table = priced.table[priced.table["measure"] == measure]
    varying = priced.table.attrs["varying"]
    turns = priced.frontier(x) if x in varying else None
    groups: list[tuple[Any, pd.DataFrame]] = [("", table)]
    if by in varying:
        groups = list(table.groupby(by, sort=False))
    draws = priced.differences.shape[1]
    head = (
        f"Simulated time {MEANING[measure]}, per write-protect fault, patch on less patch off, in "
        f"{len(table)} scenarios; costs drawn {draws} times from their ranges."
    )
    lines = [head]
    for name, group in groups:
        words = [_differences(group), _draws(group), _decided(group)]
        if turns is not None:
            mine = turns[turns["measure"] == measure]
            mine = mine[mine[by] == name] if by in varying else mine
            words.append(_turning(mine, x))
        lines.append(f"{name}: {' '.join(words)}" if name else " ".join(words))
    return "\n\n".join(textwrap.fill(line, WIDTH, break_on_hyphens=False) for line in lines)


def _span(values: pd.Series) -> str:
    low, high = sorted([abs(values.min()), abs(values.max())])
    return f"{low:.0f} ns" if round(low) == round(high) else f"{low:.0f} to {high:.0f} ns"


def _differences(group: pd.DataFrame) -> str:
    """Say how much is saved and lost with the cost set's own values."""
    difference = group["difference"].dropna()
    saved, lost = difference[difference < 0], difference[difference > 0]
    parts = []
    if len(saved):
        parts.append(f"saves {_span(saved)} in {len(saved)} of {len(group)} scenarios")
    if len(lost):
        parts.append(f"costs {_span(lost)} in {len(lost)}")
    if len(difference) > len(saved) + len(lost):
        parts.append(f"makes no difference in {len(difference) - len(saved) - len(lost)}")
    if not parts:
        return "no scenario has a write-protect fault: there is nothing to price."
    return f"with the cost set's values the patch {' and '.join(parts)}."


def _draws(group: pd.DataFrame) -> str:
    """Say in how many scenarios the draws agree which is cheaper."""
    group = group[group["wins"].notna()]
    if group.empty:
        return ""
    surely = int((group["wins_low"] > 0.5).sum())
    never = int((group["wins_high"] < 0.5).sum())
    open_ = len(group) - surely - never
    return (
        f"Over the ranges of the costs it is cheaper more often than not in {surely}, dearer (or "
        f"equal) in {never}, and {open_} are undecided."
    )


def _decided(group: pd.DataFrame) -> str:
    """Say which costs the difference goes with."""
    named = group.loc[group["dominant"] != "", "dominant"].value_counts()
    if not len(named):
        return ""
    most = [f"{name} ({count})" for name, count in named.head(_MOST_NAMED).items()]
    return f"What it goes with most, by number of scenarios: {', '.join(most)}."


def _turning(turns: pd.DataFrame, x: str) -> str:
    """Say where along ``x`` the patch stops to pay."""
    others = [c for c in turns.columns[: list(turns.columns).index("measure")] if c != "backend"]
    known = turns[turns["at"].notna()]
    parts = []
    for _, row in known.iterrows():
        better = {"on": "stops to pay", "off": "begins to pay"}[row["first"]]
        parts.append(
            f"{_place(row, others)}it {better} at {row['at']:.2g} (drawn: {row['low']:.2g} to "
            f"{row['high']:.2g})"
        )
    words = "; ".join(parts)
    rest = turns[turns["at"].isna()]
    if len(rest):
        ends = f"{turns['from'].iloc[0]:g} to {turns['to'].iloc[0]:g}"
        places = ", ".join(_place(row, others).rstrip(": ") for _, row in rest.iterrows())
        where = f" ({places})" if places.strip(", ") else ""
        words += f"{'; ' if words else ''}it does not turn from {ends}{where}"
    return f"Along {x.replace('_', ' ')}: {words}."


def _place(row: pd.Series, names: Sequence[str]) -> str:
    said = ", ".join(
        f"{row[name]:g} CPUs" if name == "cpus" else f"{name} {row[name]}" for name in names
    )
    return f"{said}: " if said else ""
