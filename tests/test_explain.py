"""One fault, test by test: as text, as parts, and complete for any fault of any program."""

import importlib
import json

import numpy as np
import pytest
from states import EXCLUSIVE, KERNELS

import wpbench as wb
from wpbench.commands.main import main
from wpbench.mm.names import Outcome
from wpbench.simulate.trace import read_trace
from wpbench.workloads.replay import OPS

TRACES = wb.data_dir() / "kernel-measurements" / "traces"
FORKS = TRACES / "zram_patch2_64p_2c_fork_s42.csv.gz"
MIX = "pageout:3 read:40 write:40 cold:2 migrate:4 fork:2 exit:3 free:1"


def test_a_remote_pagevec_as_text():
    found = wb.explain(wb.Scenario(kernel="patch2", npages=8, rounds=2, write_cpu=1), fault=3)
    assert (
        str(found)
        == """\
simulated write-protect fault 3: page 3, CPU 1
  page_count 2 = pte + lru_add; active

Who holds the page, in the order in which they came:
  pte      CPU 0    do_swap_page()
  lru_add  CPU 0    do_swap_page()

do_wp_page(), patch2 (commit d4c470970d45, v5.18: the patch on):
  PageKsm?  no
  page_count 2 > 3?  no
  !PageLRU?  yes
    drained: 1 entry
  page_count 2 > 1 + PageSwapCache 0?  yes
  -> copy (pagevec_remote: it waits in lru_add of another CPU)"""
    )


def test_writeback_and_time():
    found = wb.explain(
        wb.Scenario(kernel="patch2", backend="null_blk", latency_ns=5_000_000, npages=1),
        fault=0,
    )
    assert [(h.holder, h.operation) for h in found.holders] == [
        ("swapcache", "MADV_PAGEOUT: shrink_folio_list()"),
        ("lru_add", "MADV_PAGEOUT: folio_putback_lru()"),
        ("pte", "do_swap_page()"),
    ]
    assert found.holders[0].t_ns < found.holders[2].t_ns < found.t_ns
    assert [(t.text, t.true) for t in found.tests] == [
        ("PageKsm", False),
        ("page_count 3 > 3", False),
        ("!PageLRU", True),
        ("page_count 2 > 1 + PageSwapCache 1", False),
        ("trylock fails", False),
        ("PageSwapCache, and folio_free_swap() fails", True),
        ("page_count 2 != 1, once more", True),
    ]
    assert (found.outcome, found.reason, found.drained) == ("copy", "writeback", 1)
    assert "page_count 3 = pte + swapcache + lru_add; writeback" in found.before
    assert found._repr_html_().startswith("<pre>simulated write-protect fault 0")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("backend", ["zram", "null_blk"])
def test_every_fault_of_a_random_program_is_explained(kernel, backend):
    """Every holder has an operation that brought it, and the last test decides."""
    scenario = wb.Scenario(
        workload="random", kernel=kernel, backend=backend, npages=24, cpus=2, rounds=400,
        mix=MIX, latency_ns=50_000 if backend == "null_blk" else None,
    )  # fmt: skip
    faults = wb.faults(scenario)
    for fault in np.linspace(0, len(faults) - 1, min(12, len(faults))).astype(int):
        found = wb.explain(scenario, fault=int(fault))
        row = faults.iloc[fault]
        assert (found.outcome, found.reason) == (row.outcome, row.reason)
        assert (found.before, found.decided) == (row.before, row.decided)
        assert (found.page, found.cpu, found.t_ns) == (row.page, row.cpu, row.t_ns)
        last = found.tests[-1]
        if kernel in EXCLUSIVE:
            assert last.true == (found.outcome == "copy") or last.text == "PageAnonExclusive"
        else:
            assert last.true == (found.outcome == "copy")


def test_a_page_with_a_long_life(monkeypatch):
    scenario = wb.Scenario(kernel="patch1", backend="null_blk", npages=1, rounds=500)
    found = wb.explain(scenario, 499)
    module = importlib.import_module("wpbench.simulate.explanation")
    monkeypatch.setattr(module, "EVENT_ROWS", (3, 100_000))
    assert wb.explain(scenario, 499) == found
    monkeypatch.setattr(module, "EVENT_ROWS", (2, 3))
    with pytest.raises(wb.ScenarioError, match=r"fault: 499 .* page 0 changed more than 3 times"):
        wb.explain(scenario, 499)


def test_a_recorded_fault():
    trace = read_trace(FORKS)
    copies = (trace.rows[:, 1] == OPS.index("write")) & (trace.rows[:, 4] == Outcome.COPY)
    row = int(np.flatnonzero(copies)[20])
    found = wb.explain(trace=FORKS, row=row)
    assert (found.outcome, found.reason) == ("copy", "shared_pte")
    assert found.recorded.startswith("copy  (zram_patch2_64p_2c_fork_s42.csv.gz, line ")
    assert [h.operation for h in found.holders][-1] == "fork()"
    assert found.history[0].operation == "do_anonymous_page()"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"scenario": wb.Scenario(npages=4, rounds=1), "fault": 4}, "fault: 4 .*accepted: 0 to 3"),
        ({"scenario": wb.Scenario(npages=4, rounds=1), "fault": -1}, "fault: -1 is not accepted"),
        ({"scenario": wb.Scenario(npages=4, rounds=1)}, "fault: None is not accepted"),
        ({"trace": FORKS}, "row: None is not accepted"),
        ({"trace": FORKS, "row": 10**6}, "row: 1000000 is not accepted; .*has operations 0 to"),
        ({"trace": FORKS, "row": 0}, r"row: 0 .*line 24 \(row 0\).*is no write-protect fault"),
        ({}, "takes a scenario and fault=, or trace= and row="),
        ({"scenario": wb.Scenario(kernel="v6.12", npages=2, rounds=1), "fault": 0}, "has 0 "),
    ],
)
def test_what_there_is_no_fault_for(call, message):
    with pytest.raises(wb.ScenarioError, match=message):
        wb.explain(**call)


def test_command(capsys):
    args = ["explain", "--kernel", "patch1", "--npages", "8", "--rounds", "1", "--fault", "7"]
    assert main(args) == 0
    assert "-> reuse" in capsys.readouterr().out
    assert main([*args, "--history"]) == 0
    out = capsys.readouterr().out
    assert "CPU 0   do_swap_page(): page_count" in out
    assert main([*args, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["outcome"] == "reuse"
    assert record["wpbench"]["parameters"]["fault"] == 7
    assert main(["explain", "--trace", str(FORKS), "--row", "0"]) == 2
    assert "no write-protect fault" in capsys.readouterr().err
    assert main(["explain", "--kernel", "patch1,patch2", "--fault", "0"]) == 2
    assert "one scenario, not a grid of 2" in capsys.readouterr().err
