"""The workbench: a bar and a column of controls, and beside them the answer, a tab a question."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as W
import pandas as pd

from ..errors import WpbenchError
from ..jit.threads import Stop
from ..simulate.explanation import Explanation
from .across import Across, Point
from .answer import answer, headline
from .controls import CUSTOM, Control, arms, controls, meanings, preset_choice, preset_of
from .later import Later
from .presets import PRESETS
from .state import State
from .style import STYLE
from .tabs import AcrossTab, Asked, CostsTab, LifeTab, LinesTab, Tab, TableTab, WhyTab


class Workbench(W.VBox):  # type: ignore[misc]
    """Controls over ``simulate()``, ``explain()`` and ``price()``; ``explore()`` makes one."""

    def __init__(self, state: State) -> None:
        self._asked = Asked(state, answer(state), Across(state))
        self._filling = False
        self._later = Later()
        self._preset = preset_choice()
        self._question = W.HTML()
        self._arms = arms()
        self._controls = controls()
        self._alert, self._headline = W.HTML(), W.HTML()
        self._line = W.Text(
            description="Scenario", continuous_update=False,
            style={"description_width": "5em"}, layout={"width": "auto"},
            tooltip="what is looked at, to copy; a line that is pasted here is restored",
        )  # fmt: skip
        self._fold = W.ToggleButton(
            description="Controls", tooltip="fold the controls away, or out"
        )
        self._across = AcrossTab(self._choose, self._regroup)
        self._life, self._lines = LifeTab(), LinesTab()
        self._views: list[Tab] = [
            self._across, WhyTab(), self._life, CostsTab(), TableTab(), self._lines
        ]  # fmt: skip
        self._stale: set[Tab] = set()
        for view in self._views:
            view.widget.add_class(f"wpbench-tab-{view.name}")
        self._tabs = W.Tab(
            [view.widget for view in self._views], titles=[view.title for view in self._views]
        )
        super().__init__(self._arranged(), layout={"width": "100%"})
        self.add_class("wpbench")
        self._observe()
        self._show()

    @property
    def state(self) -> State:
        """What the controls say (``wpbench.widgets.State``)."""
        return self._asked.state

    @property
    def table(self) -> pd.DataFrame:
        """The last answer: two rows of ``simulate()``, of kernel A and of B (the patch off, on)."""
        return self._asked.table

    @property
    def across(self) -> pd.DataFrame:
        """Rows of ``simulate()`` across CPUs and swap backends, as far as they were run."""
        return self._asked.across.table

    @property
    def explanation(self) -> Explanation | None:
        """Of the write-protect fault that was shown last, None where there is none."""
        return self._life.explanation

    def finish(self) -> pd.DataFrame:
        """Do now what is filled in while one looks, and return ``across``, all of it."""
        self._later.cancel()
        for view in (self._across, self._views[self._tabs.selected_index]):
            for compute, show in view.jobs(self._asked):
                show(compute(Stop()))
        return self.across

    def _arranged(self) -> list[Any]:
        bar = W.Box([*(control.widget for control in self._arms), self._fold])
        column = W.VBox(
            [
                self._preset,
                self._question,
                *(control.widget for control in self._controls),
                W.HTML(meanings([*self._arms, *self._controls])),
            ]
        )
        results = W.VBox([self._alert, self._headline, self._tabs, self._line])
        main = W.Box([column, results])
        for widget, name in (
            (bar, "bar"), (column, "controls"), (results, "results"), (main, "main"),
            (self._fold, "fold"),
        ):  # fmt: skip
            widget.add_class(f"wpbench-{name}")
        return [W.HTML(STYLE), bar, main]

    def _observe(self) -> None:
        self._preset.observe(self._on_preset, "value")
        for control in (*self._arms, *self._controls):
            control.widget.observe(self._listener(control), "value")
        for line in (self._line, self._lines.command):
            line.observe(self._on_line, "value")
        self._fold.observe(self._on_fold, "value")
        self._tabs.observe(self._on_tab, "selected_index")

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

    def _on_fold(self, change: Any) -> None:
        (self.add_class if change["new"] else self.remove_class)("wpbench-flipped")

    def _on_tab(self, change: Any) -> None:  # noqa: ARG002 - as observe() calls it
        with self._filled():
            self._look()

    def _choose(self, point: Point) -> None:
        """Make a point of the figure the scenario, with the rounds that it was run with."""
        there = self._asked.across.at(point)
        self._ask(there.with_(patch_on=self.state.patch_on))

    def _regroup(self) -> None:
        """Count threads otherwise."""
        each = bool(self._across.threads.value)
        self._asked.across = Across(self.state, thread_per_cpu=each)
        self._stale = set(self._views)
        with self._filled():
            self._look()

    def _ask(self, state: State) -> None:
        """Answer a state, or say why it has no answer and go on from the last that has."""
        self._later.cancel()  # first of all: the CPUs are wanted
        before = self.state
        try:
            # The patch's toggle asks for nothing new.
            known = (state.off, state.on) == (before.off, before.on)
            table = self.table if known else answer(state)
        except WpbenchError as error:
            self._explain_wrong(error)
            self._fill()
            with self._filled():
                self._look()
            return
        self._asked = Asked(state, table, self._asked.across.moved(state))
        self._show()

    def _explain_wrong(self, error: WpbenchError) -> None:
        self._alert.value = (
            '<div class="wpbench-alert" role="alert"><b>Not possible.</b> '
            f"{html.escape(str(error))}. What is shown is the last answer.</div>"
        )

    def _show(self) -> None:
        """Show the answer, the figure first: what was clicked for is there before the rest."""
        self._stale = set(self._views)
        with self._filled():
            self._look()
        self._headline.value = headline(self.table, self._asked.shown)
        self._alert.value = ""
        self._fill()

    def _look(self) -> None:
        """Show the tab that is selected, and let it fill in the rest."""
        view = self._views[self._tabs.selected_index]
        if view in self._stale:
            view.show(self._asked)
            self._stale.discard(view)
        self._later.do(view.jobs(self._asked))

    def _fill(self) -> None:
        """Let every control show the state."""
        with self._filled():
            preset = preset_of(self.state)
            self._preset.value = preset
            asked = PRESETS[preset].question if preset in PRESETS else ""
            self._question.value = f'<p class="wpbench-note">{html.escape(asked)}</p>'
            for control in (*self._arms, *self._controls):
                control.show(self.state)
            self._arms[_PATCH].widget.description = (
                "Patch" if self.state.is_the_patch else "Kernel looked at"
            )
            self._line.value = self.state.line
            self._lines.show(self._asked)

    @contextmanager
    def _filled(self) -> Iterator[None]:
        """Change controls without taking it for somebody's wish."""
        outer, self._filling = self._filling, True
        try:
            yield
        finally:
            self._filling = outer


_PATCH = [control.name for control in arms()].index("patch_on")


def explore(preset: str = "reproducer on zram") -> Workbench:
    """Return the workbench: ask the machine by controls, in a notebook.

    Each change simulates a program on two kernels, the patch off and on, or any other two.  Tabs
    show the copy rate across CPUs and swap backends, the copies by reason, the life of one page up
    to a write-protect fault with each test of do_wp_page(), the price in nanoseconds per access,
    the table behind the figure, and the commands that do the same in a terminal.  The line below
    them is the scenario that is looked at; a line that is typed or pasted there is restored.

    Parameters
    ----------
    preset
        What to begin with: a key of ``wpbench.widgets.PRESETS``.

    Returns
    -------
    Workbench
        A widget, shown where it is a cell's last line.  Its ``table``, ``across`` and
        ``explanation`` are the data that it shows.

    Raises
    ------
    ScenarioError
        If there is no such preset.

    Examples
    --------
    >>> import wpbench as wb
    >>> workbench = wb.explore("reproducer on zram")
    >>> workbench.table[["arm", "wp_faults", "copies"]].values.tolist()
    [['patch1 (off)', 160, 140], ['patch2 (on)', 160, 0]]
    """
    return Workbench(State.preset(preset))
