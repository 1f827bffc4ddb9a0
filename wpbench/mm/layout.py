"""Where each bit of the machine's state lives.

A physical page is one 64-bit word, a PTE and a swap slot 32 bits each: 16 bytes for a page of
simulated memory.  References are not counted beside their holders: the page word *is* the set of
holders, and ``page_count`` (mm/page.py) adds them up.
"""

from __future__ import annotations

# --- struct page: flags (bits 0..10) ---
PG_LRU = 1 << 0
PG_SWAPCACHE = 1 << 1  # a flag and a holder: the swap cache's reference
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
HELD_ISOLATED = 1 << 11  # folio_isolate_lru()
HELD_LRU_ADD = 1 << 12  # in some CPU's lru_add pagevec (one at a time: PageLRU is clear there)
SHIFT_ROTATE = 13
SHIFT_DEACTIVATE = 16
SHIFT_LAZYFREE = 19
SHIFT_ACTIVATE = 22
SHIFT_MAP = 25  # present PTEs
SHIFT_GUP = 29  # FOLL_GET references
SHIFT_PIN = 32  # FOLL_PIN, GUP_PIN_COUNTING_BIAS references each
SHIFT_LAG = 34  # unmapped by an exiting process, still in its mmu_gather batch
SHIFT_SLOT = 36  # the swap slot, while PG_SWAPCACHE; the next free page, while free

MAX_VEC_REFS = 7
MAX_MAP = 15
MAX_GUP = 7
MAX_PIN = 3
MAX_LAG = 3
GUP_PIN_COUNTING_BIAS = 1024

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
# What no hot path meets; page_count() looks at it only when one of these bits is set.
RARE_HOLDERS = HELD_ISOLATED | MASK_MOVES | MASK_GUP | MASK_PIN | MASK_LAG
HOLDERS = PG_SWAPCACHE | HELD_LRU_ADD | MASK_MAP | RARE_HOLDERS
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

# --- pagevecs, in the order in which lru_add_drain_cpu() flushes them ---
VEC_LRU_ADD = 0
VEC_ROTATE = 1
VEC_DEACTIVATE = 2
VEC_LAZYFREE = 3
VEC_ACTIVATE = 4
NR_VECS = 5
VEC_NAMES = ("lru_add", "lru_rotate", "lru_deactivate", "lru_lazyfree", "activate")

# --- rules with more than two values, in the order of scenario/rules.py ---
# first_test: the references that do_wp_page() lets a page have before it drains
(FIRST_MAPCOUNT, FIRST_1, FIRST_1_SC, FIRST_3, FIRST_1_SC_NOT_LRU, FIRST_NONE) = range(6)
# drain: for the sake of a page that do_wp_page() looks at
DRAIN_NEVER = 0
DRAIN_IF_NOT_LRU = 1
DRAIN_ALWAYS = 2
DRAIN_LRU_ADD_ONLY = 3
DRAIN_THIS_PAGE = 4
DRAIN_ALL_CPUS = 5
DRAIN_IF_IN_LRU_ADD = 6
DRAIN_PEEK = 7
# swapin_drain: by do_swap_page(), on a write
(SWAPIN_DRAIN_NEVER, SWAPIN_DRAIN_IF_SWAPCACHE, SWAPIN_DRAIN_IF_NOT_LRU) = range(3)
# free_swap_on_write: when do_swap_page() frees the swap cache on a write
(FREE_SWAP_IF_FULL, FREE_SWAP_IF_2, FREE_SWAP_SYNC_OR_2, FREE_SWAP_SYNC_OR_EXCLUSIVE) = range(4)
# sole_owner_writable: may do_swap_page() map a page writable that is not PageAnonExclusive?
(SOLE_OWNER_NEVER, SOLE_OWNER_IF_1, SOLE_OWNER_REUSE_SWAP_PAGE) = range(3)
# lazyfree_extra_ref: reclaim meets a clean lazyfree page that somebody else holds, too
(LAZYFREE_DISCARD, LAZYFREE_SWAPBACKED, LAZYFREE_KEEP) = range(3)

