"""What a report calls its scenarios, and which of them it compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..errors import TableError, accepted
from ..figures.record import chosen
from ..scenario import Scenario
from ..scenario.kernel_table import RULE
from ..scenario.kernels import row_of
from ..scenario.model import WORKLOAD_FIELDS
from ..scenario.plain import scenarios_of
from ..tables import varying
from ..workloads.catalog import WORKLOADS
from .source import Source, as_runs

CASE = "case"
NAMELESS = "the scenario"


def named(
    source: Source, column: str, base: Any, other: Any, where: Mapping[str, Any] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of both sides with a column ``case`` in front, and what was left out.

    A case is named by the grid file's ``case``, and by the fields that vary within it.

    Parameters
    ----------
    source
        A table.
    column, base, other
        What is compared.
    where
        Rows to take: column -> value or list of values; ``case`` is the grid file's.
    """
    table = as_runs(source)
    table.insert(0, CASE, _groups(source, len(table)))
    table = chosen(table, where)
    if column not in table:
        raise TableError(
            f"column: there is no column {column!r}; accepted: {', '.join(map(str, table.columns))}"
        )
    for name, side in (("base", base), ("other", other)):
        if side not in set(table[column]):
            raise TableError(accepted(name, side, table[column].unique().tolist()))
    both = table[table[column].isin([base, other])]
    notes = []
    if column == "kernel" and "drain" in both:
        own = both["kernel"].map(lambda name: row_of(name)["drain"])
        more = sorted(set(both.loc[both["drain"] != own, "drain"]))
        both = both[both["drain"] == own]
        if more:
            notes.append(f"left out: other drain policies than the kernel's: {', '.join(more)}")
    fields = _told_apart(both, column)
    if not source.parameters.get("file"):
        both = _by_fields(both, fields)
    names = np.empty(len(both), object)
    for group, places in both.groupby(CASE, sort=False).indices.items():
        names[places] = _names(both.iloc[places], str(group), fields, column)
    both = both.assign(**{CASE: names})
    # Grids of a file may have a scenario in common: it is run, and counts, once.
    both = both.drop_duplicates([CASE, *fields, "replication"])
    both.attrs = dict(source.table.attrs)
    return both.reset_index(drop=True), notes


def _told_apart(rows: pd.DataFrame, column: str) -> list[str]:
    """Return the fields of a Scenario; for ``rules``, where a rule is compared, each rule's."""
    fields = [name for name in Scenario.model_fields if name in rows]
    if not column.startswith(RULE):
        return fields
    rules = [str(name) for name in rows if str(name).startswith(RULE)]
    return [part for name in fields for part in (rules if name == "rules" else [name])]


def _groups(source: Source, rows: int) -> Any:
    """Return for each row what the grid file calls its grid, "" where it does not."""
    parameters = source.parameters
    cases = parameters.get("cases", [])
    if not any(cases):
        return ""
    grids = getattr(scenarios_of(parameters), "grids", ())
    groups = np.repeat(np.array(cases, object), [len(g) * parameters["seeds"] for g in grids])
    return groups if len(groups) == rows else ""


def _by_fields(rows: pd.DataFrame, fields: list[str]) -> pd.DataFrame:
    """Return rows ordered by the fields, as Scenario has them: whatever the order of the axes."""
    codes = [pd.factorize(rows[name])[0] for name in fields]
    return rows.iloc[np.lexsort(codes[::-1])]


def fields_of(rows: pd.DataFrame, fields: list[str], column: str) -> list[str]:
    """Return the fields that vary within a side, but those that follow from others of them."""
    asked = [name for name in fields if name not in (column, "seed")]
    return varying(rows, asked, within=[column])


def _names(rows: pd.DataFrame, group: str, fields: list[str], column: str) -> list[str]:
    names = fields_of(rows, fields, column)
    texts = []
    for values in rows[["workload", *names]].itertuples(index=False):
        unused = _unused(str(values[0]))
        words = [
            f"{name}={_word(value)}"
            for name, value in zip(names, values[1:], strict=True)
            if name not in unused
        ]
        texts.append(", ".join(filter(None, (group, *words))) or NAMELESS)
    return texts


def _unused(workload: str) -> frozenset[str]:
    """Return the fields that a workload does not look at."""
    if workload not in WORKLOADS:
        return frozenset()
    return WORKLOAD_FIELDS - WORKLOADS[workload].uses


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    if ":" in text:  # a mix: what has no weight is not in it
        text = " ".join(word for word in text.split() if not word.endswith(":0"))
    return text
