"""The scenario and the comparison as commands, to go on with elsewhere."""

from __future__ import annotations

import html

import ipywidgets as W

from ..lines import differ_command, differ_parameters
from .tab import Asked, Tab, note

DIFFER = "06-differ.ipynb"
_WIDE = {"width": "auto"}
_STYLE = {"description_width": "5em"}


class LinesTab(Tab):
    """Commands for a terminal, and parameters for the notebook that compares two kernels."""

    title = "Commands"
    name = "lines"

    def __init__(self) -> None:
        self.command = W.Text(
            description="Simulate", continuous_update=False, style=_STYLE, layout=_WIDE,
            tooltip="the scenario that is looked at; another one that is pasted here is restored",
        )  # fmt: skip
        # Two kernels, whatever the workload: to copy, not to type in.
        self.differ = W.Text(
            description="Compare", style=_STYLE, layout=_WIDE,
            tooltip="finds every small program in which the two kernels differ",
        )  # fmt: skip
        self.notebook = W.HTML()
        self.widget = W.VBox(
            [
                W.HTML(note("In a terminal, the scenario that is looked at:")),
                self.command,
                W.HTML(note("In which programs do kernels A and B differ?")),
                self.differ,
                self.notebook,
            ]
        )

    def show(self, asked: Asked) -> None:
        """Write the lines."""
        state = asked.state
        self.command.value = state.command
        self.differ.value = differ_command(state.off, state.on)
        parameters = html.escape(differ_parameters(state.off, state.on))
        self.notebook.value = (
            f'<p class="wpbench-note">The same in <a href="{DIFFER}" target="_blank">{DIFFER}</a> '
            f'with these parameters:</p><pre class="wpbench-parameters">{parameters}</pre>'
        )
