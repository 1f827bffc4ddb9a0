"""The twin against the kernel's own traces and tables, and against semantics.md 5.2 and 8.

What the twin is worth as a judge of the fast machine is what it is worth here.
"""

import csv
import random
from pathlib import Path

import pytest
from twin import Machine, replay
from twin.page import Page

DATA = Path(__file__).parents[1] / "data" / "kernel-measurements"
NEVER = 10**12  # a latency that no test outlives


# -- traces ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "trace",
    [
        "traces/zram_v5.17_32p_1c_s10",
        "traces/zram_patch2_32p_1c_s12",
        "traces/zram_patch1_64p_2c_fork_s41",
        "traces/zram_patch2_64p_2c_cold_s52",
        "traces/zram_patch2-rfc2_64p_2c_free_s63",
        "traces/zram_patch2-always_64p_2c_s25",
        "traces/zram_exclusive_64p_2c_fork_s44",
        "traces/brd_patch2_64p_2c_fork_s82",
        "traces/null_blk-1us_patch1_128p_1c_s12",  # straddles a page table
        "traces/null_blk-10us_patch2_32p_1c_s21",
        "traces/null_blk-100us_v5.17_128p_1c_s02",
        "traces-debian/debian-6.1.192_zram_64p_2c_cold_s803",
        "traces-debian/debian-6.12.117_zram_64p_2c_fork_s802",
    ],
)
def test_replays_a_trace_without_a_mismatch(trace):
    found = replay(DATA / f"{trace}.csv.gz")
    assert found.compared >= 2000
    assert found.outcome_mismatches == []
    assert found.flag_mismatches == []


def test_invariants_hold_after_every_operation_of_a_trace():
    found = replay(DATA / "traces/null_blk-100us_patch2_32p_1c_s21.csv.gz", check=True)
    assert found.outcome_mismatches == []


@pytest.mark.parametrize("seed", ["patch1_32p_1c_s11", "patch2_128p_1c_s22"])
def test_replays_slow_writeback_but_for_a_completion_close_to_an_operation(seed):
    found = replay(DATA / f"traces/null_blk-10000us_{seed}.csv.gz")
    assert len(found.outcome_mismatches) <= 1
    assert len(found.flag_mismatches) <= 3


def test_replays_writeback_in_the_emulators_own_time_where_it_is_no_matter_of_luck():
    found = replay(DATA / "traces/null_blk-500us_patch2_96p_3c_cold+fork+free_s722.csv.gz")
    assert len(found.outcome_mismatches) <= 0.05 * found.compared


# -- tables ----------------------------------------------------------------------------
def rows(table):
    with (DATA / table).open() as f:
        yield from csv.DictReader(f)


def test_userfaultfd_table():
    for row in rows("userfaultfd.csv"):
        npages, rounds, fill, write = (
            int(row[k]) for k in ("npages", "rounds", "fill_cpu", "write_cpu")
        )
        m = Machine(npages, cpus=2, decision=row["decision"], swapin="v6.1")
        for _ in range(rounds):
            m.dontneed(fill, 0, npages)
            m.lru_add_drain_all()
            for v in range(npages):
                m.uffd_copy(fill, v)
                if row["order"] == "copy-write":
                    m.write(write, v)
            for v in range(npages):
                m.write(write, v)
        got = sum(m.copies.values()), m.reuses
        assert got == (int(row["copies"]), int(row["reuses"])), row


def test_reproducer_table_of_synchronous_backends():
    compared = 0
    for row in rows("reproducer_sync.csv"):
        npages, rounds, reader, writer = (
            int(row[k]) for k in ("npages", "rounds", "read_cpu", "write_cpu")
        )
        if npages > 64:
            continue
        m = Machine(npages, cpus=4, decision=row["decision"], swapin="v6.1", backend=row["backend"])
        for v in range(npages):
            m.write(reader, v)
        if row["fork_exit_before"] == "1":
            m.fork(reader)
            m.exit(3)
        order = list(range(npages))
        if row["pattern"] == "read-write-shuffled":
            random.Random(1).shuffle(order)
        for _ in range(rounds):
            m.pageout(reader, 0, npages)
            for v in order:
                m.read(reader, v)
                if row["pattern"] != "read-all-write-all":
                    m.write(writer, v)
            for v in order:
                m.write(writer, v)
        # Something else on the machine touches a vector now and then.
        assert sum(m.copies.values()) == pytest.approx(int(row["copies"]), abs=12), row
        assert m.reuses == pytest.approx(int(row["reuses"]), abs=12), row
        compared += 1
    assert compared > 100


