"""One page's life in a program on two kernels, side by side, and where they part."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from .holders import Column, Holder, bottom_of, box, draw_holders, rows_of
from .page_life import state_column
from .style import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..litmus.differences import Difference, Side
    from ..litmus.lives import Moment

_PARTED = "#D55E00"
_LEGEND = (
    "Columns: operations. Bars: holders of the page. Dashed: the first operation that differs. "
    "Grey: the last, with its outcome."
)
_INSTEAD = {"swap", "zero page"}  # of a page, in a PTE: a row of its own
_ROOM = 2.6  # columns that the outcome takes
_LEAST = 3  # columns that are given width: also a short program leaves its bars narrow


def two_lives(difference: Difference, axes: Sequence[Axes]) -> Sequence[Axes]:
    """Draw who held a page in a program, on either kernel, from ``litmus.differ()``.

    Parameters
    ----------
    difference
        The program, and what both did.
    axes
        Two, beside each other.

    Returns
    -------
    sequence of Axes
        In each a column an operation, a row a holder; thin bars are page flags, or what the PTE
        leads to instead of a page.  Grey: the last operation, in which they differ; of a
        write-protect fault the page as it was when do_wp_page() decided, else after it.  Dashed:
        the operation in which the machines parted.  At the right what the last one did.
    """
    sides = (difference.a, difference.b)
    lives = [_columns(difference, side) for side in sides]
    rows = rows_of([column for columns in lives for column in columns])
    for side, columns, ax in zip(sides, lives, axes, strict=True):
        ax.set_axis_off()
        ax.set_xlim(0, max(len(columns), _LEAST) + _ROOM)
        ax.set_ylim(bottom_of(rows), -1.2)
        _frame(difference, side, len(columns), rows, ax)
        draw_holders(columns, rows, ax)
        ax.set_title(side.kernel, loc="left", fontsize="medium", weight="bold")
    return axes


def lives_figure(difference: Difference) -> Figure:
    """Return a figure of a program's page on both kernels, with a title and how to read it."""
    fig, whole = figure(9.6, 3.4)
    whole.remove()
    two_lives(difference, fig.subplots(1, 2))
    wrapped = fill(f"{difference.line} (simulated, page {difference.page})", 90)
    fig.suptitle(wrapped, fontsize="medium")
    fig.supxlabel(_LEGEND, fontsize="small")
    return fig


def _frame(difference: Difference, side: Side, n: int, rows: Sequence[Holder], ax: Axes) -> None:
    """Mark the last operation, the one in which the machines parted, and the outcome."""
    bottom = bottom_of(rows)
    box(ax, 0, -1.2, max(n, _LEAST) + _ROOM, bottom + 1.2, facecolor="none", edgecolor="black")
    box(ax, n - 1, -1.2, 1, bottom + 1.2, facecolor="#EEEEEE", zorder=0)
    box(
        ax, difference.parted + 0.03, -1.15, 0.94, bottom + 1.1, facecolor="none",
        edgecolor=_PARTED, linestyle="--", linewidth=1.8, zorder=3,
    )  # fmt: skip
    told = "\n".join(outcome_lines(difference, side))
    ax.text(n + 0.12, -0.9, told, va="top", weight="bold", fontsize="small")


def outcome_lines(difference: Difference, side: Side) -> list[str]:
    """Return what the last operation did on a kernel, in a few short lines."""
    last = side.last
    done = side.result.removesuffix(" 1") or ("copy" if side.copied else "")
    words = [done.upper()] if done else []
    words += [side.reason] if side.reason else []
    kinds = {"drains": "", "drains_swapin": " (swap-in)", "drains_readahead": " (readahead)"}
    for name, where in kinds.items():
        if last[name]:
            words.append(f"{last[name]} drain{'s' if last[name] > 1 else ''}{where}")
    if difference.observed == "flushes":
        words.append(f"{last['tlb_flushes']} TLB flushes")
    if difference.observed == "memory":
        words.append(f"memory {last['memory']:+d}")
    if not any(last[name] for name in kinds):
        words.append("no drain")
    return words


def _columns(difference: Difference, side: Side) -> list[Column]:
    life = side.life
    moves = len({moment.cpu for moment in life}) > 1
    columns = [_after(moment, moves) for moment in life]
    told = side.explanation
    if told is not None and told.page == difference.page:
        columns[-1] = state_column(columns[-1].label, told.decided, told.cpu, columns[:-1])
    return columns


def _after(moment: Moment, moves: bool) -> Column:
    """Return how a page stood after an operation, which says where it was if the program moves."""
    label = moment.operation
    if moves and not label.startswith(("on ", "exit ")):
        label += f", CPU {moment.cpu}"
    held = {(name, cpu): n for name, cpu, n in moment.held}
    instead = {moment.pte} & _INSTEAD
    return Column(label, moment.count, held, frozenset({*moment.flags, *instead}))


__all__ = ["lives_figure", "two_lives"]
