"""Real programs: what became of their write-protect faults, and whether a drain helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Draw how a program's anonymous write-protect faults ended; a bar for each command.

    Parameters
    ----------
    table
        From ``measure.program()``, ``system()`` or ``recipe()``; CPUs and runs are added up.
    ax
        Where to draw.
    by
        Column that names the bars, such as ``recipe`` in a table put together from several.
    most
        So many bars, of those with the most faults; the rest is left out.

    Returns
    -------
    Axes
        Percent of the write-protect faults on anonymous pages.  Beside each bar the number of
        faults, and of those in which a drain helped and was in vain: mostly too few to be seen.
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
