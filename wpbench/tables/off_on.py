"""The patch off and on, scenario by scenario, and the few rows that answer the question."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..scenario import GridFile
from ..scenario.kernels import OFF, ON
from .comparison import compare
from .rates import PATCH_DRAIN, along, axes_of, axis_of, bare, blocks_of, chosen, lines_of, runs_of

_WHO = ("kernel", "drain")
_DECIDED = {"lower", "higher", "same"}
DOUBTFUL = "~"  # beside a change that is not shown


def off_and_on(
    table: pd.DataFrame,
    grid: GridFile | None = None,
    *,
    x: str | None = None,
    value: str = "copies_per_work",
) -> pd.DataFrame | None:
    """Compare the patch on, as it drains, with the patch off, scenario by scenario.

    Parameters
    ----------
    table
        From ``sweep()`` or ``simulate()``: a row a run.
    grid, x
        As in ``rates()``.
    value
        A total of the program by its work (``copies_per_work``), which both sides have in common,
        or another of the values of ``rates()``.  ``copy_rate`` is by each side's own faults, of
        which there may be more on the one than on the other.

    Returns
    -------
    DataFrame or None
        ``wb.compare()``'s; None where the table has not both.  ``attrs["rates"]`` as in
        ``rates()``, and ``value``.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on
    >>> runs = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> off_and_on(runs)[["npages", "base", "other", "verdict"]].to_dict("list")
    {'npages': [1, 16], 'base': [1.0, 0.875], 'other': [0.0, 0.0], 'verdict': ['lower', 'lower']}
    """
    runs = runs_of(table, grid)
    x = along(runs, x or (None if grid is None else axis_of(grid)))
    axes = axes_of(runs, x)
    sides = runs[(runs["kernel"] == OFF) | _patch(runs)]
    if set(sides["kernel"]) != {OFF, ON}:
        return None
    by = [name for name in axes if name not in _WHO]
    made = compare(sides, "kernel", OFF, ON, value, by=by, test="t")
    made.attrs.update(table.attrs)
    made.attrs["rates"] = {
        "x": x, "axes": [*_WHO, *by], "per": runs.attrs["per"], "value": value,
    }  # fmt: skip
    return made


def _patch(runs: pd.DataFrame) -> Any:
    return (runs["kernel"] == ON) & (runs["drain"] == PATCH_DRAIN)


def blocks_of_both(both: pd.DataFrame) -> list[tuple[str, list[str], pd.DataFrame]]:
    """Return ``blocks_of()`` a comparison: what rows have in common, backends, rows."""
    named = bare(both).assign(
        kernel=ON, drain=PATCH_DRAIN, off_mean=both["base"], on_mean=both["other"]
    )
    return blocks_of(named)


def wide(both: pd.DataFrame, most: int = 99) -> pd.DataFrame:
    """Return off and on side by side, per 100 of the program's work.

    Parameters
    ----------
    both
        From ``off_and_on()``.
    most
        So many values of ``x`` at most, the first and the last among them.

    Returns
    -------
    DataFrame
        A row a program and backends with equal numbers; columns: a value of ``x``, and of each
        ``off`` and ``on``, means over runs (float64, NaN where there is no such scenario).

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> wb.tables.wide(off_and_on(table))[16].iloc[0].tolist()
    [87.5, 0.0]
    """
    x = both.attrs["rates"]["x"]
    values = chosen(sorted(both[x].unique()), most)
    rows: dict[tuple[str, str], dict[tuple[Any, str], float]] = {}
    for common, backends, part in blocks_of_both(both):
        cells = rows.setdefault((common, ", ".join(backends)), {})
        for row in part.to_dict("records"):
            cells[row[x], "off"] = 100 * row["base"]
            cells[row[x], "on"] = 100 * row["other"]
    made = pd.DataFrame(rows.values(), index=pd.MultiIndex.from_tuples(rows))
    made = made.reindex(columns=pd.MultiIndex.from_product([values, ["off", "on"]]))
    made.index.names = ["program", "backend"]
    made.columns.names = [x, "patch"]
    return made


def policies(made: pd.DataFrame, backend: str | None = None) -> pd.DataFrame:
    """Return copies of every drain policy on one backend, per 100 of the program's work.

    Parameters
    ----------
    made
        From ``rates()``.
    backend
        None for the first of the table.

    Returns
    -------
    DataFrame
        A row a program and policy, in the order of ``lines_of()``; a column a value of ``x``.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> wb.tables.policies(rates(table))[16].tolist()
    [87.5, 0.0]
    """
    x = made.attrs["rates"]["x"]
    rows = bare(made)
    if "backend" in rows:
        rows = rows[rows["backend"] == (backend or rows["backend"].iloc[0])]
    found = {}
    for common, _, part in blocks_of(rows):
        for (kernel, drain), name in lines_of(rows).items():
            own = part[(part["kernel"] == kernel) & (part["drain"] == drain)]
            if len(own):
                found[common, name] = 100 * own.set_index(x)["copies_per_work_mean"]
    table = pd.DataFrame(found.values(), index=pd.MultiIndex.from_tuples(found))
    table.index.names = ["program", "drain"]
    table.columns.name = x
    return table.sort_index(axis="columns")


def headline(both: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """Return what answers the question: the ends of the grid, each with its place.

    Nothing here counts scenarios: how many of a kind a grid has is its author's choice.

    Parameters
    ----------
    both
        From ``off_and_on()``, of totals.
    made
        From ``rates()``, of the same runs.

    Returns
    -------
    DataFrame
        At most five rows, those that there are: ``what``; ``off`` and ``on``, per 100 of the
        program's work; ``where``.  Copies where most are saved, where most are added, and where
        most are made without a difference, of scenarios whose difference is decided
        (``wb.tables.decide()``); where most drains are in vain; where most pages more are paged
        out.  Where no difference is decided, the largest that was seen, marked.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on, rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> made, both = rates(table), off_and_on(table)
    >>> wb.tables.headline(both, made)[["what", "where"]].iloc[0].tolist()
    ['copies saved', 'npages 1']
    """
    rows = []
    fewer, more = (both[both["verdict"] == verdict] for verdict in ("lower", "higher"))
    same = both[both["verdict"].isin(["same", DOUBTFUL]) & (both["other"] > 0)]
    if len(fewer):
        rows.append(_row("copies saved", _most(fewer, -fewer["difference"]), both))
    if len(more):
        rows.append(_row("copies added", _most(more, more["difference"]), both))
    if len(same):
        rows.append(_row("copies kept", _most(same, same["other"]), both))
    known = both.dropna(subset=["difference"])
    if not rows and len(known):
        largest = _most(known, known["difference"].abs())
        decided = largest["verdict"] in _DECIDED
        rows.append(_row("copies" if decided else "too few runs", largest, both))
    rows += _side_effects(both, made)
    return pd.DataFrame(rows, columns=["what", "off", "on", "where"])


def _most(rows: pd.DataFrame, size: pd.Series) -> Any:
    """Return the first of the rows whose size is largest."""
    return rows.iloc[int(size.to_numpy().argmax())]


def _side_effects(both: pd.DataFrame, made: pd.DataFrame) -> list[dict[str, Any]]:
    """Return where most drains are in vain, and where most pages more are paged out."""
    keys = [name for name in both.attrs["rates"]["axes"] if name not in _WHO]
    rows = bare(made)
    sides = [rows[part] for part in (rows["kernel"] == OFF, _patch(rows))]
    joint = sides[0].merge(sides[1], on=keys, suffixes=("_off", "_on"))
    found = []
    for what in ("drains in vain", "pages paged out"):
        off, on = (_total(joint, what, side) for side in ("off", "on"))
        change = (on - off).dropna()
        if len(change) and float(change.abs().max()) > 0:
            at = int(change.to_numpy().argmax())
            ends = {"base": float(off.iloc[at]), "other": float(on.iloc[at])}
            found.append(_row(what, {str(k): v for k, v in joint.iloc[at].items()} | ends, both))
    return found


def _total(joint: pd.DataFrame, what: str, side: str) -> pd.Series:
    if what == "pages paged out":
        return joint[f"pages_out_per_work_mean_{side}"]
    return joint[f"drains_per_work_mean_{side}"] - joint[f"helped_per_work_mean_{side}"]


def _row(what: str, row: Any, both: pd.DataFrame) -> dict[str, Any]:
    about = both.attrs["rates"]
    return {
        "what": what,
        "off": 100 * row["base"],
        "on": 100 * row["other"],
        "where": place(row, both, about["x"]),
    }


def place(row: Any, both: pd.DataFrame, x: str) -> str:
    """Return in words which scenario a row is: the fields that vary for its workload."""
    names = [name for name in both.attrs["rates"]["axes"] if name not in _WHO]
    rows = both[both["workload"] == row["workload"]] if "workload" in names else both
    words = []
    for name in sorted(names, key=lambda n: (n == x, n not in ("workload", "backend"))):
        if len(rows[name].unique()) > 1 or name == "workload":
            value = f"{row[name]:g}" if isinstance(row[name], float | int) else str(row[name])
            plain = name in ("workload", "backend", "order")
            words.append(value if plain else f"{name} {value}")
    return ", ".join(words)
