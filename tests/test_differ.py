"""Programs in which two kernels differ: found, replayed, compared with plain enumeration."""

import itertools
import json
import textwrap
from pathlib import Path

import pytest
from twin import litmus

import wpbench as wb
from wpbench.commands.main import main
from wpbench.litmus.machines import Row, run_program
from wpbench.litmus.pair import differ, observation
from wpbench.litmus.parse import parse_program

pytestmark = pytest.mark.unwatched  # much is enumerated; test_notebook_differ runs the same lines
PAIRS = [("v7.2", "v7.3"), ("v6.13", "v6.14"), ("patch1", "patch2")]


@pytest.fixture(scope="module")
def found():
    """Return the differences of each pair in programs of up to five operations."""
    return {pair: differ(*pair, operations=5) for pair in PAIRS}


def programs(differences, observed=""):
    """Return the operations of each program found, as one line."""
    return [
        "; ".join(one.program.splitlines()[3:])
        for one in differences.found
        if observed in ("", one.observed)
    ]


def enumerated(a, b, lines, operations):
    """Return kind -> operations of the shortest program, of all programs on fresh machines."""
    configs = [Row.of(name).config(1, 2) for name in (a, b)]
    shortest = {}
    ended = set()  # programs in which an access had another outcome
    for length in range(1, operations + 1):
        for made in itertools.product(lines, repeat=length):
            if any(made[:k] in ended for k in range(1, length)):
                continue
            try:
                program = parse_program("pages 1\nswap zram\n" + "\n".join(made) + "\n")
            except wb.LitmusError:
                continue  # a child that is not there, or there already
            runs = [run_program(config, program) for config in configs]
            parted = runs[0].outcome != runs[1].outcome
            for observed in ("copies",) if parted else ("copies", "drains"):
                seen = [observation(run, observed) for run in runs]
                if seen[0] != seen[1]:
                    shortest.setdefault((observed, deeds(observed, program, runs)), length)
            if parted:
                ended.add(made)
    return shortest


def deeds(observed, program, runs):
    last = program.operations[-1]
    return tuple(
        (
            run.outcome[-1].partition(": ")[2] if last.observes else "",
            run.last["reason"],
            *(observation(run, "drains") if observed == "drains" else ()),
        )
        for run in runs
    )


@pytest.mark.parametrize("pair", PAIRS)
def test_it_finds_what_plain_enumeration_finds(pair):
    lines = ["read 0", "write 0", "pageout 0", "fork", "exit 0", "exit 1", "on 0", "on 1"]
    among = ("read", "write", "pageout", "fork", "exit", "on")
    by_search = {}
    configs = [Row.of(name).config(1, 2) for name in pair]
    for one in differ(*pair, operations=4, pages=1, among=among).found:
        program = parse_program(one.program)
        runs = [run_program(config, program) for config in configs]
        by_search.setdefault((one.observed, deeds(one.observed, program, runs)), one.operations)
    expected = enumerated(*pair, lines, 4)
    assert expected
    assert by_search == expected


@pytest.mark.parametrize("pair", PAIRS)
def test_each_program_differs_as_it_says(pair, found):
    for one in found[pair].found:
        runs = wb.litmus.run(one.program, list(pair))
        assert [run.outcome for run in runs] == [one.a.outcome, one.b.outcome]
        if one.observed == "copies":
            assert (one.a.outcome, one.a.last["copies"]) != (one.b.outcome, one.b.last["copies"])
        else:
            drains = ("drains", "drains_swapin", "drains_readahead")
            assert any(one.a.last[name] != one.b.last[name] for name in drains)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_twin_has_the_same_two_outcomes(pair):
    """Every line, and of the last operation its drains, its copies and who held the page."""
    found = differ(*pair, operations=7).found
    assert len(found) > 40
    for one in found:
        program = parse_program(one.program)
        for kernel, side in zip(pair, (one.a, one.b), strict=True):
            assert litmus.run(program, kernel, check=True) == side.outcome, one.program
            counts = litmus.last_counts(program, kernel)
            copies = counts.pop("copies")
            assert copies.total() == side.last["copies"], one.program
            assert {name.lower() for name in copies} == ({side.reason} if side.reason else set()), (
                one.program
            )
            assert counts == {name: side.last[name] for name in counts}, one.program