# --- outcome of an access ---
HIT = 0
MINOR = 1
MAJOR = 2
REUSE = 3
COPY = 4
OUTCOMES = ("hit", "minor", "major", "reuse", "copy")

# --- why a page was copied: the first of these that holds (semantics 5.2) ---
REASONS = (
    "ksm",
    "gup",
    "shared_pte",
    "lagging_ref",
    "swapcount",
    "isolated",
    "pagevec_remote",
    "rotate",
    "activate",
    "deactivate",
    "lazyfree",
    "pagevec_local",
    "stable_wb",
    "writeback",
    "swapcache",
    "trylock",
)
(
    R_KSM,
    R_GUP,
    R_SHARED_PTE,
    R_LAGGING_REF,
    R_SWAPCOUNT,
    R_ISOLATED,
    R_PAGEVEC_REMOTE,
    R_ROTATE,
    R_ACTIVATE,
    R_DEACTIVATE,
    R_LAZYFREE,
    R_PAGEVEC_LOCAL,
    R_STABLE_WB,
    R_WRITEBACK,
    R_SWAPCACHE,
    R_TRYLOCK,
) = range(16)
NR_REASONS = len(REASONS)

# --- what an instrumented kernel counts where it gives up (data/kernel-measurements) ---
SEEN = (
    "pagevec",
    "pagevec_writeback",
    "lru_extra_ref",
    "lru_swapcache_ref",
    "lru_writeback",
    "writeback_after_free_swap",
    "other_after_free_swap",
    "trylock",
)
(
    SEEN_PAGEVEC,
    SEEN_PAGEVEC_WRITEBACK,
    SEEN_LRU_EXTRA_REF,
    SEEN_LRU_SWAPCACHE_REF,
    SEEN_LRU_WRITEBACK,
    SEEN_WRITEBACK_AFTER_FREE_SWAP,
    SEEN_OTHER_AFTER_FREE_SWAP,
    SEEN_TRYLOCK,
) = range(8)
NR_SEEN = len(SEEN)

# --- Machine: what is one number is a field (m.free_page), what is many is a table (m.pte[at]) ---
REGISTERS = (
    "free_page",  # head of the free list, 0 = empty
    "next_page",  # first page number never used yet
    "next_slot",  # where the swap allocator goes on
    "slots_used",
    "error",  # ERR_*
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
    *(f"copy_{name}" for name in REASONS),
    *(f"seen_{name}" for name in SEEN),
)

