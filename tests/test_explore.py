"""The workbench without a browser: its states and lines, its figures, its widgets."""

import html
import random
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wpbench as wb
from wpbench import plots
from wpbench.commands.main import main, parser_of
from wpbench.litmus.machines import Row, parse_rules
from wpbench.mm.names import Reason, texts
from wpbench.scenario.kernels import OFF
from wpbench.widgets import PRESETS, State, Workbench
from wpbench.widgets.answer import answer, in_words, names, notes, numbers
from wpbench.widgets.lines import command_line, differ_command, python_line, read_line
from wpbench.widgets.pictures import Pictures
from wpbench.widgets.state import KERNELS, MOST_PAGES
from wpbench.workloads.catalog import ORDERS, WORKLOADS

# Every field with a control, and some that only a line can set.
CHOICES = {
    "workload": st.sampled_from(sorted(WORKLOADS)),
    "backend": st.sampled_from(sorted(wb.backends())),
    "order": st.sampled_from(ORDERS),
    "npages": st.integers(1, MOST_PAGES),
    "threads": st.integers(1, 64),
    "cpus": st.integers(1, 1024),
    "rounds": st.integers(0, 200),
    "latency_ns": st.sampled_from([1000, 10_000, 50_000_000]),
    "migration_rate": st.floats(0, 1),
    "write_cpu": st.integers(0, 3),
    "fork_exit_before": st.booleans(),
    "save_every": st.integers(0, 5000),
    "costs": st.sampled_from(sorted(wb.costs())),
    "pagevec": st.sampled_from([14, 15, 31]),
    "zipf": st.floats(0, 3),
    "mix": st.just("pageout:2 read:40 write:40 migrate:4"),
    "stable_writes": st.booleans(),
}


@st.composite
def states(draw):
    fields = draw(st.fixed_dictionaries({}, optional=CHOICES))
    return State().with_(
        kernel=draw(st.sampled_from(KERNELS)),
        drain=draw(st.sampled_from([None, *wb.DRAINS])),
        patch_on=draw(st.booleans()),
        **fields,
    )


def refused(state):
    """Return why a state has no answer, None where it has."""
    try:
        state.check()
    except wb.ScenarioError as error:
        return str(error)
    return None


def python(line):
    """Run a line, as a user's cell would."""
    return eval(line, {"wb": wb})  # noqa: S307 - our own line


