"""Intervals and comparisons: published values, closed forms, what must hold for any numbers."""

import json
import math
import textwrap

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wpbench as wb
from wpbench.tables import decide, mean_interval, rate_interval
from wpbench.text import format_comparison

# R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine
# 17 (1998), table I: methods 3 (Wilson), 4 (with continuity correction), 5 (Clopper and Pearson).
NEWCOMBE = [
    ("wilson", 81, 263, 0.2553, 0.3662),
    ("wilson", 15, 148, 0.0624, 0.1605),
    ("wilson", 0, 20, 0.0000, 0.1611),
    ("wilson", 1, 29, 0.0061, 0.1718),
    ("wilsoncc", 81, 263, 0.2535, 0.3682),
    ("wilsoncc", 15, 148, 0.0598, 0.1644),
    ("wilsoncc", 0, 20, 0.0000, 0.2005),
    ("wilsoncc", 1, 29, 0.0018, 0.1963),
    ("exact", 81, 263, 0.2527, 0.3676),
    ("exact", 15, 148, 0.0578, 0.1617),
    ("exact", 0, 20, 0.0000, 0.1684),
    ("exact", 1, 29, 0.0009, 0.1776),
]
# Student's sleep data (Biometrika 6, 1908), as in R's `sleep`.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
# Hollander and Wolfe (1973), p. 29: Hamilton's depression scale, nine patients, two visits.
DEPRESSION = (
    [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30],
    [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29],
)


def table_of(base, other, npages=8, **columns):
    """Make a table as simulate() does: two kernels, a row a replication."""
    parts = [
        pd.DataFrame(
            {
                "kernel": name,
                "npages": npages,
                "drain": drain,
                "seed": 1,
                "replication": range(len(values)),
                "copy_rate": values,
                **columns,
            }
        )
        for name, drain, values in (("patch1", "never", base), ("patch2", "if-not-lru", other))
    ]
    return pd.concat(parts, ignore_index=True)


def only(comparison):
    (row,) = comparison.to_dict("records")
    return row


# --- intervals ---


@pytest.mark.parametrize(("method", "k", "n", "low", "high"), NEWCOMBE)
def test_rate_intervals_as_published(method, k, n, low, high):
    found = rate_interval(k, n, method=method)
    assert [round(bound, 4) for bound in found] == [low, high]


def test_rate_interval_takes_arrays_and_series_and_knows_no_rate_without_a_fault():
    low, high = rate_interval(np.array([[0, 81], [1, 81]]), np.array([[0, 263], [29, 263]]))
    assert low.shape == (2, 2)
    assert np.isnan([low[0, 0], high[0, 0]]).all()
    assert low[0, 1] == low[1, 1] == rate_interval(81, 263)[0]
    series = pd.Series([1, 15], index=["a", "b"])
    low, high = rate_interval(series, pd.Series([29, 148], index=["a", "b"]))
    assert list(low.index) == ["a", "b"]
    assert high["b"] == pytest.approx(0.1605, abs=5e-5)
    assert rate_interval(np.array([], int), np.array([], int))[0].shape == (0,)


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (1.5, 2), (math.nan, 2), (1, math.inf)])
def test_rate_interval_refuses_counts_that_cannot_be(k, n):
    with pytest.raises(wb.TableError, match=r"copies: .* is not accepted"):
        rate_interval(k, n)


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.sampled_from(["wilson", "exact"]))
def test_rate_interval_holds_the_rate_and_grows_with_confidence(k, n, method):
    k = min(k, n)
    low, high = rate_interval(k, n, 0.95, method)
    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1
    wider = rate_interval(k, n, 0.99, method)
    assert wider[0] <= low + 1e-12
    assert wider[1] >= high - 1e-12
    mirrored = rate_interval(n - k, n, 0.95, method)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_mean_interval_closed_form():
    # mean +- t(0.975, 2) * s / sqrt(3), the quantile from the tables
    found = mean_interval([1, 2, 3, math.nan])
    assert (found.mean, found.n, found.distinct) == (2, 3, 3)
    assert found.high - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert found.low == pytest.approx(2 - 4.302653 / math.sqrt(3), rel=1e-6)
    assert mean_interval([0.0, 0.0, 0.0, 0.1], bounds=(0, 1)).low == 0


