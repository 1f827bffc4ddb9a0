"""A workload of one's own that asks for what is not there, or raises, is a failed run."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import wpbench as wb
from wpbench import mm
from wpbench.jit.compile import JIT_DISABLED
from wpbench.mm import layout as L
from wpbench.mm import operations
from wpbench.mm.invariants import broken_invariant
from wpbench.mm.names import texts
from wpbench.mm.refusals import Call
from wpbench.simulate import run

pytestmark = pytest.mark.nojit


# Which impossible thing is done, by ``rounds``; and what is said of it.
REFUSED = (
    "mm.write(): CPU 3 is not there; accepted: 0 to 1",
    "mm.write(): page 1000000000 is not there; accepted: 0 to 7",
    "mm.read(): page 8 is not there; accepted: 0 to 7",
    "mm.write(): CPU 7 is not there; accepted: 0 to 1",
    "mm.read(): CPU -1 is not there; accepted: 0 to 1",
    "mm.write(): CPU 2 is not there; accepted: 0 to 1",
    "mm.madvise_pageout(): 8 pages are no part of the process's memory",
    "mm.madvise_cold(): -1 pages are no part",
    "mm.fork(): process 1 is there already",
    "mm.fork(): process 7 cannot be a child; accepted: 1 to 1",
    "mm.exit_process(): process 1 is no child, or has exited",
    "mm.exit_process(): process 1 is no child, or has exited",
    "mm.exit_flush(): process 1 is not exiting",
    "mm.write(): page 8 is not there; accepted: 0 to 7",
    "mm.gup_put(): page frame 1 is not held so",
    "mm.unpin_user_page(): page frame 1000000 is not there",
    "mm.unlock_page(): page frame 1 is not held so",
    "mm.lru_cache_enable(): it was not disabled",
    "mm.start_thread(): thread 5 is not there; accepted: 0 to 0",
    "mm.enqueue(): thread 0 cannot be queued: all 1 threads are",
    "mm.run_off(): CPU 1: no thread runs there",
    "mm.spend(): 4611686018427387904 ns is no time",
    "mm.read(): page 99 is not there; accepted: 0 to 7",
    "mm.write(): page 99 is not there; accepted: 0 to 7",
)


def impossible(m, p):
    case = p.rounds
    mm.write(m, 0, 0)
    if case in (8, 11, 12, 13):
        mm.fork(m, 0, 0, 1)
    if case == 0:  # README's hand_over, its writer on a CPU that is not there
        mm.madvise_pageout(m, 0, 0, p.npages)
        mm.read(m, 0, 0)
        mm.write(m, 3, 0)
    elif case == 1:
        mm.write(m, 0, 10**9)
    elif case == 2:
        mm.read(m, 0, p.npages)
    elif case == 3:  # page and CPU in the wrong order
        mm.write(m, 7, 0)
    elif case == 4:
        mm.read(m, -1, 0)
    elif case == 5:  # a child's, and there is none
        mm.write(m, p.cpus, 0)
    elif case == 6:
        mm.madvise_pageout(m, 0, 1, p.npages)
    elif case == 7:
        mm.madvise_cold(m, 0, 0, -1)
    elif case == 8:
        mm.fork(m, 0, 0, 1)
    elif case == 9:
        mm.fork(m, 0, 0, 7)
    elif case == 10:
        mm.exit_process(m, 0, 1)
    elif case == 11:
        mm.exit_process(m, 0, 1)
        mm.exit_process(m, 0, 1)
    elif case == 12:
        mm.exit_flush(m, 0, 1)
    elif case == 13:
        mm.exit_zap(m, 0, 1)
        mm.write(m, 0, p.npages)
    elif case == 14:
        mm.gup_put(m, 1)
    elif case == 15:
        mm.unpin_user_page(m, 10**6)
    elif case == 16:
        mm.unlock_page(m, 1)
    elif case == 17:
        mm.lru_cache_enable(m)
    elif case == 18:
        mm.start_thread(m, 5, 0)
    elif case == 19:
        mm.start_thread(m, 0, 0)
        mm.enqueue(m, 0)
    elif case == 20:
        mm.run_off(m, 1)
    elif case == 21:
        mm.spend(m, 0, 0, 1 << 62)
    elif case == 22:
        while True:
            mm.read(m, 0, 99)
    else:
        swallow(m)


@numba.njit
def swallow(m):
    try:
        mm.write(m, 0, 99)
    except Exception:
        return


IMPOSSIBLE = numba.njit(impossible)


def scenario(function, **fields):
    jitted = COMPILED.setdefault(function, numba.njit(function))
    return wb.Scenario(workload=jitted, cpus=2, **({"npages": 8} | fields))


COMPILED: dict[object, object] = {}  # each is compiled once


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_is_not_there_fails_the_run_with_call_value_and_bound(case):
    with pytest.raises(wb.SimulationError) as caught:
        wb.simulate(wb.Scenario(workload=IMPOSSIBLE, cpus=2, npages=8, rounds=case))
    assert str(caught.value).startswith(REFUSED[case])
    assert "(impossible: " in str(caught.value)  # and the scenario


def child_of_its_own_cpu(m, p):
    for v in range(p.npages):
        mm.write(m, 0, v)
    for _ in range(2):
        mm.fork(m, 0, 0, 1)
        mm.read(m, m.ncpus - 1, p.npages)
        mm.write(m, m.ncpus - 1, 2 * p.npages - 1)
        mm.exit_zap(m, m.ncpus - 1, 1)
        mm.write(m, 0, 0)
        mm.exit_flush(m, m.ncpus - 1, 1)
    mm.lru_add_drain(m, m.ncpus - 1)
    mm.gup_put(m, mm.gup_get(m, 0))


def test_what_is_there_is_done():
    m = run(scenario(child_of_its_own_cpu))
    assert (m.accesses, m.failure, broken_invariant(m)) == (8 + 2 * 3, "", 0)


def many_operations(m, p):
    for _ in range(3_000_000):  # a few bytes of stack for each would be too many
        mm.read(m, 0, 0)


@pytest.mark.skipif(JIT_DISABLED, reason="a minute as plain Python")
def test_a_loop_of_many_operations_needs_no_stack():
    assert run(scenario(many_operations)).accesses == 3_000_000


def test_every_operation_is_checked():
    """But what only reads a page's word."""
    names = set(mm.__all__) - {"Machine", "OperationError", "link", "page_count", "page_mapcount"}
    assert names == set(texts(Call))
    assert names <= set(operations.__all__)
    for name in names:
        assert getattr(mm, name) is not getattr(operations, name)
        assert getattr(mm, name).__doc__ == getattr(operations, name).__doc__


