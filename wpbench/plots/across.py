"""Copy rate over CPUs, a panel a swap backend: its frame, and the lines of two kernels on it.

The frame is one thing and the lines another, because the workbench draws the lines again and again:
ticks and labels take ten times as long as they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

from ..scenario.kernels import OFF, ON
from .style import STYLES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_COLUMNS = 4
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.075, 0.014, 0.115, 0.155
_GAP_X, _GAP_Y = 0.018, 0.075
_SMALL: Any = {"fontsize": 8}
# Of the two kernels: colour, line, marker.
LOOKS = {"off": STYLES[OFF], "on": STYLES[ON]}


@dataclass(frozen=True)
class Grid:
    """Where what is drawn: parts of the figure, panels row by row.

    Attributes
    ----------
    panels
        Their titles.
    ticks
        Values along the axis, evenly spaced.
    """

    panels: tuple[str, ...]
    ticks: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows of panels there are."""
        return -(-len(self.panels) // _COLUMNS)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a panel."""
        width = (1 - _LEFT - _RIGHT + _GAP_X) / _COLUMNS - _GAP_X
        return width, (1 - _BOTTOM - _TOP + _GAP_Y) / self.rows - _GAP_Y

    def corner(self, panel: str) -> tuple[float, float]:
        """Return a panel's left and bottom."""
        row, column = divmod(self.panels.index(panel), _COLUMNS)
        width, height = self.size
        left = _LEFT + column * (width + _GAP_X)
        return left, _BOTTOM + (self.rows - 1 - row) * (height + _GAP_Y)

    def strip(self, panel: str, tick: int) -> tuple[float, float, float, float]:
        """Return left, bottom, width and height of a tick's strip in a panel."""
        left, bottom = self.corner(panel)
        width, height = self.size
        wide = width / len(self.ticks)
        return left + self.ticks.index(tick) * wide, bottom, wide, height

    def at(self, panel: str, tick: int, rate: float) -> tuple[float, float]:
        """Return where a rate is drawn."""
        left, bottom, wide, height = self.strip(panel, tick)
        return left + wide / 2, bottom + height * (0.05 + 0.9 * rate)


def across_frame(grid: Grid, ax: Axes, *, x: str, y: str, title: str) -> Axes:
    """Draw frames, ticks and labels of all panels.

    Parameters
    ----------
    grid
        Panels and ticks.
    ax
        All of a figure.
    x, y
        What stands along the axes.
    title
        Above.

    Returns
    -------
    Axes
        Nothing of the data is in it.

    Examples
    --------
    >>> from wpbench import plots
    >>> figure, axes = plots.figure()
    >>> grid = plots.Grid(("zram", "nvme"), (1, 2, 4))
    >>> axes = plots.across_frame(grid, axes, x="CPUs", y="copies, %", title="Simulated")
    >>> "Simulated" in [text.get_text() for text in axes.texts]
    True
    """
    _whole(ax)
    ax.text(_LEFT, 0.99, title, ha="left", va="top", fontsize=9, weight="bold")
    ax.text((1 + _LEFT) / 2, 0.005, x, ha="center", va="bottom", **_SMALL)
    ax.text(0.004, 0.5, y, rotation=90, ha="left", va="center", **_SMALL)
    width, height = grid.size
    for i, panel in enumerate(grid.panels):
        left, bottom = grid.corner(panel)
        looks: Any = {"facecolor": "white", "edgecolor": "#666666", "linewidth": 0.7}
        ax.add_patch(Rectangle((left, bottom), width, height, **looks))
        ax.text(left + 0.003, bottom + height + 0.006, panel, ha="left", va="bottom", **_SMALL)
        for rate in (0.0, 0.5, 1.0):
            _, level = grid.at(panel, grid.ticks[0], rate)
            ax.plot([left, left + width], [level, level], color="#DDDDDD", linewidth=0.6)
            if i % _COLUMNS == 0:
                ax.text(left - 0.006, level, f"{100 * rate:g}", ha="right", va="center", **_SMALL)
        if i + _COLUMNS >= len(grid.panels):
            for tick in grid.ticks[::2]:
                at, _ = grid.at(panel, tick, 0)
                ax.plot([at, at], [bottom - 0.012, bottom], color="#666666", linewidth=0.7)
                ax.text(at, bottom - 0.018, f"{tick}", ha="center", va="top", **_SMALL)
    return ax


def across_lines(
    table: pd.DataFrame,
    grid: Grid,
    ax: Axes,
    *,
    names: Mapping[str, str],
    shown: str,
    here: tuple[str, int] | None = None,
) -> Axes:
    """Draw the copy rates of two kernels over what ``across_frame()`` drew.

    Parameters
    ----------
    table
        Rows of ``simulate()`` with ``backend`` (the panel), ``cpus`` (the tick) and ``arm``
        (``off``, ``on``).
    grid
        As the frame's.
    ax
        All of a figure of the same size.
    names
        Arm and its name, for the legend.
    shown
        The arm that is looked at: its line is thick and its markers are full.
    here
        Panel and tick of the scenario that is looked at, which is marked with its rate.

    Returns
    -------
    Axes
        Lines with a marker a point; where there was no write-protect fault there is a gap.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], cpus=[1, 2], rounds=5))
    >>> table["arm"] = table["kernel"].map({"patch1": "off", "patch2": "on"})
    >>> figure, axes = plots.figure()
    >>> grid = plots.Grid(("zram",), (1, 2))
    >>> axes = plots.across_lines(
    ...     table, grid, axes, names={"off": "patch1", "on": "patch2"}, shown="on"
    ... )
    >>> len(axes.lines) > 1
    True
    """
    _whole(ax)
    order = sorted(names, key=lambda arm: arm == shown)
    rates = {
        key: dict(zip(rows["cpus"], rows["copy_rate"], strict=True))
        for key, rows in (table.groupby(["arm", "backend"]) if len(table) else ())
    }
    for arm in order:
        places: list[tuple[float, float]] = []  # of all panels: one line with gaps is drawn faster
        for panel in grid.panels:
            found = rates.get((arm, panel), {})
            places += [grid.at(panel, tick, found[tick]) for tick in grid.ticks if tick in found]
            places.append((float("nan"), float("nan")))
        ax.plot([x for x, _ in places], [y for _, y in places], **_looks(arm, arm == shown))
    if here is not None:
        _mark(ax, grid, here, rates.get((shown, here[0]), {}).get(here[1]))
    _legend(ax, names, shown)
    return ax


def _whole(ax: Axes) -> None:
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)


