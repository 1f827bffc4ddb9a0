"""The clock: every nanosecond is booked, lru_lock is a lock, and counts don't depend on it."""

import numba
import numpy as np
import pandas as pd
import pytest
from states import KERNELS
from test_replay import SYNCHRONOUS

import wpbench as wb
from wpbench import mm
from wpbench.data import costs
from wpbench.jit.compile import JIT_DISABLED
from wpbench.mm import layout as L
from wpbench.mm.lru_lock import hold_lru_lock
from wpbench.scenario.columns import cost_row
from wpbench.simulate import replayed, run

pytestmark = pytest.mark.nojit
MIX = "pageout:3 read:40 write:40 cold:2 migrate:4 fork:2 exit:3 free:1"
PROGRAMS = [
    {"workload": "reproducer", "npages": 20, "rounds": 3},
    {"workload": "reproducer", "npages": 9, "rounds": 3, "threads": 4, "migration_rate": 0.3},
    {"workload": "reproducer", "npages": 9, "rounds": 2, "threads": 3, "spinner_threads": 2},
    {"workload": "hand-over", "npages": 9, "rounds": 3, "threads": 2},
    {"workload": "userfaultfd", "npages": 9, "rounds": 3, "write_cpu": 1},
    {"workload": "post-copy", "npages": 20, "rounds": 2, "threads": 3},
    {"workload": "redis", "npages": 60, "rounds": 300, "save_every": 100, "zipf": 0.9},
    {"workload": "memcached", "npages": 60, "rounds": 100, "threads": 3},
    {"workload": "page-fault", "npages": 40, "rounds": 3, "threads": 3},
    {"workload": "random", "npages": 16, "rounds": 300, "cpus": 2, "mix": MIX},
]