# What a machine is built from; fixed for its life.
CONFIG = (
    "npages",  # pages of the traced region, per process
    "nprocs",  # processes that can exist (1, or 2 with fork)
    "ncpus",
    "threads",  # threads that the workload keeps track of
    "scratch_words",  # of the workload's own
    "pagevec",  # entries that fill a pagevec
    "first_test",  # FIRST_*
    "drain",  # DRAIN_*
    "reuse_exclusive",  # do_wp_page() reuses a PageAnonExclusive page at once
    "swp_exclusive",  # swap PTEs have an exclusive marker
    "swapin_drain",  # SWAPIN_DRAIN_*
    "sole_owner_writable",  # SOLE_OWNER_*
    "free_swap_on_read_if_sync",  # a read fault frees the swap cache of a synchronous device
    "free_swap_on_write",  # FREE_SWAP_*
    "free_swap_before_mapping",  # ... before the page is mapped
    "synchronous_io",  # SWP_SYNCHRONOUS_IO: reads complete in the call
    "bypass",  # SWP_SYNCHRONOUS_IO and one swap PTE: no swap cache at swap-in
    "synchronous_swapin",  # SWP_SYNCHRONOUS_IO, through the swap cache: no readahead
    "async_io",  # writeback and reads complete later
    "timed",  # does each step take time?
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
    "lazyfree_extra_ref",  # LAZYFREE_*
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

# Times of the steps, nanoseconds (data/costs.toml has the sets by name; what the swap device does
# inside the call is in data/backends.toml).
COSTS = (
    "madvise_entry",  # start of a madvise() to its lru_add_drain()
    "madvise_finish",  # the last page reclaimed to the first dispatch
    "madvise_return",  # a MADV_PAGEOUT's last dispatch to the program's next step
    "access",  # an access that does not fault, the program's loop around it included
    "fault_entry",  # start of an access to the swap-cache lookup
    "fault_decision",  # start of a write-protect fault to the decision
    "drain",  # an lru_add_drain() by do_wp_page(), without its holding of lru_lock
    "drain_all_cpu",  # per CPU of an lru_add_drain_all()
    "copy_insert",  # decision to the copy's insertion into lru_add
    "swapin_return",  # the lookup to the end of the access
    "exclusive_return",  # the decision to the end, a page that is PageAnonExclusive
    "reuse_return",  # the same, reused after the other tests
    "copy_return",  # the copy's insertion to the end of the access
    "copy_free_swap",  # more, where the old page leaves the swap cache (free_swap_cache())
    "slot_refill",  # the swap slot cache takes 64 slots at a time (refill_swap_slots_cache())
    "shrink_new",  # shrink_folio_list(), a page that gets a new slot
    "shrink_rewrite",  # the same, a page that keeps its slot and is written again
    "shrink_other",  # the same, kept or freed without a write
    "dispatch_new",  # the driver's work inside dispatch, per page
    "dispatch_rewrite",
    "complete_request",  # the interrupt that ends a request
    "complete_page",  # the same, per page
    "lru_hold",  # lru_lock held, per acquisition
    "lru_hold_page",  # lru_lock held, per page
    "tlb_ipi",  # a TLB flush that must interrupt other CPUs
    "tlb_ipi_cpu",  # the same, per CPU interrupted
    "tlb_ipi_receive",  # on each CPU interrupted
    "device_read",  # a synchronous device's read of a page (decompression, copy)
    "device_write",  # its write (compression, copy)
)
NR_COSTS = len(COSTS)
(
    COST_MADVISE_ENTRY,
    COST_MADVISE_FINISH,
    COST_MADVISE_RETURN,
    COST_ACCESS,
    COST_FAULT_ENTRY,
    COST_FAULT_DECISION,
    COST_DRAIN,
    COST_DRAIN_ALL_CPU,
    COST_COPY_INSERT,
    COST_SWAPIN_RETURN,
    COST_EXCLUSIVE_RETURN,
    COST_REUSE_RETURN,
    COST_COPY_RETURN,
    COST_COPY_FREE_SWAP,
    COST_SLOT_REFILL,
    COST_SHRINK_NEW,
    COST_SHRINK_REWRITE,
    COST_SHRINK_OTHER,
    COST_DISPATCH_NEW,
    COST_DISPATCH_REWRITE,
    COST_COMPLETE_REQUEST,
    COST_COMPLETE_PAGE,
    COST_LRU_HOLD,
    COST_LRU_HOLD_PAGE,
    COST_TLB_IPI,
    COST_TLB_IPI_CPU,
    COST_TLB_IPI_RECEIVE,
    COST_DEVICE_READ,
    COST_DEVICE_WRITE,
) = range(NR_COSTS)

# What a CPU's clock can be spent on: the steps, and waiting.
SPENT = (*COSTS, "lru_lock_wait", "idle")
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
)
NR_LOG = len(LOG)

