"""The jitted machine against the plain Python twin, on random programs."""

import os
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models import Jitted, Twin
from models.page import FLAG_BITS, HOLDERS, VECS, flags_of, holders_of
from states import KERNELS
from twin.machine import FAULT_DRAINS

from wpbench.mm import layout as L
from wpbench.mm import operations as mm
from wpbench.mm.invariants import INVARIANTS, broken_invariant
from wpbench.mm.names import Outcome, Reason, texts
from wpbench.scenario import RULES, Overrides
from wpbench.scenario.kernels import drains_fit
from wpbench.scenario.rules import OWN_FIELDS
from wpbench.workloads.replay import touch_all

EXAMPLES = int(os.environ.get("WPBENCH_EXAMPLES", "150"))
FILE_LRU = 20  # so short that some refaults do not activate
COUNTERS = (
    "wp_faults", "reuses", "zero_copies", "pswpin", "pswpout",
    *(name + of for name in FAULT_DRAINS for of in ("", "_nonempty", "_reused")),
)  # fmt: skip
MOST_SHARED = 3  # PTEs that share a KSM page: a fork doubles them, and 15 are what a word can hold


class Pair:
    """Both models of one machine; each operation is done on both and compared."""

    def __init__(self, npages, cpus, pagevec, kernel, rules, drain, latency_us, **device):
        options = {  # a device may have another backend
            "cpus": cpus, "pagevec": pagevec, "kernel": kernel, "rules": rules, "drain": drain,
            "backend": "null_blk" if latency_us else "zram", "latency_ns": latency_us * 1000,
            "swap_pages": 2047, "file_lru": FILE_LRU,
        } | device  # fmt: skip
        self.jitted = Jitted(npages, **options)
        self.m = self.jitted.m
        self.twin = Twin(npages, **options)
        self.npages = npages
        self.forked = False
        self.zapped = False
        self.taken = {"isolate": {}, "gup": {}, "pin": {}}  # page of the parent -> page frames
        self.now = 0
        touch_all(self.m, 0)
        for v in range(npages):
            self.twin.write(0, v)

    def access(self, cpu, v, write, child):
        at = v + self.npages * child
        do = (mm.read, mm.write)[write]
        names = (("read", "child_read"), ("write", "child_write"))[write]
        got = Outcome.text_of(do(self.m, cpu, at))
        assert got == getattr(self.twin, names[child])(cpu, v)

    def do(self, op, cpu, v, n):
        n = min(1 + n, self.npages - v)
        if op in ("read", "write"):
            self.access(cpu, v, op == "write", child=False)
        elif op in ("child_read", "child_write"):
            if self.forked and not self.zapped:
                self.access(cpu, v, op == "child_write", child=True)
        elif op == "pageout":
            mm.madvise_pageout(self.m, cpu, v, n)
            assert mm.resident(self.m, v, n) == self.twin.pageout(cpu, v, n)
        elif op == "cold":
            mm.madvise_cold(self.m, cpu, v, n)
            self.twin.cold(cpu, v, n)
        elif op == "free":
            mm.madvise_free(self.m, cpu, v, n)
            self.twin.free(cpu, v, n)
        elif op == "dontneed":
            mm.madvise_dontneed(self.m, cpu, v, n)
            self.twin.dontneed(cpu, v, n)
        elif op == "fork":
            if not self.forked:
                mm.fork(self.m, cpu, 0, 1)
                self.twin.fork(cpu)
                self.forked = True
        elif op == "exit":
            if self.zapped:
                mm.exit_flush(self.m, cpu, 1)
                self.twin.exit_flush(cpu)
            elif self.forked:
                mm.exit_process(self.m, cpu, 1)
                self.twin.exit(cpu)
            self.forked = self.zapped = False
        elif op == "exit_zap":
            if self.forked and not self.zapped:
                mm.exit_zap(self.m, cpu, 1)
                self.twin.exit_zap(cpu)
                self.zapped = True
        elif op in ACTORS:
            self.act(op, cpu, v, n)
        elif op == "advance":
            self.now += 700 * n
            self.jitted.advance(self.now)
            self.twin.advance(self.now)
        elif op == "drain":
            mm.lru_add_drain(self.m, cpu)
            self.twin.lru_add_drain(cpu)
        elif op == "drain_all":
            mm.lru_add_drain_all(self.m)
            self.twin.lru_add_drain_all()
        self.check(op)

    def act(self, op, cpu, v, n):
        """Do what others do to the pages of the parent."""
        taken = self.taken
        if op == "isolate":
            page = mm.isolate(self.m, v) if v not in taken["isolate"] else 0
            assert bool(page) == self.twin.isolate(cpu, v)
            if page:
                taken["isolate"][v] = page
        elif op in ("putback", "move_to_lru"):
            if taken["isolate"]:
                v, page = taken["isolate"].popitem()
                if op == "putback":
                    mm.putback(self.m, cpu, page)
                    self.twin.putback(cpu, v)
                else:
                    mm.move_to_lru(self.m, page)
                    self.twin.move_to_lru(v)
        elif op in ("gup", "pin"):
            if sum(map(len, taken[op].values())) < MOST_SHARED:
                page = (mm.gup_get if op == "gup" else mm.pin_user_page)(self.m, v)
                assert bool(page) == (self.twin.gup_get if op == "gup" else self.twin.pin)(v)
                if page:
                    taken[op].setdefault(v, []).append(page)
        elif op in ("ungup", "unpin"):
            kind = op[2:]
            if any(taken[kind].values()):
                v = next(v for v, pages in taken[kind].items() if pages)
                page = taken[kind][v].pop()
                (mm.gup_put if kind == "gup" else mm.unpin_user_page)(self.m, page)
                (self.twin.gup_put if kind == "gup" else self.twin.unpin)(v)
        elif op == "accessed":
            assert bool(mm.mark_page_accessed(self.m, cpu, v)) == self.twin.mark_page_accessed(
                cpu, v
            )
        elif op == "access":
            mm.process_vm_readv(self.m, cpu, v)
            self.twin.process_vm_readv(cpu, v)
        elif op == "migrate_page":
            assert bool(mm.migrate_page(self.m, cpu, v)) == self.twin.migrate_page(cpu, v)
        elif op == "ksm":
            if not self.forked and self.mapcount(v) <= MOST_SHARED:
                w = (v + n) % self.npages
                assert bool(mm.ksm_merge(self.m, cpu, v, w)) == self.twin.ksm_merge(cpu, v, w)
        elif op == "collapse":
            n = min(1 + n, self.npages - v)
            assert mm.collapse_fails(self.m, cpu, v, n) == self.twin.collapse_fails(cpu, v, n)
        elif op == "uffd_copy":
            assert bool(mm.uffd_copy(self.m, cpu, v)) == self.twin.uffd_copy(cpu, v)
        elif op == "foreign":
            mm.insert_foreign_page(self.m, cpu)
            self.twin.foreign_insert(cpu)
        elif op == "munmap":
            mm.munmap_foreign(self.m, cpu)
            self.twin.munmap_foreign(cpu)
        elif op == "disable":
            mm.lru_cache_disable(self.m)
            self.twin.lru_cache_disable()
        elif op == "enable":
            if self.m.lru_cache_disabled:
                mm.lru_cache_enable(self.m)
                self.twin.lru_cache_enable()
        elif op in ("locked_write", "locked_pageout"):
            page = mm.lock_page(self.m, v)
            assert bool(page) == self.twin.lock_page(v)
            if page:
                self.do(op.removeprefix("locked_"), cpu, v, n)
                mm.unlock_page(self.m, page)
                self.twin.unlock_page(v)

    def mapcount(self, v):
        pte = int(self.m.pte[v])
        return int(mm.page_mapcount(self.m.page[pte >> L.SHIFT_PTE])) if pte & 1 else 0

    def check(self, op):
        # The twin has one clock for all CPUs; where a read was waited for, only its CPU's went on.
        self.now = max(self.twin.now, self.jitted.now)
        self.jitted.advance(self.now)
        self.twin.advance(self.now)
        assert INVARIANTS[broken_invariant(self.m)] == "all hold", op
        assert self.m.error == 0
        seen = self.twin.snapshot()
        for process, ptes in enumerate((seen["parent"], seen["child"] or [])):
            for v, pte in enumerate(ptes):
                assert self.pte(process * self.npages + v) == self.expected(pte), (op, process, v)
        for (kind, cpu), length in seen["pagevecs"].items():
            if kind in VECS:
                at = (cpu * L.NR_VECS + VECS[kind]) * (self.m.pagevec + 1)
                assert self.m.vec[at] == length, (op, kind, cpu)
        assert self.m.slots_used == seen["slots"], op
        assert self.jitted.nr_orphans() == seen["orphans"], op
        for name in COUNTERS:
            assert getattr(self.m, name) == getattr(self.twin, name), (op, name)
        ours = {n.upper(): int(self.m.reason[i]) for i, n in enumerate(texts(Reason))}
        theirs = {name: self.twin.copies[name] for name in ours}
        # A page in a local pagevec and under writeback: semantics 5.2, row 8, says PAGEVEC_LOCAL;
        # the twin says WRITEBACK.
        for table in (ours, theirs):
            table["WRITEBACK"] += table.pop("PAGEVEC_LOCAL")
        assert ours == theirs, op

    def pte(self, at):
        pte = int(self.m.pte[at])
        if not pte & (L.PTE_PRESENT | L.PTE_SWAP):  # one that waits in an mmu_gather, too
            return ("none",)
        if pte & L.PTE_SWAP:
            return ("swap", bool(pte & L.PTE_SWP_EXCLUSIVE))
        if pte >> L.SHIFT_PTE == L.ZERO_PAGE:
            return ("zero",)
        word = int(self.m.page[pte >> L.SHIFT_PTE])
        flags = flags_of(word)
        writable, dirty = bool(pte & L.PTE_WRITE), bool(pte & L.PTE_DIRTY)
        return ("present", writable, dirty, holders_of(word), flags)

    def expected(self, pte):
        if pte["pte"] == "swap":
            return ("swap", pte["swap_exclusive"])
        if pte["pte"] != "present":
            return (pte["pte"],)
        held = dict.fromkeys(HOLDERS, 0)
        for holder in pte["holders"]:
            held[holder[1] if holder[0] == "vec" else holder[0]] += 1
        flags = {name: pte[name] for name in FLAG_BITS}
        return ("present", pte["writable"], pte["pte_dirty"], held, flags)


