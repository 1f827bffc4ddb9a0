"""Copy rate by drain policy over one field, with intervals; and many such panels."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TableError, accepted
from ..scenario.kernels import OFF, ON
from ..tables.rates import bare, blocks_of, lines_of
from ..text.rates import interval_note
from .style import STYLES, figure, styles_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of patch2, by what it drains: colour, line, marker as in STYLES.
DRAINS: dict[str, tuple[str, Any, str]] = {
    "if-not-lru": STYLES[ON],
    "always": ("#009E73", (0, (3, 1, 1, 1)), "D"),
    "lru-add-only": ("#56B4E9", ":", "v"),
    "this-page": ("#CC79A7", (0, (5, 1)), "x"),
    "all-cpus": ("#000000", (0, (1, 2)), "s"),
    "never": ("#999999", "-", "P"),
    "if-in-lru-add": ("#D55E00", "--", "^"),
    "peek": ("#E69F00", "-.", "<"),
}
_MOST_VALUES = 16  # of x up to which a value is a position of its own
_PANEL = (2.1, 1.7)  # inches
_AXIS = {
    "copy_rate": "copies by write-protect fault",
    "reuse_rate": "reuses by write-protect fault",
    "copies_per_work": "copies per 100 {per}",
}
_WHAT = {
    "copy_rate": "copy rate, of the write-protect faults",
    "reuse_rate": "reuse rate, of the write-protect faults",
    "copies_per_work": "copies per 100 {per} of the same program",
}
_PERCENT = {"copies_per_work"}  # drawn times 100
_MOST_ROWS = 8
_THIN = 0.005  # an interval that nobody would see


def rates(
    table: pd.DataFrame,
    ax: Axes,
    *,
    x: str | None = None,
    value: str = "copy_rate",
    lines: Mapping[tuple[str, str], str] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw a rate over one field, a line for each drain policy, with its interval.

    Parameters
    ----------
    table
        Rows of ``wpbench.tables.rates.rates()`` that differ in ``x``, ``kernel`` and ``drain``
        only.
    ax
        Where to draw.
    x
        The field along the axis; None for ``table.attrs["rates"]["x"]``.
    value
        ``copies_per_work`` (drawn per 100 of the work), ``copy_rate``, ``reuse_rate``, or another
        value of the table.
    lines
        (kernel, drain) and the name of each line; None for ``lines_of(table)``.
    legend
        Draw a legend?

    Returns
    -------
    Axes
        Means (lines) and 95 % t intervals of the mean between runs (bars) over the values of
        ``x``, which are evenly spaced if they are few.

    Raises
    ------
    TableError
        If a field or a column is missing, or the rows are of several scenarios.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> from wpbench.tables import rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], cpus=[1, 2], rounds=2), seeds=2)
    >>> figure, axes = plots.figure()
    >>> plots.rates(rates(table, x="cpus"), axes) is axes
    True
    """
    about = table.attrs.get("rates", {})
    rows = bare(table)
    x = x or about.get("x", "cpus")
    for name in ("kernel", "drain", x, f"{value}_mean"):
        if name not in rows:
            raise TableError(accepted("column", name, rows.columns))
    if rows.duplicated(["kernel", "drain", x]).any():
        raise TableError(f"table: several rows of one kernel, drain and {x}; keep one scenario")
    ticks = sorted(rows[x].unique())
    few = len(ticks) <= _MOST_VALUES
    names = lines or lines_of(rows)
    several = sum(kernel == ON for kernel, _ in names) > 1
    styles = styles_of(kernel for kernel, _ in names)
    for (kernel, drain), name in names.items():
        own = rows[(rows["kernel"] == kernel) & (rows["drain"] == drain)].sort_values(x)
        if own.empty:
            continue
        at = own[x].map({tick: i for i, tick in enumerate(ticks)}) if few else own[x]
        style = DRAINS[drain] if kernel == ON and several else styles[kernel]
        _line(ax, at, own, value, style, name)
    _axis(ax, x, ticks, few)
    ax.set_ylabel(value.replace("_", " "))
    if value in _AXIS:
        whole = _scale(value)
        ax.set_ylim(-0.04 * whole, 1.04 * whole)
    ax.grid(visible=True, alpha=0.3)
    if legend:
        ax.legend(fontsize="small")
    return ax


def _line(
    ax: Axes, at: Any, own: pd.DataFrame, value: str, style: tuple[str, Any, str], name: str
) -> None:
    colour, line, marker = style
    ax.plot(
        at,
        own[f"{value}_mean"] * _scale(value),
        color=colour,
        linestyle=line,
        marker=marker,
        fillstyle="none",
        markersize=4,
        linewidth=1.2,
        label=name,
    )
    ends = own[[f"{value}_low", f"{value}_high"]].to_numpy(float) * _scale(value)
    wide = ends[:, 1] - ends[:, 0] > _THIN * _scale(value)
    if wide.any():  # one path of many strokes
        gap = np.full(int(wide.sum()), np.nan)
        ys = np.column_stack([ends[wide], gap]).ravel()
        xs = np.repeat(np.asarray(at, float)[wide], 3)
        ax.plot(xs, ys, color=colour, linewidth=0.8)


def _scale(value: str) -> int:
    return 100 if value in _PERCENT else 1


