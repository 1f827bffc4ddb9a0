"""The jitted machine (wpbench/mm/) with the twin's operations."""

import functools
from collections import Counter

import numpy as np

from wpbench.mm import layout as L
from wpbench.mm import operations as mm
from wpbench.mm.invariants import INVARIANTS, broken_invariant
from wpbench.mm.names import Cost, Error, Outcome, Reason, texts
from wpbench.scenario import Overrides, Scenario

from .page import VECS, Page, flags_of, holders_of


@functools.lru_cache(maxsize=256)
def _config(kernel, rules, drain, backend, stable_writes, page_cluster, pmd_offset):
    scenario = Scenario(
        kernel=kernel, rules=rules, drain=drain, backend=backend, stable_writes=stable_writes,
        page_cluster=page_cluster, pmd_offset=pmd_offset, npages=1,
    )  # fmt: skip
    return scenario.machine_config()


class Jitted:
    """The jitted machine, as a scenario makes it but for what tests make smaller or simpler.

    No step takes time but the reclaim of a page that is written, ``reclaim_ns``; a request
    completes ``latency_ns`` after its dispatch, however many there are.  Processes: the parent, and
    one child.
    """

    name = "machine"

    def __init__(
        self,
        npages,
        cpus=1,
        pagevec=15,
        kernel="patch2",
        rules=None,
        drain=None,
        backend="zram",
        stable_writes=False,
        rotational=False,
        latency_ns=0,
        page_cluster=3,
        pmd_offset=0,
        swap_pages=None,
        completion_cpu=None,
        request_pages=31,
        file_lru=10**9,
        reclaim_ns=0,
    ):
        rules = Overrides(rules)
        config = _config(kernel, rules, drain, backend, stable_writes, page_cluster, pmd_offset)
        slots = 64 + 8 * npages if swap_pages is None else swap_pages
        config = config | {
            "npages": npages,
            "nprocs": 2,
            "ncpus": cpus,
            "pagevec": pagevec,
            "timed": config["async_io"],
            "file_lru": file_lru,
            "rotational": rotational,
            "swap_total": 1 << 26 if swap_pages is None else swap_pages,
            "nslots": slots + 1,
            "nphys": 512 + 16 * npages + slots,
            "nrequests": slots * config["async_io"],
            "max_request": request_pages,
            "queue_depth": 0,
            "latency_ns": latency_ns,
            "completion_cpu": -1 if completion_cpu is None else completion_cpu,
        }
        cost = np.zeros(L.NR_COSTS, np.int64)
        cost[[Cost.SHRINK_NEW, Cost.SHRINK_REWRITE]] = reclaim_ns
        self.m = mm.Machine(config, cost, seed=1)
        self.npages = npages
        self.cpus = cpus
        self.taken = {"iso": {}, "gup": {}, "pin": {}, "lock": {}}

    def __getattr__(self, name):
        """Counters."""
        if name in L.COUNTERS or name == "slots_used":
            return int(getattr(self.m, name))
        raise AttributeError(name)

    @property
    def copies(self):
        """Copies by label.

        The one difference between the models: a page in a local pagevec and under writeback, copied
        before any drain, is PAGEVEC_LOCAL here and WRITEBACK in the twin; semantics 5.2, row 8,
        says the former.
        """
        counts = {name.upper(): int(self.m.reason[i]) for i, name in enumerate(texts(Reason))}
        return Counter({name: n for name, n in counts.items() if n})

    # -- time --------------------------------------------------------------------------
    @property
    def now(self):
        return int(self.m.clock.max())

    def advance(self, t_ns):
        t_ns = max(self.now, t_ns)
        for cpu in range(self.cpus):
            mm.sleep_until(self.m, cpu, t_ns)

    def wait(self, ns):
        self.advance(self.now + ns)

    # -- accesses ----------------------------------------------------------------------
    def read(self, cpu, v):
        return Outcome.text_of(mm.read(self.m, cpu, v))

    def write(self, cpu, v):
        return Outcome.text_of(mm.write(self.m, cpu, v))

    def child_read(self, cpu, v):
        return self.read(cpu, self.npages + v)

    def child_write(self, cpu, v):
        return self.write(cpu, self.npages + v)

    # -- madvise -----------------------------------------------------------------------
    def pageout(self, cpu, first, n):
        mm.madvise_pageout(self.m, cpu, first, n)
        return self.resident(first, n)

    def cold(self, cpu, first, n):
        mm.madvise_cold(self.m, cpu, first, n)

    def free(self, cpu, first, n):
        mm.madvise_free(self.m, cpu, first, n)

    def dontneed(self, cpu, first, n):
        mm.madvise_dontneed(self.m, cpu, first, n)

    def resident(self, first, n):
        return mm.resident(self.m, first, n)

    # -- fork --------------------------------------------------------------------------
    def fork(self, cpu):
        mm.fork(self.m, cpu, 0, 1)

    def exit(self, cpu):
        mm.exit_process(self.m, cpu, 1)

    def exit_zap(self, cpu):
        mm.exit_zap(self.m, cpu, 1)

    def exit_flush(self, cpu):
        mm.exit_flush(self.m, cpu, 1)

    # -- pagevecs and other actors -----------------------------------------------------
    def lru_add_drain(self, cpu):
        mm.lru_add_drain(self.m, cpu)

    def lru_add_drain_all(self):
        mm.lru_add_drain_all(self.m)

    def lru_cache_disable(self):
        mm.lru_cache_disable(self.m)

    def lru_cache_enable(self):
        mm.lru_cache_enable(self.m)

    def foreign_insert(self, cpu):
        mm.insert_foreign_page(self.m, cpu)

    def _take(self, kind, v, page):
        if page:
            self.taken[kind].setdefault(v, []).append(page)
        return bool(page)

    def isolate(self, _cpu, v):
        return self._take("iso", v, mm.isolate(self.m, v))

    def putback(self, cpu, v):
        mm.putback(self.m, cpu, self.taken["iso"][v].pop())

    def move_to_lru(self, v):
        mm.move_to_lru(self.m, self.taken["iso"][v].pop())

    def gup_get(self, v):
        return self._take("gup", v, mm.gup_get(self.m, v))

    def gup_put(self, v):
        mm.gup_put(self.m, self.taken["gup"][v].pop())

    def pin(self, v):
        return self._take("pin", v, mm.pin_user_page(self.m, v))

    def unpin(self, v):
        mm.unpin_user_page(self.m, self.taken["pin"][v].pop())

    def lock_page(self, v):
        return self._take("lock", v, mm.lock_page(self.m, v))

    def unlock_page(self, v):
        mm.unlock_page(self.m, self.taken["lock"][v].pop())

    def process_vm_readv(self, cpu, v):
        mm.process_vm_readv(self.m, cpu, v)

    def mark_page_accessed(self, cpu, v):
        return bool(mm.mark_page_accessed(self.m, cpu, v))

    def ksm_merge(self, cpu, v, w):
        return bool(mm.ksm_merge(self.m, cpu, v, w))

    def uffd_copy(self, cpu, v):
        return bool(mm.uffd_copy(self.m, cpu, v))

    def migrate_page(self, cpu, v):
        return bool(mm.migrate_page(self.m, cpu, v))

    def collapse_fails(self, cpu, first, n):
        return mm.collapse_fails(self.m, cpu, first, n)

    # -- what a test looks at ----------------------------------------------------------
    def kind(self, v):
        pte = int(self.m.pte[v])
        if pte & L.PTE_SWAP:
            return "swap"
        if not pte & L.PTE_PRESENT:
            return "none"
        return "present" if pte >> L.SHIFT_PTE else "zero"

    def writable(self, v):
        return self.kind(v) == "present" and bool(self.m.pte[v] & L.PTE_WRITE)

    def pte_dirty(self, v):
        return self.kind(v) == "present" and bool(self.m.pte[v] & L.PTE_DIRTY)

    def swap_exclusive(self, v):
        return self.kind(v) == "swap" and bool(self.m.pte[v] & L.PTE_SWP_EXCLUSIVE)

    def slot_of(self, v):
        target = int(self.m.pte[v]) >> L.SHIFT_PTE
        if self.kind(v) == "swap":
            return target
        word = int(self.m.page[target])
        return word >> L.SHIFT_SLOT if word & L.PG_SWAPCACHE else None

    def page(self, v):
        target = int(self.m.pte[v]) >> L.SHIFT_PTE
        if self.kind(v) == "swap":
            entry = int(self.m.slot[target])
            target = 0 if entry & L.SLOT_SHADOW else entry >> L.SHIFT_SLOT_PAGE
        elif self.kind(v) != "present":
            target = 0
        if not target:
            return None
        word = int(self.m.page[target])
        names = [name for name, n in holders_of(word).items() for _ in range(n)]
        return Page(int(mm.page_count(word)), tuple(sorted(names)), **flags_of(word))

    def swap_count(self, v):
        return int(self.m.slot[self.slot_of(v)]) & L.MASK_SWAP_COUNT

    def waiting(self, kind, cpu):
        return int(self.m.vec[(cpu * L.NR_VECS + VECS[kind]) * (self.m.pagevec + 1)])

    def _words(self):
        """Words of all pages that somebody holds."""
        words = self.m.page[1 : int(self.m.next_page)]
        return words[words & L.MASK_HOLDERS != 0] if words.size else words

    @property
    def pages_used(self):
        return int(np.count_nonzero(self._words()))

    def nr_orphans(self):
        """Count pages alive that no process can reach by a PTE of either kind."""
        nr = 0
        for word in map(int, self._words()):
            reached = word & L.PG_SWAPCACHE and int(self.m.slot[word >> L.SHIFT_SLOT]) & (
                L.MASK_SWAP_COUNT
            )
            nr += not word & L.MASK_MAP and not reached
        return nr

    def check(self):
        assert INVARIANTS[broken_invariant(self.m)] == "all hold"
        assert Error.text_of(int(self.m.error)) == ""
