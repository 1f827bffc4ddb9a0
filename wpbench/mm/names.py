"""The machine's enumerations: each kind of thing once, its number, and its text.

A member is its number, in jitted code and in tables.  Numbers follow the order here.
"""

from __future__ import annotations

from ..jit.numbered import Numbered, texts

__all__ = ["texts"]


class Outcome(Numbered):
    """What an access met."""

    HIT = "hit"
    MINOR = "minor"
    MAJOR = "major"
    REUSE = "reuse"
    COPY = "copy"


class Reason(Numbered):
    """Why a page was copied: the first of these that holds (semantics 5.2), and that in words."""

    KSM = "ksm", "it is a KSM page"
    GUP = "gup", "somebody holds a reference from get_user_pages()"
    SHARED_PTE = "shared_pte", "another PTE maps it"
    LAGGING_REF = (
        "lagging_ref",
        "an exiting process has unmapped it, its mmu_gather still holds it",
    )
    SWAPCOUNT = "swapcount", "another swap PTE points at its slot"
    ISOLATED = "isolated", "it is isolated from the LRU"
    PAGEVEC_REMOTE = "pagevec_remote", "it waits in lru_add of another CPU"
    ROTATE = "rotate", "it waits in a lru_rotate pagevec, and is PageLRU"
    ACTIVATE = "activate", "it waits in an activate pagevec, and is PageLRU"
    DEACTIVATE = "deactivate", "it waits in a lru_deactivate pagevec, and is PageLRU"
    LAZYFREE = "lazyfree", "it waits in a lru_lazyfree pagevec, and is PageLRU"
    PAGEVEC_LOCAL = "pagevec_local", "it waits in lru_add of this CPU"
    STABLE_WB = "stable_wb", "it is under writeback, and the device wants stable pages"
    WRITEBACK = "writeback", "writeback keeps it in the swap cache"
    SWAPCACHE = "swapcache", "it is in the swap cache"
    TRYLOCK = "trylock", "somebody holds the page lock"


class Seen(Numbered):
    """What an instrumented kernel counts where it gives up (data/kernel-measurements)."""

    PAGEVEC = "pagevec"
    PAGEVEC_WRITEBACK = "pagevec_writeback"
    LRU_EXTRA_REF = "lru_extra_ref"
    LRU_SWAPCACHE_REF = "lru_swapcache_ref"
    LRU_WRITEBACK = "lru_writeback"
    WRITEBACK_AFTER_FREE_SWAP = "writeback_after_free_swap"
    OTHER_AFTER_FREE_SWAP = "other_after_free_swap"
    TRYLOCK = "trylock"


class Vec(Numbered):
    """The pagevecs, in the order in which lru_add_drain_cpu() flushes them."""

    LRU_ADD = "lru_add"
    ROTATE = "lru_rotate"
    DEACTIVATE = "lru_deactivate"
    LAZYFREE = "lru_lazyfree"
    ACTIVATE = "activate"


class FirstTest(Numbered):
    """Rule first_test: the references that do_wp_page() lets a page have before it drains."""

    MAPCOUNT = "mapcount"
    ONE = "1"
    ONE_SC = "1+sc"
    THREE = "3"
    ONE_SC_NOT_LRU = "1+sc+not-lru"
    NONE = "none"


class Drain(Numbered):
    """Rule drain: for the sake of a page that do_wp_page() looks at."""

    NEVER = "never"
    IF_NOT_LRU = "if-not-lru"
    ALWAYS = "always"
    LRU_ADD_ONLY = "lru-add-only"
    THIS_PAGE = "this-page"
    ALL_CPUS = "all-cpus"
    IF_IN_LRU_ADD = "if-in-lru-add"
    PEEK = "peek"


class SwapinDrain(Numbered):
    """Rule swapin_drain: by do_swap_page(), on a write."""

    NEVER = "never"
    IF_SWAPCACHE = "if-swapcache"
    IF_NOT_LRU = "if-not-lru"


class FreeSwap(Numbered):
    """Rule free_swap_on_write: when do_swap_page() frees the swap cache on a write."""

    IF_FULL = "if-full"
    IF_2 = "if-count-2"
    SYNC_OR_2 = "sync-or-count-2"
    SYNC_OR_EXCLUSIVE = "sync-or-exclusive"


class SoleOwner(Numbered):
    """Rule sole_owner_writable: of a page that is not PageAnonExclusive, by do_swap_page()."""

    NEVER = "never"
    IF_1 = "if-count-1"
    REUSE_SWAP_PAGE = "reuse-swap-page"


class LazyfreeExtraRef(Numbered):
    """Rule lazyfree_extra_ref: a clean lazyfree page that somebody else holds, in reclaim."""

    DISCARD = "discard"
    SWAPBACKED = "swapbacked"
    KEEP = "keep"


