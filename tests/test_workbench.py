"""The workbench's widgets, without a browser."""

import asyncio
import base64
import html
import io
import random
import re
from pathlib import Path

import pandas as pd
import pytest

import wpbench as wb
from wpbench.jit.threads import Stop
from wpbench.scenario.kernels import OFF
from wpbench.widgets import PRESETS, State, Workbench
from wpbench.widgets.across import FIRST, SIZES, Point
from wpbench.widgets.tabs.table import SHOWN


def python(line):
    """Run a line, as a user's cell would."""
    return eval(line, {"wb": wb})  # noqa: S307 - our own line


def control(bench, label):
    """Return a control's widget by its label."""
    (widget,) = (
        c.widget for c in (*bench._arms, *bench._controls) if c.widget.description == label
    )
    return widget


def select(bench, name):
    """Click a tab's handle, and return the tab."""
    names = [view.name for view in bench._views]
    bench._tabs.selected_index = names.index(name)
    return bench._views[names.index(name)]


def filled(bench, view):
    """Do what a tab fills in."""
    for compute, show in view.jobs(bench._asked):
        show(compute(Stop()))


@pytest.fixture
def bench():
    return wb.explore()


class TestControls:
    def test_kernels_are_listed_by_the_releases_that_they_hold_for(self, bench):
        for label in ("Kernel A", "Kernel B"):
            labels = {value: text for text, value in control(bench, label).options}
            assert labels["v5.14"] == "v5.14 to v5.17"
            assert labels["v6.12"] == "v6.12"
            assert labels["v6.17"] == "v6.17 to v6.19"
            assert labels["v7.3"] == "v7.3 and later"
            assert (labels["patch1"], labels["patch2"]) == ("patch1 (off)", "patch2 (on)")
        bench._line.value = 'wb.Scenario(kernel="6.18.44", npages=9)'
        assert control(bench, "Kernel B").value == "6.18.44"

    def test_every_control_has_a_label_and_a_hint(self, bench):
        shown = [c.widget for c in (*bench._arms, *bench._controls)]
        table = select(bench, "table")
        shown += [
            bench._preset, bench._line, bench._fold, bench._life.fault, bench._life.number,
            bench._lines.command, bench._lines.differ, bench._across.points, table.by,
            table.descending,
        ]  # fmt: skip
        assert all(widget.description for widget in shown)
        assert len({widget.description for widget in shown}) == len(shown)
        assert all(c.widget.tooltip for c in (*bench._arms, *bench._controls))
        column = bench.children[2].children[0]
        (meanings,) = (w.value for w in column.children if "<details>" in str(w.value))
        for c in (*bench._arms, *bench._controls):
            assert f"<dt>{c.widget.description}</dt><dd>{html.escape(c.hint)}</dd>" in meanings

    @pytest.mark.parametrize("name", PRESETS)
    def test_presets(self, bench, name):
        bench._preset.value = name
        assert bench.state == State.preset(name)
        assert bench._question.value.count(PRESETS[name].question.split(":")[0]) == 1
        assert python(bench._line.value) == State.preset(name).on
        expected = wb.simulate([State.preset(name).off, State.preset(name).on])
        assert bench.table["copies"].tolist() == expected["copies"].tolist()
        assert bench._alert.value == ""

    def test_unknown_preset(self):
        with pytest.raises(wb.ScenarioError, match=r"preset: 'redis' .*accepted: reproducer on"):
            wb.explore("redis")

    def test_controls_change_the_answer(self, bench):
        control(bench, "Drain policy of B").value = "never"
        assert bench.table["copies"].tolist() == [140, 140]
        control(bench, "Pages (4 KiB)").value = 8
        assert bench.state.on == wb.Scenario(drain="never", npages=8, rounds=20)
        assert bench._preset.value == "(changed)"
        control(bench, "CPUs").value = 6
        assert bench.state.on.cpus == 6
        control(bench, "CPUs").value = 0
        assert bench.state.on.cpus is None

    def test_any_two_kernels_and_a_rule(self, bench):
        patch = control(bench, "Patch")
        control(bench, "Kernel A").value = "v7.2"
        control(bench, "Kernel B").value = "v7.2"
        rule = control(bench, "Rule overridden in B")
        (value,) = (v for text, v in rule.options if text == "exit_drains=true")
        rule.value = value
        assert bench.state.off == wb.Scenario(kernel="v7.2", npages=32, rounds=5)
        assert bench.state.on.rules == {"exit_drains": True}
        assert bench.table["arm"].tolist() == ["v7.2", "v7.2, exit_drains=true"]
        assert patch.description == "Kernel looked at"
        assert [text for text, _ in patch.options] == ["A: v7.2", "B: v7.2"]
        rule.value = "default"
        assert bench.table["arm"].tolist() == ["v7.2 (A)", "v7.2 (B)"]

    def test_what_is_not_used_is_disabled_and_says_why(self, bench):
        latency = control(bench, "Write latency")
        assert latency.disabled
        assert latency.tooltip == "not used: zram completes synchronously"
        control(bench, "Swap backend").value = "null_blk"
        assert not latency.disabled
        assert latency.label == "10 us (default)"
        control(bench, "Kernel B").value = "v5.14"
        assert control(bench, "Drain policy of B").disabled

    def test_a_wrong_combination_is_explained_and_nothing_is_lost(self, bench):
        control(bench, "Writing CPU").value = 1
        before = bench.table
        control(bench, "CPUs").value = 1
        assert 'role="alert"' in bench._alert.value
        assert "write_cpu: 1 is not among the 1 CPUs" in bench._alert.value
        assert bench.table is before
        assert control(bench, "CPUs").value == 0
        control(bench, "CPUs").value = 2
        assert bench._alert.value == ""

    def test_a_line_restores_and_a_wrong_one_stays_to_be_corrected(self, bench):
        bench._line.value = 'wb.Scenario(kernel="v6.12", npages=9, cpus=6, zipf=0)'
        assert bench.state.on == wb.Scenario(kernel="v6.12", npages=9, cpus=6)
        assert control(bench, "Kernel B").value == "v6.12"
        wrong = 'wb.Scenario(npages="many", backend="<b>")'
        bench._line.value = wrong
        assert bench._line.value == wrong
        assert "&lt;b&gt;" in bench._alert.value
        assert "npages: &#x27;many&#x27; is not accepted" in bench._alert.value
        bench._lines.command.value = "wpbench run --kernel patch1 --workload memcached --npages 64"
        assert bench._alert.value == ""
        assert bench.state.workload == "memcached"
        assert python(bench._line.value) == bench.state.off

    def test_the_controls_fold(self, bench):
        bench._fold.value = True
        assert "wpbench-flipped" in bench._dom_classes
        bench._fold.value = False
        assert "wpbench-flipped" not in bench._dom_classes

    @pytest.mark.unwatched  # the other tests click on each of them
    @pytest.mark.parametrize("seed", range(3))
    def test_whatever_is_clicked_there_is_an_answer_or_a_reason(self, bench, seed):
        """Many random clicks: no traceback, and each control shows the state."""
        rng = random.Random(seed)
        controls = [*bench._arms, *bench._controls]
        for _ in range(40):
            bench._tabs.selected_index = rng.randrange(len(bench._views))
            chosen = rng.choice([c for c in controls if not c.widget.disabled])
            if chosen.options is not None:
                chosen.widget.value = rng.choice(chosen.options(bench.state))[1]
            elif chosen.name == "fork_exit_before":
                chosen.widget.value = rng.random() < 0.5
            else:
                chosen.widget.value = rng.choice([0, 1, 2, 7, 15, 64, 1024, 2**20])
            for shown in controls:
                value = shown.value(bench.state)
                assert shown.widget.value == (shown.none if value is None else value), shown.name
            assert python(bench._line.value) == bench.state.scenario
            rows = wb.simulate([bench.state.off, bench.state.on])
            assert bench.table["copies"].tolist() == rows["copies"].tolist()


