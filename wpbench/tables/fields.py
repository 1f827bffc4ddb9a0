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
    """Return the fields that vary, without those that follow from earlier fields.

    If ``threads`` always equals ``cpus``, or ``latency_ns`` is always the backend's, the later
    field is left out.

    Parameters
    ----------
    rows
        A row for each run or scenario.
    fields
        Columns, in the order in which they are kept.
    within
        Other columns; fields that follow from them are left out too.
    always
        Fields that are always kept.

    Returns
    -------
    list of str
        In the order of ``fields``.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import varying
    >>> table = wb.simulate(wb.grid(cpus=[1, 2], threads="cpus", rounds=2))
    >>> varying(table, ["kernel", "cpus", "threads"])
    ['cpus']
    """
    kept: list[str] = []
    for name in fields:
        told = [*within, *kept]
        parts = rows.groupby(told, sort=False, dropna=False)[name] if told else rows[name]
        many = pd.Series(parts.nunique(dropna=False)).max() > 1
        if name in always or many:
            kept.append(name)
    return kept