@pytest.mark.parametrize("method", ["t", "bootstrap"])
def test_mean_interval_of_equal_values_has_no_width_and_of_one_there_is_none(method):
    third = 1 / 3
    assert mean_interval([third] * 7, method=method) == (third, third, third, 7, 1)
    one = mean_interval([third], method=method)
    assert (one.mean, one.n, one.distinct) == (third, 1, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    none = mean_interval([math.nan], method=method)
    assert (none.n, none.distinct) == (0, 0)
    assert math.isnan(none.mean)


def test_bootstrap_is_the_same_each_time_and_near_t_for_many_values():
    values = np.random.default_rng(1).normal(10, 2, 400)
    first, again = (mean_interval(values, method="bootstrap") for _ in range(2))
    assert first == again
    assert first[1:3] == pytest.approx(mean_interval(values)[1:3], abs=0.03)


VALUES = hnp.arrays(float, st.integers(2, 25), elements=st.integers(0, 1000))


@given(VALUES, st.sampled_from([0.8, 0.95]))
def test_mean_interval_holds_the_mean_and_grows_with_confidence(values, confidence):
    narrow, wide = (mean_interval(values, c) for c in (confidence, 0.99))
    assert narrow.low <= narrow.mean <= narrow.high
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high
    shifted = mean_interval(3 * values + 7, confidence)
    assert shifted.low == pytest.approx(3 * narrow.low + 7, abs=1e-6)


# --- summarize ---


def test_summarize_is_mean_interval_of_each_scenario():
    rng = np.random.default_rng(0)
    parts = [
        table_of(rng.random(5), rng.random(5), npages=n, copies=rng.integers(0, 9, 10)[:5])
        for n in (1, 8)
    ]
    table = pd.concat(parts, ignore_index=True)
    table.loc[3, "copy_rate"] = np.nan
    for method in ("t", "bootstrap"):
        found = wb.summarize(table, values=["copy_rate", "copies"], method=method)
        assert found[["kernel", "npages"]].to_numpy().tolist() == [
            ["patch1", 1], ["patch2", 1], ["patch1", 8], ["patch2", 8],
        ]  # fmt: skip
        assert found["n"].tolist() == [5] * 4
        assert found["copy_rate_n"].tolist() == [4, 5, 5, 5]
        for i, (_, runs) in enumerate(table.groupby(["npages", "kernel"])):
            want = mean_interval(runs["copy_rate"], method=method, bounds=(0, 1))
            have = [found[f"copy_rate_{name}"][i] for name in want._fields]
            assert have == pytest.approx(list(want))


def test_summarize_of_a_machine_without_chance_has_no_width():
    table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[8, 10], rounds=5), seeds=4)
    found = wb.summarize(table, values=["copy_rate", "drains"])
    assert found["copy_rate_distinct"].tolist() == [1] * 4
    # N - floor(N / 8) copies a round for N <= 15 (a pagevec of 15)
    assert found["copy_rate_mean"].tolist() == [7 / 8, 9 / 10, 0, 0]
    assert (found["copy_rate_low"] == found["copy_rate_high"]).all()
    assert found.attrs["wpbench"] == table.attrs["wpbench"]
    lone = wb.summarize(table[table["replication"] == 0])
    assert lone["copy_rate_low"].isna().all()
    assert lone["copy_rate_mean"].tolist() == found["copy_rate_mean"].tolist()


def test_seeds_are_replications_too():
    table = wb.simulate(wb.grid(npages=8, cpus=4, rounds=30, migration_rate=0.1, seed=range(9)))
    found = only(wb.summarize(table))
    assert found["n"] == 9
    assert found["copy_rate_distinct"] > 1
    assert found["copy_rate_low"] < found["copy_rate_mean"] < found["copy_rate_high"]
    by_hand = wb.summarize(table, by=["kernel", "npages"], confidence=0.99)
    assert only(by_hand)["copy_rate_low"] < found["copy_rate_low"]


# --- compare ---


