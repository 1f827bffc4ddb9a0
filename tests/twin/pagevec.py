"""Per-CPU pagevecs: mm/swap.c (v5.18; v6.1 the same under the name folio_batch)."""

KINDS = (
    "lru_add",
    "rotate",
    "deactivate_file",
    "deactivate",
    "lazyfree",
    "activate",
)  # order of lru_add_drain_cpu()


class Pagevecs:
    def __init__(self, cpus, rules):
        self.rules = rules
        self.capacity = rules.pagevec
        self.clears_lru = rules.batch_clears_lru  # on entering any batch (33dfe9204f29)
        self.disabled = 0  # lru_cache_disable() nests
        self.vecs = {(kind, cpu): [] for cpu in range(cpus) for kind in KINDS}
        self.cpus = cpus

    def insert(self, kind, cpu, page):
        if kind != "lru_add" and self.clears_lru:
            if not page.lru:  # folio_test_clear_lru() failed: somebody else has it
                return
            page.lru = False
        page.get("vec", kind, cpu)
        vec = self.vecs[kind, cpu]
        vec.append(page)
        if len(vec) >= self.capacity or self.disabled:
            self.flush(kind, cpu)

    def flush(self, kind, cpu):
        """pagevec_lru_move_fn(), __pagevec_lru_add(): all list moves first, then all references."""
        batch, self.vecs[kind, cpu] = self.vecs[kind, cpu], []
        for page in batch:
            if kind == "lru_add":
                if self.rules.dead_filter and page.page_count() == 1:
                    continue  # the batch's is the last reference
                page.lru = True
            elif page.lru or self.clears_lru:
                MOVE[kind](page)
                page.lru = True
        for page in batch:
            page.put("vec", kind, cpu)

    def lru_add_drain(self, cpu):
        for kind in KINDS:
            if self.vecs[kind, cpu]:
                self.flush(kind, cpu)

    def lru_add_drain_all(self):
        for cpu in range(self.cpus):
            self.lru_add_drain(cpu)

    def take_out(self, page, cpu):
        """Take just this page out of the local lru_add: offered on the list, never built."""
        vec = self.vecs["lru_add", cpu]
        if page in vec:
            vec.remove(page)
            page.lru = True
            page.put("vec", "lru_add", cpu)

    def rotate_reclaimable(self, cpu, page):
        """folio_rotate_reclaimable()."""
        if not page.locked and not page.dirty and page.lru:
            self.insert("rotate", cpu, page)

    def activate(self, cpu, page):
        """folio_activate()."""
        if page.lru and not page.active:
            self.insert("activate", cpu, page)

    def deactivate(self, cpu, page):
        """deactivate_page()."""
        if page.lru and (page.active or self.rules.cold_queues_inactive):
            self.insert("deactivate", cpu, page)

    def mark_lazyfree(self, cpu, page):
        """mark_page_lazyfree()."""
        if page.lru and page.swapbacked and not page.swapcache:
            self.insert("lazyfree", cpu, page)

    def mark_page_accessed(self, cpu, page):
        """Return True where workingset_activation() was called."""
        if not page.referenced:
            page.referenced = True
            return False
        if page.active or not self.rules.activate_batch:  # MGLRU counts, and moves nothing
            return False
        if page.lru:
            self.activate(cpu, page)
        elif (
            page in self.vecs["lru_add", cpu]
        ):  # __lru_cache_activate_folio(): local vector only, no reference
            page.active = True
        page.referenced = False
        return True


def _rotate(page):
    page.active = False  # lru_move_tail_fn() puts it on the inactive list


def _deactivate(page):
    if page.active:
        page.active = False
        page.referenced = False


def _lazyfree(page):
    if page.swapbacked and not page.swapcache:
        page.active = False
        page.referenced = False
        page.swapbacked = False


def _activate(page):
    page.active = True


MOVE = {
    "rotate": _rotate,
    "deactivate": _deactivate,
    "lazyfree": _lazyfree,
    "activate": _activate,
    "deactivate_file": lambda _page: None,
}
