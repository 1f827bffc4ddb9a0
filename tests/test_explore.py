"""The workbench without its widgets: states, lines, answers and figures."""

import math
import re
import shlex

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wpbench as wb
from wpbench import plots
from wpbench.commands.main import main, parser_of
from wpbench.jit.threads import Stop
from wpbench.litmus.machines import Row, parse_rules
from wpbench.mm.names import Reason, texts
from wpbench.scenario.rules import Overrides
from wpbench.widgets import PRESETS, State, presets_answer, presets_heat, presets_table
from wpbench.widgets.across import FIRST, POINTS, SIZES, Across, Point
from wpbench.widgets.answer import answer, headline, in_words, names, notes, numbers
from wpbench.widgets.lines import command_line, differ_command, python_line, read_line
from wpbench.widgets.pictures import life_picture, reasons_picture
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

OVERRIDES = [Overrides(), Overrides({"exit_drains": True}), Overrides({"dead_filter": False})]


@st.composite
def states(draw):
    fields = draw(st.fixed_dictionaries({}, optional=CHOICES))
    return State().with_(
        base=draw(st.sampled_from(KERNELS)),
        kernel=draw(st.sampled_from(KERNELS)),
        drain=draw(st.sampled_from([None, *wb.DRAINS])),
        rules=draw(st.sampled_from(OVERRIDES)),
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
    @settings(max_examples=100, deadline=None)
    @given(states())
    def test_a_state_is_two_scenarios_and_comes_back_from_its_lines(self, state):
        if (why := refused(state)) is not None:
            # What cannot be prevented by one control: too much, or a CPU that is not there.
            assert re.match("(npages|rounds|threads|write_cpu): ", why), why
            return
        assert (state.off.kernel, state.on.kernel) == (state.base, state.kernel)
        assert (state.off.rules, state.on.rules) == ({}, state.rules)
        shown = state.on if state.patch_on else state.off
        assert python(state.line) == shown == read_line(state.line) == read_line(state.command)
        for line in (state.line, state.command):
            again = state.restored(line)
            assert again.scenario == shown
            # With B as A is, its line is A's, too.
            assert again.patch_on == (state.patch_on and state.on != state.off)
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
            workload="hand-over", kernel="v5.17", backend="nvme", latency_ns=5000, rounds=1
        )
        state = state.with_(workload="reproducer", kernel="patch2")
        assert (state.on.migration_rate, state.on.drain) == (0.5, "always")

    def test_rounds_are_chosen_until_they_are_given(self):
        assert State().with_(npages=32).rounds == 5  # the central table's
        assert State().with_(npages=4096).rounds == 1
        assert State().with_(npages=1).rounds == 20
        assert State().with_(npages=32, rounds=7).with_(npages=4096).rounds == 7
        # A line's rounds are given, unless they are those that would be chosen.
        assert State().restored("wb.Scenario(npages=32, rounds=7)").with_(npages=8).rounds == 7
        assert State().restored("wb.Scenario(npages=80, rounds=2)").with_(npages=32).rounds == 5

    def test_rounds_are_the_same_on_any_machine(self):
        """So a point of the figure is the scenario that it is made."""
        for preset in PRESETS:
            state = State.preset(preset)
            for cpus in (1, 1024):
                assert state.with_(cpus=cpus, threads=cpus).rounds == state.rounds

    def test_a_line_with_the_patch_off_leaves_what_it_is_compared_with(self):
        state = State().with_(kernel="exclusive", drain="always")
        off = state.restored('wb.Scenario(kernel="patch1", npages=8)')
        assert (off.patch_on, off.kernel, off.drain) == (False, "exclusive", "always")
        assert off.off.npages == off.on.npages == 8

    def test_a_rule_is_overridden_in_b_alone(self):
        state = State(base="v7.2").restored(
            'wb.Scenario(kernel="v7.2", npages=8, rules={"exit_drains": True})'
        )
        assert (state.off.kernel, state.off.rules) == ("v7.2", {})
        assert (state.on.kernel, state.on.rules) == ("v7.2", {"exit_drains": True})
        assert state.patch_on
        assert not state.restored('wb.Scenario(kernel="v7.2", npages=8)').patch_on


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
        ("wb.Scenario(npages=1, threads=4096)", "threads: 4096 threads of 1 pages are too many"),
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
        state = State.preset("reproducer on zram").with_(npages=16, costs="server")
        table = answer(state)
        off, on = (wb.simulate(s).iloc[0] for s in (state.off, state.on))
        assert table["copies"].tolist() == [off.copies, on.copies]
        shown = numbers(table)
        assert f"<td>{off.copy_rate:.1%}".replace("%", " %") + f" ({off.copies})</td>" in shown
        assert f"<td>{on.write_ns_mean:.0f}</td>" in shown
        assert "cost set server, most of it assumed" in headline(table, 0)
        assert f"patch1 (off) copied {off.copies} of {off.wp_faults} pages: pagevec" in in_words(
            table
        )

    def test_without_a_clock_there_is_no_time(self):
        table = answer(State().with_(npages=16))
        assert "no clock (cost set none)" in headline(table, 1)
        assert "(ns)</th><td>-</td><td>-</td>" in numbers(table)

    def test_without_a_fault_there_is_no_rate(self):
        table = answer(State().with_(workload="page-fault", npages=4))
        assert "no write-protect fault" in numbers(table)
        assert headline(table, 1).count("no write-protect fault") == 2
        assert "copied 0 of 0 pages." in in_words(table)

    def test_notes_and_names(self):
        state = State().with_(kernel="v5.17", cpus=8)
        assert names(state) == ["patch1", "v5.17"]
        said = " ".join(notes(state))
        assert "drain (v5.17 has no drain)" in said
        assert "the other CPUs are idle" in said
        assert names(State()) == ["patch1 (off)", "patch2 (on)"]
        assert names(State().with_(drain="always"))[1] == "patch2 (on), drain always"
        ruled = State(base="v7.2", kernel="v7.2", rules=Overrides({"exit_drains": True}))
        assert names(ruled) == ["v7.2", "v7.2, exit_drains=true"]
        assert names(State(kernel="patch1")) == ["patch1 (A)", "patch1 (B)"]

    def test_the_headline_says_the_difference(self):
        state = State.preset("migrating threads")
        off, on = (wb.simulate(s).iloc[0] for s in (state.off, state.on))
        said = headline(answer(state), 1)
        assert f"<b>patch2 (on): {on.copy_rate:.1%}".replace("%", " %") in said
        assert f"{100 * (off.copy_rate - on.copy_rate):+.1f} percentage points" in said


