"""What kernel B costs or saves beside A: nanoseconds per access, with their range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ipywidgets as W
import pandas as pd

from ...errors import WpbenchError
from ...jit.threads import Stop
from ...plots.price_ranges import MEASURES
from ...price import account, price, word
from ...price.answer import in_words
from ..answer import cost_set, names
from ..later import Job
from ..numbers_table import numbers_table
from ..pictures import price_picture
from ..state import State
from .tab import Asked, Tab, note, title

SERVER = "server"  # the cost set of a scenario without one
# Accesses of a run that is priced at once (32 to 256 such runs), and up to which draws are added
# until the verdict is stable.
_MOST_WORK, _LITTLE_WORK = 1 << 16, 1 << 13
_DRAWS = 16


@dataclass(frozen=True)
class Priced:
    """What ``price()`` and ``account()`` say of a state, or why they say nothing."""

    table: pd.DataFrame | None = None
    account: pd.DataFrame | None = None
    why: str = ""


def priced(state: State) -> Priced:
    """Return what a state costs: kernel B less kernel A, per access."""
    if state.work > _MOST_WORK:
        return Priced(
            why=f"{state.work} accesses a run are too many to be priced at once; accepted here: up "
            f"to {_MOST_WORK}. wb.price() takes them"
        )
    asked = state if state.fields.get("costs") else state.with_(costs=SERVER)
    most = 4 * _DRAWS if state.work <= _LITTLE_WORK else _DRAWS
    try:
        found = price(asked.on, off=state.base, on=state.kernel, draws=_DRAWS, most_draws=most)
        parts = account([asked.off, asked.on])
    except WpbenchError as error:
        return Priced(why=f"{error}")
    return Priced(found.table, parts)


class CostsTab(Tab):
    """The difference in time with its range, and the account that adds up to it."""

    title = "What it costs"
    name = "costs"

    def __init__(self) -> None:
        self._for: tuple[Any, ...] | None = None
        self._draw = price_picture()
        self.figure, self.answer, self.account = W.HTML(), W.HTML(), W.HTML()
        self.widget = W.VBox([self.figure, self.answer, self.account])

    def show(self, asked: Asked) -> None:
        """Say that it is being worked out, if it was not."""
        if self._for != _pair(asked.state):
            self._for = None
            self.figure.value = self.account.value = ""
            self.answer.value = note("Drawing costs from their ranges ...")

    def jobs(self, asked: Asked) -> Iterator[Job]:
        """Price it."""
        if self._for == _pair(asked.state):
            return

        def compute(_: Stop) -> Priced:
            return priced(asked.state)

        def keep(found: Priced) -> None:
            self._for = _pair(asked.state)
            self._show(asked.state, found)

        yield compute, keep

    def _show(self, state: State, found: Priced) -> None:
        if found.table is None or found.account is None:
            self.answer.value = note(f"Not priced. {found.why}.")
            return
        off, on = names(state)
        costs = str(state.fields.get("costs") or SERVER)
        heading = title(f"Time per access, {on} less {off} (simulated)")
        self.figure.value = heading + self._draw(found.table, "difference")
        self.answer.value = _answer(found.table, off, on, costs)
        self.account.value = _account(found.account, off, on)


def _pair(state: State) -> tuple[Any, ...]:
    return (state.off, state.on)


def _answer(table: pd.DataFrame, off: str, on: str, costs: str) -> str:
    rows = []
    for row in table.to_dict("records"):
        said = in_words(row["verdict"])
        said += "" if row["stable"] else " (not stable)"
        cells = [
            f"{row['off']:.1f}",
            f"{row['on']:.1f}",
            f"{row['difference']:+.1f}",
            f"{row['low']:+.1f} to {row['high']:+.1f}",
            "-" if pd.isna(row["wins"]) else f"{row['wins']:.0%}".replace("%", " %"),
            said,
        ]
        rows.append((MEASURES[row["measure"]], cells))
    heads = [off, on, "difference", "range", "cheaper in", "verdict"]
    draws = word(int(table["draws"].max()))
    caption = (
        f"Simulated, ns per access, {cost_set(costs)}. Range: the middle 95 % of {draws} draws of "
        f"the costs from their ranges; cheaper in: the share of them in which {on} is cheaper."
    )
    return numbers_table(heads, rows, caption)


def _account(table: pd.DataFrame, off: str, on: str) -> str:
    time = table[table["kind"] == "time"]
    half = len(table) // 2  # first kernel A's rows, then B's
    a, b = (part.to_dict("records") for part in (time[time.index < half], time[time.index >= half]))
    rows = []
    for one, other in zip(a, b, strict=True):
        cells = [f"{side['events']:.2f}" for side in (one, other)]
        cells += [f"{side['ns']:.1f}" for side in (one, other)]
        rows.append((str(one["item"]), [*cells, f"{other['ns'] - one['ns']:+.1f}"]))
    total = [sum(row["ns"] for row in part) for part in (a, b)]
    rows.append(("all", ["", "", *(f"{ns:.1f}" for ns in total), f"{total[1] - total[0]:+.1f}"]))
    heads = [f"events, {off}", f"events, {on}", f"ns, {off}", f"ns, {on}", "difference (ns)"]
    return numbers_table(
        heads, rows, "Where the time of all CPUs goes, per access, with the set's values"
    )
