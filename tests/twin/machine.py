"""The machine: state, operations, counters, snapshot and invariants."""

from collections import Counter
from types import SimpleNamespace

from wpbench.scenario.kernels import row_of

from . import actors, inspect, madvise, wp
from .device import SYNCHRONOUS_BACKENDS, Device
from .page import Mm, Page, Pte
from .pagevec import Pagevecs
from .readahead import ClusterState
from .swap import Swap
from .swapin import do_swap_page

PTRS_PER_PTE = 512

# What a step costs, in ns.  Zero: only advance() moves the clock.
NO_COSTS = dict.fromkeys(
    (
        "madvise_drain",
        "pageout_new",
        "pageout_rewrite",
        "pageout_kept",
        "copy_new",
        "copy_rewrite",
        "copy_read",
        "slots_refill",
        "fault_lookup",
        "wp_decision",
        "copy_insert",
    ),
    0,
)
# The `icount` clock of the kernel measurements (semantics 11.7), with one refinement: its 28 us
# a new page are a mean over pages of which every 64th refills the CPU's cache of swap slots.  The
# split is what four completions that fall close to an operation tell apart; any refill from 150 to
# 200 us does.
SLOTS_REFILL_NS = 170_000
ICOUNT = dict(
    NO_COSTS,
    madvise_drain=4500,
    slots_refill=SLOTS_REFILL_NS,
    pageout_new=28000 - SLOTS_REFILL_NS // 64,
    pageout_rewrite=4000,
    pageout_kept=2500,
    copy_new=32000,
    copy_rewrite=8000,
    copy_read=8000,
    fault_lookup=3700,
    wp_decision=3300,
    copy_insert=2600,
)


# Where lru_add_drain() is called in a fault, and the counters' prefix.
FAULT_DRAINS = ("drains", "drains_swapin", "drains_readahead")