class TestFigures:
    def test_the_same_figure_twice_is_the_same_bytes_whatever_was_drawn_between(self):
        first, second = (answer(State.preset(p)) for p in ("reproducer on zram", "memcached"))
        explained = wb.explain(State.preset("reproducer on nvme").off, 40)
        other = wb.explain(State.preset("hand-over").on, 3)
        bars, life = reasons_picture(), life_picture()
        drawn = [bars(first, "x"), life(explained)]
        bars(second, "x")
        life(other)
        assert drawn == [bars(first, "x"), life(explained)]
        assert drawn == [reasons_picture()(first, "x"), life_picture()(explained)]

    def test_across_lines_are_the_rates_with_a_gap_where_there_is_none(self):
        grid = plots.Grid(("zram", "nvme"), (1, 2, 4))
        rates = {("on", "zram"): [0.25, float("nan"), 1.0], ("off", "nvme"): [0.5, 0.5, 0.0]}
        table = pd.DataFrame(
            {"arm": arm, "backend": panel, "cpus": cpus, "copy_rate": rate}
            for (arm, panel), found in rates.items()
            for cpus, rate in zip(grid.ticks, found, strict=True)
        )
        _, axes = plots.figure()
        names = {"off": "A", "on": "B"}
        plots.across_lines(table, grid, axes, names=names, shown="on", here=("zram", 4))
        off, on, mark = axes.lines[:3]
        for line, (arm, panel) in ((off, ("off", "nvme")), (on, ("on", "zram"))):
            drawn = {x: y for x, y in zip(*line.get_data(), strict=True) if not math.isnan(x)}
            for tick, rate in zip(grid.ticks, rates[arm, panel], strict=True):
                x, y = grid.at(panel, tick, rate)
                assert drawn[x] == pytest.approx(y, nan_ok=True)
        assert on.get_linewidth() > off.get_linewidth()
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == grid.at("zram", 4, 1.0)
        assert "100.0%" in [text.get_text() for text in axes.texts]
        legend = [text.get_text() for text in axes.get_legend().get_texts()]
        assert legend == ["A", "B, looked at"]

    def test_price_ranges_are_the_table_s(self):
        table = wb.price(wb.Scenario(npages=8, rounds=5), draws=8, most_draws=8).table
        _, axes = plots.figure()
        plots.price_ranges(table, axes)
        bars = [line.get_xdata().tolist() for line in axes.lines if line.get_linewidth() == 3]
        assert bars == table[["low", "high"]].to_numpy().tolist()
        said = [text.get_text() for text in axes.texts]
        for difference in table["difference"]:
            assert any(text.startswith(f"{difference:+.1f} ns") for text in said)

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