# -- semantics.md 5.2: what a page's holders make of a write -----------------------------
DECISIONS = ("v5.8", "v5.17", "patch1", "patch2", "patch2-rfc2", "exclusive")


def shared_once(m):
    """Make every page read-only and not exclusive, with no reference more: a child was here."""
    m.fork(0)
    m.exit(1)
    return m


def machine(decision, **options):
    return Machine(2, cpus=2, decision=decision, **options)


def plain(decision):
    m = machine(decision)
    m.write(0, 0)
    m.lru_add_drain_all()
    return shared_once(m)


def in_lru_add(decision):
    m = machine(decision)
    m.write(0, 0)
    return shared_once(m)


def in_swap_cache(decision, writeback=False, on_lru=True, **options):
    m = machine(decision, backend="null_blk", latency_ns=1000, **options)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    if not writeback:
        m.advance(m.now + 1000)
    m.read(0, 0)
    if on_lru:
        m.lru_add_drain_all()
    return shared_once(m)


def with_swap_pte(decision):
    m = machine(decision, backend="null_blk")
    m.write(0, 0)
    m.pageout(0, 0, 1)
    m.advance(1)
    m.fork(0)
    m.read(0, 0)
    m.lru_add_drain_all()
    return m


def in_rotate(decision):
    m = machine(decision, backend="null_blk", latency_ns=1000)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    m.lru_add_drain(0)
    m.advance(1000)
    m.read(0, 0)
    return shared_once(m)


def in_activate(decision):
    m = plain(decision)
    if decision == "v5.8":  # its pages start active
        m.mm.ptes[0].page.active = False
    m.mark_page_accessed(0, 0)
    m.mark_page_accessed(0, 0)
    return m


def in_deactivate(decision):
    m = in_activate(decision)
    m.lru_add_drain(0)
    m.cold(0, 0, 1)
    return m


def in_lazyfree(decision):
    m = plain(decision)
    m.free(0, 0, 1)
    return m


def isolated(decision):
    m = plain(decision)
    m.isolate(0, 0)
    return m


def second_pte(decision):
    m = plain(decision)
    m.fork(0)
    return m


def gup(decision):
    m = plain(decision)
    m.gup_get(0)
    return m


def pinned(decision):
    m = machine(decision)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    m.read(0, 0)
    m.lru_add_drain_all()
    assert m.pin(0)
    return m


def locked(decision):
    m = plain(decision)
    m.lock_page(0)
    return m


def ksm(decision):
    m = machine(decision)
    m.write(0, 0)
    m.write(0, 1)
    m.lru_add_drain_all()
    assert m.ksm_merge(0, 0, 1)
    return m


def lagging(decision):
    m = plain(decision)
    m.fork(0)
    m.exit_zap()
    return m


R, C = "reuse", "copy"

