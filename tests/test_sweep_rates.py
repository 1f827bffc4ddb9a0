"""The central table of a sweep: its numbers are those of simulate(), its words follow from them."""

import re

import numpy as np
import pandas as pd
import pytest

import wpbench as wb
from wpbench import plots
from wpbench.commands.main import main
from wpbench.tables.off_on import headline, off_and_on, policies, wide
from wpbench.tables.rates import axis_of, blocks_of, check_axis, rates
from wpbench.text.rates import format_answer, format_off_and_on, format_rates, percent

GRID = """
title = "t"
question = "q"
seeds = 2
[[grid]]
kernel = "patch1"
backend = ["zram", "brd", "null_blk"]
migration_rate = [0.0, 1.0]
cpus = [1, 2, 4]
threads = "cpus"
npages = 16
rounds = 3
[[grid]]
kernel = "patch2"
drain = ["if-not-lru", "all-cpus", "never"]
backend = ["zram", "brd", "null_blk"]
migration_rate = [0.0, 1.0]
cpus = [1, 2, 4]
threads = "cpus"
npages = 16
rounds = 3
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    file = tmp_path_factory.mktemp("grid") / "g.toml"
    file.write_text(GRID)
    return wb.load_grid(file)


@pytest.fixture(scope="module")
def table(grid):
    return wb.simulate(grid, seeds=grid.seeds)


@pytest.fixture(scope="module")
def made(table, grid):
    return rates(table, grid)


class TestRates:
    def test_numbers_are_those_of_the_runs(self, table, made):
        assert made.attrs["rates"]["x"] == "cpus"
        axes = ["kernel", "drain", "backend", "cpus", "migration_rate"]
        assert made.attrs["rates"]["axes"] == axes  # threads follow from cpus
        assert len(made) == 72
        for row in made.to_dict("records"):
            runs = table[(table[axes] == pd.Series(row)[axes]).all(axis=1)]
            assert row["n"] == len(runs) == 2
            assert row["copy_rate_mean"] == pytest.approx((runs.copies / runs.wp_faults).mean())
            assert row["reuse_rate_mean"] == pytest.approx(1 - row["copy_rate_mean"])
            assert row["copies_per_access_mean"] == pytest.approx(
                (runs.copies / runs.accesses).mean()
            )

    def test_provenance_is_the_grid(self, made):
        parameters = made.attrs["wpbench"]["parameters"]
        assert parameters["title"] == "t"
        assert parameters["seeds"] == 2
        assert parameters["grids"][1]["drain"] == ["if-not-lru", "all-cpus", "never"]
        assert parameters["grids"][0]["threads"] == "cpus"

    def test_tied_fields_and_those_that_are_not(self, tmp_path):
        file = tmp_path / "g.toml"
        text = 'title = "t"\nquestion = "q"\n' + 2 * "[[grid]]\ncpus = [2, 4]\nrounds = 2\n%s\n"
        file.write_text(text % ("", 'threads = "cpus"'))
        both = wb.load_grid(file)
        found = rates(wb.simulate(both), both)
        assert found["threads"].tolist() == ["1", "1", "cpus", "cpus"]

    def test_equal_scenarios_of_two_grids_count_once(self):
        twice = [wb.Scenario(npages=n, rounds=2) for n in (1, 2, 1)]
        assert len(rates(wb.simulate(twice))) == 2

    def test_failed_runs_are_left_out_and_said(self, table, grid):
        broken = table.astype({"copies": "Int64", "wp_faults": "Int64"})
        broken = broken.assign(error=["it broke"] + [""] * (len(table) - 1))
        broken.loc[0, ["copies", "wp_faults"]] = pd.NA
        found = rates(broken, grid)
        assert found["n"].tolist()[:2] == [1, 2]
        assert "1 runs failed and are left out" in " ".join(format_rates(found).split())
        with pytest.raises(wb.TableError, match="has no run that went well"):
            rates(broken.assign(error="all"), grid)

    def test_wrong_arguments(self, table, grid):
        with pytest.raises(wb.TableError, match="no multiple of the grid's 72"):
            rates(table.head(5), grid)
        with pytest.raises(wb.TableError, match=r"x: 'cpu' is not accepted.*did you mean 'cpus'"):
            rates(table, grid, x="cpu")
        with pytest.raises(wb.ScenarioError, match="x: 'backend' is not accepted"):
            check_axis(grid, "backend")
        assert check_axis(grid, "npages") == "npages"
        assert axis_of(grid) == "cpus"
        with pytest.raises(wb.ScenarioError, match="max_cpus: 'two' is not accepted"):
            grid.at_most(cpus="two")
        with pytest.raises(wb.ScenarioError, match="has no scenario of at most cpus 0"):
            grid.at_most(cpus=0)
        assert len(grid.at_most(cpus=2)) == 48

    def test_cases_stay_with_their_grids(self, tmp_path):
        """Of a limit that leaves a grid out, its case goes too: a report names the others right."""
        file = tmp_path / "g.toml"
        file.write_text(
            'title = "t"\nquestion = "q"\nseeds = 2\n'
            '[[grid]]\ncase = "large"\nkernel = ["patch1", "patch2"]\nnpages = 64\n'
            '[[grid]]\ncase = "small"\nkernel = ["patch1", "patch2"]\nnpages = [2, 32]\n'
        )
        grid = wb.load_grid(file).at_most(npages=8)
        assert grid.cases == ("small",)
        assert set(wb.report(grid).rows["case"]) == {"small"}


class TestText:
    @pytest.mark.parametrize(
        ("rate", "text"),
        [(0, "0"), (0.004, "<1"), (0.5, "50"), (0.9999, ">99"), (1, "100"), (np.nan, "-")],
    )
    def test_percent(self, rate, text):
        assert percent(rate) == text

    def test_a_line_a_policy_in_a_fixed_order(self, made):
        """Backends with equal numbers share a block; a line that another one says names it."""
        blocks = blocks_of(made)
        assert [names for _, names, _ in blocks] == [["zram", "brd"], ["null_blk"]] * 2
        text = format_rates(made, title="Title")
        lines = text.splitlines()
        assert lines[:2] == ["Title", "simulated: copies per 100 writes of the same program"]
        assert max(map(len, lines)) <= 72
        assert text.isascii()
        # Page by page, 16 pages: 14 of them are copied; the patch copies none.
        zram = lines[lines.index("zram, brd") :]
        assert zram[1].split() == ["off", "88", "88", "88"]
        assert zram[2].split() == ["if-not-lru", "0", "0", "0"]
        assert zram[3].split() == ["all-cpus", "as", "if-not-lru"]
        assert zram[4].split() == ["never", "as", "off"]
        by_fault = format_rates(made, value="copy_rate")
        assert by_fault.startswith("simulated: copies in % of the write-protect faults")

    def test_the_answer_has_five_lines_and_counts_no_scenarios(self, table, grid, made):
        both = off_and_on(table, grid)
        assert len(both) == 18
        text = format_answer(both, made)
        lines = text.splitlines()
        assert len(lines) <= 7  # two of them the unit
        assert max(map(len, lines)) <= 72
        assert "copies saved    88 -> 0" in text
        assert "scenarios" not in text
        assert headline(both, made)["what"].tolist()[0] == "copies saved"

    def test_the_answer_is_of_totals_of_the_same_program(self, table, grid, made):
        both = off_and_on(table, grid)
        runs = table.assign(writes=table["npages"] * table["rounds"] * table["threads"])
        for row in both.to_dict("records"):
            where = (runs["backend"] == row["backend"]) & (runs["cpus"] == row["cpus"])
            where &= runs["migration_rate"] == row["migration_rate"]
            for kernel, drain, name in (
                ("patch1", "never", "base"),
                ("patch2", "if-not-lru", "other"),
            ):
                some = runs[where & (runs["kernel"] == kernel) & (runs["drain"] == drain)]
                assert row[name] == pytest.approx((some["copies"] / some["writes"]).mean())
        answer = headline(both, made).set_index("what")
        saved = both[both["verdict"] == "lower"]["difference"].min()
        ends = answer.loc["copies saved"]
        assert ends["on"] - ends["off"] == pytest.approx(100 * saved)
        on = made[(made["kernel"] == "patch2") & (made["drain"] == "if-not-lru")]
        in_vain = on["drains_per_work_mean"] - on["helped_per_work_mean"]
        assert answer.loc["drains in vain", "on"] == pytest.approx(100 * in_vain.max())

    def test_a_grid_made_larger_by_its_author_changes_no_answer(self, made, table, grid):
        """Scenarios that are there twice, under another name, would win a vote."""
        both = off_and_on(table, grid)
        first = headline(both, made)
        more = table[table["backend"] == "null_blk"].assign(backend="ssd")
        again = pd.concat([table, more], ignore_index=True)
        second = headline(off_and_on(again), rates(again))
        assert second[["what", "off", "on"]].equals(first[["what", "off", "on"]])

    def test_off_and_on_side_by_side(self, table, grid):
        both = off_and_on(table, grid)
        text = format_off_and_on(both)
        assert max(map(len, text.splitlines())) <= 72
        assert re.search(r"^  zram, brd +88 -> 0 +88 -> 0 +88 -> 0$", text, re.MULTILINE)
        shown = wide(both)
        assert shown.loc[("migration_rate 0", "zram, brd"), (4, "off")] == 87.5
        assert shown.loc[("migration_rate 0", "zram, brd"), (4, "on")] == 0
        lines = [line for line in text.splitlines() if line.startswith("  null_blk")]
        for rate, line in zip((0.0, 1.0), lines, strict=True):
            rows = both[(both["backend"] == "null_blk") & (both["migration_rate"] == rate)]
            marked = [cell.endswith("~") for cell in re.findall(r"-> (\S+)", line)]
            assert marked == (rows.sort_values("cpus")["verdict"] == "too few runs").tolist()

    def test_policies_of_one_backend(self, made):
        table = policies(made, "null_blk")
        assert table.index.get_level_values("drain").tolist()[:4] == [
            "off", "if-not-lru", "all-cpus", "never"
        ]  # fmt: skip
        off = made[(made["kernel"] == "patch1") & (made["backend"] == "null_blk")]
        still = off[off["migration_rate"] == 0].sort_values("cpus")
        assert table.loc[("migration_rate 0", "off")].tolist() == pytest.approx(
            (100 * still["copies_per_work_mean"]).tolist()
        )

    def test_it_decides_as_compare_does(self, table, grid):
        both = off_and_on(table, grid)
        rule = [
            wb.tables.decide(row.difference, row.low, row.high, row.n) for row in both.itertuples()
        ]
        assert both["verdict"].tolist() == rule
        assert "too few runs" in rule

    def test_without_the_patch_it_says_how_the_kernels_lie(self):
        table = wb.simulate(wb.grid(kernel=["v5.8", "v5.17"], npages=[1, 8], rounds=2))
        text = format_answer(off_and_on(table), rates(table))
        assert "v5.17                   88..100" in text
        assert "v5.8                    0" in text

    def test_one_run_has_no_interval(self, grid):
        table = wb.simulate(grid)
        assert "n = 1 run each: no interval." in format_rates(rates(table, grid))
        text = format_answer(off_and_on(table, grid), rates(table, grid))
        assert "too few runs" in text
        assert "copies saved" not in text

    def test_work_that_is_not_known_is_counted_by_access(self):
        table = wb.simulate(
            wb.grid(kernel=["patch1", "patch2"], workload="redis", cpus=[3, 4], rounds=200), seeds=2
        )
        assert "per 100 accesses of the same program" in format_answer(
            off_and_on(table), rates(table)
        )


class TestFigures:
    def test_panels_are_deterministic(self, made, tmp_path):
        for name in "ab":
            plots.save(plots.rate_panels(made, title="t"), tmp_path / name, made)
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()

    def test_what_is_drawn(self, made):
        figure = plots.rate_panels(made)
        panels = [ax for ax in figure.axes if ax.axison]
        assert [ax.get_title() for ax in panels[:2]] == ["zram, brd", "null_blk"]
        assert len(panels) == 4
        labels = [line.get_label() for line in panels[0].lines if line.get_label()[0] != "_"]
        assert labels == ["off, never", "if-not-lru", "all-cpus"]
        assert panels[0].lines[0].get_ydata().tolist() == [0.875] * 3
        caption = " ".join(figure.get_suptitle().split())
        assert "n = 2 runs (random streams) each; 95% t intervals between runs" in caption
        some = plots.rate_panels(made, policies=["off"], backends=["null_blk"])
        assert next(ax.get_title() for ax in some.axes if ax.axison) == "null_blk"

    def test_wrong_table(self, made):
        _, ax = plots.figure()
        with pytest.raises(wb.TableError, match="several rows of one kernel, drain and cpus"):
            plots.rates(made, ax)
        with pytest.raises(wb.TableError, match=r"column: 'time_mean' is not accepted"):
            plots.rates(made, ax, value="time")
        with pytest.raises(wb.TableError, match=r"none of .* is in the table"):
            plots.rate_panels(made, backends=["floppy"])

    @pytest.mark.parametrize("name", ["cases", "migration"])
    def test_other_grids(self, name):
        whole = wb.load_grid(name)
        grid = whole.at_most(npages=64, rounds=50, cpus=4)
        made = rates(wb.simulate(grid), grid, x=axis_of(whole))
        assert plots.rate_panels(made).axes
        assert max(map(len, format_rates(made).splitlines())) <= 72


def test_command_prints_the_answer_first(grid, tmp_path, capsys):
    command = ["sweep", str(grid.path), "--store", str(tmp_path / "s")]
    assert main([*command, "--table"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("t\n\nsimulated, per 100 writes of the same program")
    assert "copies per 100 writes of the same program, off -> on" in out
    assert "\n  all-cpus" not in out
    assert max(map(len, out.splitlines())) <= 72
    assert main([*command, "--full"]) == 0
    full = capsys.readouterr().out
    assert full.startswith(out[: out.index("\nEvery drain policy")])
    assert "\n  all-cpus" in full
    assert "Means of n = 2 runs" in full