def test_paired_tests_as_published():
    base, other = SLEEP
    t = only(wb.compare(table_of(base, other), test="t"))
    assert (t["n"], t["difference"]) == (10, pytest.approx(1.58))
    assert t["p"] == pytest.approx(0.002833, abs=5e-7)
    assert (t["low"], t["high"]) == pytest.approx((0.7001142, 2.4598858), abs=5e-8)
    assert t["effect"] == pytest.approx(4.0621 / math.sqrt(10), abs=5e-5)  # t / sqrt(n)
    assert t["verdict"] == "higher"
    rank = only(wb.compare(table_of(*DEPRESSION), test="rank"))
    assert rank["p"] == pytest.approx(0.03906, abs=5e-6)
    assert rank["verdict"] == "lower"
    assert only(wb.compare(table_of(*DEPRESSION), confidence=0.99))["verdict"] == "~"


def test_unpaired_tests_as_published():
    welch = only(wb.compare(table_of(*SLEEP), paired=False, test="t"))
    assert welch["p"] == pytest.approx(0.07939, abs=5e-6)
    assert (welch["low"], welch["high"]) == pytest.approx((-0.2054832, 3.3654832), abs=5e-8)
    assert welch["verdict"] == "~"
    # all 3 of one side above all 4 of the other: 2 of the C(7, 3) = 35 orders are as extreme
    ranks = {"paired": False, "test": "rank"}
    rank = only(wb.compare(table_of([5, 6, 7], [1, 2, 3, 4]), **ranks))
    assert (rank["n"], rank["n_other"], rank["p"]) == (3, 4, pytest.approx(2 / 35))
    # ... and with ties: exact too, not a normal approximation
    ties = only(wb.compare(table_of([5, 5, 5], [1, 1, 2, 2]), **ranks))
    assert ties["p"] == pytest.approx(2 / 35)


def test_equal_differences():
    # Nothing varies: known exactly, nothing to test.
    exact = only(wb.compare(table_of([0.75] * 3, [0.25] * 3)))
    assert (exact["low"], exact["difference"], exact["high"]) == (-0.5, -0.5, -0.5)
    assert (exact["verdict"], exact["effect"], exact["distinct"]) == ("lower", -math.inf, 1)
    assert math.isnan(exact["p"])
    assert (exact["change"], exact["ratio"]) == (-2 / 3, 1 / 3)
    # The runs vary and the difference does not: nothing to test either.
    for test in ("rank", "t"):
        runs = 0.1 * np.arange(5)
        row = only(wb.compare(table_of(runs, runs + 0.1), test=test))
        assert row["verdict"] == "higher"
        assert math.isnan(row["p"])
        assert row["low"] == row["difference"] == row["high"] == 0.1
    same = only(wb.compare(table_of([1, 2, 3], [1, 2, 3])))
    assert (same["verdict"], same["difference"], same["effect"]) == ("same", 0, 0)
    unpaired = only(wb.compare(table_of([3, 3], [1, 1, 1]), paired=False))
    assert (unpaired["low"], unpaired["high"], unpaired["verdict"]) == (-2, -2, "lower")
    large = only(wb.compare(table_of([2**40] * 2, [2**40 + 5] * 2)))
    assert large["difference"] == 5


