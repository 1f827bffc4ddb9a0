"""The swap device, the block plug and the clock.

A synchronous device (zram, brd, pmem: rw_page up to v6.2, SWP_SYNCHRONOUS_IO after) has finished
before the call returns.  An asynchronous one collects pages into requests in the task's plug and
completes each request after `latency_ns`, counted from the moment at which the driver has taken it.
"""

import heapq
import itertools

BLK_MAX_REQUEST_COUNT = 32  # block/blk.h (v6.1): blk_plug_max_rq_count() with one queue
BLK_PLUG_FLUSH_PAGES = 32  # BLK_PLUG_FLUSH_SIZE, 128 KiB
SYNCHRONOUS_BACKENDS = ("zram", "brd", "pmem", "btt", "zswap")


class Request:
    def __init__(self, op, page, cpu):
        self.op = op
        self.pages = [page]
        self.first = self.last = page.slot
        self.cpu = cpu


class Device:
    def __init__(
        self,
        machine,
        synchronous,
        stable_writes,
        rotational,
        latency_ns,
        completion_cpu,
        request_pages,
    ):
        self.machine = machine
        self.synchronous = synchronous
        self.stable_writes = stable_writes
        self.rotational = rotational
        self.latency_ns = latency_ns
        self.completion_cpu = completion_cpu
        self.request_pages = request_pages  # null_blk: max_sectors 255, so 31 pages
        self.plug = None  # the requests held back, oldest first
        self.pending = []  # heap of (time due, order, request)
        self.order = itertools.count()
        self.written = set()  # slots for which a memory-backed device already has a page

    # -- submission --------------------------------------------------------------------
    def write_page(self, cpu, page):
        """swap_writepage() after it found that the slot is still needed."""
        m = self.machine
        m.pswpout += 1
        page.writeback = True
        if self.synchronous:
            m.end_page_writeback(cpu, page)
        else:
            self._submit("write", page, cpu)

    def read_page(self, cpu, page, wait):
        """swap_readpage(); the page is locked until the read completes."""
        m = self.machine
        m.pswpin += 1
        if m.zswap and m.rules.zswap_load_exclusive and page.swapcache:
            page.dirty = True  # zswap_load() has removed the compressed copy
        page.locked = True
        if self.synchronous:
            page.locked = False
            return
        self._submit("read", page, cpu)
        if wait:
            self.wait_on_page_locked(page)

    def start_plug(self):
        assert self.plug is None
        self.plug = []

    def finish_plug(self):
        self._dispatch()
        self.plug = None

    def _submit(self, op, page, cpu):
        if self.plug is None:
            self._issue(Request(op, page, cpu))
            return
        # blk_attempt_plug_merge(): with one queue only the newest request is tried.
        if self.plug:
            newest = self.plug[-1]
            if newest.op == op and len(newest.pages) < self.request_pages:
                if page.slot == newest.last + 1:
                    newest.pages.append(page)
                    newest.last = page.slot
                    return
                if page.slot == newest.first - 1:
                    newest.pages.insert(0, page)
                    newest.first = page.slot
                    return
        # What blk_add_rq_to_plug() does before it adds one.
        if len(self.plug) >= BLK_MAX_REQUEST_COUNT or (
            self.plug and len(self.plug[-1].pages) >= BLK_PLUG_FLUSH_PAGES
        ):
            self._dispatch()
        self.plug.append(Request(op, page, cpu))

    def _dispatch(self):
        """blk_mq_plug_issue_direct() pops the list from its head, where the newest request is."""
        while self.plug:
            self._issue(self.plug.pop())

    def _issue(self, request):
        """Copy the whole request with interrupts off, then start its own timer (null_blk)."""
        costs = self.machine.costs
        ns = 0
        for page in request.pages:
            if request.op == "read":
                ns += costs["copy_read"]
            else:
                ns += costs["copy_rewrite" if page.slot in self.written else "copy_new"]
                self.written.add(page.slot)
        self.machine.spend(ns)
        heapq.heappush(
            self.pending, (self.machine.now + self.latency_ns, next(self.order), request)
        )

    # -- completion --------------------------------------------------------------------
    def complete_due(self):
        while self.pending and self.pending[0][0] <= self.machine.now:
            self._complete(heapq.heappop(self.pending)[2])

    def _complete(self, request):
        cpu = request.cpu if self.completion_cpu is None else self.completion_cpu
        for page in request.pages:
            if request.op == "read":
                page.locked = False
            else:
                self.machine.end_page_writeback(cpu, page)

    def wait_on_page_locked(self, page):
        """Sleep until the read is done; lock_page()'s holder, if it is he, is taken to let go."""
        while page.locked:
            if not any(
                page in request.pages and request.op == "read" for _, _, request in self.pending
            ):
                page.locked = False
                return
            self.machine.now = max(self.machine.now, self.pending[0][0])
            self.complete_due()
