"""The runs behind the figure as a table, to sort and to take away."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import ipywidgets as W
import pandas as pd

from ..later import Job
from .tab import Asked, Tab, first_stage, stages

# Columns of ``simulate()`` that are shown, with what stands above them; the file has all.
SHOWN = {
    "name": "kernel",
    "backend": "backend",
    "cpus": "CPUs",
    "threads": "threads",
    "wp_faults": "WP faults (n)",
    "copies": "copies",
    "reuses": "reuses",
    "copy_rate": "copied (%)",
    "drains": "drains",
    "drained_pages": "pages drained",
}
FILE = "wpbench-across.csv"


class TableTab(Tab):
    """A row a point and kernel of the figure across CPUs and backends."""

    title = "Table"
    name = "table"

    def __init__(self) -> None:
        self._asked: Asked | None = None
        self.by = W.Dropdown(
            description="Sort by",
            options=[("order of the runs", ""), *((text, name) for name, text in SHOWN.items())],
            layout={"width": "18em"},
        )
        self.descending = W.Checkbox(
            description="Descending", indent=False, layout={"width": "8em"}
        )
        for widget in (self.by, self.descending):
            widget.observe(lambda _: self._draw(), "value")
        self.table, self.file = W.HTML(), W.HTML()
        row = W.HBox([self.by, self.descending, self.file], layout={"flex_flow": "row wrap"})
        self.widget = W.VBox([row, self.table])

    def show(self, asked: Asked) -> None:
        """Show what was run."""
        self._asked = asked
        first_stage(asked.across)
        self._draw()

    def jobs(self, asked: Asked) -> Iterator[Job]:
        """Run the rest."""
        return stages(asked.across, self._draw)

    def sorted(self) -> pd.DataFrame:
        """Return the runs in the order that was chosen, all columns."""
        assert self._asked is not None, "shown first"
        table = self._asked.across.table
        if not self.by.value or table.empty:
            return table.iloc[:: -1 if self.descending.value else 1]
        ascending = not self.descending.value
        return table.sort_values(self.by.value, ascending=ascending, kind="stable")

    def _draw(self) -> None:
        if self._asked is None:
            return
        table = self.sorted()
        if table.empty:
            self.table.value = self.file.value = ""
            return
        shown = table[list(SHOWN)].assign(copy_rate=100 * table["copy_rate"])
        text = shown.rename(columns=SHOWN).to_html(
            index=False,
            border=0,
            classes=["wpbench-table"],
            na_rep="-",
            float_format="{:.1f}".format,
        )
        self.table.value = f'<div class="wpbench-scroll" tabindex="0">{text}</div>'
        data = base64.b64encode(table.to_csv(index=False).encode()).decode()
        self.file.value = (
            f'<a class="wpbench-file" download="{FILE}" href="data:text/csv;base64,{data}">'
            f"Download as CSV ({len(table)} rows, {len(table.columns)} columns)</a>"
        )