def test_a_machine_says_why_an_operation_was_refused():
    m = mm.Machine(wb.Scenario(npages=2).machine_config())
    with pytest.raises(mm.OperationError, match=r"Machine\.failure says why"):
        mm.write(m, 0, 2)
    assert m.failure == "mm.write(): page 2 is not there; accepted: 0 to 1"
    with pytest.raises(mm.OperationError):  # from then on nothing is done
        mm.write(m, 0, 0)
    assert m.accesses == 0


@pytest.mark.skipif(JIT_DISABLED, reason="pages mapped by KSM are many")
def test_a_ksm_page_at_many_addresses_leaves_no_pte_behind():
    m = mm.Machine(wb.Scenario(npages=8).machine_config())
    for v in range(3):
        mm.write(m, 0, v)
    mm.lru_add_drain(m, 0)
    for v in range(1, 3):
        assert mm.ksm_merge(m, 0, 0, v)
    m.batch[0] = 0
    mm.shrink_inactive_list(m, 0, 1)
    assert [mm.is_mapped(m, v) for v in range(3)] == [False] * 3
    assert broken_invariant(m) == 0


# -- exceptions --------------------------------------------------------------------------
def raises(m, p):
    mm.write(m, 0, 0)
    if p.npages == 8:
        raise ValueError("eight pages in", p.rounds)


def divides(m, p):
    mm.spend(m, 0, 0, p.rounds // (p.npages - 8))


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (raises, "workload: raises() raised ValueError: ('eight pages in', 3)"),
        (divides, "workload: divides() raised ZeroDivisionError: "),
    ],
)
@pytest.mark.parametrize(
    "do", [wb.simulate, wb.faults, lambda s: wb.explain(s, fault=0)],
    ids=["simulate", "faults", "explain"],
)  # fmt: skip
def test_an_exception_is_a_failed_run_with_its_text(function, text, do):
    with pytest.raises(wb.SimulationError) as caught:
        do(scenario(function, rounds=3))
    assert str(caught.value).startswith(text)
    assert "npages=8" in str(caught.value)