class TestState:
    @settings(max_examples=300, deadline=None)
    @given(states())
    def test_a_state_is_two_scenarios_and_comes_back_from_its_lines(self, state):
        if (why := refused(state)) is not None:
            # What cannot be prevented by one control: too much, or a CPU that is not there.
            assert re.match("(npages|rounds|write_cpu): ", why), why
            return
        assert state.off.kernel == OFF
        assert state.on.kernel == state.kernel
        shown = state.on if state.patch_on else state.off
        assert python(state.line) == shown == read_line(state.line) == read_line(state.command)
        for line in (state.line, state.command):
            again = state.restored(line)
            assert again.scenario == shown
            assert again.patch_on == state.patch_on
            assert (again.off, again.line, again.command) == (state.off, state.line, state.command)
            if state.patch_on:
                assert again.on == state.on

    @settings(max_examples=100, deadline=None)
    @given(states())
    def test_the_line_of_differ_has_both_kernels_and_their_rules(self, state):
        if refused(state) is not None:
            return
        command = differ_command(state.off, state.on)
        words = shlex.split(command)[1:]
        asked = parser_of(words).parse_args(words)
        for name, rules, scenario in (
            (asked.a, asked.rule_a, state.off),
            (asked.b, asked.rule_b, state.on),
        ):
            row = Row.of(name, parse_rules(rules))
            config = scenario.machine_config()
            mine = row.config(1, 1)
            for rule in ("pagevec", "drain", "first_test", "exit_drains"):
                assert mine[rule] == config[rule], rule

    @pytest.mark.parametrize("name", PRESETS)
    def test_presets(self, name):
        state = State.preset(name)
        state.check()
        assert state.restored(state.line) == state == state.restored(state.command)

    def test_what_is_not_used_is_kept_for_when_it_is(self):
        state = State().with_(latency_ns=5000, migration_rate=0.5, drain="always")
        assert "latency_ns" not in state.line
        assert "synchronously" in state.not_used["latency_ns"]
        state = state.with_(workload="hand-over", kernel="v5.17", backend="nvme")
        assert state.on == wb.Scenario(
            workload="hand-over", kernel="v5.17", backend="nvme", latency_ns=5000, rounds=16
        )
        state = state.with_(workload="reproducer", kernel="patch2")
        assert (state.on.migration_rate, state.on.drain) == (0.5, "always")

    def test_rounds_are_chosen_until_they_are_given(self):
        assert State().with_(npages=64).rounds == 100
        assert State().with_(npages=4096).rounds == 2
        assert State().with_(npages=4096, threads=64).rounds == 1
        assert State().with_(npages=64, rounds=7).with_(npages=4096).rounds == 7
        # A line's rounds are given, unless they are those that would be chosen.
        assert State().restored("wb.Scenario(npages=64, rounds=7)").with_(npages=8).rounds == 7
        assert State().restored("wb.Scenario(npages=4096, rounds=2)").with_(npages=64).rounds == 100

    def test_a_line_with_the_patch_off_leaves_what_it_is_compared_with(self):
        state = State().with_(kernel="exclusive", drain="always")
        off = state.restored('wb.Scenario(kernel="patch1", npages=8)')
        assert (off.patch_on, off.kernel, off.drain) == (False, "exclusive", "always")
        assert off.off.npages == off.on.npages == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("wb.Scenario(npages=", "line: .* is no Python expression; accepted: wb.Scenario"),
        ("wb.Scenario(64)", "line: a Scenario takes fields by name"),
        ("wb.Scenario(**x)", "line: a Scenario takes fields by name"),
        ("print(1)", r"line: 'print\(1\)' is not accepted; accepted: wb.Scenario"),
        ("wb.Scenario(npages=__import__('os'))", "npages: .* is not accepted; accepted: a number"),
        ("wb.Scenario(npages=2**70)", "npages: .* is not accepted"),
        ("wb.Scenario(npage=64)", "Scenario field: 'npage' .*did you mean 'npages'"),
        ("wb.Scenario(kernel='patch3')", "kernel: 'patch3' is not accepted; accepted: a release"),
        ("wb.Scenario(backend='zram', latency_ns=5)", "latency_ns: .*synchronously"),
        ("(" * 5000, "line: .* is no Python expression"),
        ("", "line: '' is not accepted"),
        ("rm -rf run", "line: .* is not accepted"),
        ("wpbench measure random", "line: .* is not accepted"),
        ("wpbench run --npages 1,8", "npages: '1,8' is a grid; accepted here: one scenario"),
        ("wpbench run --pages 8", "option: '--pages' .*did you mean '--npages'"),
        ("wpbench run --npages", "npages: --npages wants a value"),
        ("wpbench run --npages eight", "npages: 'eight' is not a whole number"),
        ("wpbench run 'x", "line: .*quotation"),
        ("wb.Scenario(npages=2_000_000)", "npages: 2000000 pages in all are too many"),
        ("wb.Scenario(rounds=1_000_000)", "rounds: 1000000 are too many .*accepted here.* to 2048"),
    ],
)
def test_what_no_line_is(line, message):
    with pytest.raises(wb.ScenarioError, match=message):
        State().restored(line)


def test_lines_as_people_write_them():
    assert read_line("Scenario(npages=8)") == wb.Scenario(npages=8)
    assert read_line(" wb.Scenario(\n npages=8,\n) ") == wb.Scenario(npages=8)
    assert read_line("python -m wpbench run --npages=8") == wb.Scenario(npages=8)
    assert read_line(".venv/bin/wpbench run --write-cpu 1") == wb.Scenario(write_cpu=1)
    assert python_line(wb.Scenario()) == "wb.Scenario()"
    assert command_line(wb.Scenario()) == "wpbench run"


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_runs_and_says_what_is_shown(name, capsys):
    state = State.preset(name)
    table = answer(state)
    assert main([*state.command.split()[1:], "--json"]) == 0
    assert f'"copies":{table["copies"].iloc[1]},' in capsys.readouterr().out.replace(" ", "")


class TestAnswer:
    def test_numbers_are_those_of_simulate(self):
        state = State.preset("reproducer on zram").with_(npages=16)
        table = answer(state)
        off, on = (wb.simulate(s).iloc[0] for s in (state.off, state.on))
        assert table["copies"].tolist() == [off.copies, on.copies]
        shown = numbers(table, 0)
        assert f"<td>{off.copy_rate:.1%}".replace("%", " %") + f" ({off.copies})</td>" in shown
        assert f"<td>{on.write_ns_mean:.0f} ns</td>" in shown
        assert "cost set server, most of it assumed" in shown
        assert f"patch1 (off) copied {off.copies} of {off.wp_faults} pages: pagevec" in in_words(
            table
        )

    def test_without_a_clock_there_is_no_time(self):
        table = answer(State().with_(npages=16))
        assert "no times: costs is none" in numbers(table, 1)
        assert " ns<" not in numbers(table, 1)

    def test_without_a_fault_there_is_no_rate(self):
        table = answer(State().with_(workload="page-fault", npages=4))
        assert "no write-protect fault" in numbers(table, 1)
        assert "copied 0 of 0 pages." in in_words(table)

    def test_notes_and_names(self):
        state = State().with_(kernel="v5.17", cpus=8)
        assert names(state) == ["patch1 (off)", "v5.17"]
        said = " ".join(notes(state))
        assert "drain (v5.17 has no drain)" in said
        assert "the other CPUs are idle" in said
        assert names(State().with_(drain="always"))[1] == "patch2 (on), drain always"


