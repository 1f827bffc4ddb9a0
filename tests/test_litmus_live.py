"""Litmus programs on the running kernel, against the simulation and against what 6.18.44 did."""

import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest
from test_measure_live import children

import wpbench as wb
from wpbench.commands.main import main
from wpbench.litmus import RUNNING, demanded, measured, programs, read_program
from wpbench.litmus.native import job_of, side_of
from wpbench.litmus.parse import parse_program
from wpbench.litmus.which_rules import row_of_outcomes
from wpbench.measure import environment
from wpbench.measure.probe.agent import execute
from wpbench.measure.probe.oracle import Oracle
from wpbench.measure.probe.zram_guard import CONTROL
from wpbench.scenario.kernels import rows
from wpbench.workloads.litmus_ops import OPS

# One for each kind of operation, and those that tell kernels apart.
SWAPLESS = (
    "activate-local",
    "child-alive-fresh-remote",
    "cold-active-remote",
    "exit-elsewhere",
    "exit-elsewhere-write-there",
    "fill",
    "free-remote",
    "get-before-fork",
)
SWAPPING = (
    "swap-fork-read-write-remote",
    "swap-get",
    "swap-pageout-waits",
    "swap-read-elsewhere",
    "swap-twice",
)
FACTS = environment()
SIMULATED = FACTS["release"]  # the rules of this release
# Since commit 1aa43598c03b (v6.14) neither exit, munmap() nor MADV_DONTNEED drains.
NO_DRAINS = ("exit-where-touched", "munmap-drains", "dontneed-drains")


def frames_seen():
    with Oracle("auto") as oracle:
        return oracle.frames and oracle.kpageflags >= 0


pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not frames_seen(), reason="needs frame numbers and page flags: root"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="programs use two CPUs"),
    pytest.mark.skipif(bool(FACTS["mglru"]), reason="MGLRU is on: no activate batch"),
]
needs_zram = pytest.mark.skipif(not Path(CONTROL).is_dir(), reason="this kernel offers no zram")
is_6_18 = pytest.mark.skipif(
    not platform.release().startswith("6.18."), reason="recorded on 6.18.44"
)


def natively(names):
    return wb.litmus.outcomes(names, [RUNNING])


def wrong(found, right):
    return [(o.file, o.outcome, right[o.file]) for o in found if o.outcome != right[o.file]]


@pytest.mark.parametrize(
    "names", [(*SWAPLESS, *NO_DRAINS), pytest.param(SWAPPING, marks=needs_zram)]
)
def test_the_simulation_of_this_kernel_agrees_line_by_line(names):
    simulated = wb.litmus.outcomes(names, [SIMULATED])
    assert wrong(natively(names), {o.file: o.outcome for o in simulated}) == []


@is_6_18
@pytest.mark.parametrize(
    "names", [(*SWAPLESS, *NO_DRAINS), pytest.param(SWAPPING, marks=needs_zram)]
)
def test_this_kernel_does_what_6_18_44_did(names):
    found = natively(names)
    assert wrong(found, {name: measured()[name, "6.18.44"] for name in names}) == []
    assert {o.release for o in found} == {platform.release()}
    assert all(1 <= o.runs_agreeing <= o.runs == 5 for o in found)


@pytest.mark.parametrize("before", [[], ["fork"], ["fork", "exit 1", "fork", "exit 1"]])
def test_the_measuring_process_puts_no_page_of_its_own_into_lru_add(before):
    """A page enters lru_add, then others one by one, until it is full: to the page."""
    lines = ["pages 1", "on 0", "drain", "write 0-0", *before, *["touch 1", "lru 0-0"] * 32]
    found, simulated = wb.litmus.run("\n".join(lines) + "\n", kernel=[RUNNING, SIMULATED])
    assert found.outcome == simulated.outcome
    assert {"lru 0-0: 0", "lru 0-0: 1"} < set(found.outcome)


