"""A large machine fetches ahead, and keeps its free pages in chains: no number may depend on it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wpbench as wb
from wpbench.jit.compile import JIT_DISABLED
from wpbench.mm import layout as L
from wpbench.mm import operations as mm
from wpbench.mm.invariants import INVARIANTS, broken_invariant
from wpbench.mm.machine import Machine
from wpbench.mm.page import alloc_page, store_or_free
from wpbench.simulate import plan_of
from wpbench.simulate.runs import run
from wpbench.workloads.catalog import WORKLOADS

TRACES = wb.data_dir() / "kernel-measurements" / "traces"
SHORT = wb.data_dir() / "programs" / "shell-short.parquet"
# Of each workload what has more than one way through it.
OTHERWISE: dict[str, list[dict[str, Any]]] = {
    "reproducer": [
        {"order": "read-write-shuffled", "npages": 100},
        {"order": "read-write-shuffled", "threads": 3, "cpus": 3},
        {"order": "read-all-write-all", "threads": 40, "cpus": 2},
        {"order": "read-write-shuffled", "threads": 3, "cpus": 2, "costs": "server"},
        {"order": "read-all-write-all", "threads": 2, "cpus": 2, "costs": "server"},
        {"fork_exit_before": True},
    ],
    "hand-over": [{"threads": 2, "cpus": 4}, {"threads": 2, "cpus": 4, "costs": "server"}],
}


@pytest.fixture(params=["small", "large"])
def size(request, monkeypatch):
    """Let every machine be a small one, or a large one."""
    monkeypatch.setattr(L, "MAX_CACHED_WORDS", 0 if request.param == "large" else 1 << 40)
    return request.param


def state(scenario, words, monkeypatch):
    """Return all that there is of a machine after a run, but the words of free pages."""
    monkeypatch.setattr(L, "MAX_CACHED_WORDS", words)
    m = run(scenario)
    assert m.large == (words == 0)
    assert INVARIANTS[broken_invariant(m)] == "all hold"
    pages = m.page[1 : int(m.next_page)]
    held = np.where(pages & L.MASK_HOLDERS, pages, 0)
    return [table.tolist() for table in (m.pte, m.slot, m.vec, held, m.counted, m.clock)]


CASES: list[dict[str, Any]] = [
    {"workload": name, "backend": backend} | more
    for name, workload in WORKLOADS.items()
    for backend in ("zram", "null_blk")
    for more in [{"order": order} for order in workload.orders if "order" in workload.uses]
    + OTHERWISE.get(name, [{}])
    if backend == "zram" or "costs" not in more
]


@pytest.mark.nojit
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_a_large_machine_does_what_a_small_one_does(case, monkeypatch):
    if JIT_DISABLED and case.get("threads") == 40:
        pytest.skip("eight seconds without JIT")
    rounds = {"region": 2, "request": 150, "operation": 300}[WORKLOADS[case["workload"]].round]
    told = {"npages": 33, "rounds": rounds, "kernel": "patch1", "swap_pages": 1 << 12}
    scenario = wb.Scenario(**(told | case))
    assert state(scenario, 0, monkeypatch) == state(scenario, 1 << 40, monkeypatch)


@pytest.mark.nojit
@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.booleans(), st.lists(st.one_of(st.none(), st.integers(0, 99)), max_size=150))
def test_free_pages_are_a_stack(large, program):
    """None: a page is allocated.  A number: which of those that are held is freed."""
    config = wb.Scenario(npages=200).machine_config()
    m = Machine(config)
    m.memory[m.INDEX["large"]] = large
    held, stack, used = [], [], 0
    for which in program:
        if which is None:
            page = alloc_page(m)
            used += not stack
            assert page == (stack.pop() if stack else used)
            m.page[page] = L.PG_LRU | L.HELD_ISOLATED
            held.append(page)
        elif held:
            page = held.pop(which % len(held))
            store_or_free(m, page, L.PG_LRU)
            stack.append(page)


@pytest.mark.nojit
@pytest.mark.parametrize("lost", [1, 2, 17])
def test_a_free_page_that_is_lost_is_seen(size, lost):
    m = run(wb.Scenario(npages=40, rounds=1))
    mm.lru_add_drain(m, 0)
    mm.madvise_pageout(m, 0, 0, 40)
    assert broken_invariant(m) == 0
    page = m.free[m.free_top]
    m.page[page] = lost << L.SHIFT_SLOT if m.page[page] >> L.SHIFT_SLOT != lost else 0
    assert broken_invariant(m) == 7


@pytest.mark.parametrize("name", ["zram_patch1_64p_2c_fork_s41", "zram_patch2_32p_1c_s12"])
def test_replayed_traces_do_the_same(size, name):
    result = wb.replay(TRACES / f"{name}.csv.gz")
    assert result.mismatches == 0
    assert result.compared > 2500


@pytest.mark.skipif(JIT_DISABLED, reason="a replay needs compiled code")
def test_replayed_programs_do_the_same(monkeypatch):
    tables = []
    for words in (0, 1 << 40):
        monkeypatch.setattr(L, "MAX_CACHED_WORDS", words)
        tables.append(wb.programs.replay(SHORT, kernel=["v5.17", "patch2"]))
    assert tables[0].equals(tables[1])


def test_which_machines_are_large():
    """By all of their tables, not by their pages alone."""
    plan = plan_of([wb.Scenario(npages=n, rounds=1) for n in (1 << 14, 1 << 16)])
    assert [int(plan.machine(i).large) for i in range(2)] == [0, 1]
    assert plan.bytes()[0] <= 8 * L.MAX_CACHED_WORDS < plan.bytes()[1]