class TestAcrossTab:
    def test_the_first_picture_is_the_small_machines_and_finish_the_rest(self, bench):
        assert sorted(set(bench.across["cpus"])) == list(FIRST)
        assert "Running 32 CPUs" in bench._across.caption.value
        table = bench.finish()
        assert sorted(set(table["cpus"])) == list(SIZES)
        assert len(table) == 2 * len(SIZES) * len(wb.backends())
        assert "Running" not in bench._across.caption.value
        n = table["wp_faults"]
        assert f"n = {n.min():,} to {n.max():,} write-protect faults" in bench._across.caption.value

    def test_the_patch_is_which_line_is_looked_at(self, bench):
        for on, name in ((True, "patch2 (on)"), (False, "patch1 (off)")):
            control(bench, "Patch").value = on
            rates = said(bench)
            assert f"Copy rate, {name}, at 1, 2, 4, 8, 16 CPUs" in rates["what"]
            for backend in wb.backends():
                rows = wb.simulate(
                    wb.Scenario(
                        kernel="patch2" if on else "patch1", backend=backend, cpus=n, threads=n,
                        npages=32, rounds=5,
                    )
                    for n in FIRST
                )  # fmt: skip
                assert rates[backend] == [f"{rate:.1%}" for rate in rows["copy_rate"]]
        assert python(bench._line.value).kernel == OFF
        assert bench._headline.value.index("patch1") < bench._headline.value.index("patch2")
        assert bench._preset.value == "reproducer on zram"

    def test_the_frame_is_drawn_once(self, bench):
        frame = bench._across.frame.value
        bench._preset.value = "memcached"
        control(bench, "Patch").value = False
        assert bench._across.frame.value is frame

    def test_a_click_on_a_point_makes_it_the_scenario(self, bench):
        bench._preset.value = "migrating threads"
        bench.finish()
        table = bench.across
        bench._across.buttons[Point("nvme", 64)].click()
        assert bench.state.on == wb.Scenario(
            backend="nvme", cpus=64, threads=64, npages=32, rounds=5, migration_rate=0.1
        )
        assert bench.across is table  # nothing had to be run again
        rows = table.query("backend == 'nvme' and cpus == 64")
        assert bench.table["copies"].tolist() == rows["copies"].tolist()
        # The list does the same by the keyboard.
        bench._across.points.value = Point("zswap", 8)
        assert (bench.state.backend, bench.state.on.threads) == ("zswap", 8)
        assert bench._across.points.value == ""

    def test_hovering_says_the_rates(self, bench):
        button = bench._across.buttons[Point("zram", 4)]
        assert button.tooltip.startswith(
            "zram, 4 CPUs: patch1 (off) 87.5%; patch2 (on) 0.0%. Click"
        )
        assert "not simulated" in bench._across.buttons[Point("zram", 512)].tooltip

    def test_threads_as_set(self, bench):
        bench._line.value = "wb.Scenario(npages=32, rounds=5, threads=3, cpus=4)"
        assert "is none of these points" in bench._across.caption.value
        bench._across.threads.value = False
        assert set(bench.across["threads"]) == {3}
        assert "is none of these points" not in bench._across.caption.value

    def test_other_tabs_are_drawn_when_they_are_looked_at(self, bench):
        lines = bench._across.lines.value
        life = select(bench, "life")
        control(bench, "Pages (4 KiB)").value = 8
        assert bench._across.lines.value == lines
        assert life.explanation == wb.explain(bench.state.on, 0)
        select(bench, "across")
        assert bench._across.lines.value != lines