def test_json_says_which_kernel_and_how_many_runs_agree(capsys):
    assert main(["litmus", "run", "fill", "--kernel", "running", "--runs", "3", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row.pop("runs_agreeing") in (1, 2, 3)
    assert row.pop("outcome")[0] == "write 0-7: minor 8"
    assert row == {"file": "fill", "kernel": RUNNING, "release": platform.release(), "runs": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on 63\nread 0-0\n", "<text>: it uses 64 CPUs, this process may use"),
        ("pages 65536\nswap zram\nread 0-0\n", "accepted: --zram of at least 512M"),
        ("pages 65536\nget 0-65535\nget 0-65535\n", "a pipe cannot hold 131072 pages of `get`"),
    ],
)
def test_a_program_that_cannot_run_here_is_one_error(text, message):
    with pytest.raises(wb.MeasureError, match=message) as caught:
        wb.litmus.run(text, kernel=RUNNING)
    assert "\n" not in str(caught.value)


def test_a_program_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr("wpbench.measure.probe.litmus.DEADLINE_NS", 10_000_000)
    text = "pages 20000\n" + "write 0-19999\ndontneed 0-19999\n" * 100
    with pytest.raises(wb.MeasureError, match=r"after 0\.01 s; accepted: programs that take less"):
        wb.litmus.run(text, kernel=RUNNING)
    assert wb.litmus.run("read 0-0\n", kernel=RUNNING, runs=1).outcome == ["read 0-0: minor 1"]


def test_every_operation_runs_and_no_process_is_left():
    ranges = [f"{name} 0-1" for name in OPS[:12] if name != "pageout"]
    lines = ["pages 20", *ranges, "get 0-19", "touch 2", "munmap", "fork"]
    kept = set(children(os.getpid()))  # of other tests that this process ran
    found = wb.litmus.run("\n".join(lines) + "\n", kernel=RUNNING, runs=1)
    assert len(found.outcome) == 6
    assert set(children(os.getpid())) == kept


@needs_zram
def test_a_hundred_random_programs_do_what_the_simulation_does():
    found = wb.litmus.fuzz(100, seed=1)
    assert (found.programs, found.swap, found.found) == (100, True, [])


@is_6_18
def test_a_rule_that_is_wrong_is_found_against_this_kernel_and_shrunk():
    found = wb.litmus.fuzz(1000, seed=1, rules={"exit_drains": True}, stop_at=1)
    (mismatch,) = found.found
    assert len(parse_program(mismatch.text).operations) <= 6
    assert "exit_drains=false" in mismatch.rules
    assert 2 * mismatch.runs_differing > mismatch.runs


@is_6_18
@needs_zram
def test_the_outcomes_alone_name_the_row_of_this_kernel(monkeypatch):
    monkeypatch.setattr("platform.release", lambda: "0.0")
    found = wb.litmus.fingerprint()
    assert found.rows == ["v6.17"]
    assert (found.unexplained, found.noise) == ([], [])
    exits = found.rules["exit_drains"]
    assert exits.value is False
    assert [evidence.other for evidence in exits.supporting] == [True]
    assert all(not rule.against for rule in found.rules.values())


@needs_zram
def test_a_guests_job_runs_programs_as_they_run_here():
    """``measure fingerprint --vng``, without the guest."""
    names = ("activate-local", "swap-read-elsewhere")
    asked = [replace(read_program(programs()[name]), file=name) for name in names]
    answer = execute(json.loads(json.dumps(job_of(asked, 2, "64M"))))
    answer = json.loads(json.dumps(answer))
    assert answer["environment"]["release"] == platform.release()
    (first, second) = side_of(asked, answer)(asked, 2)
    assert first[0] == first[1] == tuple(natively(names[:1])[0].outcome)
    assert second[0] == second[1] == tuple(natively(names[1:])[0].outcome)


@is_6_18
def test_a_version_that_misleads_is_seen_by_what_the_kernel_does(monkeypatch):
    assert row_of_outcomes.__wrapped__(None) == (None, "")
    facts = FACTS | {"release": "6.12.117-x", "kernel": "6.12.117"}
    monkeypatch.setattr("wpbench.litmus.which_rules.environment", lambda: facts)
    kernel, note = row_of_outcomes.__wrapped__(None)
    assert kernel in rows()
    assert kernel != "v6.12"
    assert note.startswith(f"6.12.117-x does not do what v6.12 does; it is taken for {kernel}")
    assert "v6.17" in note


@needs_zram
def test_this_kernel_passes_the_selftests_cases():
    for outcome in natively(list(demanded())):
        at, lines = demanded()[outcome.file]
        assert outcome.outcome[at] in lines, outcome.file
