"""A report's one table: copies per 100 writes, off and on, and whether a kernel agreed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..tables.decision import TOO_FEW, decide
from ..tables.folding import folded
from ..tables.intervals import mean_interval, rate_interval
from ..tables.work import work_of
from ..text.layout import WIDTH, broken, hanging
from .cases import CASE
from .mechanisms import in_use
from .source import MEASURED, Source

YES, PARTLY, NEVER = "yes", "partly", "no"


def _agrees(rows: pd.DataFrame) -> str:
    """Return how far a kernel agreed with what the rows' simulation used."""
    used = in_use(rows)
    if any(m.percent is None for m in used):
        return NEVER
    return YES if all(m.percent == 100 for m in used) else PARTLY


def copies_table(
    source: Source, rows: pd.DataFrame, column: str, base: Any, other: Any
) -> tuple[pd.DataFrame, str]:
    """Return copies and drains of each case per 100 writes, off and on.

    Parameters
    ----------
    source, rows
        What a report is about: runs of both sides, ``case`` in front.
    column, base, other
        What is compared.

    Returns
    -------
    table, per
        A row a case: ``off``, ``on``, copies; ``low``, ``high``, 95 % t interval of the mean
        difference between runs of the same stream; ``n``, such pairs; ``verdict``, by the one rule;
        ``drains_off``, ``drains_on``, ``in_vain_on`` (the page was copied all the same; NaN where
        not counted); ``reason``, of most of the copies that are left; ``agreed``: ``yes``,
        ``partly`` or ``no``.  And by what: 100 writes, accesses or write-protect faults.
    """
    per, work = work_of(rows)
    made = rows.assign(_work=work)
    reasons = [name for name in rows if str(name).startswith("copy_") and name != "copy_rate"]
    found = []
    for case, part in made.groupby(CASE, sort=False):
        sides = [part[part[column] == side] for side in (base, other)]
        row: dict[str, Any] = {CASE: case}
        for name, side in zip(("off", "on"), sides, strict=True):
            row[name] = _rate(side, "copies")
            row[f"drains_{name}"] = _rate(side, "drains") + _rate(side, "drains_swapin", 0.0)
        helped = _rate(sides[1], "drains_reused") + _rate(sides[1], "drains_swapin_reused", 0.0)
        row["in_vain_on"] = row["drains_on"] - helped
        row |= _difference(*sides)
        if source.kind == MEASURED and row["verdict"] == TOO_FEW:
            row["verdict"] = _counted(*sides)
        left = sides[1][reasons].sum() if reasons and len(sides[1]) else pd.Series(dtype=float)
        most = left[left > 0].sort_values(ascending=False, kind="stable")
        row["reason"] = str(most.index[0]).removeprefix("copy_") if len(most) else ""
        row["agreed"] = "" if source.kind == MEASURED else _agrees(part)
        found.append(row)
    return pd.DataFrame(found), per


def _rate(side: pd.DataFrame, name: str, missing: float = math.nan) -> float:
    """Return a count per 100 of the work, over all runs."""
    if name not in side or side.empty or side[name].isna().all():
        return missing
    return float(100 * side[name].sum() / side["_work"].sum())


def _difference(off: pd.DataFrame, on: pd.DataFrame) -> dict[str, Any]:
    """Return the interval of the difference between runs of the same stream, and its verdict."""
    keys = [name for name in ("seed", "replication") if name in off]
    each = [
        (100 * side["copies"] / side["_work"]).set_axis(pd.MultiIndex.from_frame(side[keys]))
        for side in (off, on)
    ]
    pairs = (each[1] - each[0]).dropna().round(9)
    mean, low, high, n, _ = mean_interval(pairs.to_numpy(float))
    return {"low": low, "high": high, "n": n, "verdict": decide(mean, low, high, n)}


def _counted(off: pd.DataFrame, on: pd.DataFrame) -> str:
    """Return the verdict about counts of a kernel, one run each: Wilson's intervals are apart."""
    counts = [(side["copies"].sum(), side["_work"].sum()) for side in (off, on)]
    if off.empty or on.empty or any(copies > work for copies, work in counts):
        return TOO_FEW
    (low, high), (low_on, high_on) = (rate_interval(copies, work) for copies, work in counts)
    if high_on < low:
        return "lower"
    if low_on > high:
        return "higher"
    return "same" if counts[0] == counts[1] else "~"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _half(row: Mapping[Any, Any]) -> str:
    """Return half of the interval of the difference; what it says where that is not plain."""
    if row["verdict"] == TOO_FEW:
        return "few"
    if math.isnan(row["low"]) or row["low"] == row["high"]:
        return "-"
    mark = "~" if row["verdict"] == "~" else ""
    return f"{mark}{(row['high'] - row['low']) / 2:.1f}"