def said(bench):
    """Return the figure in words: the copy rates of each backend."""
    (alt,) = re.findall('alt="([^"]*)"', bench._across.lines.value)
    what, _, rest = html.unescape(alt).partition(": ")
    rates = {backend: found for backend, *found in (part.split() for part in rest.split("; "))}
    return {"what": what} | rates


class TestOtherTabs:
    def test_why(self, bench):
        why = select(bench, "why")
        off, on = (wb.simulate(s).iloc[0] for s in (bench.state.off, bench.state.on))
        assert f'alt="patch1 (off) copied {off.copies} of {off.wp_faults}' in why.figure.value
        assert f"<td>{off.drains}</td><td>{on.drains}</td>" in why.numbers.value
        assert "not used" in why.notes.value

    def test_the_slider_goes_over_the_write_faults(self, bench):
        life = select(bench, "life")
        assert (life.fault.min, life.fault.max) == (0, 159)
        for fault, widget in ((77, life.fault), (159, life.number)):
            widget.value = fault
            assert life.fault.value == life.number.value == fault
            assert bench.explanation == wb.explain(bench.state.on, fault)
            assert f"write-protect fault {fault}: page" in life.text.value
        bench._line.value = "wb.Scenario(npages=1, rounds=50000)"  # one page with a long life
        life.fault.value = 49_999
        assert "write-protect fault 49999: page 0" in life.text.value
        bench._preset.value = "Redis with BGSAVE"  # fewer faults
        assert life.fault.value == life.fault.max == int(bench.table["wp_faults"].iloc[1]) - 1
        control(bench, "Patch").value = False
        assert bench.explanation == wb.explain(bench.state.off, life.fault.value)
        control(bench, "Workload").value = "page-fault"
        assert "No write met a write-protect fault" in life.text.value
        assert bench.explanation is None

    def test_costs_are_those_of_price_and_account(self, bench):
        costs = select(bench, "costs")
        assert "Drawing costs" in costs.answer.value
        filled(bench, costs)
        priced = wb.price(bench.state.on, most_draws=64).table
        for row in priced.to_dict("records"):
            assert f"<td>{row['difference']:+.1f}</td>" in costs.answer.value
            assert f"<td>{row['low']:+.1f} to {row['high']:+.1f}</td>" in costs.answer.value
        parts = wb.account(
            wb.Scenario(kernel=k, npages=32, rounds=5, costs="server") for k in ("patch1", "patch2")
        )
        total = parts[parts["kind"] == "time"].groupby("kernel")["ns"].sum()
        assert f"<td>{total['patch1']:.1f}</td><td>{total['patch2']:.1f}</td>" in (
            costs.account.value
        )
        # The same again is not worked out again; another cost set is.
        assert list(costs.jobs(bench._asked)) == []
        control(bench, "Cost set").value = "haswell-kvm"
        filled(bench, costs)
        assert "cost set haswell-kvm, most of it assumed" in costs.answer.value

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("wb.Scenario(npages=32, costs='none')", "costs: 'none' has no ranges to draw from"),
            (
                "wb.Scenario(npages=100000, rounds=1)",
                "200000 accesses a run are too many to be priced",
            ),
        ],
    )
    def test_what_has_no_price_says_why(self, bench, line, why):
        costs = select(bench, "costs")
        bench._line.value = line
        filled(bench, costs)
        assert why in html.unescape(costs.answer.value)
        assert costs.figure.value == ""

    def test_the_table_is_sorted_and_the_file_has_it_all(self, bench):
        table = select(bench, "table")
        bench.finish()
        for name, text in SHOWN.items():
            assert f"<th>{text}</th>" in table.table.value
            table.by.value = name
            assert table.sorted()[name].is_monotonic_increasing, name
        table.by.value, table.descending.value = "copies", True
        assert table.sorted()["copies"].is_monotonic_decreasing
        assert table.table.value.count("<tr") == len(bench.across) + 1
        (data,) = re.findall('href="data:text/csv;base64,([^"]*)"', table.file.value)
        read = pd.read_csv(io.BytesIO(base64.b64decode(data)))
        assert read["copies"].tolist() == table.sorted()["copies"].tolist()
        assert list(read) == list(bench.across)

    def test_the_two_kernels_link_to_where_they_differ(self, bench):
        lines = bench._lines
        assert lines.differ.value == "wpbench litmus differ patch1 patch2"
        assert lines.command.value == bench.state.command
        bench._line.value = 'wb.Scenario(kernel="v7.2", rules={"exit_drains": True}, npages=4)'
        assert lines.differ.value == ("wpbench litmus differ patch1 v7.2 --rule-b exit_drains=true")
        link = lines.notebook.value
        (name,) = re.findall('href="([^"]*)"', link)
        assert (Path(__file__).parents[1] / "notebooks" / name).is_file()
        (parameters,) = re.findall("<pre[^>]*>(.*)</pre>", link, flags=re.DOTALL)
        names = {}
        exec(html.unescape(parameters), names)  # noqa: S102 - our own lines
        assert (names["a"], names["b"]) == ("patch1", "v7.2")
        assert names["rule_b"] == "exit_drains=true"