@given(VALUES, st.data(), st.sampled_from(["rank", "t"]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_one_rule_decides_and_agrees_with_the_interval(base, data, test, paired):
    """No "no difference" beside an interval that leaves 0 out, however few runs there are."""
    other = data.draw(hnp.arrays(float, len(base), elements=st.integers(0, 1000)))
    row = only(wb.compare(table_of(base, other), paired=paired, test=test))
    assert row["verdict"] == decide(row["difference"], row["low"], row["high"], row["n"])
    leaves_out = row["low"] > 0 or row["high"] < 0
    assert (row["verdict"] in ("lower", "higher")) == leaves_out
    if test == "t" and not math.isnan(row["p"]) and abs(row["p"] - 0.05) > 1e-9:
        assert (row["p"] < 0.05) == leaves_out
    if row["verdict"] in ("~", "too few runs"):
        assert (row["verdict"] == "~") == (row["n"] >= 6)


def test_few_runs_with_a_clear_difference_count():
    """Three seeds whose interval leaves 0 out show a difference; three that do not are too few."""
    clear = only(wb.compare(table_of([0.90, 0.92, 0.91], [0.10, 0.11, 0.13]), test="rank"))
    assert clear["high"] < 0
    assert clear["verdict"] == "lower"
    assert only(wb.compare(table_of([0.1, 0.5, 0.9], [0.4, 0.5, 0.6])))["verdict"] == "too few runs"


def test_one_pair_is_not_tested():
    row = only(wb.compare(table_of([1.0], [0.0])))
    assert (row["n"], row["verdict"], row["difference"]) == (1, "too few runs", -1)
    assert all(math.isnan(row[name]) for name in ("low", "high", "p", "effect"))


def test_what_has_no_counterpart_is_listed():
    table = pd.concat(
        [
            table_of([0.5, 0.6, 0.7], [0.1, math.nan], npages=1),
            table_of([0.5], [0.1], npages=2).head(1),
            table_of([0.5], [0.1], npages=3).tail(1),
            table_of([0.5], [math.nan], npages=4),
        ],
        ignore_index=True,
    )
    columns = ["npages", "n", "base_only", "other_only", "no_value", "verdict"]
    assert wb.compare(table)[columns].to_numpy().tolist() == [
        [1, 1, 1, 0, 1, "too few runs"],
        [2, 0, 1, 0, 0, "only patch1"],
        [3, 0, 0, 1, 0, "only patch2"],
        [4, 0, 0, 0, 1, "no pair"],
    ]
    text = format_comparison(wb.compare(table))
    for line in (
        "not compared: npages=1: 1 run only patch1, 1 run without copy_rate",
        "not compared: npages=2: 1 run only patch1",
        "not compared: npages=3: 1 run only patch2",
        "not compared: npages=4: 1 run without copy_rate",
    ):
        assert line in text.split("\n")


@given(VALUES, st.data(), st.sampled_from(["rank", "t"]), st.booleans())
@settings(deadline=None, max_examples=40)
def test_swapping_the_sides_turns_the_signs(base, data, test, paired):
    size = len(base) if paired else data.draw(st.integers(2, 25))
    other = data.draw(hnp.arrays(float, size, elements=st.integers(0, 1000)))
    table = table_of(base, other)
    there = only(wb.compare(table, paired=paired, test=test))
    back = only(wb.compare(table, base="patch2", other="patch1", paired=paired, test=test))
    assert there["difference"] == pytest.approx(-back["difference"])
    assert there["low"] == pytest.approx(-back["high"])
    assert there["effect"] == pytest.approx(-back["effect"])
    assert there["p"] == pytest.approx(back["p"], nan_ok=True)
    turned = {"lower": "higher", "higher": "lower"}
    assert back["verdict"] == turned.get(there["verdict"], there["verdict"])
    assert there["low"] <= there["difference"] <= there["high"]
    assert math.isnan(there["p"]) or 0 <= there["p"] <= 1
    wide = only(wb.compare(table, paired=paired, test=test, confidence=0.99))
    assert wide["low"] <= there["low"]
    assert wide["high"] >= there["high"]


def test_the_simulator_pairs_its_random_numbers():
    scenarios = wb.grid(
        kernel=["patch1", "patch2", "exclusive"],
        npages=[8, 16],
        cpus=4,
        rounds=20,
        migration_rate=[0.0, 0.2],
    )
    table = wb.simulate(scenarios, seeds=8)
    found = wb.compare(table)
    assert found[["npages", "migration_rate"]].to_numpy().tolist() == [
        [8, 0.0], [8, 0.2], [16, 0.0], [16, 0.2],
    ]  # fmt: skip
    assert found["n"].tolist() == [8] * 4
    assert found["verdict"].tolist() == ["lower"] * 4
    assert found["distinct"].tolist()[::2] == [1, 1]
    assert found.attrs["comparison"]["with"] == {"drain": ("never", "if-not-lru")}
    assert found.attrs["wpbench"] == table.attrs["wpbench"]
    json.dumps(found.attrs)
    drains = wb.compare(table, value="drains", base="patch2", other="exclusive", test="t")
    assert set(drains["verdict"]) <= {"same", "~", "lower", "higher"}
    several = wb.compare(table, column="npages", base=8, other=16)
    assert several["kernel"].tolist() == ["patch1"] * 2 + ["patch2"] * 2 + ["exclusive"] * 2


# --- wrong questions ---


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda t: wb.compare(t, column="kernal"), r"column: 'kernal'.*mean 'kernel'"),
        (
            lambda t: wb.compare(t.rename(columns={"kernel": "decision"})),
            r"column: 'kernel' is not accepted; accepted: decision, npages",
        ),
        (lambda t: wb.compare(t, base="patch"), r"base: 'patch'.*accepted: patch1, patch2"),
        (lambda t: wb.compare(t, other="patch1"), r"other: 'patch1' is the base"),
        (lambda t: wb.compare(t, value="copy_rat"), r"value: 'copy_rat'.*mean 'copy_rate'"),
        (lambda t: wb.compare(t, by="npage"), r"by: 'npage'.*mean 'npages'"),
        (lambda t: wb.compare(t, by="kernel"), r"by: 'kernel' is what is compared"),
        (lambda t: wb.compare(t, test="welch"), r"test: 'welch'.*accepted: rank, t"),
        (lambda t: wb.compare(t, confidence=95), r"confidence: 95.*between 0 and 1"),
        (lambda t: wb.compare(pd.concat([t, t])), r"seed 1, replication 0: is twice"),
        (lambda t: wb.compare(t.drop(columns="replication")), r"by: .* no column 'replication'"),
        (lambda t: wb.summarize(t, by="npages"), r"by: runs that differ in kernel"),
        (lambda t: wb.summarize(t, values=["copies"]), r"values: 'copies' is not accepted"),
        (lambda t: wb.summarize(t, method="normal"), r"method: 'normal'.*accepted: t, bootstrap"),
        (lambda _: rate_interval(1, 2, method="wald"), r"method: 'wald'.*accepted: wilson"),
        (format_comparison, r"comparison: has no attrs\['comparison'\]"),
    ],
)
def test_wrong_questions_are_answered_in_a_line(question, message):
    with pytest.raises(wb.TableError, match=message) as error:
        question(table_of([1, 2], [3, 4]))
    assert "\n" not in str(error.value)