class TestFigures:
    def test_the_same_figure_twice_is_the_same_bytes_whatever_was_drawn_between(self):
        first, second = (answer(State.preset(p)) for p in ("reproducer on zram", "memcached"))
        explained = wb.explain(State.preset("reproducer on nvme").off, 40)
        other = wb.explain(State.preset("hand-over").on, 3)
        pictures, fresh = Pictures(), Pictures()
        drawn = [pictures.reasons(first, "x"), pictures.page_life(explained)]
        pictures.reasons(second, "x")
        pictures.page_life(other)
        assert drawn == [pictures.reasons(first, "x"), pictures.page_life(explained)]
        assert drawn == [fresh.reasons(first, "x"), fresh.page_life(explained)]

    def test_saved_twice_the_same(self, tmp_path):
        table = answer(State.preset("Redis with BGSAVE"))
        found = wb.explain(wb.Scenario(kernel="patch2", backend="null_blk", npages=4), 9)
        for name in "ab":
            figure, axes = plots.figure()
            assert plots.reasons(table, axes) is axes
            plots.save(figure, tmp_path / f"reasons-{name}", table)
            figure, axes = plots.figure()
            assert plots.page_life(found, axes) is axes
            plots.save(figure, tmp_path / f"life-{name}")
        for kind in ("reasons-{}.svg", "reasons-{}.png", "life-{}.svg", "life-{}.png"):
            a, b = ((tmp_path / kind.format(name)).read_bytes() for name in "ab")
            assert a == b

    def test_reasons_adds_up_seeds_and_draws_shares(self):
        scenarios = wb.grid(kernel=["patch1", "patch2"], npages=[8, 64], rounds=10)
        table = wb.simulate(scenarios, seeds=2)
        _, axes = plots.figure()
        plots.reasons(table, axes)
        said = [text.get_text() for text in axes.texts]
        for kernel, rows in table.groupby("kernel"):
            assert kernel in said
            assert f"{rows['copies'].sum()} of\n{rows['wp_faults'].sum()}" in said
        shares = [box.get_width() for box in axes.patches if box.get_height() == 0.6]
        rate = 100 * table[table.kernel == "patch1"]["copies"].sum()
        rate /= table[table.kernel == "patch1"]["wp_faults"].sum()
        assert shares[0] == pytest.approx(rate)
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels == ["pagevec_local", "reused"]

    def test_reasons_without_a_fault(self):
        table = wb.simulate(wb.Scenario(workload="page-fault", npages=4, rounds=1))
        _, axes = plots.figure()
        plots.reasons(table, axes)
        assert "no fault" in [text.get_text() for text in axes.texts]

    def test_every_reason_has_a_look_of_its_own(self):
        from wpbench.plots.reasons import LOOKS

        assert set(LOOKS) == set(texts(Reason))
        assert len(set(LOOKS.values())) == len(LOOKS)

    def test_page_life_shows_the_holders_of_the_explanation(self):
        scenario = wb.Scenario(kernel="patch2", backend="null_blk", latency_ns=5_000_000, npages=1)
        found = wb.explain(scenario, 0)
        _, axes = plots.figure(10, 4)
        plots.page_life(found, axes)
        said = [text.get_text() for text in axes.texts]
        for row in ("pte", "swapcache", "lru_add, CPU 0", "isolated", "PG_lru", "PG_writeback"):
            assert row in said
        assert "COPY\nwriteback" in said
        assert "- - drained:\n1 entry" in said
        # page_count: after each operation, when the fault began, when it decided
        counts = [text for text in said if text.isdigit()]
        assert counts == ["2", "1", "2", "2", "2", "2", "3", "3", "2"]

    def test_page_life_cuts_a_long_one_and_knows_whose_pagevec_it_was(self):
        scenario = wb.Scenario(workload="hand-over", kernel="patch2", npages=4, rounds=8)
        found = wb.explain(scenario, 20)
        _, axes = plots.figure(10, 4)
        plots.page_life(found, axes, last=1)
        said = [text.get_text() for text in axes.texts]
        assert "lru_add, CPU 0" in said
        assert "lru_add, CPU 1" not in said
        assert "write fault, CPU 1" in said


