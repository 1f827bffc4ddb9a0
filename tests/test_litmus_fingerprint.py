"""The fingerprint of simulated kernels and of recorded ones: row, rules, the unexplained."""

import json
from dataclasses import replace

import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.litmus import measured, programs, read_program
from wpbench.litmus.choose import cover, distinct_rows
from wpbench.litmus.evidence import Seen
from wpbench.litmus.fingerprints import fingerprint_of, pool_for
from wpbench.litmus.simulated import _config
from wpbench.litmus.which_rules import _told
from wpbench.scenario import kernels
from wpbench.scenario.columns import rule_codes
from wpbench.scenario.rules import RULES

# Rows that no program tells apart: what they differ in no line shows.
ALIKE = [{"v5.9", "v5.11", "v5.14"}, {"v5.19", "exclusive", "v6.2"}, {"v7.0", "v7.2"}]
ALIKE += [{"v6.11", "v6.13"}, {"v5.18", "patch2"}]


def test_each_row_is_named_by_its_own_outcomes():
    pool = pool_for(2, swap=True)
    groups = distinct_rows()
    outcomes = {
        name: {
            row: tuple(o.outcome)
            for row, o in zip(groups, wb.litmus.run(programs()[name], list(groups)), strict=True)
        }
        for name in pool
    }
    chosen = cover(outcomes, pool)
    assert len(chosen) <= 10
    for row, names in groups.items():
        fits = {r for r in groups if all(outcomes[p][r] == outcomes[p][row] for p in chosen)}
        alike = next((rows for rows in ALIKE if row in rows), {row})
        assert {name for r in fits for name in groups[r]} == alike | set(names)


def recorded(kernel):
    """Run programs as a kernel did that was recorded."""
    return lambda asked, runs: [[tuple(measured()[p.file, kernel])] * runs for p in asked]


def written():
    return {
        name: replace(read_program(path), file=name)
        for name, path in programs().items()
        if path.parent.name == "written" and (name, "7.1.5") in measured()
    }


@pytest.mark.parametrize(
    ("kernel", "row"),
    [("6.1.180", "exclusive"), ("6.12.117", "v6.12"), ("7.1.5", "v7.0"), ("7.3-rules", "v7.3")],
)
def test_recorded_kernels_are_told_apart_by_outcomes_alone(kernel, row):
    found = fingerprint_of(written(), recorded(kernel), "somebody's", 3)
    assert row in found.rows
    assert not set(found.rows) & {"v5.8", "patch1", "v6.17"}
    assert found.unexplained == []


@pytest.fixture
def wrong_table(monkeypatch):
    """The rows with a mistake in each since v6.14: exit_mmap() drains."""

    def with_mistake(kernel):
        fact = replace(kernel.facts["exit_drains"], value=True)
        return replace(kernel, facts=kernel.facts | {"exit_drains": fact})

    made = {name: with_mistake(kernel) for name, kernel in kernels.rows().items()}
    monkeypatch.setattr(kernels, "rows", lambda: made)
    caches = (kernels.row_of, rule_codes, _config)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("wrong_table")
def test_a_kernel_that_no_row_has_is_said_with_the_program():
    found = fingerprint_of(written(), recorded("6.18.44"), "somebody's", 3)
    assert found.rows == []
    assert found.nearest == "v6.17"
    assert "exit_drains=false" in found.explaining
    assert [e.other for e in found.rules["exit_drains"].against] == [False]
    (first, *_) = [one for one in found.unexplained if not one.rows]
    assert "exit" in first.text
    assert first.outcome != first.nearest
    text = str(found)
    assert "no row fits" in text
    assert "no row explains it" in text
    assert "exit_drains=false" in text
    assert first.text in text


def test_the_evidence_is_what_the_rule_would_change():
    found = wb.litmus.fingerprint("v6.17")
    assert found.rows == ["v6.17"]
    assert set(found.rules) == set(RULES)
    seen = {one.program: one.outcome for one in found.programs}
    told = [(n, r.value, e) for n, r in found.rules.items() for e in r.supporting]
    assert len(told) > 25
    for name, value, e in told:
        assert e.line in seen[e.program]
        assert e.line != e.otherwise
        assert e.other != value
        assert e.other not in found.rules[name].untold
    assert {"dead_filter", "slot_cache"} <= set(found.untold)
    row = json.loads(json.dumps(found.as_dict()))
    assert row["rules"]["exit_drains"]["for"][0]["other"] is True
    assert row["unexplained"] == []


def test_the_nearest_row_is_taken_and_that_there_is_none_is_said():
    facts = {"release": "6.12.117-x", "kernel": "6.12.117"}
    assert _told(facts, ["v6.9", "v6.12"]) == (None, "")
    kernel, note = _told(facts, ["exclusive", "v6.9", "v7.2"])
    assert kernel == "v6.9"
    assert "those of exclusive, v7.2 fit too" in note
    kernel, note = _told(facts, [])
    assert kernel is None
    assert "no row of rules fits what it does; v6.12's are taken" in note


def test_runs_that_do_not_agree_are_noise():
    assert Seen("a", ("read 0-0: minor 1",), 5, 2).noise
    assert not Seen("a", ("read 0-0: minor 1",), 5, 3).noise


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernel", "v6.1,v6.2"], "accepted: one kernel"),
        (["--kernel", "v1.0"], "kernel: 'v1.0' is not accepted"),
        (["--runs", "0"], "runs: 0 is not accepted"),
        (["--zram", "many"], "zram: 'many' is not accepted"),
        (["--vng", "nowhere"], "vng: nowhere: there is no such kernel image"),
        (["--vng", "nowhere", "--kernel", "v6.12"], "'v6.12' is not accepted; accepted: running"),
    ],
)
def test_a_wrong_option_of_the_fingerprint_is_one_line(arguments, message, capsys):
    assert main(["measure", "fingerprint", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
