"""What a kernel did against what was simulated, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TableError, accepted
from .style import figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DRAWN = ("rate_measured", "rate_low", "rate_high", "rate_simulated", "difference")
_NEEDED = (*_DRAWN, "wp_faults_measured")
# Okabe and Ito's, and markers: which source a point is of.
_STYLES = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#000000", "x"),
    ("#E69F00", "v"),
)
_DIGITS = 3  # points that agree to so many are drawn once
FEWEST = 20  # faults: a rate of fewer says next to nothing


def agreement(
    table: pd.DataFrame,
    ax: Axes,
    *,
    by: str | None = None,
    residuals: Axes | None = None,
    fewest: int = FEWEST,
) -> Axes:
    """Draw measured against simulated rates, and their differences below.

    Parameters
    ----------
    table
        From ``wb.measure.compare()``, of a table or a trace: ``rate_measured``, ``rate_low``,
        ``rate_high``, ``rate_simulated``, ``difference``, ``wp_faults_measured``.
    ax
        Where to draw: measured over simulated, with the line on which they are equal.
    by
        A column whose values have their own markers; None for one kind of point.
    residuals
        Another Axes, for measured less simulated in percentage points.
    fewest
        Rows with fewer measured faults are left out; the title says how many.

    Returns
    -------
    Axes
        Points, those that are the same drawn once, with Wilson's 95 % intervals of the measured
        rate.  Rows without a fault have no rate and are left out.

    Raises
    ------
    TableError
        If a column is missing.
    """
    bare = table.copy(deep=False)
    bare.attrs = {}
    for name in (*_NEEDED, *([by] if by else [])):
        if name not in bare:
            raise TableError(accepted("column", name, bare.columns))
    known = bare.dropna(subset=["rate_measured", "rate_simulated"])
    few = known["wp_faults_measured"] < fewest
    known = known[~few]
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, zorder=0)
    for label, rows, colour, marker in _sources(known, by):
        points = rows[list(_DRAWN)].astype(float).round(_DIGITS).drop_duplicates()
        x, y = points["rate_simulated"], points["rate_measured"]
        low, high = points["rate_low"], points["rate_high"]
        _bars(ax, x, low, high, colour)
        _points(ax, x, y, colour, marker, f"{label} ({len(rows)})" if label else "")
        if residuals is not None:
            _bars(residuals, x, 100 * (low - x), 100 * (high - x), colour)
            _points(residuals, x, 100 * points["difference"], colour, marker, "")
    if residuals is not None and len(known):
        far = 120 * float(known["difference"].abs().max()) or 1.0
        residuals.set_ylim(-far, far)  # an interval of few faults may go beyond
    _axes(ax, residuals, "copies" if _of(known) else "wp_faults", by)
    left_out = f"; left out: {int(few.sum())} of fewer than {fewest} faults" if few.any() else ""
    ax.set_title(
        f"Measured beside simulated, n = {len(known)} rows and traces{left_out}\n"
        "(equal points drawn once; bars: Wilson's 95 % interval of the measured rate)",
        fontsize=7,
    )
    return ax


def agreement_figure(table: pd.DataFrame, width: float = 6.0) -> Figure:
    """Return ``agreement()`` of several sources, with the differences below.

    Parameters
    ----------
    table
        As there, with ``source``: which table or trace a row is of.
    width
        In inches; it is a little higher than wide.

    Returns
    -------
    Figure
        Measured over simulated, and below it the differences in points.

    Examples
    --------
    >>> import pandas as pd
    >>> import wpbench as wb
    >>> rows = pd.read_csv(wb.data_dir() / "kernel-measurements" / "reproducer_sync.csv").head(4)
    >>> table = wb.measure.compare(rows).assign(source="zram")
    >>> len(wb.plots.agreement_figure(table).axes)
    2
    """
    fig, first = figure(width, width + 0.4)
    first.remove()
    axes, residuals = fig.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    agreement(table, axes, by="source", residuals=residuals)
    return fig


def _sources(known: pd.DataFrame, by: str | None) -> Iterator[tuple[str, pd.DataFrame, str, str]]:
    groups: Any = known.groupby(by, sort=False) if by else [("", known)]
    for i, (label, rows) in enumerate(groups):
        yield str(label), rows, *_STYLES[i % len(_STYLES)]


def _of(known: pd.DataFrame) -> bool:
    """Are the rates those of copies?"""
    return "rate_of" not in known or set(known["rate_of"]) <= {"copies / wp_faults"}


def _points(ax: Axes, x: Any, y: Any, colour: str, marker: str, label: str) -> None:
    ax.plot(
        x,
        y,
        linestyle="none",
        color=colour,
        marker=marker,
        markersize=4,
        fillstyle="none",
        label=label or None,
    )


def _bars(ax: Axes, x: Any, low: Any, high: Any, colour: str) -> None:
    """Draw intervals as one path of many strokes."""
    gap = np.full(len(x), np.nan)
    ys = np.column_stack([low, high, gap]).ravel()
    ax.plot(np.repeat(np.asarray(x), 3), ys, color=colour, linewidth=0.5, alpha=0.6)


def _axes(ax: Axes, residuals: Axes | None, what: str, by: str | None) -> None:
    of = "write-protect fault" if what == "copies" else "access"
    ax.set_ylabel(f"measured {what} per {of}")
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.03)
    for one in filter(None, (ax, residuals)):
        one.grid(visible=True, alpha=0.3)
    if by:
        ax.legend(fontsize="small", loc="upper left")
    below = ax if residuals is None else residuals
    below.set_xlabel(f"simulated {what} per {of}")
    if residuals is not None:
        residuals.axhline(0, color="#999999", linewidth=0.8, zorder=0)
        residuals.set_ylabel("measured less\nsimulated (points)")
        residuals.set_xlim(-0.03, 1.03)
