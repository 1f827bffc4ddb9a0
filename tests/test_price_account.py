"""The price is of totals over the same program: an account that adds up, a sign that holds."""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wpbench as wb
from wpbench.mm import layout as L
from wpbench.price import accounting
from wpbench.price.accounting import ITEMS
from wpbench.price.dominance import dominant, spent_factors
from wpbench.price.draws import FACTORS, between, drawn_costs, places, ranges, unit_draws
from wpbench.price.tally import COUNTED, HELD, MEASURES, PER, differences
from wpbench.price.verdicts import middle, share_error
from wpbench.tables import decision, folding
from wpbench.tables.decision import decide

# Here the patch makes more faults, each cheaper: by the fault it saves, over the program it costs.
MORE_FAULTS = {"cpus": 8, "threads": 8, "migration_rate": 0.9, "npages": 8, "rounds": 4}
COUNTS = st.integers(0, 10_000)


def side(data, accesses, runs):
    """Draw what the runs of one side counted."""
    counters = [name for names in (COUNTED | HELD).values() for name in names]
    names = [*MEASURES.values(), *counters, "reuses"]
    found = {n: np.array([data.draw(COUNTS) for _ in range(runs)], float) for n in names}
    return found | {"accesses": accesses}


def verdicts(off, on, rounds, per):
    """Return each measure's verdict, as compare() and price() come to it."""
    found = {}
    for name, (a, b) in differences(off, on, rounds, per).items():
        d = b - a
        low, high = middle(d, float(d.mean()), 0.95)
        found[name] = decide(float(d.mean()), low, high, len(d))
    return found


class TestVerdict:
    @given(st.data(), st.sampled_from(sorted(PER)), st.integers(1, 9))
    @settings(deadline=None, max_examples=60)
    def test_it_does_not_change_with_faults_that_cost_nothing(self, data, per, runs):
        """A fault split in two, or more faults at no cost, on either side: the same verdict."""
        accesses = np.array([data.draw(st.integers(1, 10_000)) for _ in range(runs)], float)
        rounds = np.full(runs, data.draw(st.integers(1, 100)))
        both = [side(data, accesses, runs) for _ in range(2)]
        before = verdicts(*both, rounds, per)
        for found in both:
            split = data.draw(COUNTS)
            found["wp_faults"] = found["wp_faults"] + split  # its time is in write_ns already
            found["reuses"] = found["reuses"] + split
        assert verdicts(*both, rounds, per) == before

    @pytest.mark.parametrize("per", sorted(PER))
    def test_more_faults_that_are_each_cheaper_are_dearer(self, per):
        """Per fault the patch saves time here; the same program takes longer all the same."""
        found = wb.price(
            wb.Scenario(**MORE_FAULTS), per=per, seeds=2, draws=2, most_draws=2
        ).table.set_index("measure")
        assert (found["faults_on"] > found["faults_off"]).all()
        for measure in MEASURES:
            row = found.loc[measure]
            assert row["on_per_fault"] < row["off_per_fault"]
            assert row["difference"] > 0
        work = {"access": "accesses", "round": "rounds"}.get(per)
        grid = wb.grid(kernel=["patch1", "patch2"], costs="server", **MORE_FAULTS)
        table = wb.simulate(grid, seeds=2)
        for measure, counter in MEASURES.items():
            each = (table[counter] / (table[work] if work else 1)).groupby(table["kernel"]).mean()
            assert found.loc[measure, "difference"] == pytest.approx(
                each["patch2"] - each["patch1"]
            )

    def test_a_kernel_against_itself_is_exactly_nothing(self):
        grid = wb.grid(
            kernel="patch2",
            backend=["zram", "nvme"],
            cpus=2,
            threads=2,
            migration_rate=0.5,
            npages=8,
            rounds=2,
        )
        for same in ("patch2", "v5.17"):
            found = wb.price(grid, off=same, on=same, draws=4)
            assert (found.differences[~np.isnan(found.differences)] == 0).all()
            assert (found.table[["difference", "low", "high", "wins", "error"]] == 0).all(axis=None)
            assert set(found.table["verdict"]) == {"same"}
            assert "on makes no difference" in found.answer()

    def test_a_program_without_a_fault_says_so_in_a_line(self):
        scenario = wb.Scenario(workload="random", mix="read:1", npages=4, rounds=20)
        found = wb.price(scenario, draws=2)
        assert set(found.table["verdict"]) == {"no fault"}
        assert "nothing to price" in found.answer()
        for text in (str(found), found.answer()):
            assert "nan" not in text.lower().replace("nanosec", "")
            assert "cheaper at" not in text
            assert "dearer at" not in text

    def test_rows_that_are_equal_are_printed_once(self):
        """Threads that never meet and never move: the number of CPUs changes nothing."""
        grid = wb.grid(cpus=[2, 4], npages=8, rounds=2, costs="server")
        found = wb.price(grid, draws=2, most_draws=2)
        assert len(found.table) == 4
        assert [line.split()[:3] for line in str(found).splitlines()[6:8]] == [
            ["2,", "4", "write"],
            ["2,", "4", "cpu"],
        ]
        assert "2, 4 CPUs: " in found.answer(x="npages")


