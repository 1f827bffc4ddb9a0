"""The patterns: each makes a state, looks at it, times what it is about, and looks again."""

from __future__ import annotations

from ..probe.compiled import part
from ..probe.libc import MADV_PAGEOUT, c_madvise, c_memcpy, load_byte, store_byte
from ..probe.litmus_row import FAILED_MADVISE
from ..probe.litmus_steps import PAGE, fail, now, set_cpu
from .children import begin_child, end_child
from .elsewhere import visit_contended, visit_interrupted, visit_vain
from .states import (
    ZERO_PAGE,
    begin_counting,
    drain_here,
    judge,
    look,
    one_fault,
    spoil,
    spoil_late,
    swapped,
    wrong_after,
    wrong_before,
    wrong_rest,
)
from .told import (
    CLOCK,
    CONTENDED,
    COPY,
    COPY_FIRST,
    DRAIN,
    FRAME,
    HIT,
    INTERRUPTED,
    KEPT,
    LOST,
    MADVISE,
    PAGEOUT,
    REUSE,
    REUSE_FIRST,
    SWAPIN,
    TOUCH,
    VAIN,
    ZERO,
    CostRow,
)
from .visits import (
    DRAINS,
    MOST,
    WARM,
    begin,
    first_of,
    judge_all,
    look_at_all,
    timed_drain,
    timed_write,
    touch,
    write_all,
)

CYCLES = 2  # forks before the one whose copies count


@part
def visit_clock(b: CostRow, slot: int) -> None:
    """Read the clock twice; write to a page that is writable."""
    for _ in range(MOST):
        start = now(b)
        judge(b, slot, KEPT, now(b) - start)


@part
def visit_hit(b: CostRow, slot: int) -> None:
    """Write to pages that are writable."""
    touch(b, 0, b.many)
    spoil(b, 0, b.many)
    for page in range(b.many):
        look(b, page)
        begin_counting(b)
        start = now(b)
        store_byte(b.base + PAGE * page, 2)
        took = now(b) - start
        wrong = KEPT if one_fault(b, 0) != KEPT and b.frame[page] >= 0 else FRAME
        judge(b, slot, wrong, took)


@part
def visit_reuse(b: CostRow, slot: int) -> None:
    """Fork a child, let it exit, write to pages that are on the LRU."""
    touch(b, 0, b.many)
    drain_here(b)
    begin_child(b)
    end_child(b)
    spoil(b, 0, b.many)
    look_at_all(b)
    write_all(b)
    judge_all(b, slot, 1, 0)


@part
def visit_drain(b: CostRow, slot: int, waiting: int) -> None:
    """The same to one page that waits with others in this CPU's pagevec."""
    touch(b, 0, WARM)
    drain_here(b)
    touch(b, WARM, waiting)
    begin_child(b)
    end_child(b)
    spoil(b, WARM, waiting)
    wrong = KEPT
    for page in range(WARM + waiting):
        look(b, page)
        wrong = first_of(wrong, wrong_before(b, page, int(page < WARM), 1))
    spoil_late(b)
    for page in range(WARM + 1):
        timed_write(b, page)
    wrong = first_of(wrong, b.seen[WARM])
    wrong = first_of(wrong, wrong_after(b, WARM, 0))
    judge(b, slot, first_of(wrong, wrong_rest(b, WARM, waiting)), b.took[WARM])
    set_cpu(b, 0, 0)


@part
def visit_madvise(b: CostRow, slot: int, waiting: int) -> None:
    """Drain pages that wait, or none, by MADV_COLD on memory never touched."""
    for _ in range(DRAINS):
        begin(b)
        wrong = timed_drain(b, waiting)
        judge(b, slot, wrong, b.took[0])
        set_cpu(b, 0, 0)


@part
def copies(b: CostRow, slot: int) -> None:
    """Write to pages that are on the LRU and that the child maps too."""
    look_at_all(b)
    write_all(b)
    judge_all(b, slot, 2, 1)


@part
def visit_copy(b: CostRow, slot: int) -> None:
    """Fork a child, write to the pages while it lives; again, as soon as it has exited.

    A child's exit frees memory on its own CPU: so the next copies go to memory that this CPU's
    caches do not have, as those of a program do that forks again and again.
    """
    touch(b, 0, b.many)
    for _ in range(CYCLES):
        drain_here(b)
        begin_child(b)
        write_all(b)
        end_child(b)
    drain_here(b)
    begin_child(b)
    spoil(b, 0, b.many)
    copies(b, slot)
    end_child(b)


