"""Where each bit of the machine's state lives.

A physical page is one 64-bit word, a PTE and a swap slot 32 bits each: 16 bytes for a page of
simulated memory.  References are not counted beside their holders: the page word *is* the set of
holders, and ``page_count`` (mm/page.py) adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass

from .names import Cost, Reason, Seen, Vec, texts

# --- struct page: flags (bits 0..10) ---
PG_LRU = 1 << 0
SHIFT_SWAPCACHE = 1  # a flag and a holder: the swap cache's reference
PG_SWAPCACHE = 1 << SHIFT_SWAPCACHE
PG_WRITEBACK = 1 << 2
PG_RECLAIM = 1 << 3  # the same bit as PG_readahead, as in the kernel
PG_READAHEAD = PG_RECLAIM
PG_DIRTY = 1 << 4
PG_ACTIVE = 1 << 5
PG_SWAPBACKED = 1 << 6
PG_ANON_EXCLUSIVE = 1 << 7
PG_REFERENCED = 1 << 8
PG_KSM = 1 << 9
PG_LOCKED = 1 << 10

# --- struct page: holders of a reference (bits 11..35, and PG_SWAPCACHE) ---
SHIFT_ISOLATED = 11  # folio_isolate_lru()
SHIFT_LRU_ADD = 12  # in some CPU's lru_add pagevec (one at a time: PageLRU is clear there)
SHIFT_ROTATE = 13
SHIFT_DEACTIVATE = 16
SHIFT_LAZYFREE = 19
SHIFT_ACTIVATE = 22
SHIFT_MAP = 25  # present PTEs
SHIFT_GUP = 29  # FOLL_GET references
SHIFT_PIN = 32  # FOLL_PIN, GUP_PIN_COUNTING_BIAS references each
SHIFT_LAG = 34  # unmapped by an exiting process, still in its mmu_gather batch
SHIFT_SLOT = 36  # the swap slot, while PG_SWAPCACHE; a page below it, while free (page.py)

MAX_VEC_REFS = 7
MAX_MAP = 15
MAX_GUP = 7
MAX_PIN = 3
MAX_LAG = 3
GUP_PIN_COUNTING_BIAS = 1024

HELD_ISOLATED = 1 << SHIFT_ISOLATED
HELD_LRU_ADD = 1 << SHIFT_LRU_ADD
ONE_MAP = 1 << SHIFT_MAP
ONE_GUP = 1 << SHIFT_GUP
ONE_PIN = 1 << SHIFT_PIN
ONE_LAG = 1 << SHIFT_LAG
MASK_MAP = MAX_MAP << SHIFT_MAP
MASK_GUP = MAX_GUP << SHIFT_GUP
MASK_PIN = MAX_PIN << SHIFT_PIN
MASK_LAG = MAX_LAG << SHIFT_LAG
MASK_MOVES = (
    (MAX_VEC_REFS << SHIFT_ROTATE)
    | (MAX_VEC_REFS << SHIFT_DEACTIVATE)
    | (MAX_VEC_REFS << SHIFT_LAZYFREE)
    | (MAX_VEC_REFS << SHIFT_ACTIVATE)
)


@dataclass(frozen=True)
class Holder:
    """Who can hold references to a page.

    Attributes
    ----------
    name
        In words, pictures and reports.
    shift, most
        Where in the page's word its references are counted, and how many they can be.
    refs
        What each adds to page_count.
    pagevec
        Is it a pagevec, and so some CPU's?
    rare
        Does no hot path meet it?  page_count() looks at these only when one of their bits is set.
    """

    name: str
    shift: int
    most: int
    refs: int = 1
    pagevec: bool = False
    rare: bool = True

    @property
    def mask(self) -> int:
        """Its bits in the page's word."""
        return self.most << self.shift


