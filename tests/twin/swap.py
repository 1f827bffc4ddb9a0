"""Swap slots and the swap cache: mm/swapfile.c, mm/swap_state.c, mm/swap_slots.c (v6.1)."""

SWAPFILE_CLUSTER = 256
SWAP_SLOTS_CACHE_SIZE = 64
CLUSTER_STRIDE = (
    512  # clusters handed out one after the other are not neighbours on the device (see allocate)
)


class Slot:
    def __init__(self):
        self.count = 0  # swap_map without SWAP_HAS_CACHE: number of swap PTEs
        self.page = None  # the swap cache's page
        self.shadow = None  # workingset_eviction(): the age at which its page was reclaimed


class Swap:
    def __init__(self, machine, swap_pages):
        self.machine = machine
        self.swap_pages = swap_pages  # None: never full
        self.slots = {}
        self.cluster = {}  # CPU -> [next, end): each CPU fills a cluster of its own
        self.clusters = 0
        self.cached = {}  # CPU -> slots left in its cache: mm/swap_slots.c, a refill takes time

    # -- slots -------------------------------------------------------------------------
    def allocate(self, cpu):
        """folio_alloc_swap(): the next slot of this CPU's cluster; None if swap is used up.

        setup_swap_map_and_extents() chains free clusters by columns of SWAP_ADDRESS_SPACE_PAGES, so
        the next one is no neighbour and no request runs across the border.  A freed slot is not
        taken again: in the kernel an emptied cluster goes to the tail of the chain.
        """
        if self.swap_pages is not None and len(self.slots) >= self.swap_pages:
            return None
        if self.machine.rules.slot_cache:
            if not self.cached.get(cpu):
                self.cached[cpu] = SWAP_SLOTS_CACHE_SIZE
                self.machine.spend(self.machine.costs["slots_refill"])
            self.cached[cpu] -= 1
        first, end = self.cluster.get(cpu, (0, 0))
        if first == end:
            first = CLUSTER_STRIDE * (self.clusters + 1)
            self.clusters += 1
            end = first + SWAPFILE_CLUSTER
        self.cluster[cpu] = (first + 1, end)
        self.slots[first] = Slot()
        return first

    def full(self):
        """vm_swap_full(): more than half is used."""
        return (
            self.swap_pages is not None
            and (self.swap_pages - len(self.slots)) * 2 < self.swap_pages
        )

    def count(self, slot):
        return self.slots[slot].count

    def duplicate(self, slot):
        self.slots[slot].count += 1

    def free(self, slot):
        """swap_free(): one swap PTE less."""
        entry = self.slots[slot]
        assert entry.count > 0
        entry.count -= 1
        self._release(slot)

    def _release(self, slot):
        entry = self.slots[slot]
        if not entry.count and entry.page is None:
            del self.slots[slot]  # its shadow goes too: clear_shadow_from_swap_cache()

    def free_swap_and_cache(self, slot):
        """Zap a swap PTE; the last one takes an unmapped page out of the swap cache."""
        page = self.slots[slot].page
        self.free(slot)
        last = page is not None and not self.count(slot)
        if last and not page.locked and (not page.mapcount() or self.full()):
            page.get("fault")  # __try_to_reclaim_swap()
            self.free_swap(page)
            page.put("fault")

    # -- swap cache --------------------------------------------------------------------
    def add_to_cache(self, page, slot):
        """add_to_swap_cache(): returns the shadow that lay there."""
        entry = self.slots[slot]
        assert entry.page is None
        assert page.slot is None
        shadow, entry.shadow = entry.shadow, None
        entry.page = page
        page.slot = slot
        page.get("swapcache", slot)
        return shadow

    def delete_from_cache(self, page, shadow=None):
        slot = page.slot
        entry = self.slots[slot]
        assert entry.page is page
        entry.page = None
        entry.shadow = shadow
        page.slot = None
        self._release(slot)
        page.put("swapcache", slot)

    def free_swap(self, page):
        """folio_free_swap() / try_to_free_swap(); the caller holds page lock and a reference."""
        if not page.swapcache or page.writeback or self.count(page.slot):
            return False
        self.delete_from_cache(page)
        page.dirty = True
        return True

    def free_swap_cache(self, page):
        """free_swap_cache(): after a copy or a zap, if nobody maps the page any more."""
        if page.swapcache and not page.mapcount() and not page.locked:
            self.free_swap(page)

    def reuse_swap_page(self, page):
        """reuse_swap_page(), up to v5.17: counts PTEs and swap PTEs, never references."""
        if page.ksm:
            return False
        count = page.mapcount() + (self.count(page.slot) if page.swapcache else 0)
        if count <= 1 and page.swapcache:
            if not page.writeback:
                self.delete_from_cache(page)
                page.dirty = True
            elif self.machine.device.stable_writes:
                return False
        return count <= 1