ACTORS = (
    "isolate", "putback", "move_to_lru", "gup", "ungup", "pin", "unpin", "accessed", "accessed",
    "access", "access", "migrate_page", "collapse", "ksm", "uffd_copy", "foreign", "munmap",
    "disable", "enable", "locked_write", "locked_pageout",
)  # fmt: skip
OPS = st.sampled_from(
    ["read"] * 6 + ["write"] * 6 + ["pageout"] * 4
    + ["cold", "free", "dontneed", "fork", "exit", "exit_zap", "child_read", "child_write"]
    + ["drain", "drain_all", "advance", *ACTORS]
)  # fmt: skip
PROGRAM = st.lists(
    st.tuples(OPS, st.integers(0, 3), st.integers(0, 39), st.integers(0, 39)), max_size=60
)
# Hypothesis's lists are short (7 operations on average).  These are long, and cannot be shrunk.
LONG = 150
LONG_OPS = (
    *["read", "write"] * 9, *["pageout", "fork", "exit", "child_read", "child_write"] * 3,
    *["access", "accessed", "free", "gup", "ungup"] * 2,
    *("cold", "dontneed", "exit_zap", "drain", "drain_all", "advance", "foreign", "munmap"),
    *("isolate", "putback", "pin", "unpin", "migrate_page", "ksm", "uffd_copy", "locked_write"),
)  # fmt: skip