def test_columns_without_a_common_value_are_not_guessed_about():
    table = table_of([1, 2], [3, 4])
    table.loc[3, ["drain", "replication"]] = ["always", 0]
    with pytest.raises(wb.TableError, match=r"by: 'drain' has no value that is on both sides"):
        wb.compare(table)
    with pytest.raises(wb.TableError, match=r"by: runs that differ in drain are no replications"):
        wb.compare(table, by="npages")
    different = pd.concat([table_of([1], [2], 1).head(1), table_of([1], [2], 512).tail(1)])
    assert wb.compare(different).attrs["comparison"]["with"]["npages"] == (1, 512)


# --- text ---


def golden(text):
    return textwrap.dedent(text).lstrip("\n")


def test_golden_text():
    varied = table_of(
        [0.93, 0.94, 0.95, 0.93, 0.92, 0.96], [0.02, 0.01, 0.04, 0.02, 0.01, 0.05], npages=64
    )
    noise = table_of([0.5, 0.4, 0.6, 0.5, 0.4, 0.7], [0.4, 0.5, 0.5, 0.6, 0.5, 0.6], npages=512)
    exact = table_of([0.875] * 6, [0.0] * 6)
    zero = table_of([0.0] * 6, [0.25] * 6, npages=1024)
    same = table_of([0.5] * 6, [0.5] * 6, npages=2048)
    lone = table_of([0.5] * 6, [0.5] * 6, npages=4096).head(6)
    table = pd.concat([exact, varied, noise, zero, same, lone], ignore_index=True)
    table.insert(1, "backend", "zram")
    table.attrs["wpbench"] = {
        "software": {"name": "wpbench", "version": "0.1.0", "commit": "0123456789ab"},
        "data": "fedcba9876543210",
    }
    text = format_comparison(wb.compare(table))
    assert text == golden(
        """
        simulated: copy_rate, kernel patch1 -> patch2
        means; n = 6 pairs of runs (same seed and replication) a scenario
        [low, high]: 95% t interval of the mean difference (spread between
          runs); p: paired t test
        all with backend=zram
        patch1 with drain=never
        patch2 with drain=if-not-lru

        npages  patch1  patch2     diff         [low, high]   change       p
        8       0.8750  0.0000  -0.8750           no spread  -100.0%       -
        64      0.9383  0.0250  -0.9133  [-0.9219, -0.9048]   -97.3%  <0.001
        512     0.5167  0.5167   0.0000  [-0.1150, +0.1150]        ~   1.000
        1024    0.0000  0.2500  +0.2500           no spread   from 0       -
        2048    0.5000  0.5000   0.0000           no spread     same       -

        ~          no difference shown: the interval has 0 in it
        same       each pair is equal on both sides
        no spread  each pair differs by the same
        from 0     patch1 is 0
        of the 2 with a spread about 0.1 would show a difference by chance alone
        not compared: npages=4096: 6 runs only patch1

        wpbench 0.1.0, commit 0123456789ab, data fedcba9876543210
        """
    )
    assert mails_well(text)


