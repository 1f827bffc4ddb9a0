"""The kernels as a table, and the rules of a table's rows as columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..provenance.record import provenance
from .kernels import kernel, row_of, rows
from .rules import RULES, Overrides

RULE = "rules."


def with_present_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of wpbench 0.1, or of data/kernel-measurements, with the columns of today.

    ``decision`` is ``kernel`` now, and a measured table's ``kernel`` is ``release``;
    ``insert_at_once`` is a rule.  In other tables nothing but an empty ``rules`` is mended, which a
    CSV file cannot tell from a missing value.
    """
    if "rules" in table:
        texts = table["rules"].astype(object)
        return table.assign(rules=texts.where(texts.notna(), ""))
    if "decision" not in table:
        return table
    named = table.rename(columns={"kernel": "release"}).rename(columns={"decision": "kernel"})
    at_once = named.get("insert_at_once", pd.Series(False, named.index)).astype(bool)
    named["rules"] = np.where(at_once, "swapin_inserts_at_once=true", "")
    named.attrs = table.attrs
    return named


def kernels(*names: str) -> pd.DataFrame:
    """Return the rules of kernels.

    Parameters
    ----------
    names
        Kernels, as in ``Scenario``; all rows of data/kernels.toml if there are none.

    Returns
    -------
    DataFrame
        A row for each kernel: ``kernel``, as asked; ``row``, its table in data/kernels.toml;
        ``from``, the row that it starts from; ``note``; then a column for each rule.

    Raises
    ------
    ScenarioError
        If a name is not that of a kernel.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.kernels("v6.13", "6.18.44")[["row", "exit_drains", "pagevec"]]
         row  exit_drains  pagevec
    0  v6.13         True       31
    1  v6.17        False       31
    """
    asked = names or tuple(rows())
    found = [(name, kernel(name)) for name in asked]
    table = pd.DataFrame(
        [
            {
                "kernel": name,
                "row": row.name,
                "from": row.start or "",
                "note": row.note,
                **row.values(),
            }
            for name, row in found
        ]
    )
    table.attrs["wpbench"] = provenance("kernels", {"kernels": list(asked)})
    return table


def with_rule_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column ``rules.NAME`` for each rule that some of its rows override.

    The column has every row's value, overridden or its kernel's own.
    """
    if "rules" not in table or not any(table["rules"].unique()):
        return table
    parsed = {text: Overrides.parse(text) for text in table["rules"].unique()}
    names = [name for name in RULES if any(name in given for given in parsed.values())]
    pairs = list(zip(table["kernel"], table["rules"], strict=True))
    at = list(table.columns).index("rules") + 1
    made = table.copy()
    for name in reversed(names):
        values: list[Any] = [row_of(k, parsed[text])[name] for k, text in pairs]
        made.insert(at, RULE + name, values)
    made.attrs = table.attrs
    return made


__all__ = ["RULE", "kernels", "with_present_names", "with_rule_columns"]
