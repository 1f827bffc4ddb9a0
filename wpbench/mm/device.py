"""An asynchronous swap device: plug, merge, dispatch, completion (block/blk-mq.c)."""

from __future__ import annotations

import numpy as np

from .._jit import inline, kernel
from . import layout as L
from .chance import latency
from .machine import Machine, requests, servers
from .page import fail
from .pagevec import queue_move

FLUSH_PAGES = 32  # BLK_PLUG_FLUSH_SIZE, 128 KiB


@inline
def _earlier(m: Machine, a: int, b: int) -> bool:
    """Does the request at ``a`` complete before the one at ``b``?"""
    x = m.reg[a + L.RQ_DONE]
    y = m.reg[b + L.RQ_DONE]
    return x < y or (x == y and m.reg[a + L.RQ_SEQ] < m.reg[b + L.RQ_SEQ])


@inline
def _exchange(m: Machine, a: int, b: int) -> None:
    for k in range(L.NR_RQ):
        x = m.reg[a + k]
        m.reg[a + k] = m.reg[b + k]
        m.reg[b + k] = x


@inline
def _free_place(m: Machine) -> int:
    """Return the place in the device's queue that is free first."""
    first = servers(m)
    place = first
    for i in range(first + 1, first + m.reg[L.CFG_QUEUE_DEPTH]):
        if m.reg[i] < m.reg[place]:
            place = i
    return place


@kernel
def _start(m: Machine, cpu: int, plugged: int) -> None:
    """Put a plugged request in flight; its completion is due after the latency.

    Where the device serves ``queue_depth`` requests at a time, a further one waits for a place.
    """
    heap = requests(m)
    nr = m.reg[L.REG_NR_REQUESTS]
    if nr >= m.reg[L.CFG_NREQUESTS]:
        fail(m, L.ERR_FIELD_OVERFLOW)
        return
    done = m.reg[L.CLOCK + cpu]
    if m.reg[L.CFG_QUEUE_DEPTH] > 0:
        place = _free_place(m)
        done = max(done, m.reg[place]) + latency(m)
        m.reg[place] = done
    else:
        done += latency(m)
    at = heap + nr * L.NR_RQ
    for k in range(L.NR_RQ):
        m.reg[at + k] = m.reg[plugged + k]
    m.reg[at + L.RQ_DONE] = done
    m.reg[at + L.RQ_SEQ] = m.reg[L.REG_REQUEST_SEQ]
    completing = m.reg[L.CFG_COMPLETION_CPU]
    m.reg[at + L.RQ_CPU] = completing if completing >= 0 else cpu
    m.reg[L.REG_REQUEST_SEQ] += 1
    m.reg[L.REG_NR_REQUESTS] = nr + 1
    while nr > 0:
        parent = (nr - 1) // 2
        if not _earlier(m, heap + nr * L.NR_RQ, heap + parent * L.NR_RQ):
            break
        _exchange(m, heap + nr * L.NR_RQ, heap + parent * L.NR_RQ)
        nr = parent


@kernel
def flush_plug(m: Machine, cpu: int) -> None:
    """Dispatch what is plugged, the newest request first (``blk_mq_plug_issue_direct()``).

    A memory-backed driver copies here, interrupts off, before it starts the request's timer.
    """
    at = m.reg[L.REG_NR_PLUGGED] - 1
    m.reg[L.REG_NR_PLUGGED] = 0
    while at >= 0:
        rq = L.PLUG + at * L.NR_RQ
        if m.timed:
            new = m.reg[rq + L.RQ_NEW]
            old = m.reg[rq + L.RQ_NR] - new
            m.reg[L.CLOCK + cpu] += (
                new * m.reg[L.COST_DISPATCH_NEW] + old * m.reg[L.COST_DISPATCH_REWRITE]
            )
        _start(m, cpu, rq)
        at -= 1