def long_program(seed):
    """Return a program of LONG operations on few CPUs and ranges of few pages."""
    rng = random.Random(seed)
    places = ((rng.randrange(4), rng.randrange(40), rng.choice((0, 0, 1, 5))) for _ in range(LONG))
    return [(rng.choice(LONG_OPS), *place) for place in places]


def values(name):
    """Return a strategy of what a rule can be."""
    rule = RULES[name]
    if rule.high:
        return st.integers(rule.low, rule.high)
    return st.sampled_from(rule.values or (False, True))


ROWS = st.fixed_dictionaries({name: values(name) for name in RULES if name not in OWN_FIELDS})
# A kernel, rules that it has otherwise (none, some, or all of them), and a drain policy.
CASES = st.tuples(
    st.sampled_from(KERNELS),
    st.one_of(
        ROWS,
        st.fixed_dictionaries({}, optional={n: values(n) for n in RULES if n not in OWN_FIELDS}),
        st.just({}),
    ),
).flatmap(
    lambda case: st.tuples(
        st.just(case[0]), st.just(case[1]), st.sampled_from(drains_fit(case[0], Overrides(case[1])))
    )
)
COMMON: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


def drive(program, case, npages, cpus, pagevec, latency_us=0, **device):
    pair = Pair(npages, cpus, pagevec, *case, latency_us, **device)
    for op, cpu, v, n in program:
        pair.do(op, cpu % cpus, v % npages, n)