def test_the_other_runs_of_a_sweep_are_done(tmp_path):
    scenarios = [scenario(raises, npages=n, rounds=3) for n in (7, 8, 9, 10)]
    table = wb.sweep(scenarios, tmp_path)
    assert table.accesses.isna().tolist() == [False, True, False, False]
    text = "workload: raises() raised ValueError: ('eight pages in', 3)"
    assert table.error.tolist() == ["", text, "", ""]
    again = wb.sweep(scenarios, tmp_path, retry_failed=False)
    assert again.error.tolist() == table.error.tolist()


# -- what f(m, p) is ----------------------------------------------------------------------
def no_params(m):
    mm.write(m, 0, 0)


def a_keyword(m, p, *, rounds):
    mm.write(m, 0, rounds)


def three(m, p, q):
    mm.write(m, 0, q)


@pytest.mark.parametrize("function", [no_params, a_keyword, three], ids=lambda f: f.__name__)
def test_another_signature_is_one_line_that_says_what_is_accepted(function):
    with pytest.raises(wb.ScenarioError) as caught:
        wb.simulate(scenario(function))
    text = str(caught.value)
    assert text.startswith(f"workload: {function.__name__}(m")
    assert "accepted: a numba.njit function f(m, p)" in text
    assert "\n" not in text


@pytest.mark.skipif(JIT_DISABLED, reason="plain Python is what runs then")
def test_plain_python_and_what_cannot_be_compiled_are_one_line():
    def mistyped(m, p):
        mm.wrte(m, 0, 0)

    def mixed(m, p):
        mm.write(m, 0, "page")

    with pytest.raises(wb.ScenarioError, match=r"impossible\(m, p\) is not compiled; accepted"):
        wb.simulate(wb.Scenario(workload=impossible))
    for function in (mistyped, mixed):
        with pytest.raises(wb.ScenarioError, match="cannot be compiled: ") as caught:
            wb.simulate(scenario(function))
        assert "\n" not in str(caught.value)


def test_shipped_workloads_call_the_unchecked_operations():
    from wpbench.workloads import reproducer, server

    assert reproducer.mm is server.mm is operations
    assert np.all(wb.simulate(wb.Scenario(npages=2, rounds=1)).accesses == 4)


OUTSIDE = """
import numba, wpbench as wb
@numba.njit
def looks_behind_the_table(m, p):
    for v in range(p.npages + 1):
        m.running[v - 1] += 0
try:
    wb.simulate(wb.Scenario(workload=looks_behind_the_table, npages=3, rounds=1, cpus=2))
except wb.SimulationError as error:
    print(error)
"""


def test_an_index_outside_a_table_is_found_when_asked_for():
    env = os.environ | {"WPBENCH_CHECK": "1", "PYTHONPATH": str(Path(wb.__file__).parents[1])}
    command = [sys.executable, "-c", OUTSIDE]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert "raised IndexError: m.running[-1]: accepted: 0 to 2" in done.stdout


@numba.njit
def merged_and_back(m, p):
    """KSM merges two pages; swapped out, they come back as one page at two addresses."""
    mm.write(m, 0, 0)
    mm.write(m, 0, 1)
    mm.lru_add_drain_all(m)
    mm.ksm_merge(m, 0, 0, 1)
    for _ in range(2):
        mm.lru_add_drain_all(m)
        m.batch[0] = 0
        mm.shrink_inactive_list(m, 0, 1)
        mm.read(m, 0, 0)
        mm.read(m, 0, 1)


@pytest.mark.parametrize("kernel", ["v5.9", "v6.12", "v7.3"])
def test_reclaim_unmaps_a_page_wherever_it_is_mapped(kernel):
    m = run(wb.Scenario(workload=merged_and_back, kernel=kernel, npages=2, rounds=1))
    assert (m.failure, broken_invariant(m)) == ("", 0)
    assert m.pswpin == 2


@numba.njit
def merged_back_and_moved(m, p):
    """The same, and the page is moved to another frame."""
    merged_and_back(m, p)
    mm.lru_add_drain_all(m)
    mm.migrate_page(m, 0, 1)


@pytest.mark.parametrize("kernel", ["v5.8", "v6.12", "v7.3"])
def test_migration_moves_a_page_wherever_it_is_mapped(kernel):
    m = run(wb.Scenario(workload=merged_back_and_moved, kernel=kernel, npages=2, rounds=1))
    assert (m.failure, broken_invariant(m)) == ("", 0)
    assert m.pte[0] >> L.SHIFT_PTE == m.pte[1] >> L.SHIFT_PTE
