"""An asynchronous swap device: plug, merge, dispatch, completion (block/blk-mq.c)."""

from __future__ import annotations

from ..jit.compile import inline, kernel
from . import layout as L
from .chance import latency
from .clock import idle_until, pass_time, spend
from .machine import Machine
from .names import Change, Cost, Error, Vec
from .page import fail
from .pagevec import queue_move
from .swapfile import swap_cache_page
from .watch import note

FLUSH_PAGES = 32  # BLK_PLUG_FLUSH_SIZE, 128 KiB


@inline
def _earlier(m: Machine, a: int, b: int) -> bool:
    """Does the request at ``a`` complete before the one at ``b``?"""
    x = m.heap[a + L.RQ_DONE]
    y = m.heap[b + L.RQ_DONE]
    return x < y or (x == y and m.heap[a + L.RQ_SEQ] < m.heap[b + L.RQ_SEQ])


@inline
def _exchange(m: Machine, a: int, b: int) -> None:
    for k in range(L.NR_RQ):
        x = m.heap[a + k]
        m.heap[a + k] = m.heap[b + k]
        m.heap[b + k] = x


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
            queue_move(m, cpu, page, Vec.ROTATE)
    m.page[page] &= ~L.PG_WRITEBACK
    note(m, Change.END_WRITEBACK, cpu)


@kernel
def _complete_next(m: Machine) -> int:
    """Complete the request that is due first; return its time."""
    time = m.heap[L.RQ_DONE]
    slot = m.heap[L.RQ_SLOT]
    pages = m.heap[L.RQ_NR]
    cpu = m.heap[L.RQ_CPU]
    write = m.heap[L.RQ_WRITE]
    nr = m.nr_requests - 1
    m.nr_requests = nr
    _exchange(m, 0, nr * L.NR_RQ)
    at = 0
    while True:
        child = 2 * at + 1
        if child >= nr:
            break
        right = (child + 1) * L.NR_RQ
        if child + 1 < nr and _earlier(m, right, child * L.NR_RQ):
            child += 1
        if not _earlier(m, child * L.NR_RQ, at * L.NR_RQ):
            break
        _exchange(m, at * L.NR_RQ, child * L.NR_RQ)
        at = child
    for s in range(slot, slot + pages):
        page = swap_cache_page(m, s)
        if write:
            end_page_writeback(m, cpu, page)
        else:
            m.page[page] &= ~L.PG_LOCKED
    spend(m, cpu, Cost.COMPLETE_REQUEST, m.cost[Cost.COMPLETE_REQUEST])
    spend(m, cpu, Cost.COMPLETE_PAGE, pages * m.cost[Cost.COMPLETE_PAGE])
    return time


@kernel
def complete_until(m: Machine, time: int) -> None:
    """Run the completions that are due at ``time`` (nanoseconds) or before."""
    while m.nr_requests > 0 and m.heap[L.RQ_DONE] <= time:
        _complete_next(m)


@inline
def _free_place(m: Machine) -> int:
    """Return the place in the device's queue that is free first."""
    place = 0
    for i in range(1, m.queue_depth):
        if m.servers[i] < m.servers[place]:
            place = i
    return place


@kernel
def _start(m: Machine, cpu: int, plugged: int) -> None:
    """Put a plugged request in flight; its completion is due after the latency.

    Where the device serves ``queue_depth`` requests at a time, a further one waits for a place.
    """
    nr = m.nr_requests
    if nr >= m.nrequests:
        fail(m, Error.FIELD_OVERFLOW)
        return
    done = m.clock[cpu]
    if m.queue_depth > 0:
        place = _free_place(m)
        done = max(done, m.servers[place]) + latency(m)
        m.servers[place] = done
    else:
        done += latency(m)
    at = nr * L.NR_RQ
    for k in range(L.NR_RQ):
        m.heap[at + k] = m.plug[plugged + k]
    m.heap[at + L.RQ_DONE] = done
    m.heap[at + L.RQ_SEQ] = m.request_seq
    m.heap[at + L.RQ_CPU] = m.completion_cpu if m.completion_cpu >= 0 else cpu
    m.request_seq += 1
    m.nr_requests = nr + 1
    while nr > 0:
        parent = (nr - 1) // 2
        if not _earlier(m, nr * L.NR_RQ, parent * L.NR_RQ):
            break
        _exchange(m, nr * L.NR_RQ, parent * L.NR_RQ)
        nr = parent


