"""The workbench's two figures: drawn again and again on the same canvas, as fast as it goes.

matplotlib's constrained layout would take longer than all the rest; so the places are fixed here.
They are SVG with text as text: half the time of a PNG, sharp at any size, a few kilobytes.
"""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..plots import page_life, reasons
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
    """

    def __init__(self, width: float, height: float, box: tuple[float, float, float, float]) -> None:
        self.figure = Figure(figsize=(width, height))
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


class Pictures:
    """Both figures, as HTML."""

    def __init__(self) -> None:
        self._reasons = Canvas(6.6, 2.5, (0.26, 0.21, 0.62, 0.58))
        self._life = Canvas(10.0, 3.8, (0.135, 0.36, 0.86, 0.63))

    def reasons(self, table: pd.DataFrame, words: str) -> str:
        """Draw the copies by reason, a bar for each ``arm`` of an answer."""
        reasons(table, self._reasons.wipe(), by="arm")
        return self._reasons.image(words)

    def page_life(self, explanation: Explanation) -> str:
        """Draw one page's life up to its write-protect fault."""
        page_life(explanation, self._life.wipe())
        held = ", ".join(h.holder for h in explanation.holders)
        why = f" ({explanation.reason})" if explanation.reason else ""
        return self._life.image(
            f"Who held page {explanation.page} up to write-protect fault {explanation.fault}: when "
            f"it began {held}; outcome: {explanation.outcome}{why}. The same as text follows."
        )