@part
def visit_zero(b: CostRow, slot: int) -> None:
    """Write to pages that were read before they were written: the zero page."""
    for page in range(b.many):
        load_byte(b.base + PAGE * page)
    spoil(b, 0, b.many)
    look_at_all(b)
    write_all(b)
    for i in range(WARM, b.many):
        page = b.order[i]
        wrong = first_of(wrong_before(b, page, 0, ZERO_PAGE), b.seen[page])
        judge(b, slot, first_of(wrong, wrong_after(b, page, 1)), b.took[page])


@part
def visit_touch(b: CostRow, slot: int) -> None:
    """Write to memory never touched."""
    store_byte(b.base + PAGE * b.many, 1)  # so that the page table is there
    drain_here(b)
    spoil(b, 0, b.many)
    look_at_all(b)
    write_all(b)
    for i in range(WARM, b.many):
        page = b.order[i]
        wrong = KEPT if b.frame[page] < 0 else FRAME
        judge(b, slot, first_of(wrong, b.seen[page]), b.took[page])


@part
def page_out(b: CostRow, content: int, n: int) -> int:
    """Fill pages, page them out; return what MADV_PAGEOUT took."""
    for page in range(n):
        if content:
            c_memcpy(b.base + PAGE * page, b.content, PAGE)
            store_byte(b.base + PAGE * page, page)
        else:
            store_byte(b.base + PAGE * page, 0)
    drain_here(b)
    spoil(b, 0, n)
    start = now(b)
    if c_madvise(b.base, PAGE * n, MADV_PAGEOUT):
        fail(b, FAILED_MADVISE)
    return now(b) - start


@part
def visit_pageout(b: CostRow, slot: int, n: int) -> None:
    """Page some pages out; the second time, the caches have the way."""
    page_out(b, b.content_of[slot], n)
    begin(b)
    took = page_out(b, b.content_of[slot], n)
    judge(b, slot, swapped(b, n), took)


@part
def visit_swapin(b: CostRow, slot: int) -> None:
    """Read pages that are in swap.

    Where the kernel reads ahead, only some of them: as nobody wants the others, it soon reads one
    at a time.
    """
    n = b.many * b.apart
    page_out(b, b.content_of[slot], n)
    out = swapped(b, n)
    for i in range(b.many):
        if i == WARM and b.apart > 1:
            drain_here(b)  # what was read ahead
        page = b.order[i] * b.apart
        begin_counting(b)
        start = now(b)
        load_byte(b.base + PAGE * page)
        b.took[page] = now(b) - start
        b.seen[page] = one_fault(b, 1)
    for i in range(WARM, b.many):
        page = b.order[i] * b.apart
        look(b, page)
        wrong = first_of(out, b.seen[page])
        judge(b, slot, first_of(wrong, wrong_before(b, page, 0, 1)), b.took[page])


@part
def visit(b: CostRow, slot: int) -> None:
    """Visit a slot's pattern once."""
    kind = b.kind[slot]
    param = b.param[slot]
    if kind in (LOST, REUSE_FIRST, COPY_FIRST):
        return  # the slot before fills it
    begin(b)
    if kind == CLOCK:
        visit_clock(b, slot)
    elif kind == HIT:
        visit_hit(b, slot)
    elif kind == REUSE:
        visit_reuse(b, slot)
    elif kind == DRAIN:
        visit_drain(b, slot, param)
    elif kind == MADVISE:
        visit_madvise(b, slot, param)
    elif kind == COPY:
        visit_copy(b, slot)
    elif kind == CONTENDED:
        visit_contended(b, slot, param)
    elif kind == VAIN:
        visit_vain(b, slot, param)
    elif kind == ZERO:
        visit_zero(b, slot)
    elif kind == TOUCH:
        visit_touch(b, slot)
    elif kind == INTERRUPTED:
        visit_interrupted(b, slot, param)
    elif kind == PAGEOUT:
        visit_pageout(b, slot, param)
    elif kind == SWAPIN:
        visit_swapin(b, slot)
    end_child(b)