@pytest.mark.parametrize(
    "cost_set", ["server"] if JIT_DISABLED else ["server", "haswell-kvm", "icount"]
)
@pytest.mark.parametrize("backend", ["zram", "null_blk", "nvme", "zswap"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p["workload"])
def test_every_nanosecond_is_booked(program, backend, cost_set):
    for kernel in ("v5.8", "patch1", "patch2", "exclusive"):
        m = run(wb.Scenario(kernel=kernel, backend=backend, costs=cost_set, **program))
        passed = int((m.clock - m.started).sum())
        booked = dict(zip(L.SPENT, m.spent.tolist(), strict=True))
        assert min(booked.values()) >= 0, booked
        assert sum(booked.values()) == passed, booked
        assert m.cpu_ns == passed - booked["idle"]
        assert m.lru_lock_hold_ns <= m.lruvecs * m.wall_ns
        assert (m.clock - m.started).min() >= 0


@pytest.mark.parametrize("backend", ["zram", "nvme"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p["workload"])
def test_the_log_says_what_each_write_took(program, backend):
    scenario = wb.Scenario(kernel="patch2", backend=backend, costs="server", seed=3, **program)
    counted = wb.simulate(scenario).iloc[0]
    log = wb.faults(scenario)
    assert len(log) == counted["wp_faults"]
    assert log["took_ns"].sum() == counted["write_ns"]
    timed = log[log["took_ns"] > 0]
    assert len(timed) == counted["wp_faults"] - counted["direct_wp_faults"]
    steps = costs()["server"]
    copies = timed.loc[timed["outcome"] == "copy", "took_ns"]
    assert (copies >= steps["copy_insert"] + steps["copy_return"]).all()


# With a clock threads go by their times, without one they take turns.
IN_TURN = [p for p in PROGRAMS if p.get("threads", 1) == 1 and p["workload"] != "redis"]


@pytest.mark.parametrize("program", IN_TURN, ids=lambda p: p["workload"])
def test_a_synchronous_device_gives_the_same_counts_with_the_clock_on(program):
    counts = [
        wb.simulate(wb.grid(kernel=list(KERNELS), backend="zram", costs=name, **program))
        for name in ("none", "server")
    ]
    timed = ("write_ns", "write_cycles", "lru_lock", "cpu_ns", "wall_ns", "costs")
    timeless = [c for c in counts[0] if not c.startswith(timed)]
    pd.testing.assert_frame_equal(counts[0][timeless], counts[1][timeless])
    assert (counts[1].wall_ns > 0).all()
    assert (counts[0].wall_ns == 0).all()


@pytest.mark.skipif(JIT_DISABLED, reason="three seconds without JIT")
def test_closed_forms_do_not_depend_on_the_clock():
    """Copies by pages and pagevec, as the closed forms have them (test_reproducer.py)."""
    axes = {
        "kernel": ["v5.17", "patch1", "patch2"], "pagevec": [14, 15, 31],
        "order": ["read-write", "read-all-write-all"], "npages": [1, 7, 14, 15, 16, 31, 33],
        "rounds": 3,
    }  # fmt: skip
    counts = [wb.simulate(wb.grid(costs=name, **axes)) for name in ("none", "server")]
    for column in ("wp_faults", "copies", "drains", "drained_pages", "pswpout"):
        assert (counts[0][column] == counts[1][column]).all()


@pytest.mark.skipif(JIT_DISABLED, reason="a minute without JIT")
@pytest.mark.parametrize("path", SYNCHRONOUS, ids=lambda path: path.name)
def test_synchronous_traces_replay_with_the_clock_on(path, monkeypatch):
    real = replayed.machine_of
    monkeypatch.setattr(replayed, "cost_row", lambda _, backend: cost_row("server", backend))
    machines = []

    def timed(recorded, offset):
        machines.append(real(recorded, offset, {"timed": 1}))
        return machines[0]

    monkeypatch.setattr(replayed, "machine_of", timed)
    found = wb.replay(path)
    assert machines[0].clock.max() > 1000 * found.compared  # nanoseconds have passed
    assert found.compared > 900
    assert found.mismatches == 0


def test_threads_without_costs_take_turns():
    """The order of events is the program's where no step takes time."""
    table = wb.simulate(wb.grid(workload="page-fault", npages=40, rounds=2, threads=[1, 4], cpus=1))
    assert table.accesses.tolist() == [80, 320]


def test_published_pairs_of_the_reproducer():
    """Message 0480D692: 1606 and 10534 cycles, 3 and 4 remote TLB flushes a round."""
    rounds = 50
    table = wb.simulate(
        wb.grid(
            kernel=["v5.8", "v5.17"], backend="pmem", npages=1, rounds=rounds,
            spinner_threads=1, costs="haswell-kvm",
        )
    )  # fmt: skip
    assert table.write_cycles_mean.to_numpy() == pytest.approx([1606, 10534], abs=2)
    assert (table.tlb_flushes / rounds).tolist() == [3, 4]


def test_quantiles_of_the_write_time():
    table = wb.simulate(wb.grid(kernel=["v5.8", "v5.17"], npages=1, rounds=20, costs="server"))
    assert table.write_ns_p50.to_numpy() == pytest.approx(table.write_ns_mean, rel=1 / 16)
    assert (table.write_ns_p99 >= table.write_ns_p50).all()


def saturated(threads, pagevec=15):
    """Threads that do nothing but put pages on the LRU: how long does each take a page?"""
    return wb.simulate(
        wb.Scenario(
            workload="page-fault", threads=threads, cpus=threads, npages=310, rounds=2,
            pagevec=pagevec, costs="server", kernel="patch2",
        )
    ).iloc[0]  # fmt: skip


def test_lru_lock_alone_is_never_waited_for():
    row = saturated(1)
    assert row.lru_lock_wait_ns == 0
    assert row.lru_lock_hold_ns > 0


@pytest.mark.skipif(JIT_DISABLED, reason="five seconds without JIT")
def test_lru_lock_saturates():
    """With enough threads the lock is always held, and the run lasts as long as it is."""
    row = saturated(64)
    assert row.lru_lock_hold_ns / row.wall_ns == pytest.approx(1.0, abs=0.05)
    assert row.lru_lock_wait_ns > row.lru_lock_hold_ns


@pytest.mark.skipif(JIT_DISABLED, reason="twenty seconds without JIT")
def test_larger_pagevecs_and_more_lruvecs_are_waited_for_less():
    small, large = (saturated(64, n).lru_lock_wait_ns for n in (15, 31))
    assert large < small
    waits = [
        wb.simulate(
            wb.Scenario(
                workload="page-fault", threads=32, cpus=32, npages=100, costs="server",
                rounds=2, lruvecs=n,
            )
        ).lru_lock_wait_ns[0]
        for n in (1, 4, 32)
    ]  # fmt: skip
    assert waits[0] > waits[1] > waits[2] == 0


THINK_NS = 3000
PAGES = 15


@numba.njit
def think_and_hold(m, p):
    """Let each thread think for a time drawn at random, then hold lru_lock for 15 pages."""
    for k in range(p.threads):
        mm.start_thread(m, k, k % p.cpus)
    k = mm.next_thread(m)
    while k >= 0:
        row = k * L.NR_TH
        cpu = m.thread[row + L.TH_CPU]
        mm.spend(m, cpu, L.SPENT_IDLE, mm.below(m, 2 * THINK_NS))
        hold_lru_lock(m, cpu, PAGES)
        m.thread[row + L.TH_AUX] += 1
        if m.thread[row + L.TH_AUX] < p.rounds:
            mm.enqueue(m, k)
        k = mm.next_thread(m)


@pytest.mark.skipif(JIT_DISABLED, reason="three seconds without JIT")
def test_waiting_agrees_with_queueing_theory():
    """A closed queue: n threads think and then hold one lock.

    Mean value analysis is exact where holding is exponential; ours is constant, so they wait less.
    No queue waits less than the asymptotic bound, nor with fewer threads than with more.
    """
    hold = costs()["server"]["lru_hold"] + PAGES * costs()["server"]["lru_hold_page"]
    queue = waited = 0.0
    for threads in range(1, 25):
        respond = hold * (1 + queue)
        queue = threads * respond / (THINK_NS + respond)
        if threads not in (1, 2, 4, 8, 16, 24):
            continue
        row = wb.simulate(
            wb.Scenario(
                workload=think_and_hold, threads=threads, cpus=threads, rounds=400, costs="server"
            )
        ).iloc[0]
        wait = row.lru_lock_wait_ns / row.lru_lock_taken
        assert waited <= wait <= 1.03 * (respond - hold)
        assert wait >= 0.97 * ((threads - 1) * hold - THINK_NS)
        waited = wait
    # Constant holding, half of the queue's waiting at most, then none of the difference.
    assert waited == pytest.approx(respond - hold, rel=0.03)


def test_tlb_interrupts_reach_whoever_runs_the_process():
    table = wb.simulate(
        wb.grid(
            kernel="patch1", npages=10, rounds=4, spinner_threads=[0, 1, 3], costs="server"
        )
    )  # fmt: skip
    copies = table.copies.to_numpy()
    flushes = np.where(table.spinner_threads > 0, copies + 4 * (10 + 2), 0)
    assert table.tlb_flushes.tolist() == flushes.tolist()
    assert table.tlb_ipis.tolist() == (flushes * table.spinner_threads).tolist()
    assert table.write_ns_mean.is_monotonic_increasing


SLICED = wb.grid(
    kernel=["patch1", "patch2"],
    costs="server",
    npages=8,
    rounds=30,
    cpus=4,
    threads=4,
    time_slice_ns=[0, 5_000, 50_000, 200_000],
)


@pytest.mark.skipif(JIT_DISABLED, reason="six seconds without JIT")
def test_a_time_slice_moves_threads():
    """A slice ends between a read and its write the more often the shorter it is."""
    table = wb.simulate(SLICED, seeds=2)
    remote = table.groupby(["kernel", "time_slice_ns"], sort=False)["copy_pagevec_remote"].sum()
    for kernel in ("patch1", "patch2"):
        never, *moved = remote[kernel]
        assert never == 0
        assert moved == sorted(moved, reverse=True)
        assert moved[-1] > 0


@numba.njit
def moves(m, p):
    """Count in ``not_paged_out`` how often the only thread's CPU is another after 100 ns."""
    mm.start_thread(m, 0, 0)
    for _ in range(p.rounds):
        cpu = m.thread[L.TH_CPU]
        mm.sleep_until(m, cpu, m.clock[cpu] + 100)
        mm.maybe_end_slice(m, 0, p.time_slice_ns, p.cpus)
        m.not_paged_out += cpu != m.thread[L.TH_CPU]


@pytest.mark.parametrize("slice_ns", [100, 700, 12_300])
def test_a_slice_of_every_length_is_used_up(slice_ns):
    scenario = wb.Scenario(
        workload=moves, rounds=1000, cpus=3, npages=1, costs="server", time_slice_ns=slice_ns
    )
    steps = -(-slice_ns // 100)
    assert abs(run(scenario).not_paged_out - 1000 / steps) <= 1


def test_a_slice_needs_a_clock():
    with pytest.raises(wb.ScenarioError, match="time_slice_ns: 5 needs a clock; accepted with"):
        wb.Scenario(time_slice_ns=5)
