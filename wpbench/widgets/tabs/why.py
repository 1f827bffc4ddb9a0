"""Why pages were copied: copies by reason, and the counts."""

from __future__ import annotations

import html

import ipywidgets as W

from ..answer import in_words, notes, numbers
from ..pictures import reasons_picture
from .tab import Asked, Tab, title


class WhyTab(Tab):
    """Copies by reason of both kernels, the counts beside them, and what to know about them."""

    title = "Why"
    name = "why"

    def __init__(self) -> None:
        self.figure, self.numbers, self.notes = W.HTML(), W.HTML(), W.HTML()
        self._draw = reasons_picture()
        self.widget = W.VBox([self.figure, self.numbers, self.notes])

    def show(self, asked: Asked) -> None:
        """Draw the answer."""
        self.figure.value = title("Copies by reason (simulated)") + self._draw(
            asked.table, in_words(asked.table)
        )
        self.numbers.value = numbers(asked.table)
        said = "".join(f"<li>{html.escape(text)}</li>" for text in notes(asked.state))
        self.notes.value = f'<ul class="wpbench-note">{said}</ul>' if said else ""
