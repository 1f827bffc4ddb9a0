"""The twin against the kernel's own traces and tables; its own check().

What the twin is worth as a judge of the fast machine is what it is worth here, and in
test_semantics*.py, which asks both.
"""

import csv
import random
from pathlib import Path

import pytest
import states
from models import Twin
from states import KERNELS
from twin import Machine, replay

from wpbench.scenario.kernels import instrumented

DATA = Path(__file__).parents[1] / "data" / "kernel-measurements"


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


@pytest.mark.parametrize(
    "trace", sorted((DATA / "traces-7.x").glob("*.csv.gz")), ids=lambda p: p.name
)
def test_replays_a_trace_of_the_kernels_of_2026(trace):
    found = replay(trace)
    assert found.compared >= 3600
    assert found.outcome_mismatches == []
    assert len(found.flag_mismatches) == found.active_only() <= 4  # their file LRU is another


def test_the_traces_of_the_kernels_of_2026_are_here():
    assert len(list((DATA / "traces-7.x").glob("*.csv.gz"))) == 8


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
        m = Twin(npages, cpus=2, **instrumented(row["decision"]))
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
        m = Twin(npages, cpus=4, backend=row["backend"], **instrumented(row["decision"]))
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


# -- the judge himself -------------------------------------------------------------------
def test_check_finds_a_lost_reference_and_an_unknown_holder():
    m = states.plain(Twin, "patch2")
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
    m = Machine(2)
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
        "exit_zap": (cpu,),
        "exit_flush": (cpu,),
        "isolate": (cpu, v),
        "putback": (cpu, v),
        "gup_get": (v,),
        "gup_put": (v,),
        "pin": (v,),
        "unpin": (v,),
        "mark_page_accessed": (cpu, v),
        "process_vm_readv": (cpu, v),
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


@pytest.mark.parametrize("kernel", KERNELS)
def test_invariants_under_random_programs(kernel):
    for seed in range(6):
        rng = random.Random(f"{kernel} {seed}")
        m = Twin(
            rng.choice([2, 7, 24]),
            cpus=2,
            pagevec=rng.choice([3, 15]),
            kernel=kernel,
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
