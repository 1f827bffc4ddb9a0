"""The plain twin (tests/twin/), and what a test wants to see of it."""

import twin
from twin.inspect import FLAGS

from wpbench.scenario.kernels import row_of
from wpbench.scenario.rules import Overrides

from .page import Page


class Twin(twin.Machine):
    """The twin, and what a test wants to see of it."""

    name = "twin"

    def __init__(
        self, npages, kernel="patch2", rules=None, drain=None, pagevec=15, reclaim_ns=0, **options
    ):
        costs = {"pageout_new": reclaim_ns, "pageout_rewrite": reclaim_ns}
        row = row_of(kernel, Overrides(rules))
        super().__init__(npages, row, drain=drain, pagevec=pagevec, costs=costs, **options)

    def wait(self, ns):
        self.advance(self.now + ns)

    def kind(self, v):
        return self.mm.ptes[v].kind

    def writable(self, v):
        pte = self.mm.ptes[v]
        return pte.kind == "present" and pte.writable

    def pte_dirty(self, v):
        return self.mm.ptes[v].dirty

    def swap_exclusive(self, v):
        pte = self.mm.ptes[v]
        return pte.kind == "swap" and pte.exclusive

    def slot_of(self, v):
        pte = self.mm.ptes[v]
        return pte.slot if pte.kind == "swap" else pte.page.slot

    def page(self, v):
        """Return the page that is mapped, or that the swap cache has for the swap PTE, or None."""
        pte = self.mm.ptes[v]
        page = self.swap.slots[pte.slot].page if pte.kind == "swap" else pte.page
        if page is None:
            return None
        names = [
            holder[1] if holder[0] == "vec" else holder[0]
            for holder, n in page.holders.items()
            for _ in range(n)
        ]
        flags = {name: bool(getattr(page, name)) for name in FLAGS}
        return Page(page.page_count(), tuple(sorted(names)), **flags)

    def swap_count(self, v):
        return self.swap.count(self.slot_of(v))

    def waiting(self, kind, cpu):
        return len(self.vecs.vecs[kind, cpu])

    @property
    def slots_used(self):
        return len(self.swap.slots)

    @property
    def pages_used(self):
        return sum(not page.held("foreign") for page in self.pages)

    def nr_orphans(self):
        return len(self.orphans())