@kernel
def submit_page(m: Machine, cpu: int, slot: int, write: int, new: int) -> None:
    """Add one page's I/O to the task's plug: merge it into the newest request, or begin another.

    ``blk_mq_submit_bio()``: a merge needs a neighbouring slot and room.  A new request first
    dispatches the plug when that holds 32 requests, or when its newest is 128 KiB or more
    (``blk_add_rq_to_plug()``).
    """
    nr = m.reg[L.REG_NR_PLUGGED]
    if nr > 0:
        rq = L.PLUG + (nr - 1) * L.NR_RQ
        first = m.reg[rq + L.RQ_SLOT]
        pages = m.reg[rq + L.RQ_NR]
        if pages < m.reg[L.CFG_MAX_REQUEST] and m.reg[rq + L.RQ_WRITE] == write:
            # Consecutive clusters of slots are not neighbours on the device.
            after = slot == first + pages and slot % L.SWAPFILE_CLUSTER != 0
            before = slot == first - 1 and first % L.SWAPFILE_CLUSTER != 0
            if after or before:
                if before:
                    m.reg[rq + L.RQ_SLOT] = slot
                m.reg[rq + L.RQ_NR] = pages + 1
                m.reg[rq + L.RQ_NEW] += new
                return
        if nr >= L.MAX_PLUGGED or pages >= FLUSH_PAGES:
            flush_plug(m, cpu)
            nr = 0
    rq = L.PLUG + nr * L.NR_RQ
    m.reg[rq + L.RQ_SLOT] = slot
    m.reg[rq + L.RQ_NR] = 1
    m.reg[rq + L.RQ_WRITE] = write
    m.reg[rq + L.RQ_NEW] = new
    m.reg[L.REG_NR_PLUGGED] = nr + 1


@kernel
def end_page_writeback(m: Machine, cpu: int, page: int) -> None:
    """Writeback of one page is done (``folio_end_writeback()``).

    A page that reclaim wanted goes to the tail of its list, through lru_rotate of the CPU that
    runs the completion: if it is on a list now, and neither locked nor dirty again.
    """
    word = m.page[page]
    if word & L.PG_RECLAIM:
        m.page[page] = word & ~L.PG_RECLAIM
        if word & (L.PG_LRU | L.PG_LOCKED | L.PG_DIRTY) == L.PG_LRU:
            queue_move(m, cpu, page, L.VEC_ROTATE)
    m.page[page] &= ~L.PG_WRITEBACK


@kernel
def _complete_next(m: Machine) -> int:
    """Complete the request that is due first; return its time."""
    heap = requests(m)
    time = m.reg[heap + L.RQ_DONE]
    slot = m.reg[heap + L.RQ_SLOT]
    pages = m.reg[heap + L.RQ_NR]
    cpu = m.reg[heap + L.RQ_CPU]
    write = m.reg[heap + L.RQ_WRITE]
    nr = m.reg[L.REG_NR_REQUESTS] - 1
    m.reg[L.REG_NR_REQUESTS] = nr
    _exchange(m, heap, heap + nr * L.NR_RQ)
    at = 0
    while True:
        child = 2 * at + 1
        if child >= nr:
            break
        right = heap + (child + 1) * L.NR_RQ
        if child + 1 < nr and _earlier(m, right, heap + child * L.NR_RQ):
            child += 1
        if not _earlier(m, heap + child * L.NR_RQ, heap + at * L.NR_RQ):
            break
        _exchange(m, heap + at * L.NR_RQ, heap + child * L.NR_RQ)
        at = child
    for s in range(slot, slot + pages):
        page = np.int64(m.slot[s]) >> L.SHIFT_SLOT_PAGE
        if write:
            end_page_writeback(m, cpu, page)
        else:
            m.page[page] &= ~L.PG_LOCKED
    return time


@kernel
def complete_until(m: Machine, time: int) -> None:
    """Run the completions that are due at ``time`` (nanoseconds) or before."""
    heap = requests(m)
    while m.reg[L.REG_NR_REQUESTS] > 0 and m.reg[heap + L.RQ_DONE] <= time:
        _complete_next(m)


@kernel
def _tick(m: Machine, cpu: int, cost: int) -> None:
    m.reg[L.CLOCK + cpu] += m.reg[cost]
    if m.async_io:
        complete_until(m, m.reg[L.CLOCK + cpu])


@inline
def tick(m: Machine, cpu: int, cost: int) -> None:
    """Let one step of a CPU take its time; completions that fall into it happen."""
    if m.timed:
        _tick(m, cpu, cost)


@kernel
def wait_on_page_locked(m: Machine, cpu: int, page: int) -> None:
    """Sleep until a page's read is done."""
    while m.page[page] & L.PG_LOCKED:
        if m.reg[L.REG_NR_REQUESTS] == 0:
            fail(m, L.ERR_BAD_OPERATION)
            return
        m.reg[L.CLOCK + cpu] = max(m.reg[L.CLOCK + cpu], _complete_next(m))