class TestWhileOneLooks:
    """With a running loop, as in a notebook: large machines are filled in, a click ends that."""

    def test_it_is_filled_in(self):
        async def look():
            bench = wb.explore("migrating threads")
            for _ in range(6000):
                if len(set(bench.across["cpus"])) == len(SIZES):
                    break
                await asyncio.sleep(0.01)
            return bench

        bench = asyncio.run(look())
        assert sorted(set(bench.across["cpus"])) == list(SIZES)
        assert bench.across.equals(wb.explore("migrating threads").finish())
        assert "Running" not in bench._across.caption.value

    def test_the_next_click_ends_it(self):
        async def look():
            bench = wb.explore("migrating threads")
            await asyncio.sleep(0.01)
            for pages in (16, 8, 4):
                control(bench, "Pages (4 KiB)").value = pages
                await asyncio.sleep(0.01)
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            running = [t for t in tasks if not t.cancelling()]
            select(bench, "lines")  # nothing is filled in there
            await asyncio.sleep(0)
            return bench, len(running)

        bench, running = asyncio.run(look())
        assert running == 1
        assert set(bench.across["npages"]) == {4}


def test_a_small_workbench():
    """All of it once, from a state that is no preset."""
    state = State().with_(npages=5, rounds=1)
    bench = Workbench(state)
    assert bench.table["copies"].tolist() == [
        wb.simulate(s).iloc[0].copies for s in (state.off, state.on)
    ]
    bench._line.value = 'wb.Scenario(kernel="patch1", npages=5, rounds=1, write_cpu=1)'
    life = select(bench, "life")
    life.fault.value = 3
    assert bench.explanation == wb.explain(bench.state.off, 3)
    why = select(bench, "why")
    assert "pagevec_remote" in why.figure.value
    bench._line.value = "wb.Scenario(npages=0)"
    assert 'role="alert"' in bench._alert.value
    bench._lines.command.value = "wpbench run --backend null_blk --npages 5 --rounds 1"
    assert bench._alert.value == ""
    for name in ("table", "lines"):
        select(bench, name)
    assert bench.across["npages"].unique().tolist() == [5]
