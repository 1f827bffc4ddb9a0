"""A value's mean over one of the scenario's numbers, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import TableError, accepted
from ..tables import summarize
from .style import styles_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOGARITHMIC_SPAN = 16  # largest over smallest number from which an axis is logarithmic


def mean_over(
    table: pd.DataFrame, ax: Axes, *, x: str, value: str = "copy_rate", line: str = "kernel"
) -> Axes:
    """Draw the mean of a value over a field of numbers, a line for each value of a column.

    Parameters
    ----------
    table
        From ``simulate()``: one scenario for each ``line`` and ``x``, with its replications.
    ax
        Where to draw.
    x, value, line
        Columns: ``npages``, ``cpus``, ``migration_rate``; a rate, count or time; ``kernel``.

    Returns
    -------
    Axes
        Means over replications, with their 95 % t intervals as bands (none if the runs agree).

    Raises
    ------
    TableError
        For an unknown column, and if rows of several scenarios would make one point.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 8], rounds=5))
    >>> figure, axes = plots.figure()
    >>> [line.get_label() for line in plots.mean_over(table, axes, x="npages").lines]
    ['patch1', 'patch2']
    """
    for name, column in (("x", x), ("value", value), ("line", line)):
        if column not in table:
            raise TableError(accepted(name, column, table.columns))
    summary = summarize(table, [line, x], value)
    styles = styles_of(summary[line])
    for key, rows in summary.groupby(line, sort=False):
        colour, dashes, marker = styles[str(key)]
        ordered = rows.sort_values(x)
        mean, low, high = (ordered[f"{value}_{part}"] for part in ("mean", "low", "high"))
        ax.plot(ordered[x], mean, color=colour, linestyle=dashes, marker=marker, label=str(key))
        ax.fill_between(ordered[x], low, high, color=colour, alpha=0.2, linewidth=0)
    if table[x].min() > 0 and table[x].max() / table[x].min() >= LOGARITHMIC_SPAN:
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
    if value.endswith("_rate"):
        ax.set_ylim(-0.03, 1.05)
    ax.set_xlabel(x)
    ax.set_ylabel(f"{value}, simulated")
    ax.grid(visible=True, alpha=0.3)
    ax.legend(fontsize="small")
    return ax
