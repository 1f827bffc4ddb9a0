"""Figures: a DataFrame and an Axes in, the Axes out; readable in grey, the same bytes every run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart by most colour-blind readers; marker and line style differ
# too, so that the figure reads in grey.
STYLES: dict[str, tuple[str, str, str]] = {
    "v5.8": ("#000000", "-", "o"),
    "v5.17": ("#D55E00", "--", "s"),
    "patch1": ("#E69F00", "-.", "^"),
    "patch2": ("#0072B2", "-", "o"),
    "patch2-rfc2": ("#56B4E9", ":", "v"),
    "patch2-always": ("#009E73", (0, (3, 1, 1, 1)), "D"),  # type: ignore[dict-item]
    "exclusive": ("#CC79A7", (0, (5, 1)), "x"),  # type: ignore[dict-item]
    "v6.12": ("#999999", ":", "P"),
}
_SALT = "wpbench"


def figure(width: float = 7.0, height: float = 4.2) -> tuple[Figure, Any]:
    """Return a new Figure (inches) with one Axes, without any pyplot state."""
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.add_subplot()


def copy_rate(table: pd.DataFrame, ax: Axes, *, measured: pd.DataFrame | None = None) -> Axes:
    """Draw the copy rate over the pages of a round, a line a decision.

    Parameters
    ----------
    table
        From ``simulate()``: ``decision``, ``npages``, ``copies``, ``wp_faults``.
    ax
        Where to draw.
    measured
        Rows of a kernel's table with the same columns, drawn as points.

    Returns
    -------
    Axes
        Share of the write-protect faults that copied (0 to 1) over pages per round (log2).
    """
    for decision, rows in table.groupby("decision", sort=False):
        colour, line, marker = STYLES[str(decision)]
        ordered = rows.sort_values("npages")
        rate = ordered["copies"] / ordered["wp_faults"].where(ordered["wp_faults"] > 0)
        ax.plot(
            ordered["npages"], rate, color=colour, linestyle=line, label=f"{decision}, simulated"
        )
        if measured is None:
            continue
        points = measured[(measured["decision"] == decision) & (measured["wp_faults"] > 0)]
        if len(points):
            ax.plot(
                points["npages"],
                points["copies"] / points["wp_faults"],
                color=colour,
                linestyle="none",
                marker=marker,
                fillstyle="none",
                label=f"{decision}, measured (Linux 6.1)",
            )
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    ax.set_ylim(-0.03, 1.05)
    ax.set_xlabel("pages per round")
    ax.set_ylabel("copies per write-protect fault")
    ax.grid(visible=True, alpha=0.3)
    ax.legend(fontsize="small", loc="center right")
    return ax


def save(fig: Figure, stem: str | Path) -> list[Path]:
    """Write ``stem.svg`` and ``stem.png`` (150 dpi); the same figure gives the same bytes."""
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "path"}):
        fig.savefig(stem.with_suffix(".svg"), metadata={"Date": None})
        fig.savefig(stem.with_suffix(".png"), dpi=150)
    return [stem.with_suffix(".svg"), stem.with_suffix(".png")]