class Machine:
    """A machine of one process, that follows a row of rules: all of ``RULES``, name -> value."""

    def __init__(
        self,
        npages,
        rules=None,
        cpus=1,
        drain=None,
        pagevec=None,
        backend="zram",
        synchronous=None,
        stable_writes=False,
        rotational=False,
        latency_ns=0,
        page_cluster=3,
        pmd_offset=0,
        swap_pages=None,
        costs=None,
        completion_cpu=None,
        request_pages=31,
        file_lru=10**9,
    ):
        self.npages = npages
        self.cpus = cpus
        self.rules = SimpleNamespace(**(row_of("patch2") if rules is None else rules))
        if drain is not None:
            self.rules.drain = drain
        if pagevec is not None:
            self.rules.pagevec = pagevec
        if synchronous is None:
            synchronous = backend in SYNCHRONOUS_BACKENDS
        # SWP_SYNCHRONOUS_IO is a flag of the disk, which zswap's lacks (semantics 8.2 (h)).
        self.synchronous_io = synchronous and backend != "zswap"
        self.zswap = backend == "zswap"
        self.page_cluster = page_cluster
        self.pmd_offset = pmd_offset  # where page 0 lies in its page table
        self.costs = dict(NO_COSTS, **(costs or {}))
        self.now = 0
        self.file_lru = file_lru  # pages on the file LRU lists
        self.nonresident_age = 0  # lruvec->nonresident_age: evictions and activations

        self.pages = {}
        self.vecs = Pagevecs(cpus, self.rules)
        self.swap = Swap(self, swap_pages)
        self.device = Device(
            self, synchronous, stable_writes, rotational, latency_ns, completion_cpu, request_pages
        )
        self.cluster_ra = ClusterState()
        self.mm = Mm("parent", npages)
        self.mms = {"parent": self.mm}
        self.gathered = None
        self.isolated = {}
        self.locked = {}
        self.gups = {"gup": {}, "pin": {}}

        self.wp_faults = self.reuses = self.zero_copies = self.pswpin = self.pswpout = 0
        self.copies = Counter()
        for name in FAULT_DRAINS:
            for counter in (name, f"{name}_nonempty", f"{name}_reused"):
                setattr(self, counter, 0)

    # -- time --------------------------------------------------------------------------
    def advance(self, t_ns):
        """Set the clock to t_ns (never back) and complete what is due."""
        self.now = max(self.now, t_ns)
        self.device.complete_due()

    def spend(self, ns):
        self.advance(self.now + ns)

    # -- accesses ----------------------------------------------------------------------
    def read(self, cpu, v):
        return self._read(self.mm, cpu, v)

    def write(self, cpu, v):
        return self._write(self.mm, cpu, v)

    def child_read(self, cpu, v):
        return self._read(self.mms["child"], cpu, v) if self._child_runs() else "ignored"

    def child_write(self, cpu, v):
        return self._write(self.mms["child"], cpu, v) if self._child_runs() else "ignored"

    def _read(self, mm, cpu, v):
        pte = mm.ptes[v]
        if pte.mapped:
            return "hit"
        if pte.kind == "none":
            mm.ptes[v] = Pte("zero")
            return "minor"
        self.spend(self.costs["fault_lookup"])
        return do_swap_page(self, cpu, mm, v, write=False)

    def _write(self, mm, cpu, v):
        pte = mm.ptes[v]
        if pte.kind == "none":
            self.new_anon_page(cpu, mm, v)
            return "minor"
        if pte.kind == "swap":
            self.spend(self.costs["fault_lookup"])
            return do_swap_page(self, cpu, mm, v, write=True)
        if pte.writable:
            pte.dirty = True
            return "hit"
        self.spend(self.costs["wp_decision"])
        return wp.do_wp_page(self, cpu, mm, v)

    def new_anon_page(self, cpu, mm, v, writable=True, dirty=True):
        """do_anonymous_page(), wp_page_copy(): a page of one's own, through the local lru_add."""
        page = Page(self, f"page {v}")
        page.get("new")
        page.exclusive = True
        page.active = self.rules.new_pages_active
        self.vecs.insert("lru_add", cpu, page)
        mm.map(v, page, ("new",), writable, dirty)

    def fault_drain(self, counter, cpu, drain):
        """Drain in a fault, and count it; also whether it found this CPU's lru_add not empty."""
        nonempty = bool(self.vecs.vecs["lru_add", cpu])
        setattr(self, counter, getattr(self, counter) + 1)
        setattr(self, f"{counter}_nonempty", getattr(self, f"{counter}_nonempty") + nonempty)
        drain()

    def end_page_writeback(self, cpu, page):
        """folio_end_writeback()."""
        if page.reclaim:
            page.reclaim = False
            self.vecs.rotate_reclaimable(cpu, page)
        page.writeback = False

    # -- madvise -----------------------------------------------------------------------
    def pageout(self, cpu, first, n):
        self.spend(self.costs["madvise_drain"])
        return madvise.pageout(self, cpu, first, n)

    def cold(self, cpu, first, n):
        self.spend(self.costs["madvise_drain"])
        madvise.cold(self, cpu, first, n)

    def free(self, cpu, first, n):
        self.spend(self.costs["madvise_drain"])
        madvise.free(self, cpu, first, n)

    def dontneed(self, cpu, first, n):
        self.spend(self.costs["madvise_drain"])
        madvise.dontneed(self, cpu, first, n)

    def resident(self, first, n):
        return sum(self.mm.ptes[v].mapped for v in range(first, first + n))

    # -- fork --------------------------------------------------------------------------
    def fork(self, cpu):
        return actors.fork(self, cpu)

    def _child_runs(self):
        return "child" in self.mms and self.gathered is None

    def exit(self, child_cpu):
        if not self._child_runs():
            return "ignored"
        self.exit_zap(child_cpu)
        actors.exit_flush(self, child_cpu)
        return "done"

    def exit_zap(self, child_cpu):
        """exit_mmap() up to the flush of its mmu_gather."""
        if not self._child_runs():
            return "ignored"
        if self.rules.exit_drains:
            self.vecs.lru_add_drain(child_cpu)
        actors.exit_zap(self)
        return "done"

    def exit_flush(self, cpu):
        if self.gathered is None:
            return "ignored"
        actors.exit_flush(self, cpu)
        return "done"

    # -- pagevecs and other actors -----------------------------------------------------
    def lru_add_drain(self, cpu):
        self.vecs.lru_add_drain(cpu)

    def lru_add_drain_all(self):
        self.vecs.lru_add_drain_all()

    def lru_cache_disable(self):
        self.vecs.disabled += 1
        self.vecs.lru_add_drain_all()

    def lru_cache_enable(self):
        self.vecs.disabled -= 1

    def isolate(self, _cpu, v):
        return actors.isolate(self, v)

    def putback(self, cpu, v):
        return actors.putback(self, cpu, v)

    def move_to_lru(self, v):
        return actors.move_to_lru(self, v)

    def collapse_fails(self, cpu, first, n):
        return actors.collapse_fails(self, cpu, first, n)

    def gup_get(self, v):
        return actors.gup(self, v, "gup")

    def gup_put(self, v):
        return actors.ungup(self, v, "gup")

    def pin(self, v):
        return actors.gup(self, v, "pin")

    def unpin(self, v):
        return actors.ungup(self, v, "pin")

    def process_vm_readv(self, cpu, v):
        actors.process_vm_readv(self, cpu, v)

    def mark_page_accessed(self, cpu, v):
        if self.mm.ptes[v].kind != "present":
            return False
        self.nonresident_age += self.vecs.mark_page_accessed(cpu, self.mm.ptes[v].page)
        return True

    def lock_page(self, v):
        return actors.lock_page(self, v)

    def unlock_page(self, v):
        return actors.unlock_page(self, v)

    def ksm_merge(self, cpu, v, w):
        return actors.ksm_merge(self, cpu, v, w)

    def uffd_copy(self, cpu, v):
        return actors.uffd_copy(self, cpu, v)

    def migrate_page(self, cpu, v):
        return actors.migrate_page(self, cpu, v)

    def munmap_foreign(self, cpu):
        actors.munmap_foreign(self, cpu)

    def foreign_insert(self, cpu):
        actors.foreign_insert(self, cpu)

    # -- what a test looks at ----------------------------------------------------------
    def page_table(self, v):
        """Return the range of pages that share v's page table (2 MiB of addresses)."""
        first = (v + self.pmd_offset) // PTRS_PER_PTE * PTRS_PER_PTE - self.pmd_offset
        return max(first, 0), min(first + PTRS_PER_PTE, self.npages)

    def flags(self, v):
        """(lru, active, writeback, swapcache) of the mapped page, as in a trace's row."""
        pte = self.mm.ptes[v]
        if pte.kind != "present":
            return None
        page = pte.page
        return int(page.lru), int(page.active), int(page.writeback), int(page.swapcache)

    def orphans(self):
        return inspect.orphans(self)

    def snapshot(self):
        return inspect.snapshot(self)

    def check(self):
        return inspect.check(self)
