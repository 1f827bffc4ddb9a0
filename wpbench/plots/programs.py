"""Real programs: what became of their write-protect faults, and whether a drain helped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .reasons import percent_frame, share_of, stacked

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Colour (Okabe and Ito's) and hatch of each part.
_LOOKS = {
    "copied": ("#0072B2", ""),
    "drained, then copied (in vain)": ("#E69F00", "//"),
    "drained, then reused (helped)": ("#009E73", "xx"),
    "reused": ("white", ""),
}


def programs(table: pd.DataFrame, ax: Axes, *, by: str = "command", most: int = 8) -> Axes:
    """Draw the outcomes of a program's anonymous write-protect faults; a bar for each command.

    Parameters
    ----------
    table
        From ``measure.program()``, ``system()`` or ``recipe()``; CPUs and runs are added up.
    ax
        Where to draw.
    by
        Column that names the bars, such as ``recipe`` in a table put together from several.
    most
        The number of bars; commands with fewer faults are left out.

    Returns
    -------
    Axes
        Percent of the write-protect faults on anonymous pages.  Beside each bar the number of
        faults, and of drains that helped and that were in vain; these are often too few to see.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> figure, axes = plots.figure()
    >>> plots.programs(wb.programs.measured(), axes, by="recipe") is axes
    True
    """
    columns = ["wp_faults", "reuses", "copies", "helped", "in_vain"]
    sums = table.groupby(by)[columns].sum()
    sums = sums[sums["wp_faults"] > 0].sort_values("wp_faults", ascending=False, kind="stable")
    sums = sums.head(most)
    whole = sums["wp_faults"].to_numpy(float)
    parts = {
        "copied": sums["copies"] - sums["in_vain"],
        "drained, then copied (in vain)": sums["in_vain"],
        "drained, then reused (helped)": sums["helped"],
        "reused": sums["reuses"] - sums["helped"],
    }
    left = np.zeros(len(sums))
    for name, counts in parts.items():
        colour, hatch = _LOOKS[name]
        share = share_of(counts.to_numpy(float), whole)
        stacked(ax, left, share, facecolor=colour, hatch=hatch, label=name)
        left += share
    for i, row in enumerate(sums.reset_index().to_dict("records")):
        told = f"{row['wp_faults']} faults\n{row['helped']} helped, {row['in_vain']} in vain"
        ax.text(-2, i, str(row[by]), va="center", ha="right")
        ax.text(102, i, told, va="center", ha="left", fontsize="small")
    percent_frame(ax, len(sums) - 0.5)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize="small", frameon=False
    )
    return ax


def replays(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the drains of a recorded program, measured and on simulated kernels; a bar for each.

    Parameters
    ----------
    table
        From ``wb.programs.replay()``.
    ax
        Where to draw.

    Returns
    -------
    Axes
        Drains that found pages: those that helped, and those in vain.  Beside each bar the copies.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> file = wb.data_dir() / "programs" / "shell-short.parquet"
    >>> figure, axes = plots.figure()
    >>> plots.replays(wb.programs.replay(file, kernel="v5.17"), axes) is axes
    True
    """
    rows = table.to_dict("records")
    helped = np.array([int(row["helped"]) for row in rows], float)
    in_vain = np.array([int(row["in_vain"]) for row in rows], float)
    for left, width, name in (
        (np.zeros(len(rows)), helped, "drained, then reused (helped)"),
        (helped, in_vain, "drained, then copied (in vain)"),
    ):
        colour, hatch = _LOOKS[name]
        looks: dict[str, Any] = {
            "color": colour,
            "hatch": hatch,
            "edgecolor": "black",
            "linewidth": 0.8,
        }
        ax.barh(np.arange(len(rows)), width, 0.6, left, label=name, **looks)
    most = max(float((helped + in_vain).max()), 1.0)
    for i, row in enumerate(rows):
        name = " ".join(text for text in (row["kernel"].split("-")[0], row["rules"]) if text)
        ax.text(-0.02 * most, i, f"{name}\n{row['what']}", va="center", ha="right")
        told = f"{row['helped']} helped, {row['in_vain']} in vain\n{row['copies']} copies"
        ax.text(helped[i] + in_vain[i] + 0.02 * most, i, told, va="center", fontsize="small")
    ax.set_xlim(0, 1.35 * most)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks([])
    ax.set_xlabel(f"drains that found pages; n = {rows[0]['wp_faults']} write-protect faults")
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize="small", frameon=False
    )
    return ax
