"""Random litmus programs: two kernels that differ are found out, and the program is shrunk."""

import json
import random
from contextlib import contextmanager

import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.litmus.draw import draw, text_of
from wpbench.litmus.fuzzing import explaining
from wpbench.litmus.parse import parse_program
from wpbench.litmus.shrink import shrink
from wpbench.litmus.simulated import simulate
from wpbench.workloads.litmus_ops import OPS


def test_every_operation_is_drawn_and_a_text_is_the_program_again():
    source = random.Random(1)
    seen = set()
    for i in range(300):
        program = draw(source, swap=i % 2 == 1, cpus=2)
        names = {operation.name for operation in program.operations}
        seen |= names
        assert program.swap == (i % 2 == 1)
        assert program.swap or "pageout" not in names
        assert program.cpus <= 2
        again = parse_program(text_of(program.pages, program.swap, program.operations))
        assert [(o.op, o.arg, o.n) for o in again.operations] == [
            (o.op, o.arg, o.n) for o in program.operations
        ]
    assert seen == set(OPS)


def test_a_program_is_shrunk_to_what_matters():
    program = draw(random.Random(3), swap=True, cpus=2)
    asked = []

    def fails(programs):
        asked.extend(programs)
        return [
            any(o.name == "pageout" and o.n for o in p.operations)
            and p.operations[-1].name == "active"
            for p in programs
        ]

    assert fails([program]) == [True]
    small = shrink(program, fails)
    assert [o.name for o in small.operations] == ["pageout", "active"]
    assert (small.pages, small.cpus) == (1, 1)
    assert len(asked) < 500


@pytest.mark.parametrize("disturbed", [1, 3, 8])
def test_what_others_disturb_for_a_while_is_noise(disturbed, monkeypatch):
    """The other side writes another line, a number of times in a row; then no more."""
    left = [disturbed]

    @contextmanager
    def side(_kernel, _zram):
        def run(programs, runs):
            lines = [[tuple(simulate(p, "v6.17"))] * runs for p in programs]
            if left[0] and lines:
                left[0] -= 1
                lines[0] = [("read 0-0: noise 1", *seen[1:]) for seen in lines[0]]
            return lines

        yield run

    monkeypatch.setattr("wpbench.litmus.fuzzing.side", side)
    found = wb.litmus.fuzz(40, seed=5, kernel="v6.17", against="somebody's")
    assert left == [0]
    assert (found.mismatches, found.noise) == (0, 1)


def test_equal_kernels_do_not_differ():
    found = wb.litmus.fuzz(60, seed=4, kernel="v6.17", against="6.18.44")
    assert (found.programs, found.mismatches, found.noise) == (60, 0, 0)
    assert found.operations > 600


@pytest.mark.parametrize(
    ("rule", "value", "explanation"),
    [("exit_drains", True, "exit_drains=false"), ("gather_drains", True, "gather_drains=false")],
)
def test_a_rule_that_is_wrong_is_found_and_shrunk_to_a_few_lines(rule, value, explanation):
    found = wb.litmus.fuzz(
        300, seed=1, kernel="v6.17", rules={rule: value}, against="v6.17", stop_at=1
    )
    (mismatch,) = found.found
    small = parse_program(mismatch.text)
    assert len(small.operations) <= 6
    assert mismatch.simulated != mismatch.measured
    assert mismatch.measured == wb.litmus.run(mismatch.text, "v6.17").outcome
    assert explanation in mismatch.rules
    assert explanation in str(found)
    assert mismatch.before[0][0] == f"mapped 0-{small.pages - 1}"


def test_no_rule_alone_explains_what_no_kernel_does():
    program = parse_program("pages 1\nwrite 0\n")
    assert explaining(program, ("write 0-0: hit 1",), "v6.17") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--programs", "0"], "'0' is not accepted; accepted: a whole number"),
        (["--programs", "5", "--record", "x"], "--record: it is an option of one program"),
        (["--programs", "5", "--seed", "x"], "--seed: 'x' is not accepted"),
        (["--programs", "5", "--kernel", "v1.0"], "kernel: 'v1.0' is not accepted"),
    ],
)
def test_a_wrong_option_is_one_line(arguments, message, capsys):
    try:
        status = main(["measure", "random", *arguments])
    except SystemExit as end:
        status = end.code
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_numbers_of_the_json_are_those_of_the_object():
    found = wb.litmus.fuzz(20, seed=7, kernel="v6.17", against="v6.17")
    row = json.loads(json.dumps(found.as_dict()))
    assert row["programs"] == 20
    assert {"operations", "mismatches", "noise", "seed", "kernel", "against", "found"} <= set(row)
    assert row["found"] == []