class TestAccount:
    GRID = wb.grid(
        kernel=["patch1", "patch2"],
        backend=["zram", "nvme"],
        costs="server",
        cpus=3,
        threads=2,
        migration_rate=0.3,
        npages=5,
        rounds=3,
    )

    def test_its_time_adds_up_to_the_clock(self):
        table = wb.simulate(self.GRID)
        for per, work in (
            ("access", table["accesses"]),
            ("round", table["rounds"]),
            ("program", 1),
        ):
            found = wb.account(self.GRID, per=per)
            time = found[found["kind"] == "time"]
            sums = time.groupby(["kernel", "backend"], sort=False)["ns"].sum().to_numpy()
            np.testing.assert_allclose(sums, table["cpu_ns"] / work, rtol=1e-12)
            part = found[found["item"] == "writes that faulted"]["ns"].to_numpy()
            np.testing.assert_allclose(part, table["write_ns"] / work, rtol=1e-12)

    def test_every_step_has_an_item(self):
        named = [step for steps, _ in ITEMS.values() for step in steps]
        assert len(named) == len(set(named))
        assert set(L.SPENT) - {"idle"} <= set(named)

    def test_faults_times_what_each_takes(self):
        """Faults per access times (events per fault times ns of each): the item's time."""
        found = wb.account(self.GRID)
        time = found[(found["kind"] == "time") & (found["events"] > 0)]
        keys = ["kernel", "backend"]
        faults = found[found["kind"] == "part"].set_index(keys)["events"]
        each = faults.reindex(pd.MultiIndex.from_frame(time[keys])).to_numpy()
        np.testing.assert_allclose(each * time["per_fault"] * time["ns_each"], time["ns"])

    def test_side_effects_are_the_counters(self):
        found = wb.account(self.GRID, per="program")
        table = wb.simulate(self.GRID)
        for item, counter in (
            ("pages paged out", "pswpout"),
            ("pages swapped in", "pswpin"),
            ("dead pages in lru_add", "lru_add_dead"),
            ("orphans at the end", "orphans"),
        ):
            assert found[found["item"] == item]["events"].tolist() == table[counter].tolist()

    def test_wrong_arguments(self):
        with pytest.raises(wb.ScenarioError, match="per: 'fault' is not accepted; accepted: acc"):
            wb.account(wb.Scenario(costs="server"), per="fault")
        with pytest.raises(wb.ScenarioError, match="per: 'fault' is not accepted; accepted: acc"):
            wb.price(wb.Scenario(), per="fault")
        with pytest.raises(wb.ScenarioError, match="costs: 'none' takes no time"):
            wb.account(wb.Scenario())
        with pytest.raises(wb.ScenarioError, match="at least one"):
            wb.account([])


