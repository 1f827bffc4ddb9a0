"""One page's life: who held it, operation by operation, up to the write-protect fault."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .holders import PAGEVECS, Column, bottom_of, box, draw_holders, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..simulate.explanation import Event, Explanation

_STATE = re.compile(r"page_count (\d+) = (.*); (.*)")


def page_life(explanation: Explanation, ax: Axes, *, last: int = 12) -> Axes:
    """Draw the holders of a page up to its write-protect fault, and the fault itself.

    Parameters
    ----------
    explanation
        From ``explain()``.
    ax
        Where to draw.
    last
        The number of operations drawn, those nearest to the fault.

    Returns
    -------
    Axes
        A row for each holder, with a bar from the operation that took the reference to the one that
        dropped it; a pagevec's bar also has its CPU.  Thin bars are page flags, which hold
        nothing.  At the top page_count; at the right do_wp_page(), its drain, and the outcome.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> found = wb.explain(wb.Scenario(kernel="patch1", npages=8, rounds=1), fault=3)
    >>> figure, axes = plots.figure()
    >>> plots.page_life(found, axes) is axes
    True
    """
    columns = _columns(explanation, last)
    rows = rows_of(columns)
    ax.set_axis_off()
    ax.set_xlim(0, _width(columns))
    ax.set_ylim(bottom_of(rows), -1.2)
    _frame(explanation, ax, columns, bottom_of(rows))
    draw_holders(columns, rows, ax)
    return ax


def _frame(explanation: Explanation, ax: Axes, columns: list[Column], bottom: float) -> None:
    """Mark where the fault begins, its drain, and how it ends."""
    n = len(columns)
    decides = explanation.decided != explanation.before
    begins = n - (2 if decides else 1)
    box(ax, 0, -1.2, _width(columns), bottom + 1.2, facecolor="none", edgecolor="black")
    box(ax, begins, -1.2, _width(columns) - begins, bottom + 1.2, facecolor="#EEEEEE", zorder=0)
    ax.plot([begins, begins], [-1.2, bottom], color="black", linewidth=1.5)
    if explanation.drained >= 0:
        at = n - 1 if decides else begins + 0.5
        ax.plot([at, at], [-1.2, bottom], color="black", linestyle="--", linewidth=1.2)
        entries = "1 entry" if explanation.drained == 1 else f"{explanation.drained} entries"
        ax.text(n + 0.12, bottom - 0.15, f"- - drained:\n{entries}", va="bottom", fontsize="small")
    outcome = explanation.outcome.upper()
    if explanation.reason:
        outcome += f"\n{explanation.reason}"
    ax.text(n + 0.12, -0.2, outcome, va="top", weight="bold")


def _width(columns: list[Column]) -> float:
    """Return the columns drawn: also a short life leaves its bars narrow, and room for words."""
    return max(len(columns) + 1.6, 8.0)


def _columns(explanation: Explanation, last: int) -> list[Column]:
    """Return the page's states: after the last operations, when the fault began, when it decided.

    A bar that begins before what is drawn still knows whose pagevec it is.
    """
    events = _merged(explanation.history)
    columns: list[Column] = []
    for event in events:
        columns.append(state_column(_operation(event), event.after, event.cpu, columns))
    hidden = len(columns) - last
    if hidden > 0:
        columns[hidden - 1] = replace(columns[hidden - 1], label=f"... {hidden} before")
        del columns[: hidden - 1]
    writer = explanation.cpu
    columns.append(state_column(f"write fault, CPU {writer}", explanation.before, writer, columns))
    if explanation.decided != explanation.before:
        columns.append(state_column("do_wp_page() decides", explanation.decided, writer, columns))
    return columns


def _merged(history: list[Event]) -> list[Event]:
    """Let a page's arrival, its PTE and its pagevec entry, be one operation."""
    merged: list[Event] = []
    for event in history:
        first = merged[-1] if merged else None
        if (
            first is not None
            and first.before.startswith("page_count 0 ")
            and (first.operation, first.cpu, first.t_ns) == (event.operation, event.cpu, event.t_ns)
        ):
            merged[-1] = replace(first, after=event.after)
        else:
            merged.append(event)
    return merged


def _operation(event: Event) -> str:
    name = event.operation.removeprefix("MADV_PAGEOUT: ").removeprefix("do_wp_page(): ")
    return name if event.cpu is None else f"{name}, CPU {event.cpu}"


def state_column(label: str, state: str, cpu: int | None, before: list[Column]) -> Column:
    """Return a state in words as a column; whose pagevec it is is in those before, or ``cpu``."""
    match = _STATE.fullmatch(state)
    assert match is not None, f"no state of a page: {state!r}"
    whose: dict[str, int | None] = dict(before[-1].held.keys()) if before else {}
    held: dict[tuple[str, int | None], int] = {}
    for part in match[2].split(" + ") if match[2] != "nobody" else ():
        name, times, n = part.partition(" x")
        owner = whose.get(name, cpu) if name in PAGEVECS else None
        held[name, owner] = int(n) if times else 1
    return Column(label, int(match[1]), held, frozenset(match[3].split()))
