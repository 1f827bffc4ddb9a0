"""Copy rate over the pages of a round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import styles_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def copy_rate(table: pd.DataFrame, ax: Axes, *, measured: pd.DataFrame | None = None) -> Axes:
    """Draw the copy rate over the pages of a round, a line for each kernel.

    Parameters
    ----------
    table
        From ``simulate()``: ``kernel``, ``npages``, ``copies``, ``wp_faults``.
    ax
        Where to draw.
    measured
        Rows of a kernel's table with the same columns, drawn as points.

    Returns
    -------
    Axes
        Share of the write-protect faults that copied (0 to 1) over pages per round (log2).

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 8, 64], rounds=10))
    >>> figure, axes = plots.figure()
    >>> [line.get_label() for line in plots.copy_rate(table, axes).lines]
    ['patch1, simulated', 'patch2, simulated']
    """
    styles = styles_of(table["kernel"])
    for kernel, rows in table.groupby("kernel", sort=False):
        colour, line, marker = styles[str(kernel)]
        ordered = rows.sort_values("npages")
        rate = ordered["copies"] / ordered["wp_faults"].where(ordered["wp_faults"] > 0)
        ax.plot(ordered["npages"], rate, color=colour, linestyle=line, label=f"{kernel}, simulated")
        if measured is None:
            continue
        points = measured[(measured["kernel"] == kernel) & (measured["wp_faults"] > 0)]
        if len(points):
            ax.plot(
                points["npages"],
                points["copies"] / points["wp_faults"],
                color=colour,
                linestyle="none",
                marker=marker,
                fillstyle="none",
                label=f"{kernel}, measured (Linux 6.1)",
            )
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    ax.set_ylim(-0.03, 1.05)
    ax.set_xlabel("pages per round")
    ax.set_ylabel("copies per write-protect fault")
    ax.grid(visible=True, alpha=0.3)
    ax.legend(fontsize="small", loc="center right")
    return ax
