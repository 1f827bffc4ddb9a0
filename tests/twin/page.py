"""A page, a page-table entry and an address space.

A page keeps no reference count.  It keeps *who* holds it, and page_count() adds the holders up,
because that is what the kernel's own count means; so no test can pass on a counter gone astray.
Holders are tuples, their first word the kind:

    ("pte", mm, v)        a present PTE of address space `mm` at virtual page v
    ("swapcache", slot)   the swap cache
    ("vec", kind, cpu)    a per-CPU pagevec (folio_batch from v5.18 or so on)
    ("iso",)              isolated from the LRU (reclaim, compaction)
    ("gup",)              FOLL_GET
    ("pin",)              FOLL_PIN: worth GUP_PIN_COUNTING_BIAS (include/linux/mm.h)
    ("gather", mm)        unmapped by a zap, waiting in an mmu_gather for the TLB flush
    ("foreign",)          a page of another task
    ("fault",), ("new",)  for the length of one operation
"""

GUP_PIN_COUNTING_BIAS = 1024


class Page:
    """struct page, reduced to what the write-protect decision can see."""

    def __init__(self, machine, label=""):
        self.machine = machine
        self.label = label
        self.holders = {}  # and how often each; a Counter takes three times as long
        self.lru = False
        self.active = False
        self.referenced = False
        self.swapbacked = True
        self.dirty = False
        self.writeback = False
        self.reclaim = False  # PG_reclaim and PG_readahead are one bit (include/linux/page-flags.h)
        self.locked = False
        self.ksm = False
        self.exclusive = False  # PageAnonExclusive, v5.19
        self.slot = None  # set while in the swap cache
        machine.pages[self] = None  # a dict, for an order that does not depend on addresses

    @property
    def swapcache(self):
        return self.slot is not None

    def page_count(self):
        count = 0
        for holder, n in self.holders.items():
            count += n * GUP_PIN_COUNTING_BIAS if holder[0] == "pin" else n
        return count

    def mapcount(self):
        count = 0
        for holder, n in self.holders.items():
            if holder[0] == "pte":
                count += n
        return count

    def held(self, *kinds):
        return any(holder[0] in kinds for holder in self.holders)

    def vectors(self):
        """(kind, cpu) of each pagevec reference."""
        return [
            holder[1:] for holder, n in self.holders.items() if holder[0] == "vec" for _ in range(n)
        ]

    def maybe_dma_pinned(self):
        return self.page_count() >= GUP_PIN_COUNTING_BIAS

    def get(self, *holder):
        self.holders[holder] = self.holders.get(holder, 0) + 1

    def put(self, *holder):
        n = self.holders.get(holder, 0)
        assert n > 0, f"{holder} does not hold {self.label}: {self.holders}"
        if n > 1:
            self.holders[holder] = n - 1
        else:
            del self.holders[holder]
        if not self.holders:
            assert self.slot is None
            assert not self.writeback
            self.lru = False  # __page_cache_release()
            del self.machine.pages[self]

    def pass_on(self, old, new):
        """Change hands, without an instant at which the count is lower."""
        self.get(*new)
        self.put(*old)


class Pte:
    """none | zero (the shared zero page) | present | swap."""

    def __init__(
        self, kind="none", page=None, slot=None, writable=False, dirty=False, exclusive=False
    ):
        self.kind = kind
        self.page = page
        self.slot = slot
        self.writable = writable
        self.dirty = dirty
        self.exclusive = exclusive  # of a swap PTE: pte_swp_exclusive()

    @property
    def mapped(self):
        return self.kind in ("present", "zero")


class Mm:
    """One address space with one VMA."""

    def __init__(self, name, npages):
        self.name = name
        self.ptes = [Pte() for _ in range(npages)]
        # vma->swap_readahead_info reads as 4 hits while nothing was stored (GET_SWAP_RA_VAL in
        # mm/swap_state.c, v6.1)
        self.ra_previous = None
        self.ra_window = 0
        self.ra_hits = 4

    def map(self, v, page, holder, writable, dirty):
        """Map the page; the operation's own reference becomes the PTE's."""
        page.pass_on(holder, ("pte", self.name, v))
        self.ptes[v] = Pte("present", page, writable=writable, dirty=dirty)
