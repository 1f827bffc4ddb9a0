"""Copies by reason: why the write-protect faults that copied did so."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle

from ..mm.names import Reason, texts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Colour (Okabe and Ito's) and hatch of a reason: no two share both, and those of the pagevecs, the
# most frequent, share neither.
_HATCHES = ("", "//", "xx", "..", "oo", "++", "||", "--")
_GIVEN: dict[str, tuple[str, str]] = {
    "pagevec_local": ("#E69F00", "//"),
    "pagevec_remote": ("#56B4E9", "\\\\"),
    "rotate": ("#009E73", "--"),
    "writeback": ("#CC79A7", "xx"),
    "shared_pte": ("#0072B2", ""),
    "swapcount": ("#D55E00", ".."),
    "swapcache": ("#F0E442", "||"),
    "stable_wb": ("#CC79A7", "++"),
    "activate": ("#009E73", "oo"),
    "deactivate": ("#009E73", "**"),
    "lazyfree": ("#009E73", "OO"),
    "isolated": ("#999999", "//"),
    "lagging_ref": ("#0072B2", ".."),
    "gup": ("#000000", ""),
    "ksm": ("#999999", "xx"),
    "trylock": ("#999999", ""),
}


def _looks() -> dict[str, tuple[str, str]]:
    """Return the look of each reason: as given above, else the first that no other has."""
    free = sorted(set(product(("#000000", "#999999"), _HATCHES)) - set(_GIVEN.values()))
    rest = [reason for reason in texts(Reason) if reason not in _GIVEN]
    return _GIVEN | dict(zip(rest, free, strict=False))


LOOKS = _looks()
_BELOW: Any = {
    "textcoords": "offset points",
    "ha": "center",
    "va": "top",
    "annotation_clip": False,
}
_ROOM_FOR_TEXT = 9  # percent of the width from which on a part is labelled


def reasons(table: pd.DataFrame, ax: Axes, *, by: str = "kernel") -> Axes:
    """Draw the share of the write-protect faults that copied, by reason; a bar for each scenario.

    Parameters
    ----------
    table
        From ``simulate()``: ``wp_faults``, ``copies``, ``copy_<reason>`` and the column ``by``.
        Rows with the same ``by`` (seeds, say) are added up.
    ax
        Where to draw.
    by
        Column that names the bars, in the order of the table.

    Returns
    -------
    Axes
        Percent of the write-protect faults; a hatched part for each reason, largest first; the
        white rest was reused.  Beside each bar its counts.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=64, rounds=10))
    >>> figure, axes = plots.figure()
    >>> plots.reasons(table, axes) is axes
    True
    """
    columns = [f"copy_{reason}" for reason in LOOKS]
    sums = table.groupby(by, sort=False)[["wp_faults", "copies", *columns]].sum()
    found = sums[columns].sum().sort_values(ascending=False, kind="stable")
    shown = [str(name).removeprefix("copy_") for name, n in found.items() if n > 0]
    whole = sums["wp_faults"].to_numpy(float)
    left = np.zeros(len(sums))
    for reason in shown:
        colour, hatch = LOOKS[reason]
        share = share_of(sums[f"copy_{reason}"].to_numpy(float), whole)
        stacked(ax, left, share, facecolor=colour, hatch=hatch, label=reason)
        left += share
    stacked(ax, left, np.where(whole > 0, 1 - left, 0.0), facecolor="white", label="reused")
    for i, name in enumerate(sums.index):
        copies, faults = int(sums["copies"].iloc[i]), int(whole[i])
        counts = f"{copies} of\n{faults}" if faults else "no fault"
        ax.text(-2, i, str(name), va="center", ha="right")
        ax.text(102, i, counts, va="center", ha="left", fontsize="small")
    percent_frame(ax, len(sums) - 0.5)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize="small", frameon=False
    )
    return ax


def percent_frame(ax: Axes, bottom: float) -> None:
    """Draw a frame and a scale from 0 to 100 percent.

    Of rectangles, lines and texts: matplotlib's own ticks take as long as all the rest.
    """
    ax.set_axis_off()
    ax.set_xlim(0, 100)
    ax.set_ylim(bottom, -0.5)
    ax.add_artist(Rectangle((0, -0.5), 100, bottom + 0.5, facecolor="none", edgecolor="black"))
    # In points below the frame, whatever the figure's size.
    for percent in range(0, 101, 20):
        ax.annotate("|", (percent, bottom), (0, 0), **_BELOW, fontsize=4)
        ax.annotate(f"{percent}", (percent, bottom), (0, -6), **_BELOW)
    ax.annotate("percent of the write-protect faults", (50, bottom), (0, -20), **_BELOW)


def share_of(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return parts of a whole, 0 of nothing."""
    share: np.ndarray = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return share


def stacked(ax: Axes, left: np.ndarray, share: np.ndarray, **looks: Any) -> None:
    """Draw a part of each bar, and write its percentage into it where there is room."""
    for i, (start, width) in enumerate(zip(100 * left, 100 * share, strict=True)):
        part = Rectangle((start, i - 0.3), width, 0.6, edgecolor="black", linewidth=0.8, **looks)
        ax.add_patch(part)
        looks["label"] = None  # one entry in the legend
        if width >= _ROOM_FOR_TEXT:
            ax.text(
                start + width / 2, i, f"{width:.1f} %", ha="center", va="center", fontsize="small",
                bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none"},
            )  # fmt: skip