@pytest.mark.parametrize("pair", PAIRS)
def test_the_rules_that_decide_are_some_in_which_the_kernels_differ(pair, found):
    changed = wb.kernels(*pair).T
    names = {name for name, row in changed.iterrows() if row.iloc[0] != row.iloc[1]}
    assert all(set(one.rules) <= names for one in found[pair].found)
    assert any(one.rules for one in found[pair].found)


def test_v7_3_is_told_by_a_page_written_just_before_fork(found):
    """Count 3, not in the swap cache, not on the LRU: the state that the series' commit names."""
    drains = [
        one for one in found["v7.2", "v7.3"].found if "write 0; fork; write 0" in programs_of(one)
    ]
    (first, *_) = drains
    assert first.a.explanation.before == "page_count 3 = pte x2 + lru_add; no flag"
    assert (first.a.last["drains"], first.b.last["drains"]) == (1, 0)
    assert first.rules == ["first_test"]


def programs_of(one):
    return "; ".join(one.program.splitlines()[3:])


def test_v7_3_is_told_by_a_write_to_a_page_on_zram(found):
    (one,) = [
        one
        for one in found["v7.2", "v7.3"].found
        if programs_of(one) == "write 0; pageout 0; write 0"
    ]
    assert (one.a.last["drains_swapin"], one.b.last["drains_swapin"]) == (1, 0)
    assert one.rules == ["swapin_drain"]


def test_v6_14_is_told_by_exit_and_by_munmap(found):
    of_rules = {}
    for one in found["v6.13", "v6.14"].found:
        of_rules.setdefault(tuple(one.rules), []).append(programs_of(one))
    by_exit = [p for rules, made in of_rules.items() if "exit_drains" in rules for p in made]
    by_gather = of_rules["gather_drains",]
    assert any("exit" in program for program in by_exit)
    assert any("munmap" in program or "dontneed" in program for program in by_gather)


def test_munmap_alone_tells_v6_14():
    made = differ("v6.13", "v6.14", operations=4, among=("write", "munmap", "fork")).found
    assert [programs_of(one) for one in made] == ["write 0; munmap; fork; write 0"]


def test_the_patch_is_told_by_a_page_in_lru_add_and_by_drains_alone(found):
    pair = found["patch1", "patch2"]
    (seed, *_) = [one for one in pair.found if one.a.reason == "pagevec_local"]
    assert (seed.a.result, seed.b.result) == ("copy 1", "reuse 1")
    alone = [one for one in pair.found if one.observed == "drains" and one.a.result]
    assert any(one.a.result == one.b.result == "copy 1" for one in alone)


def test_two_equal_rows_do_not_differ():
    made = differ("v6.18", "v6.17", operations=5)
    assert made.found == []
    assert (made.complete, made.complete_to, made.ended) == (True, 5, "")
    assert made.programs > 1_000_000 > made.steps > made.states > 1000
    assert "no difference in all programs of up to 5 operations" in str(made)


def test_the_number_of_threads_does_not_matter(found):
    one, two = (differ("v7.2", "v7.3", operations=5, threads=n) for n in (1, 2))
    assert one == two == found["v7.2", "v7.3"]


def test_programs_of_any_length():
    among = ("read", "write", "fork", "exit", "drain")
    made = differ("v6.13", "v6.13", operations=None, pages=1, cpus=1, among=among)
    assert (made.fixpoint, made.found) == (True, [])
    assert "in all programs of any length" in made.summary
    assert "made of: read, write, fork, exit, drain" in made.summary
    assert "of any length on 1 page and 1 CPU that is made of read, write" in made.answer
    assert not differ("v6.13", "v6.13", operations=1, pages=1, cpus=1, among=among).fixpoint


