"""wb.report and wpbench report: what a list reads, and that it claims no more than the data."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reporting import command, small, stable

import wpbench as wb
from wpbench.commands.main import main
from wpbench.measure.compare.known import causes, known_differences
from wpbench.report import chart
from wpbench.report.mechanisms import USES, in_use, mechanisms

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "data" / "kernel-measurements"
SMALL = ROOT / "tests" / "report-small.txt"


@pytest.fixture(scope="module")
def table():
    return small()


def one_row(**fields):
    """Return a table of one run, as simulate() does."""
    return wb.simulate(wb.Scenario(**{"npages": 2, "rounds": 1} | fields))


def check_form(text):
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 72
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert "\t" not in text
    assert "nan" not in text.lower().split()


class TestForm:
    def test_small_report_is_the_golden_text(self, table):
        text = str(wb.report(table, "Does it help?"))
        check_form(text)
        # On purpose? Write stable(text) to the file.
        assert stable(text) == SMALL.read_text()

    def test_setup_is_three_lines(self, table):
        setup = str(wb.report(table)).split("random numbers.\n\n")[1].split("\n\n")[0]
        assert len(setup.splitlines()) == 3
        assert setup.startswith("simulated: 8 scenarios, 6 runs a side, 96 in all, ")
        assert "53a05ad9f21d" in setup
        assert "d4c470970d45" in setup

    def test_one_scenario_has_no_chart(self):
        text = str(wb.report(wb.grid(kernel=["patch1", "patch2"], npages=2, rounds=2), seeds=2))
        check_form(text)
        assert "Shape" not in text
        assert "of all runs together" in " ".join(text.split())

    def test_long_names_and_a_mix_do_not_widen_it(self):
        grid = wb.grid(
            workload="random",
            kernel=["patch1", "patch2"],
            mix=["pageout:2 read:40 write:40 fork:2 exit:3 cold:1", "pageout:2 read:40 write:40"],
            npages=[4, 8],
            background_insertions=[0.0, 0.125],
            rounds=60,
        )
        check_form(str(wb.report(grid, seeds=2)))

    def test_text_of_the_user_becomes_ascii(self, table):
        text = str(wb.report(table, "Hilft es \u2013 und wem?"))
        check_form(text)
        assert "\\u2013" in text

    def test_most(self, table):
        report = wb.report(table, most=3)
        assert "5 more scenarios, which differ less" in str(report)
        assert len(report.comparison) == 8

    def test_every_number_section_says_what_it_is(self, table):
        headings = [h for h in wb.report(table, value="copies").sections if h]
        numbers = ["Copies per 100 writes", "Off against on", "Copies that patch2", "Shape"]
        for start in numbers:
            (heading,) = [h for h in headings if h.startswith(start)]
            assert "simulated" in heading


class TestChart:
    def test_is_ascii_and_shows_both_sides(self, table):
        from wpbench.report.cases import named
        from wpbench.report.source import load

        rows, _ = named(load(table), "kernel", "patch1", "patch2")
        shape = chart.shape_of(rows[rows["migration_rate"] == 0.5], "kernel")
        assert shape is not None
        assert shape.x == "npages"
        lines = chart.chart(shape, "kernel", ("patch1", "patch2"), "copy_rate")
        assert all(line.isascii() and len(line) <= 72 for line in lines)
        drawn = "".join(lines[2:-2])
        assert "*" in drawn
        assert "o" in drawn

    def test_a_flat_line_is_no_shape(self):
        from wpbench.report.cases import named
        from wpbench.report.source import load

        grid = wb.grid(kernel=["patch1", "patch2"], backend="zswap", npages=[1, 2, 3, 4], rounds=2)
        rows, _ = named(load(grid), "kernel", "patch1", "patch2")
        assert chart.shape_of(rows, "kernel") is None


class TestHonesty:
    def test_uses_and_data_name_the_same_mechanisms(self):
        assert set(USES) == set(mechanisms())
        for mechanism in mechanisms().values():
            assert mechanism.source
            assert (mechanism.percent is None) == (mechanism.compared == "")

    def test_percents_follow_from_the_known_differences(self):
        known = mechanisms()
        found = known_differences()
        rows = pd.read_csv(MEASURED / "reproducer_sync.csv")
        elsewhere = rows["read_cpu"] != rows["write_cpu"]
        forked = rows["fork_exit_before"] == 1
        counts = {
            "one-cpu": (int((~elsewhere & ~forked).sum()), len(found["other"].rows)),
            "other-cpu": (int(elsewhere.sum()), len(found["pagevec"].rows)),
            "fork-exit": (int(forked.sum()), len(found["fork"].rows)),
        }
        for name, (n, differ) in counts.items():
            assert known[name].percent == round(100 * (n - differ) / n, 1)
            assert f"{n - differ} of {n} rows" in known[name].compared
        # reproducer_async.csv: rows of which every count is exact
        rows = pd.read_csv(MEASURED / "reproducer_async.csv")
        differ = rows.index.isin([row - 2 for row in causes("reproducer_async.csv")])
        names = {10**3: "1us", 10**4: "10us", 10**5: "100us", 3 * 10**5: "300us", 5 * 10**6: "5ms"}
        assert set(rows["latency_ns"]) == set(names)
        for latency, name in names.items():
            mechanism = known[f"asynchronous-{name}"]
            here = rows["latency_ns"] == latency
            n, exact = int(here.sum()), int((here & ~differ).sum())
            assert mechanism.percent == round(100 * exact / n, 1)
            assert f"{exact} of {n} rows" in mechanism.compared

    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ({"npages": 2}, "one-cpu"),
            ({"npages": 2, "write_cpu": 1}, "other-cpu"),
            ({"npages": 2, "fork_exit_before": True}, "fork-exit"),
            ({"workload": "userfaultfd", "npages": 2}, "userfaultfd"),
            ({"workload": "random", "npages": 2}, "synchronous"),
            ({"workload": "random", "mix": "read:1 write:1 fork:1 exit:1"}, "fork-cold-free"),
            ({"backend": "null_blk", "latency_ns": 1_000}, "asynchronous-1us"),
            ({"backend": "null_blk", "latency_ns": 10_000}, "asynchronous-10us"),
            ({"backend": "null_blk", "latency_ns": 100_000}, "asynchronous-100us"),
            ({"backend": "null_blk", "latency_ns": 300_000}, "asynchronous-300us"),
            ({"backend": "null_blk", "latency_ns": 5_000_000}, "asynchronous-5ms"),
            ({"workload": "random", "backend": "null_blk", "cpus": 2}, "asynchronous-cpus"),
            ({"kernel": "v6.9"}, "kernels"),
            ({"kernel": "6.18.44", "rules": {"exit_drains": True}}, "kernels"),
            ({"drain": "this-page"}, "drains"),
            ({"backend": "nvme"}, "devices"),
            ({"backend": "zswap"}, "synchronous-others"),
            ({"migration_rate": 0.1, "cpus": 2}, "migration"),
            ({"threads": 2}, "threads"),
            ({"background_drains": 0.1}, "background"),
            ({"workload": "hand-over"}, "workloads"),
            ({"costs": "server"}, "costs"),
            ({"lruvecs": 2, "cpus": 2}, "lruvecs"),
            ({"rules": {"swapin_inserts_at_once": True}}, "insert-at-once"),
        ],
    )
    def test_mechanism_in_use_is_named(self, fields, name):
        assert name in {m.name for m in in_use(one_row(**fields))}

    def test_a_plain_scenario_uses_what_was_compared_only(self):
        assert [m.name for m in in_use(one_row())] == ["one-cpu"]
        at_once = one_row(rules={"swapin_inserts_at_once": True})
        assert [m.name for m in in_use(at_once)] == ["one-cpu", "insert-at-once"]
        measured = one_row(kernel="7.1.5")
        assert [m.name for m in in_use(measured)] == ["one-cpu"]

    def test_assumed_costs_are_listed_and_times_marked(self):
        grid = wb.grid(kernel=["patch1", "patch2"], npages=2, rounds=2, costs="server")
        text = str(wb.report(grid, seeds=2))
        check_form(text)
        assert "At what price (simulated, assumed costs)" in text
        assert "Time of the same program (simulated, assumed costs)" in " ".join(text.split())
        assert re.search(r"drain\s120\s\(50\sto\s400\)", text)
        assert "cost sets other than icount" in text

    def test_without_a_clock_there_is_no_price(self, table):
        text = str(wb.report(table))
        assert "price" not in text.lower()
        assert "Assumed" not in text

    def test_icounts_times_are_no_price(self):
        grid = wb.grid(kernel=["patch1", "patch2"], backend="null_blk", npages=2, rounds=2)
        assert wb.report(grid, seeds=2).prices is None

    def test_measured_is_marked_measured_and_has_intervals(self):
        text = str(
            wb.report(MEASURED / "reproducer_sync.csv", where={"backend": "brd", "npages": [1, 8]})
        )
        check_form(text)
        assert text.startswith("Measured: of 100 writes patch1 (off) and patch2 (on) copy")
        assert "Copies per 100 writes (measured)" in text
        assert "(simulated" not in text
        assert re.search(r"1016 +889 +0\.8750  \[0\.8532, 0\.8939\]", text)
        assert "in 8 of 8 rows" in text
        assert "No single command" in text

    def test_one_run_says_nothing(self):
        text = str(wb.report(wb.grid(kernel=["patch1", "patch2"], npages=2, rounds=1)))
        assert "Too few runs to say whether copies differ." in text.replace("\n", " ")


class TestAgain:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch, capsys):
        """Return what a report's command prints, run as the shell would split it."""
        monkeypatch.chdir(tmp_path)

        def run(lines):
            out = ""
            for line in lines.replace("\\\n", "").split(" && "):
                program, *words = shlex.split(line)
                assert program == "wpbench"
                assert main(words) == 0
                out = capsys.readouterr().out
            return out

        return run

    def test_its_command_makes_the_same_report(self, table, run):
        text = str(wb.report(table, "Does it help?", most=5, where={"npages": [1, 8]}))
        assert run(command(text)) == text

    def test_its_command_of_a_grid_file(self, tmp_path, run):
        (tmp_path / "own.toml").write_text(
            'title = "Own"\nquestion = "Which?"\nseeds = 2\n'
            '[[grid]]\ncase = "two CPUs"\nkernel = ["patch1", "patch2"]\nnpages = [1, 4]\n'
            'rounds = 2\nwrite_cpu = 1\n[[grid]]\ncase = "equal"\ncpus = [1, 2]\n'
            'kernel = ["patch1", "patch2"]\nnpages = 2\nrounds = 2\n'
        )
        text = str(wb.report(tmp_path / "own.toml", seeds=3))
        assert text.startswith("Which?\n")
        assert "two CPUs\n  npages=1 " in text
        assert "equal\n  cpus=1,2 " in text  # the same numbers: one line
        assert "wpbench report own.toml --seeds 3" in text
        assert run(command(text)) == text

    def test_its_command_with_long_words(self, run):
        grid = wb.grid(
            workload="random",
            kernel=["patch1", "patch2"],
            mix=["pageout:2 read:40 write:40 fork:2 exit:3 cold:1 free:1", "pageout:2 write:40"],
            npages=4,
            rounds=60,
        )
        question = "Is it so that it's " + "long, 'quoted' and " * 6 + "still one word?"
        text = str(wb.report(grid, question, seeds=2))
        check_form(text)
        assert run(command(text)) == text

    def test_commit_seed_and_grid_are_in_it(self, table):
        text = str(wb.report(table))
        again = command(text)
        assert "--seeds 6" in again
        assert "--migration-rate 0.0,0.5" in again
        assert (
            wb.simulate(wb.Scenario(npages=1, rounds=1))
            .attrs["wpbench"]["software"]["commit"]
            .removesuffix("-dirty")
            in text
        )

    def test_a_list_of_scenarios_has_none(self):
        scenarios = [wb.Scenario(kernel=d, npages=2, rounds=2) for d in ("patch1", "patch2")]
        assert "No single command" in str(wb.report(wb.simulate(scenarios, seeds=2)))