HOLDERS = (
    Holder("pte", SHIFT_MAP, MAX_MAP, rare=False),
    Holder("swapcache", SHIFT_SWAPCACHE, 1, rare=False),
    Holder("lru_add", SHIFT_LRU_ADD, 1, pagevec=True, rare=False),
    Holder("lru_rotate", SHIFT_ROTATE, MAX_VEC_REFS, pagevec=True),
    Holder("lru_deactivate", SHIFT_DEACTIVATE, MAX_VEC_REFS, pagevec=True),
    Holder("lru_lazyfree", SHIFT_LAZYFREE, MAX_VEC_REFS, pagevec=True),
    Holder("activate", SHIFT_ACTIVATE, MAX_VEC_REFS, pagevec=True),
    Holder("isolated", SHIFT_ISOLATED, 1),
    Holder("gup", SHIFT_GUP, MAX_GUP),
    Holder("pin", SHIFT_PIN, MAX_PIN, refs=GUP_PIN_COUNTING_BIAS),
    Holder("mmu_gather", SHIFT_LAG, MAX_LAG),
)
RARE = tuple(holder for holder in HOLDERS if holder.rare)
MASK_RARE_HOLDERS = sum(holder.mask for holder in RARE)
MASK_HOLDERS = sum(holder.mask for holder in HOLDERS)
# Those that use the page: not the LRU's lists, on the way to or from them, nor the swap cache.
MASK_USERS = MASK_HOLDERS & ~(
    PG_SWAPCACHE | HELD_ISOLATED | sum(holder.mask for holder in HOLDERS if holder.pagevec)
)
MASK_SLOT = ((1 << 27) - 1) << SHIFT_SLOT
NOT_SLOT = (1 << SHIFT_SLOT) - 1
MIGRATED_FLAGS = (  # folio_migrate_flags()
    PG_RECLAIM | PG_DIRTY | PG_ACTIVE | PG_SWAPBACKED | PG_ANON_EXCLUSIVE | PG_REFERENCED | PG_KSM
)

# --- PTE ---
PTE_NONE = 0
PTE_PRESENT = 1 << 0
PTE_SWAP = 1 << 1
PTE_WRITE = 1 << 2  # present
PTE_SWP_EXCLUSIVE = 1 << 2  # swap: the exclusive marker (v5.19)
PTE_DIRTY = 1 << 3
PTE_GATHERED = 1 << 4  # neither present nor swap: zapped, its reference not dropped yet
SHIFT_PTE = 5  # page or slot number, 27 bits
MAX_PAGES = 1 << 27
ZERO_PAGE = 0  # the page number that stands for the zero page, and for other tasks' pages
PTE_ZERO_PAGE = PTE_PRESENT

# --- swap_map and swap cache ---
MASK_SWAP_COUNT = 15  # swap PTEs that point here
MAX_SWAP_COUNT = 15
SLOT_SHADOW = 1 << 4  # the rest is a workingset shadow, as the swap cache's xarray has it
SHIFT_SLOT_PAGE = 5  # the page in the swap cache, 0 = none; of a shadow: the age at eviction
MASK_AGE = (1 << 27) - 1
MASK_SLOT_STATE = SLOT_SHADOW | MASK_SWAP_COUNT
SWAP_SLOTS_CACHE_SIZE = 64
SWAPFILE_CLUSTER = 256  # slots; consecutive clusters are not adjacent on the device
PTRS_PER_PTE = 512
SWAP_CLUSTER_MAX = 32  # pages that reclaim isolates, or release_pages() frees, at a time
MAX_PLUGGED = 32  # BLK_MAX_REQUEST_COUNT

NR_VECS = len(Vec)
NR_REASONS = len(Reason)
NR_SEEN = len(Seen)

