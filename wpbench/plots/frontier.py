"""Where the patch pays: a map of what it saves, over two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import SymLogNorm

from ..errors import TableError, accepted
from ..price.tally import PER
from .style import figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..price.result import Price

# Purple saves, orange costs: told apart by most colour-blind readers.  In grey both are dark far
# from 0; the sign stands in each cell.
_MAP = "PuOr_r"
_WHAT = {
    "write": "time of the writes that met a write-protect fault",
    "cpu": "CPU time of everybody",
}


def frontier(
    table: pd.DataFrame,
    ax: Axes,
    *,
    x: str = "migration_rate",
    y: str = "cpus",
    limit: float | None = None,
    where: pd.DataFrame | None = None,
) -> Any:
    """Draw on minus off over the same program, over two parameters, a cell a scenario.

    Parameters
    ----------
    table
        From ``price().table``, of one measure and one of whatever else varies.
    ax
        Where to draw; its title says what is drawn.
    x, y
        Its columns along the axes; their values are evenly spaced, not to scale.
    limit
        Nanoseconds at the ends of the colours; None for the table's largest difference.
    where
        From ``price().frontier(x)``, of the same: drawn as a line.

    Returns
    -------
    QuadMesh
        For ``colour_bar()``: nanoseconds, negative (purple) where the patch saves time.  In each
        cell the same number, and below it in how many per cent of the cost draws the patch is
        cheaper.

    Raises
    ------
    TableError
        If a column is missing, or more than one row is in a cell.
    """
    for name in (x, y):
        if name not in table:
            raise TableError(accepted("column", name, map(str, table.columns)))
    if table.duplicated([x, y]).any():
        raise TableError(
            f"table: several rows of the same {x} and {y}; accepted: one measure, and one of "
            "whatever else varies"
        )
    difference = table.pivot_table(index=y, columns=x, values="difference", dropna=False)
    wins = table.pivot_table(index=y, columns=x, values="wins", dropna=False).to_numpy(float)
    values = difference.to_numpy(float)
    most = limit or max(1.0, float(np.nanmax(np.abs(values))))
    norm = SymLogNorm(linthresh=min(100.0, most / 2), vmin=-most, vmax=most)
    mesh = ax.pcolormesh(values, cmap=_MAP, norm=norm, edgecolors="white", linewidth=0.5)
    for row, column in np.ndindex(values.shape):
        if np.isnan(values[row, column]):
            continue
        dark = abs(norm(values[row, column]) - 0.5) > 0.25
        share = wins[row, column]
        cheaper = "" if np.isnan(share) else f"\n{100 * share:.0f}%"
        ax.text(
            column + 0.5,
            row + 0.5,
            f"{values[row, column]:+.0f}{cheaper}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if dark else "black",
        )
    for axis, index in ((ax.xaxis, difference.columns), (ax.yaxis, difference.index)):
        axis.set_ticks(np.arange(len(index)) + 0.5, [f"{value:g}" for value in index])
    ax.set_xlabel(_label(x))
    ax.set_ylabel(_label(y))
    per = PER[table.attrs.get("per", "access")]
    measure = table["measure"].iloc[0] if "measure" in table else "write"
    draws = sorted(set(table["draws"]))
    span = f"{draws[0]}" if len(draws) == 1 else f"{draws[0]} to {draws[-1]}"
    ax.set_title(
        f"Simulated {_WHAT.get(measure, measure)}:\nns {per}, on less off; below it, in which "
        f"share of {span} draws\nof the costs from their ranges on is cheaper",
        fontsize=8,
    )
    if where is not None:
        _line(ax, where, difference, y)
    return mesh


def frontier_figures(priced: Price, *, measure: str = "write", note: str = "") -> dict[str, Figure]:
    """Draw ``frontier()`` over CPUs and migration rate, a figure a backend.

    Parameters
    ----------
    priced
        From ``price()``.
    measure
        ``write`` or ``cpu``.
    note
        Stands in the title after the backend: the costs, the number of runs.

    Returns
    -------
    dict
        Backend -> figure, all with the same colours; empty where the CPUs or the migration rate do
        not vary, or something else does.

    Examples
    --------
    >>> import wpbench as wb
    >>> rates = [0.0, 1.0]
    >>> grid = wb.grid(cpus=[2, 4], threads="cpus", migration_rate=rates, npages=4, rounds=2)
    >>> priced = wb.price(grid, draws=2, most_draws=2)
    >>> list(wb.plots.frontier_figures(priced))
    ['']
    """
    table = priced.of(measure)
    varying = set(priced.table.attrs["varying"])
    if varying - {"backend"} != {"cpus", "migration_rate"}:
        return {}
    limit = float(table["difference"].abs().max())
    turns = priced.frontier("migration_rate")
    turns = turns[turns["measure"] == measure]
    made = {}
    for backend in table["backend"].unique() if "backend" in varying else [""]:
        rows, where = (t[t["backend"] == backend] if backend else t for t in (table, turns))
        fig, axes = figure(7.0, 3.6)
        colour_bar(frontier(rows, axes, limit=limit, where=where), axes)
        told = ", ".join(filter(None, (str(backend), note)))
        axes.set_title(f"{axes.get_title()}\n{told}", fontsize=9)
        made[str(backend)] = fig
    return made


def colour_bar(mesh: Any, ax: Axes) -> Any:
    """Draw the colour bar of ``frontier()``, with the signs of its cells."""
    bar = ax.figure.colorbar(mesh, ax=ax)
    bar.set_label("ns, on less off: - saves, + costs")
    return bar


def _label(name: str) -> str:
    if name == "migration_rate":
        return "migration rate: moves to another CPU before a write"
    return "CPUs" if name == "cpus" else name.replace("_", " ")


def _line(ax: Axes, where: pd.DataFrame, difference: pd.DataFrame, y: str) -> None:
    """Draw the break-even points in the map's own, even spacing."""
    at = where.set_index(y)["at"].reindex(difference.index).to_numpy(float)
    columns = difference.columns.to_numpy(float)
    places = np.interp(at, columns, np.arange(len(columns)) + 0.5)
    places[np.isnan(at)] = np.nan
    rows = np.arange(len(places)) + 0.5
    ax.plot(places, rows, color="black", marker="D", markersize=4)
    known = np.flatnonzero(~np.isnan(places))
    if len(known):
        first = known[0]
        ax.annotate(
            "break-even",
            (places[first], rows[first]),
            xytext=(0, -16),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            fontweight="bold",
        )