class TestWorkbench:
    @pytest.fixture
    def bench(self):
        return wb.explore()

    def control(self, bench, label):
        (widget,) = (
            c.widget for c in (*bench._arms, *bench._controls) if c.widget.description == label
        )
        return widget

    def test_kernels_are_listed_by_the_releases_that_they_hold_for(self, bench):
        labels = {value: text for text, value in self.control(bench, "On: kernel").options}
        assert labels["v5.14"] == "v5.14 to v5.17"
        assert labels["v6.12"] == "v6.12"
        assert labels["v6.17"] == "v6.17 to v6.19"
        assert labels["v7.3"] == "v7.3 and later"
        assert labels["patch2"] == "patch2 (the patch on)"
        assert OFF not in labels
        bench._line.value = 'wb.Scenario(kernel="6.18.44", npages=9)'
        assert self.control(bench, "On: kernel").value == "6.18.44"

    def test_every_control_has_a_label_and_a_hint(self, bench):
        shown = [c.widget for c in (*bench._arms, *bench._controls)]
        shown += [bench._preset, bench._fault, bench._fault_number, bench._line, bench._command]
        shown.append(bench._differ)
        assert all(widget.description for widget in shown)
        assert len({widget.description for widget in shown}) == len(shown)
        assert all(c.widget.tooltip for c in (*bench._arms, *bench._controls))

    @pytest.mark.parametrize("name", PRESETS)
    def test_presets(self, bench, name):
        bench._preset.value = name
        assert bench.state == State.preset(name)
        assert bench._question.value.count(PRESETS[name].question.split(":")[0]) == 1
        assert python(bench._line.value) == State.preset(name).on
        expected = wb.simulate([State.preset(name).off, State.preset(name).on])
        assert bench.table["copies"].tolist() == expected["copies"].tolist()
        assert 'alt="patch1 (off) copied' in bench._figure.value
        assert bench._alert.value == ""

    def test_the_two_kernels_link_to_where_they_differ(self, bench):
        assert bench._differ.value == "wpbench litmus differ patch1 patch2"
        bench._line.value = 'wb.Scenario(kernel="v7.2", rules={"exit_drains": True}, npages=4)'
        said = (
            "wpbench litmus differ patch1 v7.2 --rule-a exit_drains=true --rule-b exit_drains=true"
        )
        assert bench._differ.value == said
        link = bench._differ_notebook.value
        (name,) = re.findall('href="([^"]*)"', link)
        assert (Path(__file__).parents[1] / "notebooks" / name).is_file()
        (parameters,) = re.findall("<pre[^>]*>(.*)</pre>", link, flags=re.DOTALL)
        names = {}
        exec(html.unescape(parameters), names)  # noqa: S102 - our own lines
        assert (names["a"], names["b"]) == ("patch1", "v7.2")
        assert names["rule_a"] == names["rule_b"] == "exit_drains=true"

    def test_unknown_preset(self):
        with pytest.raises(wb.ScenarioError, match=r"preset: 'redis' .*accepted: reproducer on"):
            wb.explore("redis")

    def test_the_patch_is_which_one_is_looked_at(self, bench):
        figure, life = bench._figure.value, bench._life.value
        self.control(bench, "Patch").value = False
        assert python(bench._line.value).kernel == "patch1"
        assert bench.explanation.outcome == "copy"
        assert "patch1 (off): <b>87.5 %</b> copied" in bench._numbers.value
        assert bench._life.value != life
        assert bench._figure.value == figure
        assert bench._preset.value == "reproducer on zram"

    def test_controls_change_the_answer(self, bench):
        self.control(bench, "On: drain policy").value = "never"
        assert bench.table["copies"].tolist() == [5600, 5600]
        self.control(bench, "Pages").value = 8
        assert bench.state.on == wb.Scenario(drain="never", npages=8, costs="server")
        assert bench._preset.value == "(none: changed)"
        self.control(bench, "CPUs").value = 16
        assert self.control(bench, "CPUs, exactly").value == 16
        self.control(bench, "CPUs, exactly").value = 6
        assert (self.control(bench, "CPUs").value, bench.state.on.cpus) == (6, 6)
        self.control(bench, "CPUs").value = "default"
        assert bench.state.on.cpus is None

    def test_what_is_not_used_is_disabled_and_says_why(self, bench):
        latency = self.control(bench, "Latency")
        assert latency.disabled
        assert latency.tooltip == "not used: zram completes synchronously"
        self.control(bench, "Swap backend").value = "null_blk"
        assert not latency.disabled
        assert latency.label == "the backend's, 10 us"
        self.control(bench, "On: kernel").value = "v5.14"
        assert self.control(bench, "On: drain policy").disabled

    def test_a_wrong_combination_is_explained_and_nothing_is_lost(self, bench):
        self.control(bench, "Written on CPU").value = 1
        before = bench.table
        self.control(bench, "CPUs, exactly").value = 1
        assert 'role="alert"' in bench._alert.value
        assert "write_cpu: 1 is not among the 1 CPUs" in bench._alert.value
        assert bench.table is before
        assert self.control(bench, "CPUs, exactly").value == 0
        self.control(bench, "CPUs, exactly").value = 2
        assert bench._alert.value == ""

    def test_a_line_restores_and_a_wrong_one_stays_to_be_corrected(self, bench):
        bench._line.value = 'wb.Scenario(kernel="v6.12", npages=9, cpus=6, zipf=0)'
        assert bench.state.on == wb.Scenario(kernel="v6.12", npages=9, cpus=6)
        assert self.control(bench, "On: kernel").value == "v6.12"
        assert bench._life.value.count("No write met a write-protect fault") == 1
        wrong = 'wb.Scenario(npages="many", backend="<b>")'
        bench._line.value = wrong
        assert bench._line.value == wrong
        assert "&lt;b&gt;" in bench._alert.value
        assert "npages: &#x27;many&#x27; is not accepted" in bench._alert.value
        bench._command.value = "wpbench run --kernel patch1 --workload memcached --npages 64"
        assert bench._alert.value == ""
        assert bench.state.workload == "memcached"
        assert python(bench._line.value) == bench.state.off

    @pytest.mark.parametrize("seed", range(3))
    def test_whatever_is_clicked_there_is_an_answer_or_a_reason(self, bench, seed):
        """Many random clicks: no traceback, and each control shows the state."""
        rng = random.Random(seed)
        controls = [*bench._arms, *bench._controls]
        for _ in range(40):
            control = rng.choice([c for c in controls if not c.widget.disabled])
            if control.options is not None:
                control.widget.value = rng.choice(control.options(bench.state))[1]
            elif control.name == "fork_exit_before":
                control.widget.value = rng.random() < 0.5
            else:
                control.widget.value = rng.choice([0, 1, 2, 7, 15, 64, 1024, 2**20])
            for shown in controls:
                value = shown.value(bench.state)
                assert shown.widget.value == (shown.none if value is None else value), shown.name
            assert python(bench._line.value) == bench.state.scenario
            rows = wb.simulate([bench.state.off, bench.state.on])
            assert bench.table["copies"].tolist() == rows["copies"].tolist()

    def test_the_slider_goes_over_the_write_faults(self, bench):
        assert (bench._fault.min, bench._fault.max) == (0, 6399)
        for fault, widget in ((77, bench._fault), (6399, bench._fault_number)):
            widget.value = fault
            assert bench._fault.value == bench._fault_number.value == fault
            assert bench.explanation == wb.explain(bench.state.on, fault)
            assert f"write-protect fault {fault}: page" in bench._tests.value
        bench._line.value = "wb.Scenario(npages=1, rounds=50000)"  # one page with a long life
        bench._fault.value = 49_999
        assert "write-protect fault 49999: page 0" in bench._tests.value
        bench._preset.value = "Redis with BGSAVE"  # fewer faults
        assert bench._fault.value == bench._fault.max == int(bench.table["wp_faults"].iloc[1]) - 1


def test_a_small_workbench():
    """All of it once, small enough for plain Python."""
    state = State().with_(npages=9, rounds=2)
    bench = Workbench(state)
    assert bench.table["copies"].tolist() == [
        wb.simulate(s).iloc[0].copies for s in (state.off, state.on)
    ]
    bench._line.value = 'wb.Scenario(kernel="patch1", npages=9, rounds=2, write_cpu=1)'
    bench._fault.value = 5
    assert bench.explanation == wb.explain(bench.state.off, 5)
    assert "pagevec_remote" in bench._figure.value
    bench._line.value = "wb.Scenario(npages=0)"
    assert 'role="alert"' in bench._alert.value
    bench._command.value = "wpbench run --backend null_blk --npages 9 --rounds 2"
    assert (bench._alert.value, bench._fault.value) == ("", 5)
    bench._command.value = "wpbench run --workload page-fault --npages 9 --rounds 2"
    assert bench.explanation is None
