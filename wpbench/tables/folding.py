"""Rows of a printed table that say the same: printed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def folded(rows: Sequence[Mapping[str, str]], keys: Sequence[str]) -> list[dict[str, str]]:
    """Return rows with those merged that differ in one key only.

    Parameters
    ----------
    rows
        Printed cells, by column.
    keys
        Columns that name a row; the others are its numbers.

    Returns
    -------
    list of dict
        In the order of the first row of each; the merged key has all values.

    Examples
    --------
    >>> from wpbench.tables import folded
    >>> folded([{"cpus": "2", "ns": "+5"}, {"cpus": "8", "ns": "+5"}], ["cpus"])
    [{'cpus': '2, 8', 'ns': '+5'}]
    """
    found = [dict(row) for row in rows]
    for key in keys:
        merged: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        for row in found:
            rest = tuple((name, value) for name, value in row.items() if name != key)
            if rest in merged:
                merged[rest][key] += f", {row[key]}"
            else:
                merged[rest] = row
        found = list(merged.values())
    return found
