"""What every pattern is made of: fresh memory, timed accesses, and the judgement of a visit."""

from __future__ import annotations

from ..probe.compiled import part, step
from ..probe.libc import store_byte
from ..probe.litmus_steps import PAGE, now, renew
from .states import (
    begin_counting,
    drain_here,
    judge,
    look,
    one_fault,
    spoil,
    spoil_late,
    wrong_after,
    wrong_before,
    wrong_rest,
)
from .told import (
    KEPT,
    REGION,
    CostRow,
)

DRAINS = 4  # of a visit whose pattern is a drain
WARM = 5  # accesses before those that count, after what leaves the caches cold
MOST = 32  # accesses of a visit at most: "many", fewer than a pagevec holds, so that none fills it


@part
def begin(b: CostRow) -> None:
    """Begin a visit: memory never touched, and this CPU's pagevecs empty."""
    b.late = 0
    renew(b, b.base, REGION * PAGE, REGION * PAGE)
    drain_here(b)


@part
def touch(b: CostRow, first: int, n: int) -> None:
    """Write to pages for the first time."""
    for page in range(first, first + n):
        store_byte(b.base + PAGE * page, 1)


@part
def timed_write(b: CostRow, page: int) -> None:
    """Write to a page; note what it took, and whether it met one minor fault."""
    begin_counting(b)
    start = now(b)
    store_byte(b.base + PAGE * page, 2)
    b.took[page] = now(b) - start
    b.seen[page] = one_fault(b, 0)


@part
def timed_drain(b: CostRow, waiting: int) -> int:
    """Drain pages that wait, or none, by MADV_COLD; return why the row is dropped.

    ``took[0]`` is what it took.
    """
    touch(b, 0, waiting)
    spoil(b, 0, waiting)
    wrong = KEPT
    for page in range(waiting):
        look(b, page)
        wrong = first_of(wrong, wrong_before(b, page, 0, 1))
    spoil_late(b)
    start = now(b)
    drain_here(b)
    took = now(b) - start
    wrong = first_of(wrong, wrong_rest(b, 0, waiting))
    b.took[0] = took
    return wrong


@part
def look_at_all(b: CostRow) -> None:
    """Look at the pages of a visit."""
    for page in range(b.many):
        look(b, page)


@part
def write_all(b: CostRow) -> None:
    """Write to the pages of a visit, shuffled: in sequence the caches would fetch the next one."""
    for i in range(b.many):
        timed_write(b, b.order[i])


@step
def first_of(one: int, other: int) -> int:
    """Return the first reason to drop a row, KEPT if there is none."""
    return one if one != KEPT else other


@part
def judge_all(b: CostRow, slot: int, mappings: int, copied: int) -> None:
    """Judge the writes of a visit; the first ones are one row of the next slot, together."""
    first = 0
    wrong_first = KEPT
    for i in range(b.many):
        page = b.order[i]
        wrong = first_of(wrong_before(b, page, 1, mappings), b.seen[page])
        wrong = first_of(wrong, wrong_after(b, page, copied))
        if i < WARM:
            first += b.took[page]
            wrong_first = first_of(wrong_first, wrong)
        else:
            judge(b, slot, wrong, b.took[page])
    judge(b, slot + 1, wrong_first, first)
