"""What a report says first, its table and its price: from the runs, in totals, for any kernels."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reporting import small

import wpbench as wb
from wpbench.data import facts
from wpbench.report.copies import copies_table
from wpbench.report.known import real_programs
from wpbench.report.source import Source, load
from wpbench.tables.work import writes_of

ROOT = Path(__file__).resolve().parents[1]
TIMED = {"kernel": ["patch1", "patch2"], "npages": 4, "rounds": 2, "costs": "server"}


def words(text):
    return " ".join(str(text).split())


@pytest.fixture(scope="module")
def table():
    return small()


@pytest.fixture(scope="module")
def timed():
    """A program in which the patch makes more faults, each cheaper than those without it."""
    grid = wb.grid(**TIMED | {"npages": 8, "rounds": 4}, cpus=8, threads=8, migration_rate=0.9)
    return wb.report(grid, seeds=2)


class TestOpening:
    def test_the_answer_stands_in_the_first_ten_lines(self):
        committed = (ROOT / "docs" / "report.txt").read_text()
        first = committed.split("\n\n" + "Copies per 100")[0]
        assert len(first.splitlines()) <= 10
        assert max(map(len, committed.splitlines())) <= 72
        assert "of 100 writes patch1 (off) and patch2 (on) copy 100 and 0" in words(first)
        real = real_programs()
        assert f"in {real.helped} of {real.faults} faults" in words(first)
        assert f"{real.in_vain} drains were in vain" in words(first)

    def test_no_votes_over_a_grid(self, table):
        for text in (str(wb.report(table)), (ROOT / "docs" / "report.txt").read_text()):
            assert not re.search(r"\bin \d+ of \d+ (simulated )?scenarios", words(text))

    def test_it_says_what_the_table_says(self, table):
        report = wb.report(table)
        fewer = report.copies[report.copies["verdict"] == "lower"]
        most = fewer.iloc[int((fewer["off"] - fewer["on"]).argmax())]
        said = f"{most['off']:.3g} and {most['on']:.3g} ({most['case']})"
        assert said in words(report.answer)
        assert str(report).startswith(report.answer)


class TestCopies:
    def test_they_are_the_runs_per_100_writes(self, table):
        report = wb.report(table)
        for row in report.copies.to_dict("records"):
            for side, kernel in (("off", "patch1"), ("on", "patch2")):
                runs = report.rows[
                    (report.rows["case"] == row["case"]) & (report.rows["kernel"] == kernel)
                ]
                writes = (runs["npages"] * runs["rounds"]).sum()
                assert row[side] == pytest.approx(100 * runs["copies"].sum() / writes)
                assert row[f"drains_{side}"] == pytest.approx(100 * runs["drains"].sum() / writes)
            assert row["in_vain_on"] <= row["drains_on"]
            assert row["low"] <= row["on"] - row["off"] + 1e-9
        row = report.copies.iloc[-1]
        assert row["case"] == "npages=8, migration_rate=0.5"
        numbers = f"{row['off']:.1f} +{row['on']:.1f} "
        assert re.search(rf"npages=8,\nmigration_rate=0.5 +{numbers}", str(report))

    def test_writes_of_each_workload(self):
        """A write is an access that may fault; a program that only writes has no other."""
        for fields, share in (
            ({"workload": "reproducer", "threads": 2, "cpus": 2}, 0.5),
            ({"workload": "hand-over", "threads": 2, "cpus": 4}, 0.5),
            ({"workload": "userfaultfd"}, 1),
            ({"workload": "swap-write", "order": "write"}, 1),
        ):
            found = wb.simulate(wb.Scenario(npages=3, rounds=4, **fields))
            assert writes_of(found).tolist() == (share * found["accesses"]).tolist()
        mix = wb.simulate(wb.Scenario(workload="random", mix="read:30 write:10", rounds=80))
        assert writes_of(mix).tolist() == (mix["accesses"] / 4).tolist()
        assert np.isnan(writes_of(wb.simulate(wb.Scenario(workload="redis", rounds=1)))).all()

    def test_each_row_says_whether_a_kernel_agreed(self):
        grids = [
            *wb.grid(kernel=["patch1", "patch2"], workload="userfaultfd", npages=4, rounds=2),
            *wb.grid(kernel=["patch1", "patch2"], npages=4, rounds=2),
            *wb.grid(kernel=["patch1", "patch2"], npages=4, rounds=2, backend="nvme"),
        ]
        found = wb.report(wb.simulate(grids, seeds=2)).copies
        assert found["agreed"].tolist() == ["yes", "partly", "no"]

    def test_equal_rows_stand_once(self):
        report = wb.report(wb.grid(kernel=["patch1", "patch2"], npages=[8, 16, 24], rounds=3))
        table = str(report).split("Copies per 100 writes (simulated)")[1].split("\n\n")[0]
        assert "npages=8,16,24 " in table

    def test_few_runs_are_called_so(self, table):
        some = table[table["replication"] < 2]
        copies, _ = copies_table(
            Source(some, "simulated"), some.assign(case="one"), "kernel", "patch1", "patch2"
        )
        assert copies["n"].max() <= 16
        text = str(wb.report(table[table["replication"] == 0]))
        assert "few: too few runs to say whether they differ" in words(text)


class TestPrice:
    def test_it_is_of_totals_over_the_same_program(self, timed):
        """By the fault this program's writes are cheaper with the patch; in total they are not."""
        runs = timed.rows
        sums = runs.groupby("kernel")[["write_ns", "cpu_ns", "accesses", "wp_faults"]].sum()
        per_fault = sums["write_ns"] / sums["wp_faults"]
        assert per_fault["patch2"] < per_fault["patch1"]
        for name, counter in (("faulting writes", "write_ns"), ("all CPUs", "cpu_ns")):
            by_access = sums[counter] / sums["accesses"]
            line = re.search(rf"  {name}, server +([\d.]+) +([\d.]+) +([+-][\d.]+)%", str(timed))
            assert float(line[1]) == pytest.approx(by_access["patch1"], abs=0.06)
            assert float(line[2]) == pytest.approx(by_access["patch2"], abs=0.06)
            assert line[3].startswith("+")

    def test_side_effects_stand_beside_it(self, timed):
        runs = timed.rows.groupby("kernel")[["pswpout", "accesses"]].sum()
        out = 100 * runs["pswpout"] / runs["accesses"]
        line = re.search(r"  pages paged out +([\d.]+) +([\d.]+)", str(timed))
        assert float(line[1]) == pytest.approx(out["patch1"], abs=0.06)
        assert float(line[2]) == pytest.approx(out["patch2"], abs=0.06)
        assert f"page-outs up to +{100 * (out['patch2'] / out['patch1'] - 1):.0f}%" in words(timed)

    def test_a_program_stands_once_whatever_cost_sets_it_has(self):
        """The counts of zram do not depend on the costs: its side effects are said once."""
        text = str(wb.report(wb.grid(**TIMED | {"costs": ["server", "haswell-kvm"]}), seeds=2))
        price = text.split("change   cheaper in\n")[1].split("\n\n", maxsplit=1)[0].splitlines()
        assert price[0] == "the scenario"
        assert [line.split("  ")[1] for line in price[1:5]] == [
            "faulting writes, server",
            "all CPUs, server",
            "faulting writes, haswell-kvm",
            "all CPUs, haswell-kvm",
        ]
        names = [line.split("  ")[1] for line in price[5:]]
        assert len(names) == len(set(names)) > 0

    def test_a_long_name_of_a_cost_set_stands_above(self):
        from wpbench.report.times import _time_lines

        row = {"off": 1e6, "on": 2e6, "verdict": "higher", "wins": 1.0, "error": 0.06}
        lines = _time_lines("faulting writes, somewhere/of-my-own/costs.toml", row, 30)
        assert len(lines) == 2
        assert max(map(len, lines)) <= 72

    def test_its_account_adds_up(self, timed):
        account = str(timed).split("ns per access, one")[1].split("the clock")
        lines = [line.split() for line in account[0].splitlines()]
        items = [line for line in lines if re.fullmatch(r"[+-]\d.*", line[-1] if line else "")]
        total = account[1].split()[:3]
        for column in (-3, -2, -1):
            found = sum(float(item[column]) for item in items)
            assert found == pytest.approx(float(total[column]), abs=0.06 * len(items))

    def test_the_published_price_of_a_drain_stands_beside_the_assumed_one(self, timed):
        """LKP's 68 % of do_wp_page(), which the set does not predict: it is said."""
        found = re.search(r"published: 68 % of .* predict ([\d.]+) % \(server\)", words(timed))
        assert float(found[1]) == pytest.approx(10.6, abs=0.05)

    def test_what_was_derived_is_not_among_what_nobody_published(self):
        grid = wb.grid(**TIMED | {"costs": ["server", "haswell-kvm"]})
        text = words(wb.report(grid)).split("Assumed (nobody published these)")[1]
        assert "drain 120" in text
        for name in ("server", "haswell-kvm"):
            listed = text.split(f"costs {name}, ns")[1].split("around it")[0]
            for step, fact in facts("costs")[name].items():
                if isinstance(fact, dict) and not fact["source"].startswith("assumed"):
                    assert not re.search(rf"\b{step} ", listed), step

    def test_where_nothing_differs_it_is_a_line(self):
        grid = wb.grid(**TIMED | {"kernel": ["patch1", "patch2"], "workload": "redis", "cpus": 3})
        text = words(wb.report(grid, seeds=2))
        assert "faulting writes no change, all CPUs no change" in text
        assert "No difference, whatever the costs: the scenario, costs=server." in text
        assert "The account of one" not in text

    def test_long_draws_are_left_to_wpbench_price(self, monkeypatch):
        from wpbench.report import times

        monkeypatch.setattr(times, "_MOST_ACCESSES", 1)
        report = wb.report(wb.grid(**TIMED))
        assert report.prices is None
        assert "wpbench price does" in words(report)


