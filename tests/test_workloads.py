"""What the workloads do to the machine, where it can be said beforehand."""

import numba
import numpy as np
import pandas as pd
import pytest

import wpbench as wb
from wpbench import mm
from wpbench.jit.compile import JIT_DISABLED

pytestmark = pytest.mark.nojit
COUNTS = ["wp_faults", "copies", "reuses", "drains", "drained_pages", "pswpin", "pswpout"]


@numba.njit
def without_pagevecs(m, p):
    """Run the reproducer while migration keeps the pagevecs disabled (lru_cache_disable())."""
    mm.lru_cache_disable(m)
    for v in range(p.npages):
        mm.write(m, 0, v)
    for _ in range(p.rounds):
        mm.madvise_pageout(m, 0, 0, p.npages)
        for v in range(p.npages):
            mm.read(m, 0, v)
            mm.write(m, 0, v)


def run(seeds=1, **axes):
    return wb.simulate(wb.grid(**({"rounds": 3} | axes)), seeds=seeds)


@pytest.mark.parametrize("kernel", ["v5.17", "patch1", "patch2", "exclusive"])
def test_threads_on_cpus_of_their_own_do_not_meet(kernel):
    alone = run(kernel=kernel, npages=20)
    four = run(kernel=kernel, npages=20, threads=4, cpus=4)
    assert (four[COUNTS] == 4 * alone[COUNTS]).all(axis=None)


def test_a_thread_that_never_stays_finds_its_page_in_a_remote_pagevec():
    table = run(
        kernel=["patch1", "patch2"], npages=7, rounds=1, cpus=8, migration_rate=1.0,
    )  # fmt: skip
    # 7 reads and 7 copies insert 14 pages: no pagevec fills.
    assert table.copies.tolist() == table.wp_faults.tolist() == [7, 7]
    assert (table.copy_pagevec_remote == 7).all()
    assert table.drains.tolist() == [0, 7]


def test_who_stays_drains_for_who_was_moved_away():
    """Of many threads, another one's drain may reach the page before its own thread writes it."""
    alone, many = (
        run(npages=400 // n, cpus=4, threads=n, migration_rate=0.2).copy_rate[0] for n in (1, 4)
    )
    assert many < 0.85 * alone


def test_only_all_cpus_helps_a_thread_that_moves():
    drains = ["never", "if-not-lru", "always", "lru-add-only", "this-page", "all-cpus"]
    table = run(drain=drains, npages=30, cpus=4, threads=4, migration_rate=0.5, seed=3)
    by_drain = table.set_index("drain").copies
    assert by_drain["all-cpus"] == 0
    assert 0 < by_drain["if-not-lru"] < by_drain["never"]


def test_migration_is_drawn_from_the_seed():
    table = run(
        seeds=2,
        kernel=["v6.12", "patch2"],
        npages=400,
        cpus=4,
        migration_rate=0.2,
        seed=[1, 2],
    )
    remote = table[table.kernel == "patch2"].copy_pagevec_remote.tolist()
    assert len(set(remote)) > 1
    # The page of a thread that was moved is in a remote pagevec, unless its read filled that one.
    faults = table[table.kernel == "patch2"].wp_faults.to_numpy()
    assert np.array(remote) / faults == pytest.approx(0.2, abs=0.06)


def test_hand_over_of_one_pair_is_the_reproducer_on_two_cpus():
    axes = {"kernel": ["v5.17", "patch1", "patch2", "exclusive"], "npages": [1, 8, 40]}
    pair = run(workload="hand-over", **axes)
    moved = run(read_cpu=0, write_cpu=1, **axes)
    pd.testing.assert_frame_equal(pair[COUNTS], moved[COUNTS])
    assert (pair.cpus == 2).all()


def test_hand_over_on_one_cpu_is_the_reproducer():
    pair = run(workload="hand-over", cpus=1, kernel=["patch1", "patch2"], npages=33)
    alone = run(kernel=["patch1", "patch2"], npages=33)
    pd.testing.assert_frame_equal(pair[COUNTS], alone[COUNTS])


@pytest.mark.parametrize(("order", "copies"), [("copy-write", 16), ("copy-all-write-all", 0)])
def test_userfaultfd(order, copies):
    table = run(
        workload="userfaultfd", kernel=["patch1", "patch2"], order=order, npages=15,
        rounds=2, write_cpu=[0, 1],
    ).set_index(["kernel", "write_cpu"])  # fmt: skip
    if order == "copy-write":
        # Each copy inserts a page as well: the 8th fill is the 15th insertion.
        assert table.copies["patch1", 0] == 2 * (15 - 15 // 8)
        assert table.copies["patch2", 0] == 0
        assert table.copies["patch2", 1] == table.copy_pagevec_remote["patch2", 1] == 2 * 14
    else:
        assert (table.copies == copies).all()


def test_other_tasks_that_drain_before_every_write():
    table = run(kernel="patch1", npages=20, background_drains=[0.0, 1.0])
    assert table.copies.tolist() == [3 * 18, 0]


def test_other_tasks_that_fill_the_pagevec_between_read_and_write():
    table = run(kernel="patch1", npages=20, background_insertions=[0.0, 14.0])
    assert table.copies.tolist() == [3 * 18, 0]


@pytest.mark.skipif(JIT_DISABLED, reason="half a minute without JIT")
def test_background_rates_are_means_a_cpu():
    table = run(
        kernel="patch2", npages=200, rounds=20, cpus=[1, 8], background_insertions=0.25,
        seeds=4,
    )  # fmt: skip
    # Between two drains of the thread on its own CPU there are two accesses, so 0.5 insertions.
    extra = table.drained_pages / table.drains - 1
    assert extra.to_numpy() == pytest.approx(0.5, abs=0.06)


def test_lru_cache_disable_leaves_nothing_to_drain():
    table = run(workload=without_pagevecs, kernel=["v5.17", "patch1", "patch2"], npages=40)
    assert table.copies.tolist() == [0, 0, 0]
    assert table.reuses.tolist() == [120, 120, 120]
    assert (table.drains == 0).all()