class Cost(Numbered):
    """The steps that take time, nanoseconds.

    data/costs.toml has the sets by name; what the swap device does inside the call is in
    data/backends.toml.
    """

    MADVISE_ENTRY = "madvise_entry"  # start of a madvise() to its lru_add_drain()
    MADVISE_FINISH = "madvise_finish"  # the last page reclaimed to the first dispatch
    MADVISE_RETURN = "madvise_return"  # a MADV_PAGEOUT's last dispatch to the program's next step
    ACCESS = "access"  # an access that does not fault, the program's loop around it included
    FAULT_ENTRY = "fault_entry"  # start of an access to the swap-cache lookup
    FAULT_DECISION = "fault_decision"  # start of a write-protect fault to the decision
    FAULT_FIRST = "fault_first"  # more, after a fork, exit, madvise() or move: cold caches
    DRAIN = "drain"  # an lru_add_drain() by do_wp_page(), without its holding of lru_lock
    DRAIN_ALL_CPU = "drain_all_cpu"  # per CPU of an lru_add_drain_all()
    COPY_INSERT = "copy_insert"  # decision to the copy's insertion into lru_add
    SWAPIN_RETURN = "swapin_return"  # the lookup to the end of the access
    EXCLUSIVE_RETURN = "exclusive_return"  # the decision to the end, PageAnonExclusive
    REUSE_RETURN = "reuse_return"  # the same, reused after the other tests
    COPY_RETURN = "copy_return"  # the copy's insertion to the end of the access
    COPY_FREE_SWAP = "copy_free_swap"  # more, where the old page leaves the swap cache
    SLOT_REFILL = "slot_refill"  # refill_swap_slots_cache(), 64 slots at a time
    SHRINK_NEW = "shrink_new"  # shrink_folio_list(), a page that gets a new slot
    SHRINK_REWRITE = "shrink_rewrite"  # the same, a page that keeps its slot and is written again
    SHRINK_OTHER = "shrink_other"  # the same, kept or freed without a write
    DISPATCH_NEW = "dispatch_new"  # the driver's work inside dispatch, per page
    DISPATCH_REWRITE = "dispatch_rewrite"
    COMPLETE_REQUEST = "complete_request"  # the interrupt that ends a request
    COMPLETE_PAGE = "complete_page"  # the same, per page
    LRU_HOLD = "lru_hold"  # lru_lock held, per acquisition
    LRU_HOLD_PAGE = "lru_hold_page"  # lru_lock held, per page
    TLB_IPI = "tlb_ipi"  # a TLB flush that must interrupt other CPUs
    TLB_IPI_CPU = "tlb_ipi_cpu"  # the same, per CPU interrupted
    TLB_IPI_RECEIVE = "tlb_ipi_receive"  # on each CPU interrupted
    DEVICE_READ = "device_read"  # a synchronous device's read of a page (decompression, copy)
    DEVICE_WRITE = "device_write"  # its write (compression, copy)


class Change(Numbered):
    """What can change a page."""

    ANON = "do_anonymous_page()"
    SWAPIN = "do_swap_page()"
    CACHE_HIT = "swap_cache_get_folio()"
    CACHE_READ = "read_swap_cache_async()"
    FULL = "lru_add flushed: it was full"
    FLUSH_MOVES = "flush of a pagevec of moves"
    DRAIN = "lru_add_drain()"
    ISOLATE = "MADV_PAGEOUT: folio_isolate_lru()"
    SHRINK = "MADV_PAGEOUT: shrink_folio_list()"
    PUTBACK = "MADV_PAGEOUT: folio_putback_lru()"
    END_WRITEBACK = "folio_end_writeback()"
    COLD = "MADV_COLD"
    FREE = "MADV_FREE"
    ZAP = "zap_pte_range()"
    TLB_FLUSH = "tlb_flush_mmu()"
    FORK = "fork()"
    WP_DRAIN = "do_wp_page(): lru_add_drain()"
    WP_FREE_SWAP = "do_wp_page(): folio_free_swap()"
    WP_REUSE = "do_wp_page(): reuse"
    WP_COPY = "wp_page_copy()"
    GUP = "get_user_pages()"
    PUT = "put_page()"
    ACCESSED = "folio_mark_accessed()"
    LOCK = "folio_trylock() by another"
    UNLOCK = "folio_unlock() by another"
    ISOLATE_ALONE = "folio_isolate_lru()"
    PUTBACK_ALONE = "folio_putback_lru()"
    MOVE_TO_LRU = "move_folios_to_lru()"
    MIGRATE = "migrate_pages()"
    KSM = "KSM"
    UFFD = "UFFDIO_COPY"
    RECLAIM = "reclaim"


class WpTest(Numbered):
    """The tests of do_wp_page(), in words; {0}: left, {1}: right."""

    EXCLUSIVE = "PageAnonExclusive"
    KSM = "PageKsm"
    COUNT_V5_17 = "page_count {0} != 1"
    COUNT = "page_count {0} > 1 + PageSwapCache {1}"
    COUNT_RFC2 = "page_count {0} > 1 + PageSwapCache + !PageLRU = {1}"
    GT3 = "page_count {0} > 3"
    NOT_LRU = "!PageLRU"
    LOCK = "trylock fails"
    FREE_SWAP = "PageSwapCache, and folio_free_swap() fails"
    LAST = "page_count {0} != 1, once more"
    SHARERS = "page_mapcount + swap_count {0} > 1"
    STABLE = "PageWriteback, and the device wants stable pages"
    PEEK = "in this CPU's lru_add, and page_count {0} == {1}"


class Error(Numbered):
    """Why a run ended before its end; STOPPED, which is no failure, is -1."""

    NONE = ""
    OUT_OF_PAGES = "the simulated machine ran out of physical pages"
    FIELD_OVERFLOW = "a page has more holders of one kind than the machine can represent"
    BAD_OPERATION = "the workload asked for an operation that is impossible in the machine's state"
    REFUSED = "the machine refused an operation"
    EXCEPTION = "the workload raised an exception"