@settings(max_examples=EXAMPLES, **COMMON)
@given(
    PROGRAM,
    CASES,
    st.integers(1, 40),
    st.integers(1, 4),
    st.sampled_from([2, 3, 5, 14, 15, 31]),
)
def test_synchronous_machine_agrees_with_the_twin(program, case, npages, cpus, pagevec):
    drive(program, case, npages, cpus, pagevec)


@settings(max_examples=EXAMPLES, **COMMON)
@given(
    PROGRAM,
    CASES,
    st.integers(1, 40),
    st.integers(1, 3),
    st.sampled_from([2, 5, 15]),
    st.sampled_from([1, 10, 100]),
)
def test_asynchronous_machine_agrees_with_the_twin(program, case, npages, cpus, pagevec, latency):
    drive(program, case, npages, cpus, pagevec, latency)


DEVICE = st.one_of(
    st.fixed_dictionaries({"backend": st.just("zswap")}),
    st.fixed_dictionaries(
        {
            "backend": st.just("null_blk"),
            "latency_ns": st.sampled_from([700, 5000]),
            "stable_writes": st.booleans(),
            "completion_cpu": st.sampled_from([None, 1]),
        }
    ),
)


@settings(max_examples=EXAMPLES, **COMMON)
@given(
    PROGRAM,
    CASES,
    st.integers(1, 40),
    st.sampled_from([2, 5, 15]),
    st.sampled_from([0, 3]),
    st.sampled_from([0, 506]),
    DEVICE,
)
def test_other_devices_agree_with_the_twin(
    program, case, npages, pagevec, page_cluster, pmd_offset, device
):
    device = device | {"page_cluster": page_cluster, "pmd_offset": pmd_offset}
    drive(program, case, npages, 2, pagevec, **device)


LONG_DEVICE = st.sampled_from(
    [
        {"backend": "zram"},
        {"backend": "zswap", "page_cluster": 0},
        {"backend": "zswap", "page_cluster": 3},
        {"backend": "null_blk", "latency_ns": 700},
        {"backend": "null_blk", "latency_ns": 5000, "stable_writes": True},
        {"backend": "zram", "swap_pages": 5},
    ]
)


@settings(max_examples=EXAMPLES // 2, **COMMON)
@given(st.integers(0, 2**32), CASES, st.integers(1, 6), st.sampled_from([2, 3, 4, 15]), LONG_DEVICE)
def test_long_programs_agree_with_the_twin(seed, case, npages, pagevec, device):
    drive(long_program(seed), case, npages, 2, pagevec, **device)


@pytest.mark.nojit
@settings(max_examples=25, **COMMON)
@given(PROGRAM, CASES, st.integers(1, 12), st.sampled_from([2, 3, 15]))
def test_small_machines_agree_with_the_twin(program, case, npages, pagevec):
    drive(program, case, npages, 2, pagevec)


@pytest.mark.nojit
def test_broken_invariants_are_seen():
    pair = Pair(4, 1, 15, "patch2", {}, None, 0)
    page = int(pair.m.pte[0]) >> L.SHIFT_PTE
    word = pair.m.page[page]
    for change, invariant in ((L.ONE_MAP, 1), (-L.HELD_LRU_ADD, 2), (L.PG_LRU, 3)):
        pair.m.page[page] = word + change
        assert broken_invariant(pair.m) == invariant
    pair.m.page[page] = word
    assert broken_invariant(pair.m) == 0
    mm.lru_add_drain(pair.m, 0)
    mm.madvise_pageout(pair.m, 0, 0, 4)
    pair.m.slots_used += 1
    assert broken_invariant(pair.m) == 6