@kernel
def flush_plug(m: Machine, cpu: int) -> None:
    """Dispatch what is plugged, the newest request first (``blk_mq_plug_issue_direct()``).

    A memory-backed driver copies here, before it starts the request's timer; what was dispatched
    before can complete meanwhile.
    """
    at = m.nr_plugged - 1
    m.nr_plugged = 0
    while at >= 0:
        rq = at * L.NR_RQ
        if m.timed:
            new = m.plug[rq + L.RQ_NEW]
            old = m.plug[rq + L.RQ_NR] - new
            spend(m, cpu, Cost.DISPATCH_NEW, new * m.cost[Cost.DISPATCH_NEW])
            spend(m, cpu, Cost.DISPATCH_REWRITE, old * m.cost[Cost.DISPATCH_REWRITE])
            complete_until(m, m.clock[cpu])
        _start(m, cpu, rq)
        at -= 1


@kernel
def submit_page(m: Machine, cpu: int, slot: int, write: int, new: int) -> None:
    """Add one page's I/O to the task's plug: merge it into the newest request, or begin another.

    ``blk_mq_submit_bio()``: a merge needs a neighbouring slot and room.  A new request first
    dispatches the plug when that holds 32 requests, or when its newest is 128 KiB or more
    (``blk_add_rq_to_plug()``).
    """
    nr = m.nr_plugged
    if nr > 0:
        rq = (nr - 1) * L.NR_RQ
        first = m.plug[rq + L.RQ_SLOT]
        pages = m.plug[rq + L.RQ_NR]
        if pages < m.max_request and m.plug[rq + L.RQ_WRITE] == write:
            # Consecutive clusters of slots are not neighbours on the device.
            after = slot == first + pages and slot % L.SWAPFILE_CLUSTER != 0
            before = slot == first - 1 and first % L.SWAPFILE_CLUSTER != 0
            if after or before:
                if before:
                    m.plug[rq + L.RQ_SLOT] = slot
                m.plug[rq + L.RQ_NR] = pages + 1
                m.plug[rq + L.RQ_NEW] += new
                return
        if nr >= L.MAX_PLUGGED or pages >= FLUSH_PAGES:
            flush_plug(m, cpu)
            nr = 0
    rq = nr * L.NR_RQ
    m.plug[rq + L.RQ_SLOT] = slot
    m.plug[rq + L.RQ_NR] = 1
    m.plug[rq + L.RQ_WRITE] = write
    m.plug[rq + L.RQ_NEW] = new
    m.nr_plugged = nr + 1


@inline
def look_at_device(m: Machine, cpu: int) -> None:
    """Let the completions happen that are due by now."""
    if m.async_io and m.nr_requests != 0 and m.heap[L.RQ_DONE] <= m.clock[cpu]:
        complete_until(m, m.clock[cpu])


@inline
def step(m: Machine, cpu: int, cost: int) -> None:
    """Do as ``tick()`` does, for a step that is booked at the end (clock.py)."""
    if m.timed:
        pass_time(m, cpu, m.cost[cost])
        look_at_device(m, cpu)


@inline
def tick(m: Machine, cpu: int, cost: int) -> None:
    """Let one step of a CPU take its time; completions that fall into it happen."""
    if m.timed:
        spend(m, cpu, cost, m.cost[cost])
        look_at_device(m, cpu)


@inline
def _is_read(m: Machine, page: int) -> bool:
    """Is a read of the page in flight?"""
    if not m.page[page] & L.PG_SWAPCACHE:
        return False
    slot = m.page[page] >> L.SHIFT_SLOT
    for at in range(0, m.nr_requests * L.NR_RQ, L.NR_RQ):
        first = m.heap[at + L.RQ_SLOT]
        if not m.heap[at + L.RQ_WRITE] and first <= slot < first + m.heap[at + L.RQ_NR]:
            return True
    return False


@kernel
def wait_on_page_locked(m: Machine, cpu: int, page: int) -> None:
    """Sleep until a page's read is done, or until whoever else holds the lock lets go."""
    while m.page[page] & L.PG_LOCKED:
        if not _is_read(m, page):
            m.page[page] &= ~L.PG_LOCKED
            return
        idle_until(m, cpu, _complete_next(m))
