"""Where the patch pays: a map of what it saves, over two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import SymLogNorm

from ..errors import TableError, accepted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Blue saves, orange costs: told apart by most colour-blind readers.  In grey both are dark far from
# 0; the sign stands in each cell.
_MAP = "PuOr"


def frontier(
    table: pd.DataFrame,
    ax: Axes,
    *,
    x: str = "migration_rate",
    y: str = "cpus",
    limit: float | None = None,
    where: pd.DataFrame | None = None,
) -> Any:
    """Draw on minus off per write-protect fault over two parameters, a cell a scenario.

    Parameters
    ----------
    table
        From ``price().table``, of one measure and one of whatever else varies.
    ax
        Where to draw.
    x, y
        Its columns along the axes; their values are evenly spaced, not to scale.
    limit
        Nanoseconds at the ends of the colours; None for the table's largest difference.
    where
        From ``price().frontier(x)``, of the same: drawn as a line.

    Returns
    -------
    QuadMesh
        For a colour bar: nanoseconds per fault, blue where the patch saves time.  In each cell the
        difference, and below it in how many per cent of the cost draws the patch is cheaper.

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
    mesh = ax.pcolormesh(-values, cmap=_MAP, norm=norm, edgecolors="white", linewidth=0.5)
    for row, column in np.ndindex(values.shape):
        if np.isnan(values[row, column]):
            continue
        dark = abs(norm(values[row, column]) - 0.5) > 0.3
        ax.text(
            column + 0.5,
            row + 0.5,
            f"{values[row, column]:+.0f}\n{100 * wins[row, column]:.0f}%",
            ha="center",
            va="center",
            fontsize=6.5,
            color="white" if dark else "black",
        )
    for axis, index in ((ax.xaxis, difference.columns), (ax.yaxis, difference.index)):
        axis.set_ticks(np.arange(len(index)) + 0.5, [f"{value:g}" for value in index])
    ax.set_xlabel(x.replace("_", " "))
    ax.set_ylabel("CPUs" if y == "cpus" else y.replace("_", " "))
    if where is not None:
        _line(ax, where, difference, y)
    return mesh


def _line(ax: Axes, where: pd.DataFrame, difference: pd.DataFrame, y: str) -> None:
    """Draw the break-even points in the map's own, even spacing."""
    at = where.set_index(y)["at"].reindex(difference.index).to_numpy(float)
    columns = difference.columns.to_numpy(float)
    places = np.interp(at, columns, np.arange(len(columns)) + 0.5)
    places[np.isnan(at)] = np.nan
    rows = np.arange(len(places)) + 0.5
    ax.plot(places, rows, color="black", marker="D", markersize=4)