class TestSources:
    def test_store_parquet_and_csv_give_the_same_numbers(self, tmp_path):
        grid = wb.grid(kernel=["patch1", "patch2"], npages=[1, 2], rounds=2)
        swept = wb.sweep(grid, tmp_path / "store", seeds=2, progress=False)
        swept.to_parquet(tmp_path / "t.parquet")
        swept.to_csv(tmp_path / "u.csv", index=False)
        found = [wb.report(tmp_path / name) for name in ("store", "t.parquet", "u.csv")]
        found.append(wb.report(grid, seeds=2))
        for report in found[1:]:
            for heading in report.sections:
                if heading.startswith("Copies"):
                    assert report.sections[heading] == found[0].sections[heading]
        assert "version unknown" in str(found[2])

    def test_failed_runs_of_a_store_are_not_reported(self, tmp_path):
        grid = wb.grid(kernel=["patch1", "patch2"], npages=[1, 2], rounds=2)
        wb.sweep(grid, tmp_path / "store", seeds=2, progress=False)
        assert len(wb.report(tmp_path / "store").rows) == 8

    def test_a_scenario_that_two_grids_share_counts_once(self, tmp_path):
        one = '[[grid]]\nkernel = ["patch1", "patch2"]\nnpages = [1, 2]\nrounds = 2\n'
        path = tmp_path / "twice.toml"
        path.write_text(f'title = "t"\nquestion = "q"\nseeds = 2\n{one}{one}')
        assert len(wb.report(path).rows) == 8

    def test_other_drain_policies_are_left_out_and_named(self):
        grids = [
            *wb.grid(kernel="patch1", npages=2, rounds=2),
            *wb.grid(kernel="patch2", drain=["if-not-lru", "always"], npages=2, rounds=2),
        ]
        report = wb.report(wb.simulate(grids, seeds=2))
        assert "left out: other drain policies than the kernel's: always" in str(report)
        assert len(report.rows) == 4

    def test_another_column_can_be_compared(self):
        grid = wb.grid(drain=["if-not-lru", "always"], npages=[1, 2], rounds=2)
        report = wb.report(grid, column="drain", base="if-not-lru", other="always", seeds=2)
        check_form(str(report))
        assert re.search(r"if-not-lru +always", str(report))


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        (5, {}, "table: 5 is not accepted"),
        ("nowhere.parquet", {}, "nowhere.parquet: there is no such file"),
        ("lists", {}, "there is no file lists; shipped grids: .*list"),
        ("small", {"base": "patch3"}, "base: 'patch3'.*accepted: .*patch1"),
        ("small", {"other": "patch1"}, "other: 'patch1' is the base"),
        ("small", {"column": "decisions"}, "there is no column 'decisions'"),
        ("small", {"value": "copyrate"}, "value: 'copyrate' is not accepted"),
        ("small", {"where": {"npage": 1}}, "where: 'npage'.*did you mean 'npages'"),
        (
            "small",
            {"where": {"npages": 3}},
            "where: npages: 3 is not accepted; accepted: 1, 2, 4, 8",
        ),
        ("small", {"seeds": 2}, "seeds: only a grid is simulated"),
        ("bare", {}, "has no column 'workload'"),
        ("empty", {}, "has no rows"),
    ],
)
def test_what_is_refused(table, what, options, message):
    given = {"small": table, "bare": pd.DataFrame({"copies": [1]}), "empty": table.iloc[:0]}
    what = given.get(what, what) if isinstance(what, str) else what
    with pytest.raises(wb.WpbenchError, match=message):
        wb.report(what, **options)


