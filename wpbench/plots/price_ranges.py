"""What one kernel costs beside another: the difference in time, and its range over the costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..price.answer import in_words
from .style import STYLES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MEASURES = {"write": "writes that faulted", "cpu": "all CPUs"}


def price_ranges(table: pd.DataFrame, ax: Axes, *, what: str = "on less off") -> Axes:
    """Draw the difference in time of one scenario, a row a measure.

    Parameters
    ----------
    table
        ``Price.table`` of one scenario: ``measure``, ``difference``, ``low``, ``high``,
        ``verdict``, nanoseconds per access.
    ax
        Where to draw.
    what
        What is subtracted from what.

    Returns
    -------
    Axes
        A point is the difference with the cost set's own values, its bar the middle 95 % of the
        draws; left of the line at 0 the second kernel is cheaper.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> price = wb.price(wb.Scenario(npages=4, rounds=2, costs="server"), draws=8, most_draws=8)
    >>> figure, axes = plots.figure()
    >>> axes = plots.price_ranges(price.table, axes)
    >>> len(axes.get_yticklabels())
    2
    """
    rows = table.to_dict("records")
    ax.axvline(0, color="black", linewidth=0.8)
    for i, row in enumerate(rows):
        colour, _, marker = STYLES["patch2"]
        ax.plot([row["low"], row["high"]], [i, i], color=colour, linewidth=3, solid_capstyle="butt")
        ax.plot([row["difference"]], [i], marker=marker, color="black", markersize=6, linestyle="")
        text = f"{row['difference']:+.1f} ns: {in_words(row['verdict'])}"
        ax.annotate(text, (row["difference"], i), (0, 8), textcoords="offset points", ha="center")
    ax.set_yticks(range(len(rows)), [MEASURES[row["measure"]] for row in rows])
    ax.set_ylim(len(rows) - 0.5, -0.7)
    ends = [abs(row[name]) for row in rows for name in ("low", "high", "difference")]
    most = 1.25 * max([*ends, 0.1])
    ax.set_xlim(-most, most)
    ax.set_xlabel(f"{what}: ns per access (left of 0: cheaper)")
    return ax
