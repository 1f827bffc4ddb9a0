"""The workbench: controls, the answer beside them, and one page's life below."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as W

from ..errors import WpbenchError
from ..simulate.explanation import explain
from .answer import answer, in_words, notes, numbers
from .controls import CUSTOM, WIDE, Control, arms, controls, preset_choice, preset_of
from .lines import differ_command, differ_parameters
from .pictures import Pictures
from .presets import PRESETS
from .state import State

DIFFER = "06-differ.ipynb"
# JupyterLab's own colours, so that the dark theme is dark; the figures are dark on white always.
_STYLE = """<style>
.wpbench-numbers { border-collapse: collapse; font-variant-numeric: tabular-nums;
  color: var(--jp-ui-font-color1, black); }
.wpbench-numbers, .wpbench-numbers caption { line-height: 1.3; }
.wpbench-numbers caption { text-align: left; color: var(--jp-ui-font-color1, black);
  padding-bottom: 4px; }
.wpbench-numbers th, .wpbench-numbers td { padding: 2px 10px 2px 0; text-align: right;
  border-bottom: 1px solid var(--jp-border-color2, silver); }
.wpbench-numbers th[scope=row] { text-align: left; font-weight: normal; }
.wpbench-headline { font-size: 120%; line-height: 1.4; margin: 0 0 6px 0;
  color: var(--jp-ui-font-color1, black); }