# --- Machine: what is one number is a field (m.free_top), what is many is a table (m.pte[at]) ---
REGISTERS = (
    "free_top",  # which of m.free is the page that was freed last
    "next_page",  # first page number never used yet
    "next_slot",  # where the swap allocator goes on
    "slots_used",
    "error",  # Error
    "lru_cache_disabled",
    "random",  # state of the run's random stream
    "nr_processes",
    "nr_running",  # CPUs on which threads of the process run
    "nr_runnable",  # threads in m.runqueue
    "turn",  # entries into m.runqueue
    "started",  # the clock when counting began
    "nr_requests",  # in flight
    "request_seq",
    "nr_plugged",
    "readahead_hits",  # cluster readahead: swapin_readahead_hits
    "readahead_prev_offset",
    "readahead_prev_win",
    "last_reason",
    "last_word",
    "nr_logged",
    "nr_events",
    "nr_tests",
    "fault_event",  # events before the explained fault
    "watched_word",  # the watched page's word when it was last looked at
    "nonresident_age",  # evictions and activations, the clock of mm/workingset.c
    "usable_cpus",  # those that a workload of one's own may name
    "usable_ptes",  # those of the processes that are there
    "processes",  # which are there, a bit each
    "exiting",  # which have unmapped everything and are not gone, a bit each
    "refused_call",  # why the run failed, if an operation was refused (mm/refusals.py)
    "refusal",
    "refused_value",
    "refused_bound",
    "rounds_skipped",  # of the workload, because they repeat earlier ones (fast_forward.py)
)
COUNTERS = (
    "wp_faults",
    "reuses",
    "exclusive_reuses",  # of these, because the page was PageAnonExclusive
    "copies",
    "zero_copies",  # writes to the zero page: copies by nature, no decision
    "drains",  # lru_add_drain() calls by do_wp_page()
    "drained_pages",  # pages that waited in the pagevecs drained
    "drains_nonempty",  # of the drains, those that found lru_add not empty
    "drains_reused",  # of the drains, those after which the page was reused
    "drains_swapin",  # lru_add_drain() calls by do_swap_page()
    "drains_swapin_nonempty",
    "drains_swapin_reused",  # the page was mapped writable, or reused, in the same fault
    "drains_readahead",  # lru_add_drain() calls at the end of a readahead
    "drains_readahead_nonempty",
    "drains_readahead_reused",
    "early_gt3",  # copies because the first test, page_count > 3, failed
    "lru_add_flushed",  # pages that a flush of lru_add took out, other tasks' left out
    "lru_add_dead",  # of these, pages that nobody else held: freed at once
    "pswpin",
    "cache_reads",  # of these, into the swap cache
    "pswpout",
    "rewrites",  # of these, to the slot that the page had
    "not_paged_out",  # pages still mapped right after MADV_PAGEOUT
    "direct_wp_faults",  # write-protect faults in the same fault as the swap-in
    "minor_faults",
    "major_faults",
    "accesses",
    "orphans",  # pages at the end that nothing but a pagevec or the swap cache holds
    "tlb_flushes",  # TLB flushes that interrupted other CPUs (nr_tlb_remote_flush)
    "tlb_ipis",  # CPUs interrupted by them
    "lru_lock_taken",
    "lru_lock_pages",  # pages for which it was held
    "lru_lock_wait_ns",
    "lru_lock_hold_ns",
    "write_ns",  # of all write-protect faults together
    "write_ns_p50",
    "write_ns_p99",
    "cpu_ns",  # of all CPUs together, idle time left out
    "wall_ns",  # the latest clock
)
NR_COUNTERS = len(COUNTERS)
COUNTER_NAMES = (
    *COUNTERS,
    *(f"copy_{name}" for name in texts(Reason)),
    *(f"seen_{name}" for name in texts(Seen)),
)

# What a machine is built from; fixed for its life.
CONFIG = (
    "npages",  # pages of the traced region, per process
    "nprocs",  # processes that can exist (1, or 2 with fork)
    "ncpus",
    "threads",  # threads that the workload keeps track of
    "scratch_words",  # of the workload's own, or of fast_forward.py
    "pagevec",  # entries that fill a pagevec
    "first_test",  # FirstTest
    "drain",  # Drain
    "reuse_exclusive",  # do_wp_page() reuses a PageAnonExclusive page at once
    "swp_exclusive",  # swap PTEs have an exclusive marker
    "swapin_drain",  # SwapinDrain
    "sole_owner_writable",  # SoleOwner
    "free_swap_on_read_if_sync",  # a read fault frees the swap cache of a synchronous device
    "free_swap_on_write",  # FreeSwap
    "free_swap_before_mapping",  # ... before the page is mapped
    "synchronous_io",  # SWP_SYNCHRONOUS_IO: reads complete in the call
    "bypass",  # SWP_SYNCHRONOUS_IO and one swap PTE: no swap cache at swap-in
    "synchronous_swapin",  # SWP_SYNCHRONOUS_IO, through the swap cache: no readahead
    "async_io",  # writeback and reads complete later
    "timed",  # does each step take time?
    "large",  # the tables do not fit into a core's own cache
    "plain",  # none of PLAIN: an access can take the short way
    "clocked",  # a clock, and none of CLOCKED: nearly as short
    "new_active",  # PG_ACTIVE where a new page begins on the active list, else 0
    "swapin_activates",  # do_swap_page() queues the page for the active list
    "refaults_activate",  # workingset_refault() of anonymous pages
    "file_lru",  # pages on the file LRU lists, for workingset_refault()
    "writable_on_read",  # an exclusive page is mapped writable on the read fault
    "exit_drains",
    "gather_drains",
    "readahead_drains",
    "batch_clears_lru",  # entering any pagevec clears PageLRU
    "dead_filter",  # a flush of lru_add drops pages that nobody else holds
    "frees_swap_after_copy",  # wp_page_copy() frees the old page's swap cache
    "drains_on_migrate",  # a migrated page's PTE is restored after a local drain
    "slot_cache",  # swap slots are taken 64 at a time
    "load_leaves_dirty",  # a read from zswap removes the compressed copy
    "uffd_unprotect_writable",
    "copies_pinned_at_fork",
    "pinned_not_swapped",
    "lazyfree_extra_ref",  # LazyfreeExtraRef
    "pins_unshare",  # an R/O pin of a page that is not exclusive unshares it first
    "pageout_tlb_flushes",  # of a MADV_PAGEOUT, besides one a page written
    "activate_batch",
    "cold_queues_inactive",  # MADV_COLD queues inactive pages, too
    "stable_writes",  # SWP_STABLE_WRITES
    "rotational",  # cluster readahead instead of VMA readahead
    "page_cluster",  # vm.page-cluster
    "swap_total",  # swap pages, for vm_swap_full()
    "nslots",  # swap pages that this run can touch at most, plus the header
    "nphys",  # physical pages that this run can touch at most
    "nrequests",  # requests in flight at most
    "max_request",  # pages a request holds at most
    "queue_depth",  # requests in service at a time, 0 = no limit
    "latency_ns",
    "latency_dist",  # 0 constant, 1 exponential, 2 lognormal
    "latency_sigma_ppm",  # lognormal: sigma of the logarithm, in millionths
    "lruvecs",  # lru_locks: CPU c takes number c * lruvecs // ncpus
    "swapin_inserts_at_once",  # a swapped-in page goes to its list at once, past the pagevec
    "completion_cpu",  # -1 = the CPU that submitted
    "background_insert_ppm",  # other tasks' LRU insertions a CPU and access, in millionths
    "background_drain_ppm",  # other tasks' lru_add_drain() a CPU and access, in millionths
    "pmd_offset",  # pages between the page table's start and page 0
    "log_rows",  # rows of the fault log, 0 = none
    "watched",  # page frame of which every change is an event, 0 = none
    "event_rows",  # events kept at most
    "explained",  # write-protect fault of which each test is written down, from 1; 0 = none
)
# What makes an access more than the page's own business: time, and whoever looks on.
PLAIN = frozenset(
    (
        "async_io",
        "timed",
        "log_rows",
        "watched",
        "explained",
        "background_insert_ppm",
        "background_drain_ppm",
    )
)
CLOCKED = PLAIN - {"timed"}