# row: (state, page_count, PageLRU, CPU that writes, outcomes as in DECISIONS, drains of patch2,
# label)
ROWS = {
    "1": (plain, 1, True, 0, (R, R, R, R, R, R), 0, None),
    "2": (in_lru_add, 2, False, 0, (R, C, C, R, R, R), 1, "PAGEVEC_LOCAL"),
    "3": (in_lru_add, 2, False, 1, (R, C, C, C, C, C), 1, "PAGEVEC_REMOTE"),
    "4": (in_swap_cache, 2, True, 0, (R, C, R, R, R, R), 0, "SWAPCACHE"),
    "5": (
        lambda d: in_swap_cache(d, on_lru=False),
        3,
        False,
        0,
        (R, C, C, R, R, R),
        1,
        "PAGEVEC_LOCAL",
    ),
    "6": (
        lambda d: in_swap_cache(d, on_lru=False),
        3,
        False,
        1,
        (R, C, C, C, C, C),
        1,
        "PAGEVEC_REMOTE",
    ),
    "7": (lambda d: in_swap_cache(d, True), 2, True, 0, (R, C, C, C, C, C), 0, "WRITEBACK"),
    "8": (lambda d: in_swap_cache(d, True, False), 3, False, 0, (R, C, C, C, C, C), 1, "WRITEBACK"),
    "9": (with_swap_pte, 2, True, 0, (C, C, C, C, C, C), 0, "SWAPCOUNT"),
    "10": (in_rotate, 3, True, 0, (R, C, C, C, C, C), 0, "ROTATE"),
    "11a": (in_activate, 2, True, 0, (R, C, C, C, C, C), 0, "ACTIVATE"),
    "11d": (in_deactivate, 2, True, 0, (R, C, C, C, C, C), 0, "DEACTIVATE"),
    "11l": (in_lazyfree, 2, True, 0, (R, C, C, C, C, C), 0, "LAZYFREE"),
    "12": (isolated, 2, False, 0, (R, C, C, C, C, C), 1, "ISOLATED"),
    "13": (second_pte, 2, True, 0, (C, C, C, C, C, C), 0, "SHARED_PTE"),
    "14": (gup, 2, True, 0, (R, C, C, C, C, C), 0, "GUP"),
    "15": (pinned, 1025, True, 0, (R, C, C, C, C, R), 0, "GUP"),
    "16": (locked, 1, True, 0, (R, C, C, C, C, C), 0, "TRYLOCK"),
    "17": (ksm, 2, True, 0, (C, C, C, C, C, C), 0, "KSM"),
    "18": (lagging, 2, True, 0, (R, C, C, C, C, C), 0, "LAGGING_REF"),
}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("decision", DECISIONS)
def test_outcome_table(row, decision):
    state, references, lru, cpu, outcomes, drains, label = ROWS[row]
    m = state(decision)
    m.check()
    page = m.mm.ptes[0].page
    m.copies.clear()
    # v5.8 puts what it swaps in into the activate vector, which is a reference of its own.
    activated = [at for at in page.vectors() if at[0] == "activate"] if row != "11a" else []
    assert page.page_count() - len(activated) == references
    assert page.lru == lru
    assert not page.exclusive or row == "15"
    outcome = m.write(cpu, 0)
    assert outcome == dict(zip(DECISIONS, outcomes, strict=True))[decision]
    assert dict(m.copies) == ({label: 1} if outcome == C else {})
    if decision == "patch2":
        assert m.drains == drains
    m.check()


def test_row_7_on_a_device_that_needs_stable_pages():
    m = in_swap_cache("v5.8", writeback=True, stable_writes=True)
    assert m.write(0, 0) == "copy"
    assert m.copies == {"STABLE_WB": 1}


def test_a_copied_page_leaves_the_swap_cache_since_v5_14():
    for swapin, slots in (("v5.8", 1), ("v5.17", 0)):
        m = in_swap_cache("v5.17", swapin=swapin)
        m.lru_add_drain_all()
        assert m.write(0, 0) == "copy"
        assert len(m.swap.slots) == len(m.orphans()) == slots


def test_row_10_where_batches_clear_pg_lru():
    m = in_rotate("v6.11")
    page = m.mm.ptes[0].page
    assert (page.page_count(), page.lru) == (3, False)
    assert m.write(0, 0) == "reuse"
    assert m.drains == 1


@pytest.mark.parametrize(
    ("policy", "local", "remote", "left"),
    [
        ("never", C, C, 2),
        ("if-not-lru", R, C, 0),
        ("always", R, C, 0),
        ("lru-add-only", R, C, 0),
        ("this-page", R, C, 1),
        ("all-cpus", R, R, 0),
    ],
)
def test_drain_policies(policy, local, remote, left):
    for cpu, wanted in ((0, local), (1, remote)):
        m = Machine(2, cpus=2, drain=policy)
        m.write(0, 0)
        m.write(0, 1)
        shared_once(m)
        assert m.write(cpu, 0) == wanted
        if cpu == 0:
            # A copy's own page joins the two that nobody drained.
            assert len(m.vecs.vecs["lru_add", 0]) == left + (wanted == C)


# -- semantics.md 4.4: a write to a page that is swapped out -----------------------------
@pytest.mark.parametrize(
    ("swapin", "wp_faults"), [("v5.8", 0), ("v5.17", 0), ("v5.18", 1), ("v6.1", 0), ("v6.12", 0)]
)
def test_direct_write_under_writeback(swapin, wp_faults):
    m = Machine(1, swapin=swapin, backend="null_blk", latency_ns=NEVER)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    assert m.write(0, 0) == "minor"
    assert m.wp_faults == wp_faults
    assert sum(m.copies.values()) == wp_faults
    m.check()


def test_a_read_maps_writable_where_the_page_is_exclusive():
    for decision, outcome in (("exclusive", "reuse"), ("v6.12", "hit")):
        m = Machine(1, decision=decision)
        m.write(0, 0)
        m.pageout(0, 0, 1)
        assert m.read(0, 0) == "major"
        assert m.write(0, 0) == outcome


