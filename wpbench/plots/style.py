"""What all figures have in common: styles, size, and files with the same bytes every run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    import pandas as pd

# Okabe and Ito's colours, told apart by most colour-blind readers; marker and line style differ
# too, so that the figure reads in grey.
STYLES: dict[str, tuple[str, Any, str]] = {
    "v5.8": ("#000000", "-", "o"),
    "v5.17": ("#D55E00", "--", "s"),
    "patch1": ("#E69F00", "-.", "^"),
    "patch2": ("#0072B2", "-", "o"),
    "patch2-rfc2": ("#56B4E9", ":", "v"),
    "patch2-always": ("#009E73", (0, (3, 1, 1, 1)), "D"),
    "exclusive": ("#CC79A7", (0, (5, 1)), "x"),
    "v6.7": ("#F0E442", (0, (3, 1)), "*"),
    "v6.9": ("#000000", (0, (1, 2)), "<"),
    "v6.11": ("#D55E00", (0, (6, 2, 1, 2)), ">"),
    "v6.12": ("#999999", ":", "P"),
    "v7.0": ("#009E73", (0, (8, 2)), "X"),
}
_SALT = "wpbench"


def figure(width: float = 7.0, height: float = 4.2) -> tuple[Figure, Any]:
    """Return a new Figure (inches) with one Axes, without any pyplot state."""
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.add_subplot()


def save(fig: Figure, stem: str | Path, table: pd.DataFrame | None = None) -> list[Path]:
    """Write a figure, and what it was made from.

    Parameters
    ----------
    fig
        The same figure gives the same bytes.
    stem
        Where to: ``stem.svg``, ``stem.png`` (150 dpi).
    table
        The data behind it: also ``stem.csv`` and ``stem.parquet``.  How it was made
        (``attrs["wpbench"]``) goes into the figures' metadata (``Description``, JSON).

    Returns
    -------
    list of Path
        The files.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    made = {} if table is None else table.attrs.get("wpbench", {})
    about = {"Description": json.dumps(made, sort_keys=True)} if made else {}
    svg, png = (stem.with_suffix(suffix) for suffix in (".svg", ".png"))
    with mpl.rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "path"}):
        fig.savefig(svg, metadata={"Date": None, **about})
        fig.savefig(png, dpi=150, metadata=about)
    if table is None:
        return [svg, png]
    csv, parquet = (stem.with_suffix(suffix) for suffix in (".csv", ".parquet"))
    table.to_csv(csv, index=False)
    table.to_parquet(parquet)
    return [svg, png, csv, parquet]