def _split(case: str) -> tuple[str, dict[str, str]]:
    """Return what a case is called, and its fields."""
    parts = [part.partition("=") for part in case.split(", ")]
    fields = {name: value for name, equals, value in parts if equals}
    return ", ".join(name for name, equals, _ in parts if not equals), fields


def _labels(cases: Sequence[str], cells: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return rows with ``group`` and ``label``; those that differ in one field alone are one."""
    split = [_split(case) for case in cases]
    names = list(dict.fromkeys(name for _, fields in split for name in fields))
    given = [
        {"group": group} | {name: fields.get(name, "") for name in names} | dict(numbers)
        for (group, fields), numbers in zip(split, cells, strict=True)
    ]
    made = []
    for row in folded(given, names):
        fields = [f"{name}={row[name].replace(', ', ',')}" for name in names if row[name]]
        rest = {name: text for name, text in row.items() if name not in names}
        made.append({"label": ", ".join(fields)} | rest)
    return made


def copies_lines(table: pd.DataFrame, per: str, base: Any, other: Any, kind: str) -> list[str]:
    """Return the table's lines: cases under what they have in common, equal rows once."""
    drains = {f"drains_{name}": table[f"drains_{name}"] for name in ("off", "on")}
    shown = {name: bool((values > 0).any()) for name, values in drains.items()}
    simulated = bool((table["agreed"] != "").any())
    numbers_of = []
    for row in table.to_dict("records"):
        cells = {"off": _number(row["off"]), "on": _number(row["on"]), "+-": _half(row)}
        cells |= {name: _number(row[name]) for name, is_shown in shown.items() if is_shown}
        if shown["drains_on"]:
            cells["in vain"] = _number(row["in_vain_on"])
        if simulated:
            cells["agreed"] = str(row["agreed"])
        numbers_of.append(cells)
    rows = _labels(table[CASE].astype(str).tolist(), numbers_of)
    headings = {"off": str(base), "on": str(other), "+-": "+-", "agreed": "kernel"}
    headings |= {"drains_off": "drains" if not shown["drains_on"] else str(base)}
    headings |= {"drains_on": str(other) if shown["drains_off"] else "drains"}
    numbers = [name for name in rows[0] if name not in ("group", "label")]
    sizes = {
        name: max(len(headings.get(name, name)), *(len(row[name]) for row in rows)) + 2
        for name in numbers
    }
    room = WIDTH - sum(sizes.values())
    lines = [" " * room + "".join(headings.get(n, n).rjust(sizes[n]) for n in numbers)]
    if shown["drains_off"] and shown["drains_on"]:
        start = room + sum(sizes[n] for n in numbers[: numbers.index("drains_off")])
        lines.insert(0, f"{'':{room + 2}}copies".ljust(start + 2) + "drains")
    group = ""
    for i, cells in enumerate(rows):
        values = "".join(cells[name].rjust(sizes[name]) for name in numbers)
        if not i or cells["group"] != group:
            group = cells["group"]
            if not cells["label"] and len(group) <= room:
                lines.append(f"{group:{room}}{values}".rstrip())
                continue
            lines += hanging(group).split("\n") if group else []
        indent = "  " if group else ""
        *first, last = broken(cells["label"], room - 2, long_words=True)
        lines += [indent + text for text in first]
        lines.append(f"{indent + last:{room}}{values}".rstrip())
    return [*lines, "", *_legend(per, other, shown, simulated, rows, kind)]


def _legend(
    per: str,
    other: Any,
    shown: Mapping[str, bool],
    simulated: bool,
    rows: Sequence[Mapping[str, str]],
    kind: str,
) -> list[str]:
    text = f"Per 100 {per}, {kind}, of all runs together. "
    if any(row["+-"] not in ("-", "few") for row in rows):
        text += (
            "+-: half of the 95 % t interval of the difference between runs (- where all runs "
            "agree; ~ where it has 0 in it). "
        )
    if any(row["+-"] == "few" for row in rows):
        text += "few: too few runs to say whether they differ. "
    if shown["drains_on"]:
        text += (
            "drains: calls of lru_add_drain() by do_wp_page() and do_swap_page(); in vain: with "
            f"{other}, the page was copied all the same. "
        )
    if simulated:
        text += (
            "kernel: did a kernel's counts and traces agree with all that the row rests on? yes; "
            "partly; no, never compared (below)."
        )
    return broken(text)
