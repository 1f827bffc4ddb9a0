"""Two tables compared: stores, runs, measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..errors import TableError, accepted
from ..figures.record import chosen
from ..scenario import Scenario
from ..tables import compare
from .cases import fields_of
from .source import as_runs, load

SIDE = "table"


def compare_tables(
    one: Any,
    two: Any,
    value: str = "copy_rate",
    by: str | Sequence[str] | None = None,
    *,
    sides: tuple[str, Any, Any] | None = None,
    names: tuple[str, str] = ("A", "B"),
    paired: bool = True,
    confidence: float = 0.95,
    test: str = "t",
) -> pd.DataFrame:
    """Return for each scenario how much a value differs between two tables.

    Parameters
    ----------
    one, two
        What ``wb.report()`` takes: tables, simulated or measured; stores; files; grids.
    value
        A column of both.
    by
        What makes a scenario; None for the fields of a Scenario that both tables have, and of which
        they share a value: a field in which the tables differ as a whole (``kernel``, say) goes
        with the side.
    sides
        ``("kernel", "patch1", "patch2")``: of ``one`` the rows with the first value in this
        column, of ``two`` those with the second.
    names
        What the sides are called.
    paired, confidence, test
        As in ``wb.compare()``.

    Returns
    -------
    DataFrame
        That of ``wb.compare()``: aligned by scenario, with differences and intervals; a scenario
        that only one table has is there with the verdict ``only A``.  ``attrs["kinds"]``: which of
        them are simulated and which measured.

    Raises
    ------
    TableError
        For what is no table, a column that one of them lacks, and names that are equal.
    """
    if names[0] == names[1]:
        raise TableError(f"names: both are {names[0]!r}; accepted: two different ones")
    sources = [load(what) for what in (one, two)]
    tables = [as_runs(source) for source in sources]
    if sides is not None:
        column, *values = sides
        tables = [
            chosen(table, {column: side}, f"base-column of {name}")
            for name, table, side in zip(names, tables, values, strict=True)
        ]
    for name, table in zip(names, tables, strict=True):
        if value not in table:
            raise TableError(accepted(f"value of {name}", value, table.columns))
    fields = [n for n in Scenario.model_fields if all(n in table for table in tables)]
    keep = [*fields, "replication", value]
    both = pd.concat(
        [table[keep].assign(**{SIDE: name}) for name, table in zip(names, tables, strict=True)],
        ignore_index=True,
    )
    if by is None:  # what follows from other fields, as drain from kernel, says nothing more
        free = fields_of(both, fields, SIDE)
        same = both.groupby(SIDE)[fields].nunique(dropna=False).max() == 1
        fields = [name for name in fields if name in free or name == "seed" or same[name]]
    both = both[[*fields, SIDE, "replication", value]]
    found = compare(
        both,
        SIDE,
        *names,
        value=value,
        by=by,
        paired=paired,
        confidence=confidence,
        test=test,
    )
    found.attrs["kinds"] = dict(zip(names, (source.kind for source in sources), strict=True))
    return found


def kinds_text(comparison: pd.DataFrame) -> str:
    """Return what the numbers of both tables are: ``simulated``, or each side's."""
    kinds = comparison.attrs["kinds"]
    if len(set(kinds.values())) == 1:
        return str(next(iter(kinds.values())))
    return ", ".join(f"{name} {kind}" for name, kind in kinds.items())
