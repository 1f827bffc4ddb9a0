"""One page's life: who held it, operation by operation, up to the write-protect fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
from ..mm.layout import HOLDERS
from ..simulate.explanation import Event, Explanation

_STATE = re.compile(r"page_count (\d+) = (.*); (.*)")
# Holders that belong to a CPU, whichever put the page there.
_PAGEVECS = tuple(holder.name for holder in HOLDERS if holder.pagevec)
# Rows from top to bottom: holders, then the flags that do_wp_page() and MADV_PAGEOUT look at.
_ROWS = tuple(holder.name for holder in HOLDERS)
_FLAGS = {"LRU": "PG_lru", "writeback": "PG_writeback", "locked": "PG_locked"}
_COLOURS = {"pte": "#0072B2", "swapcache": "#E69F00"} | dict.fromkeys(_PAGEVECS, "#009E73")
_OTHER = "#999999"


@dataclass(frozen=True)
class _Column:
    """How the page stood after an operation.

    ``held``: references of each holder, a pagevec's name with the CPU whose it is.
    """

    label: str
    count: int
    held: dict[tuple[str, int | None], int]
    flags: frozenset[str]


def page_life(explanation: Explanation, ax: Axes, *, last: int = 12) -> Axes:
    """Draw who held a page before its write-protect fault, and what the fault did.

    Parameters
    ----------
    explanation
        From ``explain()``.
    ax
        Where to draw.
    last
        Operations drawn at most, those nearest to the fault.

    Returns
    -------
    Axes
        A row a holder, with a bar from the operation by which it came to the one by which it went;
        of a pagevec also the CPU whose it is.  Thin bars are page flags, which hold nothing.  At
        the top page_count; at the right do_wp_page(), its drain, and the outcome.
    """
    columns = _columns(explanation, last)
    rows = _rows(columns)
    # Rectangles and texts alone, the axes' own ticks off: a quarter of the time (wb.explore()).
    ax.set_axis_off()
    ax.set_xlim(0, _width(columns))
    ax.set_ylim(max(len(rows), 4) - 0.4, -1.2)
    _frame(explanation, ax, columns, max(len(rows), 4) - 0.4)
    for y, (name, cpu) in enumerate(rows):
        words = _FLAGS.get(name, name) if cpu is None else f"{name}, CPU {cpu}"
        ax.text(-0.08, y, words, ha="right", va="center")
        flag = name in _FLAGS
        height = 0.25 if flag else 0.62
        colour = "white" if flag else _COLOURS.get(name, _OTHER)
        for start, end, n in _spans(columns, (name, cpu)):
            _box(
                ax, start, y - height / 2, end - start, height, facecolor=colour,
                hatch="////" if flag else None, edgecolor="black", linewidth=0.8,
            )  # fmt: skip
            if n > 1:
                ax.text((start + end) / 2, y, f"x{n}", color="white", ha="center", va="center")
    for i, column in enumerate(columns):
        ax.text(i + 0.5, -0.8, str(column.count), ha="center", va="center", fontsize="small")
        ax.text(
            i + 0.6, max(len(rows), 4) - 0.3, column.label, rotation=30, ha="right", va="top",
            rotation_mode="anchor", fontsize="small",
        )  # fmt: skip
    ax.text(-0.08, -0.8, "page_count", ha="right", va="center", fontsize="small")
    return ax


def _box(ax: Axes, x: float, y: float, width: float, height: float, **looks: Any) -> None:
    ax.add_artist(Rectangle((x, y), width, height, **looks))


def _frame(explanation: Explanation, ax: Axes, columns: list[_Column], bottom: float) -> None:
    """Mark where the fault begins, its drain, and how it ends."""
    n = len(columns)
    decides = explanation.decided != explanation.before
    begins = n - (2 if decides else 1)
    _box(ax, 0, -1.2, _width(columns), bottom + 1.2, facecolor="none", edgecolor="black")
    _box(ax, begins, -1.2, _width(columns) - begins, bottom + 1.2, facecolor="#EEEEEE", zorder=0)
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


def _width(columns: list[_Column]) -> float:
    """Return the columns drawn: also a short life leaves its bars narrow, and room for words."""
    return max(len(columns) + 1.6, 8.0)


def _columns(explanation: Explanation, last: int) -> list[_Column]:
    """Return the page's states: after the last operations, when the fault began, when it decided.

    A bar that begins before what is drawn still knows whose pagevec it is.
    """
    events = _merged(explanation.history)
    columns: list[_Column] = []
    for event in events:
        columns.append(_column(_operation(event), event.after, event.cpu, columns))
    hidden = len(columns) - last
    if hidden > 0:
        columns[hidden - 1] = replace(columns[hidden - 1], label=f"... {hidden} before")
        del columns[: hidden - 1]
    writer = explanation.cpu
    columns.append(_column(f"write fault, CPU {writer}", explanation.before, writer, columns))
    if explanation.decided != explanation.before:
        columns.append(_column("do_wp_page() decides", explanation.decided, writer, columns))
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


def _column(label: str, state: str, cpu: int | None, before: list[_Column]) -> _Column:
    match = _STATE.fullmatch(state)
    assert match is not None, f"no state of a page: {state!r}"
    whose: dict[str, int | None] = dict(before[-1].held.keys()) if before else {}
    held: dict[tuple[str, int | None], int] = {}
    for part in match[2].split(" + ") if match[2] != "nobody" else ():
        name, times, n = part.partition(" x")
        owner = whose.get(name, cpu) if name in _PAGEVECS else None
        held[name, owner] = int(n) if times else 1
    return _Column(label, int(match[1]), held, frozenset(match[3].split()))


def _rows(columns: list[_Column]) -> list[tuple[str, int | None]]:
    """Return who gets a row: each holder, of pagevecs each CPU's, then flags."""
    held = {holder for column in columns for holder in column.held}
    flags = {flag for column in columns for flag in column.flags}
    rows = sorted(held, key=lambda h: (_ROWS.index(h[0]), -1 if h[1] is None else h[1]))
    return rows + [(flag, None) for flag in _FLAGS if flag in flags]


def _spans(columns: list[_Column], row: tuple[str, int | None]) -> list[tuple[int, int, int]]:
    """Return (start, end, references) of each bar of a row."""
    spans: list[tuple[int, int, int]] = []
    for i, column in enumerate(columns):
        n = int(row[0] in column.flags) if row[0] in _FLAGS else column.held.get(row, 0)
        if n and spans and spans[-1][1] == i and spans[-1][2] == n:
            spans[-1] = (spans[-1][0], i + 1, n)
        elif n:
            spans.append((i, i + 1, n))
    return spans