# One row of m.event: what changed the watched page.
EVENT = ("operation", "cpu", "t_ns", "before", "after")
NR_EVENT = len(EVENT)
OPERATIONS = (
    "do_anonymous_page()",
    "do_swap_page()",
    "swap_cache_get_folio()",
    "read_swap_cache_async()",
    "lru_add flushed: it was full",
    "flush of a pagevec of moves",
    "lru_add_drain()",
    "MADV_PAGEOUT: folio_isolate_lru()",
    "MADV_PAGEOUT: shrink_folio_list()",
    "MADV_PAGEOUT: folio_putback_lru()",
    "folio_end_writeback()",
    "MADV_COLD",
    "MADV_FREE",
    "zap_pte_range()",
    "tlb_flush_mmu()",
    "fork()",
    "do_wp_page(): lru_add_drain()",
    "do_wp_page(): folio_free_swap()",
    "do_wp_page(): reuse",
    "wp_page_copy()",
    "get_user_pages()",
    "put_page()",
    "folio_mark_accessed()",
    "folio_trylock() by another",
    "folio_unlock() by another",
    "folio_isolate_lru()",
    "folio_putback_lru()",
    "move_folios_to_lru()",
    "migrate_pages()",
    "KSM",
    "UFFDIO_COPY",
    "reclaim",
)
(
    OP_ANON,
    OP_SWAPIN,
    OP_CACHE_HIT,
    OP_CACHE_READ,
    OP_FULL,
    OP_FLUSH_MOVES,
    OP_DRAIN,
    OP_ISOLATE,
    OP_SHRINK,
    OP_PUTBACK,
    OP_END_WRITEBACK,
    OP_COLD,
    OP_FREE,
    OP_ZAP,
    OP_TLB_FLUSH,
    OP_FORK,
    OP_WP_DRAIN,
    OP_WP_FREE_SWAP,
    OP_WP_REUSE,
    OP_WP_COPY,
    OP_GUP,
    OP_PUT,
    OP_ACCESSED,
    OP_LOCK,
    OP_UNLOCK,
    OP_ISOLATE_ALONE,
    OP_PUTBACK_ALONE,
    OP_MOVE_TO_LRU,
    OP_MIGRATE,
    OP_KSM,
    OP_UFFD,
    OP_RECLAIM,
) = range(len(OPERATIONS))

# One row of m.test: a test of do_wp_page() and its values.
TEST = ("test", "left", "right", "true")
NR_TEST = len(TEST)
MAX_TESTS = 16
TESTS = (  # {0}: left, {1}: right
    "PageAnonExclusive",
    "PageKsm",
    "page_count {0} != 1",
    "page_count {0} > 1 + PageSwapCache {1}",
    "page_count {0} > 1 + PageSwapCache + !PageLRU = {1}",
    "page_count {0} > 3",
    "!PageLRU",
    "trylock fails",
    "PageSwapCache, and folio_free_swap() fails",
    "page_count {0} != 1, once more",
    "page_mapcount + swap_count {0} > 1",
    "PageWriteback, and the device wants stable pages",
    "in this CPU's lru_add, and page_count {0} == {1}",
)
(
    T_EXCLUSIVE,
    T_KSM,
    T_COUNT_V5_17,
    T_COUNT,
    T_COUNT_RFC2,
    T_GT3,
    T_NOT_LRU,
    T_LOCK,
    T_FREE_SWAP,
    T_LAST,
    T_SHARERS,
    T_STABLE,
    T_PEEK,
) = range(len(TESTS))

ERR_STOPPED = -1
ERR_NONE = 0
ERR_OUT_OF_PAGES = 1
ERR_FIELD_OVERFLOW = 2
ERR_BAD_OPERATION = 3
ERR_REFUSED = 4  # mm/refusals.py says which
ERR_EXCEPTION = 5  # the workload raised one
ERRORS = (
    "",
    "the simulated machine ran out of physical pages",
    "a page has more holders of one kind than the machine can represent",
    "the workload asked for an operation that is impossible in the machine's state",
    "the machine refused an operation",
    "the workload raised an exception",
)
