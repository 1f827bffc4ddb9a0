"""Code made for one configuration: the same numbers, made once, and only where it pays."""

import threading
import time

import numpy as np
import pytest

import wpbench as wb
from wpbench.errors import WpbenchWarning
from wpbench.jit import bitcode, specialised
from wpbench.jit.compile import JIT_DISABLED
from wpbench.simulate import execute, long_runs, plan_of, program, runs

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")

TEXT = """\
define void @"machine"(ptr %.1, i64 %.2) local_unnamed_addr #0 {
entry:
  %.3 = load i64, ptr %.1, align 8, !invariant.load !3
  %.4 = getelementptr i8, ptr %.1, i64 16
  %.5 = load i64, ptr %.4, align 8, !invariant.load !3, !noalias !0
  %.6 = load i64, ptr %.4, align 8
  %.7 = getelementptr i64, ptr %.1, i64 3
  %.8 = load i64, ptr %.7, align 8, !invariant.load !3
  %.9 = getelementptr i8, ptr %.4, i64 24
  %.10 = load i64, ptr %.9, align 8, !invariant.load !3
}
define void @of_another_row(ptr %.1) {
  %.4 = getelementptr i8, ptr %.1, i64 16
  %.5 = load i64, ptr %.4, align 8, !invariant.load !3
}
"""


def test_only_constants_of_the_row_become_numbers():
    """A table's address (word 0), a variable, another base and another function's row stay."""
    made = specialised.with_constants(TEXT, ["machine"], {2: 7, 3: -1}).splitlines()
    changed = {line: made[i] for i, line in enumerate(TEXT.splitlines()) if made[i] != line}
    assert list(changed.values()) == ["  %.5 = add i64 0, 7", "  %.8 = add i64 0, -1"]
    assert [line.split()[0] for line in changed] == ["%.5", "%.8"]


def both(monkeypatch, scenario, seeds=1):
    """Count a scenario with the code for all configurations, and with its own."""
    found = []
    for long in (1 << 60, 1):
        monkeypatch.setattr(runs, "LONG_RUNS", long_runs.LongRuns(long))
        found.append(execute(plan_of(scenario, seeds)))
        made = list(runs.LONG_RUNS._code.values())
        assert [code is not None for code in made] == [True] * (long == 1)
    (counted, errors), (own, own_errors) = found
    np.testing.assert_array_equal(own, counted)
    assert own_errors.tolist() == errors.tolist()
    assert counted.any()


@pytest.mark.parametrize(
    "fields",
    [
        {"workload": "reproducer", "kernel": "patch1"},
        {"workload": "reproducer", "kernel": "v6.17", "costs": "epyc-guest", "threads": 2},
        {"workload": "reproducer", "backend": "nvme", "order": "read-write-shuffled"},
        {"workload": "reproducer", "migration_rate": 0.2, "cpus": 4, "drain": "all-cpus"},
        {"workload": "hand-over", "threads": 2, "kernel": "v5.8"},
        {"workload": "userfaultfd", "kernel": "v7.3"},
        {"workload": "post-copy", "threads": 3},
        {"workload": "redis", "npages": 300},
        {"workload": "random", "mix": "fork:1 exit:1 read:5 write:9 pageout:2", "rounds": 500},
    ],
    ids=lambda fields: "-".join(str(value) for value in fields.values()),
)
def test_it_counts_the_same(monkeypatch, fields):
    both(monkeypatch, wb.Scenario(**{"npages": 40, "rounds": 20, **fields}), seeds=2)


def asked(long, kernel="patch1", **more):
    """Return what has code of its own from so many accesses on, and what it is asked."""
    plan = plan_of(wb.Scenario(kernel=kernel, npages=4, rounds=2))
    workload = program("reproducer")
    return workload, long_runs.LongRuns(long), plan.inputs(np.array([0]))[0]


class Code:
    """In place of what takes a second."""

    def __init__(self, monkeypatch, error=None, takes=0.0):
        self.times = 0
        self._error = error
        self._takes = takes
        monkeypatch.setattr(specialised, "compiled", self)
        monkeypatch.setattr(long_runs, "Loaded", lambda _data: self)

    def __call__(self, _code, symbol, functions, constants):
        assert symbol in functions
        assert len(constants) > 50
        self.times += 1
        time.sleep(self._takes)
        if self._error:
            raise self._error
        return b""

    def address_of(self, _symbol):
        return 4711


def test_it_is_made_once_it_pays(monkeypatch):
    code = Code(monkeypatch)
    workload, asks, headers = asked(100)
    found = [asks.address(workload, headers, 40) for _ in range(5)]
    assert found == [workload.address] * 2 + [4711] * 3
    assert code.times == 1


def test_runs_that_may_be_skipped_do_not_count(monkeypatch):
    code = Code(monkeypatch)
    workload, asks, headers = asked(1)
    assert asks.address(workload, headers, 0) == workload.address
    assert plan_of(wb.Scenario(npages=4, rounds=10**6)).work.tolist() == [0]
    assert plan_of(wb.Scenario(npages=4, rounds=10**6, migration_rate=0.1)).work[0] > 10**6
    assert code.times == 0


def test_runs_of_several_configurations_share_the_code_for_all(monkeypatch):
    code = Code(monkeypatch)
    workload, asks, headers = asked(1)
    other = asked(1, kernel="patch2")[2]
    assert asks.address(workload, np.vstack([headers, other]), 40) == workload.address
    assert code.times == 0


def test_other_threads_do_not_wait(monkeypatch):
    Code(monkeypatch, takes=0.5)
    workload, asks, headers = asked(1)
    found = {}

    def ask(name):
        found[name] = asks.address(workload, headers, 40)

    makes = threading.Thread(target=ask, args=("makes",))
    makes.start()
    while not asks._code:
        time.sleep(0.01)
    ask("other")
    assert "makes" not in found
    makes.join()
    assert found == {"other": workload.address, "makes": 4711}


@pytest.mark.parametrize("error", [RuntimeError("LLVM has\nno memory"), OSError(12, "no memory")])
def test_where_it_cannot_be_made_the_runs_go_on(monkeypatch, error):
    code = Code(monkeypatch, error)
    workload, asks, headers = asked(1)
    with pytest.warns(WpbenchWarning, match=r"long runs go on .*: \w+Error: .*no memory$"):
        assert asks.address(workload, headers, 40) == workload.address
    assert asks.address(workload, headers, 40) == workload.address
    assert code.times == 1


def test_without_bitcode_nothing_is_built_for_it(monkeypatch):
    code = Code(monkeypatch)
    workload, asks, headers = asked(1)
    monkeypatch.setattr(bitcode, "found", lambda _unit: None)
    assert asks.address(workload, headers, 40) == workload.address
    assert code.times == 0