class TestAnyTwoKernels:
    GRID = (
        'title = "Own"\nquestion = "Which?"\nseeds = 2\n'
        '[[grid]]\ncase = "child"\nkernel = ["patch1", "patch2"]\nworkload = "fork-write"\n'
        'order = "child-alive"\nnpages = 4\nrounds = 3\nwrite_cpu = 1\ncosts = "server"\n'
        '[[grid]]\ncase = "direct"\nkernel = ["patch1", "patch2"]\nworkload = "swap-write"\n'
        'order = "write"\nnpages = 4\nrounds = 3\n'
    )

    def test_they_take_the_place_of_the_grids_own(self, tmp_path):
        path = tmp_path / "own.toml"
        path.write_text(self.GRID)
        report = wb.report(path, base="v7.2", other="v7.3")
        assert set(report.rows["kernel"]) == {"v7.2", "v7.3"}
        assert "Drains, of 100 writes: " in words(report.answer)
        text = str(report)
        assert "--base v7.2 --other v7.3" in words(text)
        assert "nan" not in text.lower().split()
        direct = report.copies[report.copies["case"] == "direct"].iloc[0]
        assert (direct["drains_off"], direct["drains_on"]) == (100, 0)
        cpu = report.prices.table.query("measure == 'cpu'").iloc[0]
        assert cpu["on"] < cpu["off"]  # 7.3 drains in vain no more

    def test_a_grid_that_has_both_stays_as_it_is(self):
        grid = wb.grid(kernel=["patch1", "patch2", "v5.17"], npages=1, rounds=1)
        assert len(load(grid, None, ("patch1", "v5.17")).table) == 3

    def test_what_is_no_kernel_is_refused(self):
        grid = wb.grid(kernel=["patch1", "patch2"], npages=1, rounds=1)
        with pytest.raises(wb.WpbenchError, match=r"base: 'patch3'.*accepted: .*patch1"):
            wb.report(grid, base="patch3")


def test_real_programs_are_those_of_the_data():
    found = real_programs()
    readme = (ROOT / "data" / "README.md").read_text()
    said = re.search(r"Together: (\d+) of (\d+) faults, .* and (\d+) drains in vain", readme)
    assert (found.helped, found.faults, found.in_vain) == tuple(map(int, said.groups()))
    tables = [pd.read_csv(path) for path in (ROOT / "data" / "programs").glob("*.csv")]
    assert found.faults == sum(table["wp_faults"].sum() for table in tables)
    assert (len(found.programs), found.runs) == (
        len(tables),
        sum(t["run"].nunique() for t in tables),
    )
