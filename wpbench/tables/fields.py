"""Which fields tell a table's scenarios apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd


def varying(
    rows: pd.DataFrame,
    fields: Iterable[str],
    *,
    within: Iterable[str] = (),
    always: Collection[str] = (),
) -> list[str]:
    """Return the fields that vary, without those that follow from fields before them.

    Where ``threads`` are always as many as ``cpus``, or ``latency_ns`` is the backend's, the later
    one says nothing more.

    Parameters
    ----------
    rows
        A row a run or scenario.
    fields
        Columns, in the order in which they are kept.
    within
        Columns that are told apart anyway: what follows from them is left out too.
    always
        Of ``fields``, those that are kept whatever they are.
    """
    kept: list[str] = []
    for name in fields:
        told = [*within, *kept]
        parts = rows.groupby(told, sort=False, dropna=False)[name] if told else rows[name]
        many = pd.Series(parts.nunique(dropna=False)).max() > 1
        if name in always or many:
            kept.append(name)
    return kept