def test_command_line(tmp_path, capsys, table):
    table.to_parquet(tmp_path / "t.parquet")
    assert main(["report", str(tmp_path / "t.parquet"), "--where", "npages=1,8"]) == 0
    assert "npages=8" in capsys.readouterr().out
    for arguments, message in (
        (["report", "no-such"], "there is no file no-such"),
        (["report", str(tmp_path / "t.parquet"), "--where", "npages"], "is not COLUMN=VALUE"),
        (["report", str(tmp_path / "t.parquet"), "--mbox", "/no/where/x"], "there is no folder"),
        (["report", str(tmp_path / "t.parquet"), "--base", "v5"], "base: 'v5'"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err


def test_figures_are_listed_with_their_hashes_and_the_same_twice(table, tmp_path):
    from hashlib import sha256

    reports = [wb.report(table, figures=tmp_path / name) for name in "ab"]
    assert str(reports[0]) == str(reports[1])
    check_form(str(reports[0]))
    (figure,) = reports[0].figures
    assert [file.suffix for file in figure.files] == [".svg", ".png", ".csv", ".parquet"]
    for file in figure.files:
        digest = sha256(file.read_bytes()).hexdigest()
        assert digest in str(reports[0])
        assert digest == sha256((tmp_path / "b" / file.name).read_bytes()).hexdigest()
        assert file.stat().st_size < 100_000
        assert wb.figures.rerun(file).identical
    assert not np.isnan(pd.read_csv(figure.files[2])["copy_rate"]).all()