class TestAcross:
    """The runs behind the figure across CPUs and swap backends."""

    def done(self, state, sizes=FIRST, **grouped):
        across = Across(state, **grouped)
        across.add(across.run(sizes), sizes)
        return across

    @pytest.mark.parametrize("name", PRESETS)
    def test_each_point_is_what_simulate_says_of_the_scenario_it_would_be(self, name):
        state = State.preset(name)
        across = self.done(state, (1, 8))
        assert len(across.table) == 2 * 2 * len(wb.backends())
        for point in (Point("zram", 8), Point("nvme", 1), Point("zswap", 8)):
            there = across.at(point)
            assert (there.backend, there.off.resolved()["cpus"]) == (point.backend, point.cpus)
            rows = across.table.query(f"backend == '{point.backend}' and cpus == {point.cpus}")
            expected = wb.simulate([there.off, there.on])
            assert rows["arm"].tolist() == ["off", "on"]
            for column in ("wp_faults", "copies", "drains", "threads", "rounds"):
                assert rows[column].tolist() == expected[column].tolist(), (point, column)

    def test_the_stages_are_all_sizes_once_small_ones_first(self):
        across = Across(State.preset("reproducer on zram"))
        stages = list(across.stages())
        assert stages[0] == FIRST
        assert [size for sizes in stages for size in sizes] == list(SIZES)
        across.done = (*FIRST, 32, 64)
        assert list(across.stages()) == [(size,) for size in SIZES if size > 64]

    def test_with_a_thread_a_cpu_it_is_the_central_table(self):
        """The same rows as data/grids/cpus.toml, as far as both have them."""
        across = self.done(State.preset("migrating threads"), (1, 16))
        table = across.table[across.table["backend"].isin(["zram", "nvme"])]
        grid = wb.grid(
            kernel=["patch1", "patch2"], backend=["zram", "nvme"], migration_rate=0.1,
            cpus=[1, 16], threads="cpus", npages=32, rounds=5,
        )  # fmt: skip
        keys = ["kernel", "backend", "cpus"]
        found, expected = (
            t.set_index(keys)["copies"].sort_index() for t in (table, wb.simulate(grid))
        )
        assert found.equals(expected)

    def test_threads_as_set(self):
        across = self.done(State.preset("migrating threads"), (16,), thread_per_cpu=False)
        assert set(across.table["threads"]) == {8}

    def test_what_cannot_be_is_left_out_and_says_why(self):
        across = self.done(State().with_(write_cpu=2, npages=4), (1, 4))
        assert {point.cpus for point in across.left_out} == {1}
        assert "write_cpu: 2 is not among the 1 CPUs" in across.left_out[Point("zram", 1)]
        across = self.done(State().with_(npages=1 << 18), (1, 8))
        assert "pages in all are too many" in across.left_out[Point("zram", 8)]
        assert set(across.table["cpus"]) == {1}

    def test_a_chosen_latency_is_of_its_backend_alone(self):
        state = State.preset("reproducer on null_blk")
        across = Across(state)
        assert across.at(Point("null_blk", 2)).on.latency_ns == 100_000
        assert across.at(Point("nvme", 2)).on.latency_ns is None

    def test_stopped_there_are_no_rows(self):
        stop = Stop()
        stop.set()
        assert Across(State.preset("reproducer on zram")).run(FIRST, stop) is None

    def test_a_point_that_is_made_the_scenario_keeps_the_runs(self):
        across = self.done(State.preset("migrating threads"))
        for point in POINTS:
            if point.cpus in FIRST:
                moved = across.moved(across.at(point))
                assert moved.here() == point
                assert moved.table is across.table
        assert across.moved(State.preset("hand-over")).table.empty
        assert across.here() == Point("zram", 8)
        assert Across(State.preset("migrating threads").with_(cpus=6)).here() is None


class TestOverview:
    def test_the_table_has_each_preset_off_and_on(self):
        table = presets_table()
        for name, rows in table.groupby("preset"):
            state = State.preset(name)
            expected = wb.simulate([state.off, state.on])
            assert rows["copies"].tolist() == expected["copies"].tolist()
        assert table.attrs["wpbench"]["command"] == "simulate"
        shown = presets_heat(table).table
        assert shown.index.tolist() == list(PRESETS)
        off = table[table["kernel"] == "patch1"]
        assert shown.iloc[:, 0].tolist() == pytest.approx((100 * off["copy_rate"]).tolist())

    def test_the_answer_puts_each_preset_where_its_rates_say(self):
        table = presets_table()
        said = presets_answer(table, "memcached")
        much, some, little = re.split("5 to 50 points:|Less than 5 points:", " ".join(said.split()))
        for name, rates in table.groupby("preset")["copy_rate"]:
            saved = rates.iloc[0] - rates.iloc[1]
            where = much if saved > 0.5 else some if saved > 0.05 else little
            assert name in where, (name, saved)
        assert max(map(len, said.splitlines())) <= 72
