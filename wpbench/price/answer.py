"""What a Price says, in words that are computed from its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from ..errors import TableError, accepted
from ..tables.decision import TOO_FEW
from ..tables.folding import folded
from ..text.layout import broken, paragraph
from .tally import PER
from .verdicts import NO_FAULT

_MOST_LINES = 24
NOTHING = "no scenario has a write-protect fault: there is nothing to price"
MEANING = {
    "write": "of the writes that met a write-protect fault",
    "cpu": "of all CPUs, for whatever they did",
}
# A verdict of the one rule (wpbench/tables/decision.py), of a time, over draws of the costs.
WORDS = {
    "lower": "cheaper",
    "higher": "dearer",
    "same": "the same",
    "~": "depends on the costs",
    TOO_FEW: "too few draws",
    NO_FAULT: "no fault",
}


def in_words(verdict: str) -> str:
    """Return a verdict about a time in words."""
    return WORDS.get(verdict, verdict)


def word(value: Any) -> str:
    """Return a parameter's value as it is printed; of a mix, what has a weight."""
    if isinstance(value, float):
        return f"{value:g}"
    return " ".join(part for part in str(value).split() if not part.endswith(":0"))


def check_measure(measure: str) -> None:
    """Raise TableError unless ``measure`` is ``write`` or ``cpu``.

    Parameters
    ----------
    measure
        What a price is about.

    Examples
    --------
    >>> from wpbench.price import check_measure
    >>> check_measure("cpu")
    """
    if measure not in MEANING:
        raise TableError(accepted("measure", measure, MEANING))


def answer(
    priced: pd.DataFrame,
    per: str,
    frontier: Callable[[str], pd.DataFrame],
    *,
    measure: str = "write",
    by: str = "backend",
    x: str = "migration_rate",
) -> str:
    """Return where the patch pays and where it stops to, as text of at most 72 columns.

    Parameters
    ----------
    priced, per, frontier
        ``table``, ``per`` and ``frontier`` of what ``price()`` returned.
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
    table = priced[priced["measure"] == measure]
    varying = list(priced.attrs["varying"])
    numeric = [n for n in varying if pd.api.types.is_numeric_dtype(priced[n])]
    turns = frontier(x) if x in numeric else None
    groups: list[tuple[Any, pd.DataFrame]] = [("", table)]
    if by in varying:
        groups = list(table.groupby(by, sort=False))
    if set(table["verdict"]) == {NO_FAULT}:
        return f"{NOTHING.capitalize()}."
    draws = _span_of(table["draws"])
    head = (
        f"Simulated time {MEANING[measure]}, {PER[per]}, on less off over the same program; "
        f"costs drawn {draws} times from their ranges. Cheaper, dearer: the middle 95 % of the "
        "draws leaves 0 out. A percentage: it depends on the costs, on is cheaper in so many of "
        "the draws."
    )
    blocks = [paragraph(head)]
    for name, group in groups:
        mine = turns
        if turns is not None:
            mine = turns[turns["measure"] == measure]
            mine = mine[mine[by] == name] if by in varying else mine
        others = [n for n in varying if n not in (by, x)]
        lines = [*_extremes(group, others, x if x in varying else ""), *_decided(group)]
        text = paragraph(f"{name}: {' '.join(lines)}" if name else " ".join(lines))
        along = _along(group, others, x if turns is not None else "", mine)
        blocks.append("\n".join([text, *along]))
    return "\n\n".join(blocks)


def _span_of(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _extremes(group: pd.DataFrame, others: Sequence[str], x: str) -> list[str]:
    """Say the most that is saved, and the most that is lost, with the cost set's own values."""
    if set(group["verdict"]) == {NO_FAULT}:
        return [f"{NOTHING}."]
    words = []
    ordered = group.sort_values("difference", kind="stable")
    for verb, row in (("saves", ordered.iloc[0]), ("costs", ordered.iloc[-1])):
        ns = -row["difference"] if verb == "saves" else row["difference"]
        if ns <= 0:
            continue
        place = ", ".join(_place(row, name) for name in (*others, *filter(None, [x])))
        share = f" ({ns / row['off']:.0%} of off's)" if row["off"] > 0 else ""
        least = f"{verb} at most {ns:.1f} ns{share}"
        words.append(f"{least} at {place}" if place and len(group) > 1 else least)
    if not words:
        return ["on makes no difference."]
    return [f"with the cost set's values on {' and '.join(words)}."]


def _place(row: Any, name: str) -> str:
    value = word(row[name])
    return f"{value} CPUs" if name == "cpus" else f"{name.replace('_', ' ')} {value}"


def _decided(group: pd.DataFrame) -> list[str]:
    """Say what the difference goes with, where that is more than chance."""
    named = list(dict.fromkeys(name for name in group["dominant"] if name))
    if not named:
        return []
    return [f"What it goes with most: {', '.join(named)}."]


def _along(
    group: pd.DataFrame, others: Sequence[str], x: str, turns: pd.DataFrame | None
) -> list[str]:
    """Return a line for each combination of the other parameters: the verdicts, along ``x``."""
    if set(group["verdict"]) == {NO_FAULT}:
        return []
    rows = []
    parts = group.groupby(list(others), sort=False, dropna=False) if others else [((), group)]
    for _, part in parts:
        ordered = part.sort_values(x) if x else part
        cells = {name: word(ordered[name].iloc[0]) for name in others}
        rows.append(cells | {"verdicts": _verdicts(ordered, x), "at": ""})
        if turns is not None:
            mine = turns
            for name in others:
                mine = mine[mine[name] == ordered[name].iloc[0]]
            known = mine[mine["at"].notna()]
            if len(known):
                turn = known.iloc[0]
                drawn = f"drawn: {turn['low']:.2g} to {turn['high']:.2g}"
                rows[-1]["at"] = f"; it turns at {turn['at']:.2g} ({drawn})"
    lines = []
    for row in folded(rows, list(others)):
        label = ", ".join(
            f"{row[n]} CPUs" if n == "cpus" else f"{n.replace('_', ' ')} {row[n]}" for n in others
        )
        text = f"{label}: {row['verdicts']}{row['at']}" if label else row["verdicts"] + row["at"]
        lines += broken(text, first="  ", rest="    ")
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"  ({len(lines) - _MOST_LINES} lines more: the table has them)"]
    if x:
        lines.insert(0, f"  along {x.replace('_', ' ')}:")
    return lines


def _verdicts(ordered: pd.DataFrame, x: str) -> str:
    """Return the verdicts in their order, neighbours that agree together."""
    found: list[tuple[str, list[str]]] = []
    for row in ordered.to_dict("records"):
        said = in_words(row["verdict"])
        if row["verdict"] == "~":
            said = f"{row['wins']:.0%}"
        elif row["verdict"] == TOO_FEW:
            said = f"{row['wins']:.0%} of too few draws"
        place = word(row[x]) if x else ""
        if found and found[-1][0] == said:
            found[-1][1].append(place)
        else:
            found.append((said, [place]))
    return "; ".join(f"{said} at {', '.join(places)}" if x else said for said, places in found)