def test_freeing_dead_pages_at_a_flush_changes_no_outcome_in_programs_of_any_length():
    """v7.2's only rule: two pages, two CPUs, swap, a child."""
    among = ("read", "write", "pageout", "dontneed", "munmap", "fork", "exit", "on", "drain")
    made = differ("v7.1", "v7.2", operations=None, among=among)
    assert (made.fixpoint, made.found) == (True, [])


def test_one_rule_overridden_is_the_rule_that_decides():
    made = differ("v6.12", "v6.12", operations=4, rules_b={"gather_drains": False}, pages=1)
    assert made.found
    assert all(one.rules == ["gather_drains"] for one in made.found)
    assert made.b == "v6.12 gather_drains=false"


def test_touch_fills_a_batch():
    made = differ("patch1", "patch2", operations=5, pages=1, among=("write", "touch", "fork"))
    programs = [programs_of(one) for one in made.found]
    assert programs
    made = differ(
        "v7.2",
        "v7.2",
        rules_b={"first_test": "none"},
        operations=5,
        pages=1,
        pagevec=2,
        among=("write", "touch", "fork", "exit", "get"),
    )
    assert all(one.at_real_size for one in made.found)
    assert made.batches == (2, 2)


def test_it_ends_at_the_bound_of_states():
    made = differ("v7.2", "v7.3", operations=7, max_states=500)
    assert (made.complete, made.ended) == (False, "max_states")
    assert made.complete_to == 3
    assert programs(made)


def test_ctrl_c_gives_what_was_found():
    def press(length, share, states):
        if length == 4:
            raise KeyboardInterrupt

    made = differ("v7.2", "v7.3", operations=7, progress=press)
    assert (made.ended, made.complete_to) == ("interrupted", 3)
    assert "write 0; fork; write 0" in programs(made)


def test_memory_and_flushes_are_observed():
    observe = ("flushes", "memory")
    made = differ("v5.11", "v5.14", operations=5, pages=1, observe=observe)
    assert {one.observed for one in made.found} <= set(observe)
    assert any(one.rules == ["frees_swap_after_copy"] for one in made.found)


def test_the_command_prints_programs_and_how_far(capsys):
    line = ["litmus", "differ", "v7.2", "v7.3", "--operations", "3"]
    assert main(line) == 0
    text = capsys.readouterr().out
    assert "    write 0\n    fork\n    write 0\n" in text
    assert "up to 3 operations (2 pages, 2 CPUs; observed: copies, drains)" in text
    assert main([*line, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["complete"]
    assert made["found"][0]["rules"] == ["swapin_drain"]
    assert made["found"][1]["a"]["explanation"]["outcome"] == "copy"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["v7.9x", "v7.3"], "kernel: 'v7.9x' is not accepted"),
        (["v7.2", "v7.3", "--pages", "9"], "pages: 9 is not accepted; accepted: a whole number"),
        (["v7.2", "v7.3", "--cpus", "0"], "cpus: 0 is not accepted"),
        (["v7.2", "v7.3", "--operations", "0"], "operations: 0 is not accepted"),
        (["v7.2", "v7.3", "--observe", "copy"], "observe: 'copy' is not accepted"),
        (["v7.2", "v7.3", "--among", "reed"], "among: 'reed' is not accepted (did you mean 'read'"),
        (["v7.2", "v7.3", "--pagevec", "32"], "pagevec: 32 is not accepted"),
        (["v7.2", "v7.3", "--rule-a", "exit"], "rule: 'exit' is not accepted"),
        (["v7.2", "v7.3", "--rule-b", "exit_drains=2"], "exit_drains: '2' is not accepted"),
    ],
)
def test_a_wrong_option_is_one_line(more, message, capsys):
    assert main(["litmus", "differ", *more]) == 2
    assert message in capsys.readouterr().err


def test_the_page_shows_what_the_command_prints(capsys):
    page = (Path(__file__).resolve().parents[1] / "docs" / "differ.md").read_text()
    main(["litmus", "differ", "v7.2", "v7.3", "--operations", "3"])
    printed = capsys.readouterr().out.split("\n\n")
    assert len(printed) == 4
    for part in (*printed[:2], printed[3]):
        assert textwrap.indent(part, "    ").rstrip() in page