def _axis(ax: Axes, x: str, ticks: Sequence[Any], few: bool) -> None:
    if few:
        step = -(-len(ticks) // 6)
        ax.set_xticks(range(0, len(ticks), step), [f"{tick:g}" for tick in ticks[::step]])
    elif min(ticks) > 0:
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
    ax.set_xlabel({"cpus": "CPUs", "npages": "pages"}.get(x, x.replace("_", " ")))


def rate_panels(
    table: pd.DataFrame,
    *,
    value: str = "copy_rate",
    policies: Sequence[str] | None = None,
    backends: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw the central table: columns of panels for backends, rows for all other fields that vary.

    Parameters
    ----------
    table
        From ``wpbench.tables.rates.rates()``.
    value
        As ``rates()``.
    policies
        Names of the lines to draw, ``off`` among them; None for all.
    backends
        Of the columns, those to draw; None for all.  Backends with equal numbers share a panel.
    title
        Title of the figure.

    Returns
    -------
    Figure
        The caption below has n, the interval, and the number of rows left out.

    Raises
    ------
    TableError
        If nothing is left to draw.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> from wpbench.tables import rates
    >>> grid = wb.grid(kernel=["patch1", "patch2"], backend=["zram", "nvme"], cpus=[1, 2], rounds=2)
    >>> figure = plots.rate_panels(rates(wb.simulate(grid, seeds=2), x="cpus"))
    >>> len(figure.axes)
    2
    """
    about = table.attrs["rates"]
    made = bare(table)
    if backends is not None and "backend" in made:
        made = made[made["backend"].isin(backends)]
    if policies is not None:
        names_of = lines_of(made)
        pairs = zip(made["kernel"], made["drain"], strict=True)
        made = made[[names_of[pair] in policies for pair in pairs]]
    if made.empty:
        raise TableError(
            f"backends, policies: none of {backends}, {policies} is in the table; accepted: "
            f"{', '.join(dict.fromkeys(lines_of(bare(table)).values()))}"
        )
    blocks = blocks_of(made)
    lines = _distinct(made, value)
    names = list(dict.fromkeys(", ".join(group) for _, group, _ in blocks))
    titles = list(dict.fromkeys(common for common, _, _ in blocks))
    shown = titles[:_MOST_ROWS]
    width, height = max(6.0, _PANEL[0] * len(names)), 1.2 + _PANEL[1] * len(shown)
    fig, first = figure(width, height)
    first.remove()
    axes = fig.subplots(len(shown), len(names), sharey=True, squeeze=False)
    used = np.zeros(axes.shape, bool)
    for common, group, rows in blocks:
        if common not in shown:
            continue
        at = (shown.index(common), names.index(", ".join(group)))
        used[at] = True
        rates(rows, axes[at], x=about["x"], value=value, lines=lines, legend=False)
        axes[at].set_ylabel(_short(common) if at[1] == 0 else "", fontsize=8)
    _finish(axes, used, names)
    label = _AXIS.get(value, value.replace("_", " ")).format(per=about.get("per", ""))
    fig.supylabel(label, fontsize=8)
    _texts(fig, axes[used], made, title, value, len(titles) - len(shown))
    return fig


def _distinct(made: pd.DataFrame, value: str) -> dict[tuple[str, str], str]:
    """Return the lines, those that lie on each other everywhere as one: ``off, never``."""
    drawn = [f"{value}_{part}" for part in ("mean", "low", "high")]
    keys = [name for name in made.attrs["rates"]["axes"] if name not in ("kernel", "drain")]
    numbers: dict[tuple[str, str], pd.DataFrame] = {}
    names: dict[tuple[str, str], str] = {}
    for pair, name in lines_of(made).items():
        own = made[(made["kernel"] == pair[0]) & (made["drain"] == pair[1])]
        own = own[[*keys, *drawn]].sort_values(keys, ignore_index=True)
        same = next((p for p, other in numbers.items() if other.equals(own)), None)
        if same is None:
            numbers[pair], names[pair] = own, name
        else:
            names[same] += f", {name}"
    return names


def _short(common: str) -> str:
    return common.replace(", ", "\n")


def _finish(axes: Any, used: Any, names: Sequence[str]) -> None:
    for row, line in enumerate(axes):
        for column, ax in enumerate(line):
            ax.tick_params(labelsize=7)
            ax.set_xlabel(ax.get_xlabel(), fontsize=8)
            if not used[row, column]:
                ax.set_axis_off()
            below = used[row + 1 :, column].any()
            if below:
                ax.set_xlabel("")
                ax.tick_params(labelbottom=False)
            if row == 0:
                ax.set_title(names[column], fontsize=9)


def _texts(
    fig: Figure, axes: Any, table: pd.DataFrame, title: str, value: str, left_out: int
) -> None:
    lines: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        lines |= dict(zip(labels, handles, strict=True))
    fig.legend(
        lines.values(),
        lines.keys(),
        loc="outside lower center",
        ncols=len(lines),
        fontsize=8,
        handlelength=3.5,
        frameon=False,
    )
    kernels = set(table["kernel"])
    per = table.attrs["rates"].get("per", "")
    what = _WHAT.get(value, value.replace("_", " ")).format(per=per)
    legend = f" off: {OFF}; the others: {ON}." if {OFF, ON} <= kernels else ""
    more = f" {left_out} more rows are in the table." if left_out else ""
    note = f"Simulated {what}. {interval_note(table, value)}{legend}{more}"
    fig.suptitle(f"{title}\n{_folded(note, fig)}" if title else _folded(note, fig), fontsize=8)


def _folded(text: str, fig: Figure) -> str:
    """Break a text so that lines of 8 points fit into the figure."""
    return textwrap.fill(text, int(fig.get_figwidth() * 17), break_on_hyphens=False)
