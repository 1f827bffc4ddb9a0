"""The workbench's figures: drawn again and again on the same canvas, as fast as it goes.

matplotlib's constrained layout would take longer than all the rest; so the places are fixed here.
They are SVG with text as text: half the time of a PNG, sharp at any size, a few kilobytes.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..plots import page_life, price_ranges, reasons
from ..plots.style import SALT
from ..simulate.explanation import Explanation

_SETTINGS: Any = {"svg.hashsalt": SALT, "svg.fonttype": "none"}


class Canvas:
    """A figure with one Axes that is drawn anew for each state.

    Parameters
    ----------
    width, height
        Inches.
    box
        Left, bottom, width and height of the Axes, as parts of the figure.
    clear
        Is the ground transparent, because the figure lies over another one?
    """

    def __init__(
        self,
        width: float,
        height: float,
        box: tuple[float, float, float, float],
        *,
        clear: bool = False,
    ) -> None:
        self.figure = Figure(figsize=(width, height))
        self.figure.patch.set_visible(not clear)
        FigureCanvasSVG(self.figure)
        self.ax: Any = self.figure.add_axes(box)
        self.ratio = f"{width / height:.4f}"

    def wipe(self) -> Any:
        """Remove what was drawn, and return the Axes: clear() would make new axes, in 20 ms."""
        legend = self.ax.get_legend()
        drawn = [*self.ax.patches, *self.ax.lines, *self.ax.texts]
        for artist in drawn if legend is None else [legend, *drawn]:
            artist.remove()
        return self.ax

    def svg(self) -> bytes:
        """Return the figure; the same bytes for the same figure."""
        out = io.BytesIO()
        with mpl.rc_context(_SETTINGS):
            self.figure.canvas.print_figure(out, format="svg", metadata={"Date": None})
        return out.getvalue()

    def image(self, words: str) -> str:
        """Return an HTML ``<img>`` of the figure; ``words`` say what it shows."""
        data = base64.b64encode(self.svg()).decode()
        return (
            f'<img class="wpbench-figure" alt="{html.escape(words)}" '
            f'style="aspect-ratio: {self.ratio}" src="data:image/svg+xml;base64,{data}">'
        )


def reasons_picture() -> Callable[[pd.DataFrame, str], str]:
    """Return what draws the copies by reason, a bar for each ``arm`` of an answer, as HTML."""
    canvas = Canvas(7.6, 2.3, (0.26, 0.22, 0.62, 0.57))

    def draw(table: pd.DataFrame, words: str) -> str:
        reasons(table, canvas.wipe(), by="arm")
        return canvas.image(words)

    return draw


def life_picture() -> Callable[[Explanation], str]:
    """Return what draws one page's life up to its write-protect fault, as HTML."""
    canvas = Canvas(9.0, 3.0, (0.15, 0.37, 0.845, 0.62))

    def draw(explanation: Explanation) -> str:
        page_life(explanation, canvas.wipe())
        held = ", ".join(h.holder for h in explanation.holders)
        why = f" ({explanation.reason})" if explanation.reason else ""
        return canvas.image(
            f"Who held page {explanation.page} up to write-protect fault {explanation.fault}: when "
            f"it began {held}; outcome: {explanation.outcome}{why}. The same as text follows."
        )

    return draw


def price_picture() -> Callable[[pd.DataFrame, str], str]:
    """Return what draws the difference in time and its range, as HTML."""
    canvas = Canvas(7.6, 1.7, (0.18, 0.32, 0.80, 0.66))

    def draw(table: pd.DataFrame, what: str) -> str:
        price_ranges(table, canvas.wipe(), what=what)
        said = "; ".join(
            f"{row['measure']} {row['difference']:+.1f} ({row['low']:+.1f} to {row['high']:+.1f})"
            for row in table.to_dict("records")
        )
        return canvas.image(f"{what}, ns per access: {said}. The same as a table follows.")

    return draw
