"""One page's life up to a write-protect fault, and each test of do_wp_page()."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as W

from ...errors import WpbenchError
from ...simulate.explanation import Explanation, explain
from ..answer import names
from ..pictures import life_picture
from .tab import Asked, Tab, note, title


class LifeTab(Tab):
    """A write-protect fault of the kernel that is looked at, explained.

    Attributes
    ----------
    explanation
        Of the fault that is shown; None where there is none.
    """

    title = "One page's life"
    name = "life"

    def __init__(self) -> None:
        self.explanation: Explanation | None = None
        self._asked: Asked | None = None
        self._draw = life_picture()
        self._filling = False
        # Dragging asks for many faults: the browser sends the newest when the last is answered.
        self.fault = W.IntSlider(
            description="Write fault",
            min=0,
            max=0,
            readout=False,
            tooltip="which write-protect fault of the run, in the order in which they happened",
            layout={"flex": "1 1 20em", "width": "auto"},
        )
        # The same with a label of its own, which the handle of a slider has not.
        self.number = W.BoundedIntText(
            description="Fault number",
            min=0,
            max=0,
            style={"description_width": "auto"},
            layout={"width": "15em"},
        )
        for widget in (self.fault, self.number):
            widget.observe(self._on_fault, "value")
        self.figure, self.text = W.HTML(), W.HTML()
        row = W.HBox([self.fault, self.number], layout={"flex_flow": "row wrap"})
        self.widget = W.VBox([row, self.figure, self.text])

    def _on_fault(self, change: dict[str, Any]) -> None:
        if not self._filling and self._asked is not None:
            self._show(self._asked, change["new"])

    def show(self, asked: Asked) -> None:
        """Show the fault of the same number, or the last one there is."""
        self._asked = asked
        self._show(asked, self.fault.value)

    def _show(self, asked: Asked, fault: int) -> None:
        faults = int(asked.table["wp_faults"].iloc[asked.shown])
        self._filling = True
        for widget in (self.fault, self.number):
            widget.max = max(0, faults - 1)
            widget.value = fault
            widget.disabled = faults == 0
        self._filling = False
        self.explanation = None
        self.figure.value = self.text.value = ""
        if faults == 0:
            self.text.value = note("No write met a write-protect fault.")
            return
        try:
            self.explanation = explain(asked.state.scenario, self.fault.value)
        except WpbenchError as error:
            self.text.value = note(f"{error}.")
            return
        name = names(asked.state)[asked.shown]
        heading = f"Who holds the page of write-protect fault {self.fault.value}, {name}"
        self.figure.value = title(heading) + self._draw(self.explanation)
        said = html.escape(str(self.explanation))
        self.text.value = f'<pre class="wpbench-explained" tabindex="0">{said}</pre>'
