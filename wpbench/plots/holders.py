"""Who holds a page: a row a holder, a bar from when it came to when it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

from ..mm.layout import HOLDERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Holder = tuple[str, int | None]

# Holders that belong to a CPU, whichever put the page there.
PAGEVECS = tuple(holder.name for holder in HOLDERS if holder.pagevec)
# Rows from top to bottom: holders, then the flags that do_wp_page() and MADV_PAGEOUT look at, then
# what a PTE leads to instead of a page.
_ROWS = tuple(holder.name for holder in HOLDERS)
_FLAGS = {"LRU": "PG_lru", "writeback": "PG_writeback", "locked": "PG_locked"}
_FLAGS |= {"swap": "swapped out", "zero page": "zero page"}
_COLOURS = {"pte": "#0072B2", "swapcache": "#E69F00"} | dict.fromkeys(PAGEVECS, "#009E73")
_OTHER = "#999999"
LEAST_ROWS = 4  # that a frame has room for


@dataclass(frozen=True)
class Column:
    """How a page stood after an operation.

    ``held``: references of each holder, a pagevec's name with the CPU whose it is.
    """

    label: str
    count: int
    held: dict[Holder, int]
    flags: frozenset[str]


def rows_of(columns: Sequence[Column]) -> list[Holder]:
    """Return who gets a row: each holder, of pagevecs each CPU's, then flags."""
    held = {holder for column in columns for holder in column.held}
    flags = {flag for column in columns for flag in column.flags}
    rows = sorted(held, key=lambda h: (_ROWS.index(h[0]), -1 if h[1] is None else h[1]))
    return rows + [(flag, None) for flag in _FLAGS if flag in flags]


def bottom_of(rows: Sequence[Holder]) -> float:
    """Return where so many rows end."""
    return max(len(rows), LEAST_ROWS) - 0.4


def box(ax: Axes, x: float, y: float, width: float, height: float, **looks: Any) -> None:
    """Draw a rectangle."""
    ax.add_artist(Rectangle((x, y), width, height, **looks))


def draw_holders(columns: Sequence[Column], rows: Sequence[Holder], ax: Axes) -> None:
    """Draw a row a holder, page_count above and the columns' labels below.

    Rectangles and texts alone, the axes' own ticks off: a quarter of the time (wb.explore()).
    """
    bottom = bottom_of(rows)
    for y, (name, cpu) in enumerate(rows):
        words = _FLAGS.get(name, name) if cpu is None else f"{name}, CPU {cpu}"
        ax.text(-0.08, y, words, ha="right", va="center")
        flag = name in _FLAGS
        height = 0.25 if flag else 0.62
        colour = "white" if flag else _COLOURS.get(name, _OTHER)
        for start, end, n in _spans(columns, (name, cpu)):
            box(
                ax, start, y - height / 2, end - start, height, facecolor=colour,
                hatch="////" if flag else None, edgecolor="black", linewidth=0.8,
            )  # fmt: skip
            if n > 1:
                ax.text((start + end) / 2, y, f"x{n}", color="white", ha="center", va="center")
    for i, column in enumerate(columns):
        ax.text(i + 0.5, -0.8, str(column.count), ha="center", va="center", fontsize="small")
        ax.text(
            i + 0.6, bottom + 0.1, column.label, rotation=30, ha="right", va="top",
            rotation_mode="anchor", fontsize="small",
        )  # fmt: skip
    ax.text(-0.08, -0.8, "page_count", ha="right", va="center", fontsize="small")


def _spans(columns: Sequence[Column], row: Holder) -> list[tuple[int, int, int]]:
    """Return (start, end, references) of each bar of a row."""
    spans: list[tuple[int, int, int]] = []
    for i, column in enumerate(columns):
        n = int(row[0] in column.flags) if row[0] in _FLAGS else column.held.get(row, 0)
        if n and spans and spans[-1][1] == i and spans[-1][2] == n:
            spans[-1] = (spans[-1][0], i + 1, n)
        elif n:
            spans.append((i, i + 1, n))
    return spans