# -- semantics.md 8: closed forms --------------------------------------------------------
SIZES = (*range(1, 34), 45, 46, 64)


def swapped(n, decision, **options):
    m = Machine(n, cpus=2, decision=decision, **options)
    for v in range(n):
        m.write(0, v)
    m.lru_add_drain_all()
    return m


def loop(m, n, batch=False, before=lambda _v: None):
    """Run one round; returns its copies and drains."""
    copies, drains = sum(m.copies.values()), m.drains
    m.pageout(0, 0, n)
    for v in range(n):
        before(v)
        m.read(0, v)
        if not batch:
            m.write(0, v)
    for v in range(n):
        m.write(0, v)
    m.check()
    return sum(m.copies.values()) - copies, m.drains - drains


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("capacity", [14, 15, 31])
def test_synchronous_loop(n, capacity):
    for decision in ("v5.17", "patch1"):
        m = swapped(n, decision, pagevec=capacity)
        wanted = n if capacity % 2 == 0 else n - n // ((capacity + 1) // 2)
        assert [loop(m, n)[0] for _ in range(3)] == [wanted] * 3
    m = swapped(n, "patch2", pagevec=capacity)
    assert [loop(m, n) for _ in range(3)] == [(0, n)] * 3
    assert m.pswpin == 3 * n
    for decision in ("v5.8", "exclusive"):
        assert loop(swapped(n, decision, pagevec=capacity), n) == (0, 0)
    m = swapped(n, "v6.12", pagevec=capacity)
    loop(m, n)
    assert m.wp_faults == 0


@pytest.mark.parametrize("n", SIZES)
def test_synchronous_batch(n):
    for capacity in (15, 31):
        r = n % capacity
        for decision in ("v5.17", "patch1"):
            m = swapped(n, decision, pagevec=capacity)
            assert loop(m, n, batch=True)[0] == min(r, capacity - r)
        assert loop(swapped(n, "patch2", pagevec=capacity), n, batch=True) == (0, r > 0)


def test_no_copies_while_the_pagevecs_are_disabled():
    m = swapped(20, "v5.17")
    m.lru_cache_disable()
    assert loop(m, 20) == (0, 0)


def asynchronous(n, decision, **options):
    return swapped(n, decision, backend="null_blk", **options)


@pytest.mark.parametrize("n", SIZES)
def test_writeback_in_flight(n):
    """8.2 (a)."""
    for decision in ("v5.17", "patch1", "patch2", "patch2-rfc2"):
        copies, drains = loop(asynchronous(n, decision, latency_ns=NEVER), n)
        assert copies == n
        if decision.startswith("patch2"):
            assert drains == (n < 15)
    m = asynchronous(n, "patch2", latency_ns=NEVER)
    loop(m, n)
    assert m.copies == {"WRITEBACK": n}
    assert len(m.swap.slots) == m.snapshot()["orphans"] == n  # a zombie each
    for decision in ("v5.8", "exclusive"):
        assert loop(asynchronous(n, decision, latency_ns=NEVER), n)[0] == 0
    assert loop(asynchronous(n, "v5.8", latency_ns=NEVER, stable_writes=True), n)[0] == n


@pytest.mark.parametrize("n", SIZES)
def test_writeback_complete_before_the_first_touch(n):
    """8.2 (b)."""
    r = n % 15
    for decision, wanted in (
        ("v5.8", (0, 0)),
        ("v5.17", (n, 0)),
        ("patch1", (min(r, 15 - r), 0)),
        ("patch2", (0, r > 0)),
        ("exclusive", (0, 0)),
    ):
        m = asynchronous(n, decision, latency_ns=1000)
        assert loop(m, n, before=lambda v, m=m: v or m.advance(m.now + 1000)) == wanted


@pytest.mark.parametrize("n", [1, 8, 14, 15, 16, 29, 30, 31, 44, 45])
@pytest.mark.parametrize("held", [0, 1, 7, 14])
def test_completions_on_another_cpu_with_pages_in_its_rotate_vector(n, held):
    """8.2 (c)."""
    r = n % 15
    for decision, wanted in (
        ("patch2", held if n >= 15 else 0),
        ("patch1", held + max(0, min(r, 15 - r - held)) if n >= 15 else min(r, 15 - r)),
    ):
        m = asynchronous(n, decision, latency_ns=1000, completion_cpu=1)
        for _ in range(held):
            page = Page(m, "foreign")
            page.get("foreign")
            page.lru = True
            m.vecs.insert("rotate", 1, page)
        assert loop(m, n, before=lambda v, m=m: v or m.advance(m.now + 1000))[0] == wanted