def test_golden_text_of_few_runs_with_many_columns():
    parts = [
        table_of([900_000_000, 1_100_000_000], [1_000_000, 3_000_000], n, backend=b, cpus=c)
        for b, c, n in (("zram", 1, 8), ("null_blk", 1024, 512))
    ]
    table = pd.concat(parts, ignore_index=True).rename(columns={"copy_rate": "write_ns_sum"})
    table = table[["kernel", "npages", "drain", "backend", "cpus", "seed", "replication"]].assign(
        write_ns_sum=table["write_ns_sum"]
    )
    text = format_comparison(wb.compare(table, value="write_ns_sum", test="t"), kind="measured")
    assert text == golden(
        """
        measured: write_ns_sum, in units of 1000000, kernel patch1 -> patch2
        means; n = 2 pairs of runs (same seed and replication) a scenario
        [low, high]: 95% t interval of the mean difference (spread between
          runs); p: paired t test
        warning: n < 6: few runs for an interval
        patch1 with drain=never
        patch2 with drain=if-not-lru

          patch1  patch2    diff        [low, high]   change      p
        npages=8, backend=zram, cpus=1
          1000.0     2.0  -998.0  [-2255.9, +259.9]  too few  0.063
        npages=512, backend=null_blk, cpus=1024
          1000.0     2.0  -998.0  [-2255.9, +259.9]  too few  0.063

        too few    no difference shown, and fewer than 6 runs: one says nothing
        of the 2 with a spread about 0.1 would show a difference by chance alone
        """
    )
    assert mails_well(text)
    lone = format_comparison(
        wb.compare(table[table["replication"] == 0], value="write_ns_sum", paired=False)
    )
    assert "warning: n < 2: no interval" in lone.split("\n")
    assert "t interval" not in lone


def mails_well(text):
    """Can it be quoted in a mail?"""
    lines = text.split("\n")
    return (
        text.isascii()
        and max(map(len, lines)) <= 72
        and all(line == line.rstrip() for line in lines)
        and text.endswith("\n")
        and not text.endswith("\n\n")
    )


def test_text_of_a_simulation_fits_a_mail():
    scenarios = wb.grid(
        kernel=["patch1", "patch2"],
        npages=[4, 16],
        cpus=[2, 4],
        rounds=9,
        order=["read-write", "read-write-shuffled"],
        migration_rate=[0.0, 0.1],
    )
    table = wb.simulate(scenarios, seeds=3)
    for value in ("copy_rate", "drains", "accesses"):
        text = format_comparison(wb.compare(table, value=value))
        assert mails_well(text)
        assert text.startswith(f"simulated: {value}, kernel patch1 -> patch2\n")
        few = "warning: n < 6: few runs for an interval" in text.split("\n")
        assert few == (value != "accesses")  # these are the same in each run