.wpbench-figure { width: 100%; max-width: 62em; background: white; display: block; }
.wpbench-alert { border: 2px solid var(--jp-error-color1, #b00020); padding: 6px 10px;
  color: var(--jp-ui-font-color1, black); line-height: 1.4; }
.wpbench-note { color: var(--jp-ui-font-color1, black); line-height: 1.4; margin: 0; }
.wpbench-explained, .wpbench-parameters { font-size: 12px; line-height: 1.35;
  overflow-x: auto; margin: 0;
  color: var(--jp-ui-font-color1, black); background: transparent; }
.wpbench .widget-radio-box { flex-flow: row wrap; }
</style>"""


class Workbench(W.VBox):  # type: ignore[misc]
    """Controls over ``simulate()`` and ``explain()``; ``explore()`` makes one.

    Attributes
    ----------
    state
        What the controls say (``wpbench.widgets.State``).
    table
        The last answer: two rows of ``simulate()``, patch off and on.
    explanation
        Of the write-protect fault that is shown, or None where there is none.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.table = answer(state)
        self.explanation: Any = None
        self._pictures = Pictures()
        self._filling = False
        self._preset = preset_choice()
        self._question = W.HTML()
        self._arms = arms()
        self._controls = controls()
        self._alert = W.HTML()
        self._numbers = W.HTML()
        self._figure = W.HTML(layout={"min_width": "0"})
        self._notes = W.HTML()
        self._line = W.Text(
            description="Scenario", continuous_update=False, style=WIDE, layout={"width": "auto"}
        )
        self._command = W.Text(
            description="Command", continuous_update=False, style=WIDE, layout={"width": "auto"}
        )
        # Two kernels, whatever the workload: to copy, not to type in.
        self._differ = W.Text(description="Differ", style=WIDE, layout={"width": "auto"})
        self._differ_notebook = W.HTML()
        # Dragging asks for many faults: the browser sends the newest when the last is answered.
        self._fault = W.IntSlider(
            description="Write fault", min=0, max=0, style=WIDE, layout={"width": "min(44em, 98%)"}
        )
        self._fault_number = W.BoundedIntText(
            description="... by number", min=0, max=0, style=WIDE, layout={"width": "18em"}
        )
        self._life = W.HTML()
        self._tests = W.HTML()
        super().__init__(self._arranged(), layout={"width": "100%"})
        self.add_class("wpbench")
        self._observe()
        self._show()

    def _arranged(self) -> list[Any]:
        wrap = {"flex_flow": "row wrap", "width": "100%", "grid_gap": "4px 16px"}
        compared = [control.widget for control in self._arms]
        asked = [control.widget for control in self._controls]
        answered = W.Box(
            [
                W.Box([self._numbers], layout={"flex": "1 1 24em", "min_width": "0"}),
                W.Box([self._figure], layout={"flex": "2 1 30em", "min_width": "0"}),
            ],
            layout=wrap,
        )
        return [
            W.HTML(_STYLE),
            W.Box([self._preset, self._question], layout=wrap),
            W.Box(compared, layout=wrap),
            W.Box(asked, layout=wrap),
            self._alert,
            answered,
            self._notes,
            self._line,
            self._command,
            self._differ,
            self._differ_notebook,
            _title("One page, up to a write-protect fault"),
            W.Box([self._fault, self._fault_number], layout=wrap),
            self._life,
            self._tests,
        ]

    def _observe(self) -> None:
        self._preset.observe(self._on_preset, "value")
        for control in (*self._arms, *self._controls):
            control.widget.observe(self._listener(control), "value")
        self._line.observe(self._on_line, "value")
        self._command.observe(self._on_line, "value")
        for widget in (self._fault, self._fault_number):
            widget.observe(self._on_fault, "value")

    def _listener(self, control: Control) -> Any:
        def changed(change: Any) -> None:  # noqa: ARG001 - as observe() calls it
            if not self._filling:
                self._ask(self.state.with_(**{control.name: control.chosen()}))

        return changed

    def _on_preset(self, change: Any) -> None:
        if not self._filling and change["new"] != CUSTOM:
            patch_on = self.state.patch_on
            self._ask(State.preset(change["new"]).with_(patch_on=patch_on))

    def _on_line(self, change: Any) -> None:
        if self._filling:
            return
        try:
            state = self.state.restored(change["new"])
        except WpbenchError as error:
            self._explain_wrong(error)  # what was typed stays, to be corrected
        else:
            self._ask(state)

    def _on_fault(self, change: Any) -> None:
        if not self._filling:
            self._show_life(change["new"])

    def _ask(self, state: State) -> None:
        """Answer a state, or say why it has no answer and go on from the last that has."""
        try:
            # The patch's toggle asks for nothing new.
            known = (state.off, state.on) == (self.state.off, self.state.on)
            table = self.table if known else answer(state)
        except WpbenchError as error:
            self._explain_wrong(error)
            self._fill()
            return
        self.state, self.table = state, table
        self._show(redraw=not known)

    def _explain_wrong(self, error: WpbenchError) -> None:
        self._alert.value = (
            '<div class="wpbench-alert" role="alert"><b>Not possible.</b> '
            f"{html.escape(str(error))}. What is shown is the last answer.</div>"
        )

    def _show(self, *, redraw: bool = True) -> None:
        """Show the answer, the figure first: what was clicked for is there before the rest."""
        if redraw:
            self._figure.value = self._pictures.reasons(self.table, in_words(self.table))
        self._numbers.value = numbers(self.table, int(self.state.patch_on))
        self._alert.value = ""
        said = "".join(f"<li>{html.escape(note)}</li>" for note in notes(self.state))
        self._notes.value = f'<ul class="wpbench-note">{said}</ul>' if said else ""
        self._fill()
        self._show_life(self._fault.value)

    def _fill(self) -> None:
        """Let every control show the state."""
        with self._filled():
            preset = preset_of(self.state)
            self._preset.value = preset
            asked = PRESETS[preset].question if preset in PRESETS else ""
            self._question.value = f'<p class="wpbench-note">{html.escape(asked)}</p>'
            for control in (*self._arms, *self._controls):
                control.show(self.state)
            self._line.value = self.state.line
            self._command.value = self.state.command
            self._differ.value = differ_command(self.state.off, self.state.on)
            parameters = differ_parameters(self.state.off, self.state.on)
            self._differ_notebook.value = _link_to_differ(parameters)

    def _show_life(self, fault: int = 0) -> None:
        """Show a write-protect fault of the scenario that is looked at."""
        faults = int(self.table["wp_faults"].iloc[int(self.state.patch_on)])
        with self._filled():
            for widget in (self._fault, self._fault_number):
                widget.max = max(0, faults - 1)
                widget.value = fault
                widget.disabled = faults == 0
        if faults == 0:
            self.explanation = None
            self._life.value = '<p class="wpbench-note">No write met a write-protect fault.</p>'
            self._tests.value = ""
            return
        try:
            self.explanation = explain(self.state.scenario, self._fault.value)
        except WpbenchError as error:
            self._explain_wrong(error)
            return
        self._life.value = self._pictures.page_life(self.explanation)
        text = html.escape(str(self.explanation))
        self._tests.value = f'<pre class="wpbench-explained">{text}</pre>'

    @contextmanager
    def _filled(self) -> Iterator[None]:
        """Change controls without taking it for somebody's wish."""
        outer, self._filling = self._filling, True
        try:
            yield
        finally:
            self._filling = outer


def _title(text: str) -> Any:
    return W.HTML(f'<h3 style="color: var(--jp-ui-font-color1, black)">{html.escape(text)}</h3>')


def _link_to_differ(parameters: str) -> str:
    """Return a link to notebook 06, beside this one, with the parameters to paste there."""
    return (
        '<p class="wpbench-note">In which programs do these two kernels differ? The command above, '
        f'or <a href="{DIFFER}" target="_blank">{DIFFER}</a> with these parameters:</p>'
        f'<pre class="wpbench-parameters">{html.escape(parameters)}</pre>'
    )


def explore(preset: str = "reproducer on zram") -> Workbench:
    """Return the workbench: ask the machine by controls, in a notebook.

    Each change simulates two scenarios, with the patch off and on, and shows the copy and reuse
    rate, the copies by reason, the time per write fault, and the life of one page up to a
    write-protect fault with each test of do_wp_page().  The lines below the numbers are the
    scenario that is shown, as Python and as a command; a line that is typed or pasted there is
    restored.  Below them the command, and the notebook with its parameters, that find the programs
    in which the two kernels differ.

    Parameters
    ----------
    preset
        What to begin with: a key of ``wpbench.widgets.PRESETS``.

    Returns
    -------
    Workbench
        A widget, shown where it is a cell's last line.  Its ``table`` and ``explanation`` are the
        data that it shows.

    Raises
    ------
    ScenarioError
        If there is no such preset.

    Examples
    --------
    >>> import wpbench as wb
    >>> workbench = wb.explore("reproducer on zram")
    >>> workbench.table["kernel"].tolist()
    ['patch1', 'patch2']
    """
    return Workbench(State.preset(preset))