# The latest time that an operation of a workload of one's own can name: the clocks of all CPUs
# together fit into a word.
MAX_NS = 1 << 50
NR_PARAMS = 32  # numbers in the header that are the workload's own

NR_COSTS = len(Cost)

# What a CPU's clock can be spent on: the steps, and waiting.
SPENT = (*texts(Cost), "lru_lock_wait", "idle")
NR_SPENT = len(SPENT)
(SPENT_LOCK_WAIT, SPENT_IDLE) = range(NR_COSTS, NR_SPENT)

# lru_lock's calendar (mm/lru_lock.py).
LOCK_BUCKET_NS = 512
NR_LOCK_BUCKETS = 1 << 15

# Times of write-protect faults, in bins a sixteenth of a power of two wide (mm/clock.py).
HISTOGRAM_BITS = 4
NR_BINS = 40 << HISTOGRAM_BITS

# One thread of a workload: a row of m.thread.
(TH_CPU, TH_PHASE, TH_INDEX, TH_AUX, TH_SLICE_END, NR_TH) = range(6)

# One request to the swap device: a row of m.heap (in flight) or m.plug.
(RQ_DONE, RQ_SEQ, RQ_SLOT, RQ_NR, RQ_CPU, RQ_WRITE, RQ_NEW, NR_RQ) = range(8)

# Readahead state of one VMA (swap_readahead_info): a row of m.vma, one a process.
(VMA_ADDR, VMA_WIN, VMA_HITS, NR_VMA) = range(4)
MAX_PROCS = MAX_MAP

# One row of the fault log, m.log.
LOG = (
    "fault",
    "page",
    "cpu",
    "t_ns",
    "before",
    "given_up",
    "outcome",
    "reason",
    "drained",
    "frame",
    "took_ns",  # the write that met it, whole
)
NR_LOG = len(LOG)

# One row of m.event: what changed the watched page.
EVENT = ("operation", "cpu", "t_ns", "before", "after")
NR_EVENT = len(EVENT)
# One row of m.test: a test of do_wp_page() and its values.
TEST = ("test", "left", "right", "true")
NR_TEST = len(TEST)
MAX_TESTS = 16

NR_FREE = 16  # chains of free pages (mm/page.py), a power of two
MAX_CACHED_WORDS = 1 << 16  # a machine of more is large: a core's own cache may not hold it

STOPPED = -1  # m.error of a run that was stopped, and has not failed