def _looks(arm: str, shown: bool) -> dict[str, Any]:
    colour, line, marker = LOOKS[arm]
    return {
        "color": colour,
        "linestyle": line,
        "marker": marker,
        "linewidth": 1.8 if shown else 0.9,
        "markersize": 3.2 if shown else 4.5,
        "markerfacecolor": colour if shown else "none",
        "markeredgewidth": 0.8,
    }


def _mark(ax: Axes, grid: Grid, here: tuple[str, int], rate: float | None) -> None:
    """Mark the scenario: its strip, and its rate where there is one."""
    left, bottom, wide, height = grid.strip(*here)
    looks: Any = {"facecolor": "#000000", "alpha": 0.10, "linewidth": 0, "zorder": 0}
    ax.add_patch(Rectangle((left, bottom), wide, height, **looks))
    if rate is None or rate != rate:  # noqa: PLR0124 - NaN: no write-protect fault
        return
    x, y = grid.at(*here, rate)
    ax.plot([x], [y], marker="o", markersize=8, color="black", fillstyle="none", linestyle="")
    late = grid.ticks.index(here[1]) > len(grid.ticks) // 2
    ax.text(
        x + (-0.012 if late else 0.012), y + (0.03 if rate < 0.5 else -0.03), f"{rate:.1%}",
        ha="right" if late else "left", va="center", weight="bold", **_SMALL,
    )  # fmt: skip


def _legend(ax: Axes, names: Mapping[str, str], shown: str) -> None:
    """Write which line is which, above the panels, in the order of the names."""
    handles = [
        ax.plot([], [], label=f"{name}, looked at" if arm == shown else name,
                **_looks(arm, arm == shown))[0]
        for arm, name in names.items()
    ]  # fmt: skip
    ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(_LEFT - 0.012, 0.955), ncols=2,
        fontsize=8, frameon=False, borderaxespad=0, borderpad=0.2, handlelength=2.6,
    )  # fmt: skip


def rates_in_words(table: pd.DataFrame, panels: Sequence[str], arm: str, name: str) -> str:
    """Return an arm's copy rates in a text: for who does not see the lines."""
    if table.empty:
        return f"{name}: nothing simulated yet"
    own = table[table["arm"] == arm].sort_values("cpus")
    parts = []
    for panel, rows in own.groupby("backend", sort=False):
        said = " ".join(
            "-" if rate != rate else f"{rate:.1%}"  # noqa: PLR0124 - NaN
            for rate in rows["copy_rate"]
        )
        parts.append((panels.index(str(panel)), f"{panel} {said}"))
    sizes = ", ".join(str(size) for size in own["cpus"].unique())
    return f"Copy rate, {name}, at {sizes} CPUs: " + "; ".join(text for _, text in sorted(parts))