@pytest.mark.parametrize("n", [1, 7, 15, 16, 22, 30, 31])
def test_completions_as_one_burst_before_a_read(n):
    """8.2 (d)."""
    for before in range(1, n + 1):
        q = n - n % 15
        tail_on_lru = q == n or before >= 15 - n % 15 or before > q
        wanted = before + ((n if tail_on_lru else q) - before) % 15
        m = asynchronous(n, "patch2", latency_ns=1000)
        got = loop(
            m, n, before=lambda v, m=m, at=before: m.advance(m.now + 1000) if v == at else None
        )
        if before < n:
            assert got[0] == wanted, before
        else:
            assert got[0] == n


@pytest.mark.parametrize("n", [1, 7, 8, 14, 15, 16, 22, 30])
def test_fork_pattern(n):
    """8.3: the last pages keep their references if the child exits elsewhere."""
    r = n % 15
    for decision in DECISIONS:
        for child_cpu in (0, 1):
            m = Machine(n, cpus=2, decision=decision)
            for v in range(n):
                m.write(0, v)
            m.fork(0)
            m.exit(child_cpu)
            for v in range(n):
                m.write(0, v)
            early = decision in ("v5.17", "patch1") and child_cpu == 1
            assert sum(m.copies.values()) == (min(r, 15 - r) if early else 0)


# -- the judge himself -------------------------------------------------------------------
def test_check_finds_a_lost_reference_and_an_unknown_holder():
    m = plain("patch2")
    m.check()
    page = m.mm.ptes[0].page
    page.get("vec", "rotate", 0)
    with pytest.raises(AssertionError, match="claimed"):
        m.check()
    page.put("vec", "rotate", 0)
    m.check()
    page.holders.clear()
    with pytest.raises(AssertionError):
        m.check()


def test_check_finds_a_leaked_slot():
    m = machine("patch2")
    m.swap.allocate(0)
    with pytest.raises(AssertionError, match="leaked"):
        m.check()


def random_operation(m, rng):
    cpu, v = rng.randrange(m.cpus), rng.randrange(m.npages)
    n = rng.randint(1, m.npages - v)
    operations = {
        "read": (cpu, v),
        "write": (cpu, v),
        "child_read": (cpu, v),
        "child_write": (cpu, v),
        "pageout": (cpu, v, n),
        "cold": (cpu, v, n),
        "free": (cpu, v, n),
        "dontneed": (cpu, v, n),
        "fork": (cpu,),
        "exit": (cpu,),
        "exit_zap": (),
        "exit_flush": (cpu,),
        "isolate": (cpu, v),
        "putback": (cpu, v),
        "gup_get": (v,),
        "gup_put": (v,),
        "pin": (v,),
        "unpin": (v,),
        "mark_page_accessed": (cpu, v),
        "ksm_merge": (cpu, v, rng.randrange(m.npages)),
        "uffd_copy": (cpu, v),
        "migrate_page": (cpu, v),
        "foreign_insert": (cpu,),
        "lock_page": (v,),
        "unlock_page": (v,),
        "lru_add_drain": (cpu,),
        "advance": (m.now + rng.choice([1, 100, 2000]),),
    }
    weights = [15 if name in ("read", "write", "pageout") else 2 for name in operations]
    name = rng.choices(list(operations), weights)[0]
    getattr(m, name)(*operations[name])


@pytest.mark.parametrize("decision", [*DECISIONS, "patch2-always", "v6.7", "v6.11", "v6.12"])
def test_invariants_under_random_programs(decision):
    for seed in range(12):
        rng = random.Random(f"{decision} {seed}")
        m = Machine(
            rng.choice([2, 7, 24]),
            cpus=2,
            pagevec=rng.choice([3, 15]),
            decision=decision,
            backend=rng.choice(["zram", "null_blk"]),
            latency_ns=rng.choice([0, 1000]),
            stable_writes=rng.random() < 0.3,
            rotational=rng.random() < 0.3,
            swap_pages=rng.choice([None, 20]),
            pmd_offset=rng.choice([0, 508]),
        )
        for _ in range(120):
            random_operation(m, rng)
            m.check()
        assert m.wp_faults == m.reuses + sum(m.copies.values())