class TestDraws:
    def test_twice_as_many_begin_with_the_same(self):
        np.testing.assert_array_equal(unit_draws(64, 3)[:16], unit_draws(16, 3))

    def test_a_cost_lies_below_its_value_in_half_of_the_draws(self):
        """So the set's own values are in the middle of what is drawn."""
        drawn = drawn_costs("server", "zram", unit_draws(256, 1))
        for name, found in ranges("server", "zram").items():
            if found.low < found.value < found.high:
                assert between(0.5, found) == pytest.approx(found.value)
                assert (drawn[name] <= found.value + 0.5).mean() == pytest.approx(0.5, abs=0.04)

    @pytest.mark.parametrize("draws", [2, 4, 16])
    def test_the_sets_own_difference_lies_in_the_interval(self, draws):
        grid = wb.grid(npages=[1, 8], cpus=[1, 2], rounds=2, backend=["zram", "nvme"])
        table = wb.price(grid, draws=draws, most_draws=draws).table
        assert (table["low"] <= table["difference"]).all()
        assert (table["difference"] <= table["high"]).all()

    def test_what_moves_together_is_drawn_together(self):
        at = dict(
            zip(
                ranges("server", "zram"),
                places("server", "zram", unit_draws(512, 0)).T,
                strict=True,
            )
        )
        clock = np.corrcoef(at["fault_decision"], at["copy_return"])[0, 1]
        assert 0.1 < clock < 0.6  # the clock rate is in both, and not all of either
        assert np.corrcoef(at["tlb_ipi"], at["tlb_ipi_receive"])[0, 1] > 0.9
        assert abs(np.corrcoef(at["fault_decision"], at["latency_ns"])[0, 1]) < 0.1

    @given(st.integers(0, 64))
    def test_error_of_a_share_is_never_nothing_and_falls_with_the_draws(self, won):
        assert 0 < share_error(won, 64) <= 0.5 / np.sqrt(64)
        assert share_error(4 * won, 256) < share_error(won, 64)


class TestDoubling:
    def test_they_are_doubled_until_the_verdict_is_stable(self):
        clear = wb.Scenario(npages=8, rounds=2, cpus=40, spinner_threads=39)
        doubtful = wb.Scenario(**MORE_FAULTS | {"migration_rate": 0.5, "npages": 32})
        found = wb.price(clear, draws=16, most_draws=64).table
        assert set(found["draws"]) == {16}
        assert found["stable"].all()
        found = wb.price(doubtful, draws=8, most_draws=16)
        assert set(found.table["draws"]) == {16}
        unstable = found.table[~found.table["stable"]]
        assert len(unstable)
        assert "not stable after 16 draws" in str(found)

    def test_what_depends_on_the_costs_does_so_with_more_draws_too(self):
        """More draws make the share certain; they do not make it 0 or 1."""
        doubtful = wb.Scenario(**MORE_FAULTS | {"migration_rate": 0.5, "npages": 32})
        some, more = (
            wb.price(doubtful, draws=n, most_draws=n).table.set_index("measure").loc["cpu"]
            for n in (32, 128)
        )
        assert some["verdict"] == more["verdict"] == "~"
        assert more["error"] < some["error"]
        assert abs(more["wins"] - some["wins"]) < 3 * some["error"]


class TestDominant:
    def test_chance_names_nothing(self):
        """Differences that go with no cost: at 16 draws most seeds name none."""
        named = []
        for seed in range(20):
            noise = np.random.default_rng(seed).random(16)
            named.append(dominant(noise, unit_draws(16, 100 + seed), FACTORS)[0])
        assert named.count("") >= 16  # one of twenty is expected

    def test_the_cost_that_decides_is_named_whatever_the_seed(self):
        for seed in range(6):
            units = unit_draws(32, seed)
            difference = units[:, FACTORS.index("drain")] + 0.1 * units[:, FACTORS.index("access")]
            assert dominant(difference, units, FACTORS)[0] == "drain"

    def test_what_is_not_spent_is_never_named(self):
        """Swap to zram completes at once: no latency, no completion interrupt."""
        units = unit_draws(32, 0)
        difference = units[:, FACTORS.index("latency_ns")]

        pair = [
            wb.Scenario(kernel=k, npages=8, rounds=2, costs="server") for k in ("patch1", "patch2")
        ]
        factors = spent_factors(pair)
        assert "drain" in factors
        assert not {"latency_ns", "complete_page", "interrupts", "tlb_ipi"} & set(factors)
        assert dominant(difference, units, factors)[0] == ""
        waits = spent_factors([s.model_copy(update={"backend": "nvme"}) for s in pair])
        assert {"latency_ns", "interrupts"} <= set(waits)


@pytest.mark.parametrize("module", [accounting, decision, folding])
def test_examples(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed
