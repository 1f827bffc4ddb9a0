"""A report's first lines: the answer in plain words, computed from its tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..price.result import Price
from .cases import CASE
from .known import real_programs
from .times import change


def opening(
    copies: pd.DataFrame,
    per: str,
    found: Price | None,
    costs: str,
    base: Any,
    other: Any,
    kind: str,
) -> str:
    """Return the answer: what was measured, what is simulated, at what price.

    Parameters
    ----------
    copies, per
        From ``copies_table()``.
    found, costs
        From ``prices()``; and what its costs are, such as ``assumed costs``.
    base, other
        Off and on.
    kind
        ``simulated`` or ``measured``.
    """
    words = []
    if kind == "simulated":
        real = real_programs()
        often = "hardly ever" if real.helped < real.faults / 10_000 else "now and then"
        words.append(
            f"In real programs a drain {often} saves a copy: it did in {real.helped} of "
            f"{real.faults} faults of {len(real.programs)} programs (Linux {real.release}, "
            f"measured); {real.in_vain} drains were in vain."
        )
    words.append(_copies(copies, per, base, other, kind))
    if found is not None:
        words.append(_price(found, costs))
    return " ".join(filter(None, words))


def _copies(table: pd.DataFrame, per: str, base: Any, other: Any, kind: str) -> str:
    """Say where most copies are saved, where some stay, and where there are more."""
    size = table["on"] - table["off"]
    who = "Simulated, in programs made for it" if kind == "simulated" else "Measured"
    of = f"{who}: of 100 {per} {base} (off) and {other} (on) copy "
    parts = []
    fewer = table[(table["verdict"] == "lower")]
    more = table[(table["verdict"] == "higher")]
    rest = table[table["verdict"].isin(["same", "~"]) & (table["on"] > 0)]
    if len(fewer):
        parts.append(_said(_largest(fewer, -size)))
    if len(rest):
        parts.append(_said(_largest(rest, rest["on"])))
    if len(more):
        parts.append(_said(_largest(more, size)))
    text = of + "; ".join(parts) + "." if parts else ""
    if not parts:
        text = f"{base} and {other} copy as often in each program here ({kind})."
        if (table["verdict"] == "too few runs").any():
            text = "Too few runs to say whether copies differ."
    drains = table["drains_on"] - table["drains_off"]
    if (table["drains_off"] > 0).any() and (drains.abs() > 0).any():
        row = _largest(table, drains.abs())
        text += f" Drains, of 100 {per}: {row['drains_off']:.0f} and {row['drains_on']:.0f} "
        text += f"({row[CASE]})."
    return text


def _largest(table: pd.DataFrame, size: pd.Series) -> Any:
    """Return the first of the rows whose size is largest."""
    return table.iloc[int(size[table.index].to_numpy().argmax())]


def _said(row: Any) -> str:
    numbers = f"{row['off']:.0f} and {row['on']:.0f}"
    if not row["off"] or not row["on"] or f"{row['off']:.0f}" == f"{row['on']:.0f}":
        numbers = f"{row['off']:.3g} and {row['on']:.3g}"
    return f"{numbers} ({row[CASE]})"


def _price(found: Price, costs: str) -> str:
    """Say how far the totals change, over the same program, at most in either direction."""
    parts = []
    for measure, what in (("write", "faulting writes"), ("cpu", "all CPUs")):
        rows = found.table[found.table["measure"] == measure]
        relative = (rows["on"] / rows["off"].where(rows["off"] > 0)).fillna(1.0)
        both = _largest(rows, -relative), _largest(rows, relative)
        ends = [change(row["off"], row["on"]).replace("same", "no change") for row in both]
        parts.append(f"{what} {' to '.join(dict.fromkeys(ends))}")
    pages = found.table[found.table["measure"] == "cpu"]
    out = (pages["pages_out_on"] / pages["pages_out_off"].where(pages["pages_out_off"] > 0)).max()
    side = f"; page-outs up to {100 * (out - 1):+.0f}%" if out > 1.005 else ""
    return f"Time of the same program (simulated, {costs}): {', '.join(parts)}{side}."
