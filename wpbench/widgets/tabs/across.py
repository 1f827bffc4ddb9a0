"""The copy rate across CPUs and swap backends; a click makes a point the scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import ipywidgets as W
import pandas as pd

from ...data import backends
from ...plots.across import Grid, across_frame, across_lines, rates_in_words
from ..across import ARMS, POINTS, SIZES, Point
from ..answer import names
from ..later import Job
from ..pictures import Canvas
from .tab import Asked, Tab, first_stage, note, stages

_SIZE = (7.6, 3.7)  # inches
_WHOLE = (0.0, 0.0, 1.0, 1.0)
GRID = Grid(tuple(backends()), SIZES)
_CHOOSE = "choose a point"


def point_rules() -> str:
    """Return the style sheet that puts each point's button over its strip of the figure."""
    rules = []
    for i, point in enumerate(POINTS):
        left, bottom, width, height = GRID.strip(point.backend, point.cpus)
        rules.append(
            f".wpbench-points > :nth-child({i + 1}) {{ left: {left:.2%}; width: {width:.2%}; "
            f"top: {1 - bottom - height:.2%}; height: {height:.2%}; }}"
        )
    return "\n".join(rules)


class AcrossTab(Tab):
    """The copy rate of both kernels on 1 to 1024 CPUs, a panel a swap backend.

    The figure is two pictures, one over the other: the frame, which never changes, and the lines.
    Over them lies a button a point, without a look: hovering shows its rates, a click makes it the
    scenario.  The Tab key passes them by; the list below does the same.

    Parameters
    ----------
    choose
        Called with the point that is to be the scenario.
    regroup
        Called when threads are counted otherwise.
    """

    title = "Across CPUs and backends"
    name = "across"

    def __init__(self, choose: Callable[[Point], None], regroup: Callable[[], None]) -> None:
        self._choose = choose
        self._frame, self._lines = Canvas(*_SIZE, _WHOLE), Canvas(*_SIZE, _WHOLE, clear=True)
        self._labels: tuple[str, str] = ("", "")
        self.frame, self.lines = W.HTML(), W.HTML()
        layout, style = W.Layout(), W.ButtonStyle(button_color="transparent")
        self.buttons = {
            point: W.Button(tooltip=str(point), tabbable=False, layout=layout, style=style)
            for point in POINTS
        }
        for point, button in self.buttons.items():
            button.on_click(lambda _, point=point: self._choose(point))
        cover = W.Box(list(self.buttons.values()))
        cover.add_class("wpbench-points")
        picture = W.Box([self.frame, self.lines, cover])
        picture.add_class("wpbench-picture")
        self.threads = W.Dropdown(
            description="Threads",
            options=[("one per CPU", True), ("as set on the left", False)],
            tooltip="of each point: as many as its CPUs, or as many as the scenario's",
            layout={"width": "16em"},
        )
        self.threads.observe(lambda _: regroup(), "value")
        self.points = W.Dropdown(
            description="Make a point the scenario",
            options=[(_CHOOSE, ""), *((str(point), point) for point in POINTS)],
            tooltip="the same as a click on a point of the figure",
            style={"description_width": "auto"},
            layout={"width": "24em"},
        )
        self.points.observe(self._on_point, "value")
        self.caption = W.HTML()
        row = W.HBox([self.threads, self.points], layout={"flex_flow": "row wrap"})
        self.widget = W.VBox([picture, self.caption, row])

    def _on_point(self, change: dict[str, Point | str]) -> None:
        if isinstance(change["new"], Point):
            self.points.value = ""
            self._choose(change["new"])

    def show(self, asked: Asked) -> None:
        """Show the small machines at once, and of the large ones what is known."""
        first_stage(asked.across)
        self._draw_frame(asked)
        self._draw(asked)
        self._hints(asked, SIZES)

    def jobs(self, asked: Asked) -> Iterator[Job]:
        """Fill in the large machines, size by size."""

        def more() -> None:
            self._draw(asked)
            self._hints(asked, asked.across.done[-1:])

        return stages(asked.across, more)

    def _draw_frame(self, asked: Asked) -> None:
        each = "a thread each" if asked.across.thread_per_cpu else "threads as set"
        labels = (f"CPUs ({each})", "copied, % of write-protect faults")
        if labels != self._labels:
            title = "Copy rate across CPUs and swap backends (simulated)"
            across_frame(GRID, self._frame.wipe(), x=labels[0], y=labels[1], title=title)
            self.frame.value = self._frame.image("")
            self._labels = labels

    def _draw(self, asked: Asked) -> None:
        across, arm = asked.across, ARMS[asked.shown]
        called = dict(zip(ARMS, names(asked.state), strict=True))
        here = across.here()
        place = None if here is None else (here.backend, here.cpus)
        across_lines(across.table, GRID, self._lines.wipe(), names=called, shown=arm, here=place)
        words = rates_in_words(across.table, GRID.panels, arm, called[arm])
        self.caption.value = note(_caption(asked))
        self.lines.value = self._lines.image(words)

    def _hints(self, asked: Asked, sizes: tuple[int, ...]) -> None:
        """Let each point's button say its rates."""
        table = asked.across.table
        called = dict(zip(ARMS, names(asked.state), strict=True))
        known: dict[tuple[str, int], list[str]] = {}
        rows = table[table["cpus"].isin(sizes)] if len(table) else table
        for row in rows.to_dict("records"):
            rate = row["copy_rate"]
            said = "no write-protect fault" if pd.isna(rate) else f"{rate:.1%}"
            known.setdefault((row["backend"], row["cpus"]), []).append(
                f"{called[row['arm']]} {said}"
            )
        for point, button in self.buttons.items():
            if point.cpus in sizes:
                said = "; ".join(known.get((point.backend, point.cpus), ["not simulated"]))
                button.tooltip = f"{point}: {said}. Click: make it the scenario"


def _caption(asked: Asked) -> str:
    across = asked.across
    if across.table.empty:
        left = [size for size in SIZES if size not in across.done]
        return _running(left) if left else "No point of this program can be simulated at once."
    faults = across.table["wp_faults"]
    seed = int(across.table["seed"].iloc[0])
    n = f"n = {faults.min():,} to {faults.max():,} write-protect faults"
    said = [f"One run a point (seed {seed}), of {n}."]
    if across.here() is None:
        own = asked.state.off.resolved()
        threads = "" if "threads" in asked.state.not_used else f" with {own['threads']} threads"
        said.append(f"The scenario, {own['cpus']} CPUs{threads}, is none of these points.")
    if across.left_out:
        first = next(iter(across.left_out.values()))
        said.append(f"{len(across.left_out)} points are left out ({first.split(';')[0]}).")
    left = [size for size in SIZES if size not in across.done]
    if left:
        said.append(_running(left))
    return " ".join(said)


def _running(left: list[int]) -> str:
    return f"Running {left[0]} CPU{'s' if left[0] > 1 else ''} ..."
