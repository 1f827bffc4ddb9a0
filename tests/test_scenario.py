"""What can be asked, and what a wrong question is answered."""

import itertools
import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.errors import UnknownKernelWarning
from wpbench.scenario import Overrides, Scenario
from wpbench.scenario.grids import _FREE
from wpbench.scenario.kernel_table import with_present_names
from wpbench.scenario.model import WORKLOAD_FIELDS, machine_bytes
from wpbench.simulate import plan_of


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernal": "patch2"}, r"Scenario field: 'kernal'.*did you mean 'kernel'"),
        ({"decision": "patch2"}, r"Scenario field: 'decision' is not accepted.*kernel"),
        ({"kernel": "patch3"}, r"kernel: 'patch3' is not accepted; accepted: a release from v5.8"),
        ({"kernel": "v5.7"}, r"kernel: 'v5.7' is not accepted; .*from v5.8 to v7.3.*patch1"),
        ({"kernel": "v5.20"}, r"kernel: 'v5.20' is not accepted"),
        ({"kernel": 6.12}, r"kernel: 6.12 is not accepted"),
        ({"rules": {"exit_drain": True}}, r"rule: 'exit_drain'.*did you mean 'exit_drains'"),
        ({"rules": {"exit_drains": 1}}, r"rules.exit_drains: 1 is not accepted.*true, false"),
        ({"rules": {"first_test": "2"}}, r"rules.first_test: '2' .*accepted: mapcount, 1, 1\+sc"),
        ({"rules": {"drain": "always"}}, r"rules.drain: drain is a field .*accepted: drain=..."),
        ({"rules": "exit_drains"}, r"rules: 'exit_drains' is not accepted.*NAME=VALUE"),
        ({"rules": 5}, r"rules: 5 is not accepted.*a mapping"),
        ({"drain": "if_not_lru"}, r"drain: 'if_not_lru'.*did you mean 'if-not-lru'"),
        ({"drain": "always", "kernel": "patch1"}, r"drain: 'always' does not go with .*patch1"),
        ({"backend": "zrm"}, r"backend: 'zrm'.*did you mean 'zram'.*accepted: zram, brd"),
        ({"order": "read-write-all"}, r"order: .*accepted: read-write, read-write-shuffled"),
        ({"npages": 0}, r"npages: 0 is not accepted; accepted: a whole number, 1 to 67108864"),
        ({"npages": "many"}, r"npages: 'many' is not accepted"),
        ({"npages": 1 << 27}, r"npages: 134217728 is not accepted"),
        ({"npages": 1 << 26, "threads": 2}, r"npages: .*accepted: up to 67108864 in all"),
        ({"pagevec": 16}, r"pagevec: 16 is not accepted.*accepted: 14, 15, 31"),
        ({"write_cpu": 4, "cpus": 4}, r"write_cpu: 4 is not among the 4 CPUs"),
        ({"latency_ns": 5}, r"latency_ns: backend 'zram' completes synchronously"),
        ({"backend": "null_blk", "costs": "none"}, r"costs: 'none' does not go with"),
        ({"costs": "icont"}, r"costs: 'icont'.*did you mean 'icount'"),
        ({"workload": "reproduce"}, r"workload: 'reproduce'.*did you mean 'reproducer'"),
        (
            {"workload": "random", "order": "read-all-write-all"},
            r"order: is not used by workload 'random', only by reproducer, userfaultfd",
        ),
        (
            {"order": "copy-write"},
            r"order: 'copy-write' is none of workload 'reproducer'; accepted with it: read-write,",
        ),
        ({"fill_cpu": 1}, r"fill_cpu: is not used by workload 'reproducer', only by userfaultfd"),
        ({"folio_order": 4}, r"folio_order: 4 is not accepted; .*Large folios are out of scope"),
        ({"migration_rate": 1.5}, r"migration_rate: 1.5 is not accepted"),
        (
            {"kernel": "v6.12", "rules": {"first_test": "1"}, "drain": "always"},
            r"drain: 'always' does not go with kernel 'v6.12'.*accepted with it: never",
        ),
        ({"background_drains": -1}, r"background_drains: -1 is not accepted"),
        ({"mix": "reed:1"}, r"mix: 'reed'.*did you mean 'read'"),
        ({"mix": "read=1"}, r"mix: "),
        ({"mix": "read:0"}, r"mix: all weights are 0"),
        ({"read_cpu": -1}, r"read_cpu: -1 is not accepted"),
    ],
)
def test_wrong_field_value_or_combination(fields, message):
    with pytest.raises(wb.ScenarioError, match=message) as error:
        Scenario(**fields)
    assert "\n" not in str(error.value)


def test_numpy_scalars_are_the_numbers_and_texts_that_they_hold():
    plain = {
        "workload": "reproducer", "kernel": "patch2", "backend": "zswap", "npages": 5, "cpus": 3,
        "write_cpu": 1, "pagevec": 31, "migration_rate": 0.5, "fork_exit_before": True,
        "stable_writes": False, "order": "read-all-write-all", "drain": "always",
        "rules": "exit_drains=true", "costs": "server", "swap_pages": 64,
    }  # fmt: skip
    given = {name: np.array([value])[0] for name, value in plain.items()}
    one, other = Scenario(**plain), Scenario(**given)
    assert one == other
    for name in Scenario.model_fields:
        assert type(getattr(one, name)) is type(getattr(other, name))
    # A message shows the number, and an unknown name comes before whatever else is wrong.
    with pytest.raises(ValueError, match=r"^npages: 0 is not accepted"):
        Scenario(npages=np.int64(0))
    with pytest.raises(ValueError, match=r"^Scenario field: 'size' is not accepted"):
        Scenario(npages=0, size=np.int64(1))


def test_rules_that_are_equal_are_so_in_another_process():
    code = (
        "import pickle, sys; from wpbench.scenario import Overrides; "
        "sent = pickle.load(sys.stdin.buffer); print(sent in {Overrides({'exit_drains': True})})"
    )
    sent = pickle.dumps(Overrides({"exit_drains": True}))
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert done.stdout.split() == [b"True"]


def test_scenarios_alike_are_one_column_each():
    alike = [Scenario(seed=seed, npages=2, rounds=1, drain="always") for seed in (5, 5, 6)]
    plan = plan_of(alike, seeds=2)
    assert plan.columns["seed"].tolist() == [5, 5, 5, 5, 6, 6]
    assert all(len(c) == 1 for n, c in plan.columns.items() if n not in ("seed", "replication"))
    table = wb.simulate(alike, seeds=2)
    one = pd.concat([wb.simulate(scenario, seeds=2) for scenario in alike], ignore_index=True)
    pd.testing.assert_frame_equal(table, one)
    assert len(wb.simulate([])) == 0


def test_defaults_are_resolved():
    row = Scenario(kernel="v6.12", read_cpu=2, write_cpu=5).resolved()
    assert (row["pagevec"], row["drain"], row["cpus"], row["rules"]) == (31, "if-not-lru", 6, {})
    assert Scenario(kernel="patch2-always").resolved()["drain"] == "always"
    assert Scenario(backend="null_blk").resolved()["costs"] == "icount"


def test_every_kernel_runs():
    names = wb.kernels()["kernel"].tolist()
    assert {"v5.8", "patch1", "patch2", "patch2-rfc2", "exclusive", "v7.3"} < set(names)
    table = wb.simulate(wb.grid(kernel=names, npages=4, rounds=2))
    assert table.kernel.tolist() == names


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("v5.17", "v5.14"),
        ("v6.8", "v6.2"),
        ("v5.18", "v5.18"),
        ("6.18.44", "v6.17"),
        ("6.18.44-fc", "v6.17"),
        ("6.12.117+deb12-amd64", "v6.12"),
        ("v6.19", "v6.17"),
        ("7.1.5", "v7.0"),
        ("exclusive", "exclusive"),
    ],
)
def test_a_release_means_the_row_that_holds_for_it(name, row):
    (found,) = wb.kernels(name).to_dict("records")
    assert (found["kernel"], found["row"]) == (name, row)
    same = [wb.simulate(Scenario(kernel=k, npages=20, rounds=3)).copies[0] for k in (name, row)]
    assert same[0] == same[1]


def test_a_release_newer_than_all_rows_warns():
    with pytest.warns(
        UnknownKernelWarning, match=r"kernel v7.9: newer than all rows .* rules of v7.3"
    ):
        newer = Scenario(kernel="v7.9", npages=4, rounds=2)
    assert wb.kernels("v7.9")["row"].tolist() == ["v7.3"]
    assert newer.kernel == "v7.9"


def test_an_overridden_rule_is_a_column_of_the_table():
    rules = {"readahead_drains": [True, False], "swapin_drain": "never"}
    grid = wb.grid(kernel=["v7.2", "v7.3"], rules=rules, npages=4, rounds=2)
    assert [dict(s.rules) for s in grid] == [
        {"swapin_drain": "never", "readahead_drains": drains} for drains in (True, False) * 2
    ]
    table = wb.simulate(grid)
    assert table["rules.readahead_drains"].tolist() == [True, False] * 2
    assert table["rules.swapin_drain"].tolist() == ["never"] * 4
    assert table.loc[0, "rules"] == "swapin_drain=never readahead_drains=true"
    assert "rules.exit_drains" not in table
    again = [Scenario.from_row(row) for row in table.to_dict("records")]
    assert [(s.kernel, s.rules) for s in again] == [(s.kernel, s.rules) for s in grid]
    plain = wb.simulate(Scenario(npages=4, rounds=2))
    assert (plain.loc[0, "rules"], [name for name in plain if "rules." in name]) == ("", [])


def test_tables_of_old_say_decision():
    row = wb.simulate(Scenario(kernel="patch1", npages=4, rounds=2)).drop(columns="rules")
    old = row.rename(columns={"kernel": "decision"})
    assert Scenario.from_row(old.iloc[0].to_dict()).kernel == "patch1"
    now = with_present_names(old.assign(kernel="6.1.190", insert_at_once=[True]))
    assert now.loc[0, ["kernel", "release", "rules"]].tolist() == [
        "patch1", "6.1.190", "swapin_inserts_at_once=true"
    ]  # fmt: skip


def test_axes_checked_on_their_own_become_what_a_scenario_makes_of_them():
    given = {"seed": [np.int64(3), "4", True, 2.0], "background_drains": (1, "0.5")}
    grid = wb.grid(**given, npages=4)
    want = [[Scenario(**{name: v}) for v in values] for name, values in given.items()]
    assert grid.axes["seed"] == [s.seed for s in want[0]] == [3, 4, 1, 2]
    assert grid.axes["background_drains"] == [s.background_drains for s in want[1]]
    assert [type(v) for v in grid.axes["background_drains"]] == [float, float]
    for wrong in ({"seed": -1}, {"page_cluster": 6}, {"rounds": "many"}, {"rounds": 1.5}):
        with pytest.raises(wb.ScenarioError) as lone:
            Scenario(**wrong)
        with pytest.raises(wb.ScenarioError) as among:
            wb.grid(**{name: [1, 2, value, 3] for name, value in wrong.items()})
        assert str(among.value) == str(lone.value)
    assert not _FREE & WORKLOAD_FIELDS  # a workload may refuse those


def test_grid():
    grid = wb.grid(kernel=["patch1", "patch2"], npages=range(1, 4), backend="brd")
    assert len(grid) == 6
    assert [s.npages for s in grid][:4] == [1, 2, 3, 1]
    assert grid[0].backend == "brd"
    with pytest.raises(wb.ScenarioError, match="at least one value"):
        wb.grid(npages=[])
    with pytest.raises(wb.ScenarioError, match="did you mean 'npages'"):
        wb.grid(npage=[1])


@pytest.mark.parametrize(
    "axes",
    [
        {},
        {"npages": [np.int64(4), 5], "seed": range(3), "migration_rate": [0, 0.5]},
        {"kernel": ["6.18.44", "v6.1"], "rules": [{"exit_drains": True}, "slot_cache=true", {}]},
        {"cpus": [1, 2], "threads": "cpus", "order": "read-write"},
        {"workload": ["random"], "mix": " read:1  write:2 ", "cpus": [None, 3]},
        {"workload": ["random", "redis"], "background_drains": [np.float64(1), 0]},
    ],
    ids=str,
)
def test_a_grids_scenarios_are_as_if_made_one_by_one(axes):
    """They are copies of one, since all values were validated with the grid."""
    listed = {k: [v] if isinstance(v, str) else list(v) for k, v in axes.items() if v != "cpus"}
    grid = wb.grid(**axes)
    scenarios = list(grid)
    assert [grid[i] for i in range(-len(grid), 0)] == scenarios
    for scenario, values in zip(scenarios, itertools.product(*listed.values()), strict=True):
        fields = dict(zip(listed, values, strict=True))
        if "threads" in axes:
            fields["threads"] = fields["cpus"]
        alone = Scenario(**fields)
        assert scenario == alone
        assert scenario.model_fields_set == alone.model_fields_set == set(fields)
        assert repr(scenario) == repr(alone)
        assert pickle.loads(pickle.dumps(scenario)) == alone  # noqa: S301


@pytest.mark.parametrize("seeds", [0, -1, 1.5, True, "2"])
def test_wrong_seeds(seeds):
    with pytest.raises(wb.ScenarioError, match="seeds"):
        wb.simulate(Scenario(npages=1, rounds=1), seeds=seeds)


@pytest.mark.parametrize("what", ["patch2", 5, [1], {"npages": 1}])
def test_simulate_takes_scenarios(what):
    with pytest.raises(wb.ScenarioError, match=r"simulate\(\) takes"):
        wb.simulate(what)


def test_table_is_tidy_and_knows_where_it_comes_from(tmp_path):
    table = wb.simulate(Scenario(npages=3, rounds=2), seeds=2)
    assert table.replication.tolist() == [0, 1]
    record = table.attrs["wpbench"]
    assert record["software"]["name"] == "wpbench"
    assert record["parameters"]["scenarios"][0]["npages"] == 3
    assert len(record["data"]) == 16
    table.to_parquet(tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet").attrs["wpbench"] == record


def test_random_program_depends_on_its_seed_alone():
    def counts(seed, **more):
        mix = "pageout:3 read:40 write:40 cold:2 migrate:4 fork:2 exit:3 free:1"
        scenario = Scenario(
            workload="random", npages=32, rounds=600, cpus=3, seed=seed, mix=mix, **more
        )
        return wb.simulate(scenario, seeds=2).drop(columns=["seed", "replication"])

    a, b, c = counts(1), counts(1), counts(2)
    pd.testing.assert_frame_equal(a, b)
    assert not np.array_equal(a.wp_faults, c.wp_faults)
    assert a.wp_faults[0] != a.wp_faults[1]
    assert (a.copies > 0).all()


def test_faults_keep_every_holder():
    table = wb.faults(Scenario(kernel="patch1", npages=8, rounds=2))
    assert len(table) == 16
    assert table.outcome.tolist()[:8] == ["copy"] * 7 + ["reuse"]
    assert table.reason[0] == "pagevec_local"
    assert table.before[0] == "page_count 2 = pte + lru_add; active"
    assert table.before[7] == "page_count 1 = pte; LRU active"
    assert len(wb.faults(Scenario(kernel="patch1", npages=8), limit=5)) == 5
    drained = wb.faults(Scenario(kernel="patch2", npages=1, rounds=1)).iloc[0]
    assert (drained.outcome, drained.drained) == ("reuse", 1)
    with pytest.raises(wb.ScenarioError, match="limit"):
        wb.faults(Scenario(), limit=0)


def test_memory_of_a_page():
    config = Scenario(npages=1 << 20).machine_config()
    assert machine_bytes(config) / (1 << 20) < 16.02


def test_a_plan_knows_what_its_machines_take():
    """Of every table that a machine has: 5 MB were said of one of a gigabyte."""
    scenarios = [
        Scenario(),
        Scenario(npages=100, cpus=7, pagevec=31, rounds=1),
        Scenario(npages=8, cpus=40, threads=30, lruvecs=9, costs="server", rounds=1),
        Scenario(npages=3, cpus=2, backend="nvme", rounds=1, swap_pages=999),
        Scenario(workload="random", npages=8, cpus=3, rounds=5, mix="read:1 write:1 fork:1 exit:1"),
    ]
    plan = plan_of(scenarios)
    taken = [plan.machine(run).memory.nbytes for run in range(plan.n)]
    assert plan.bytes().tolist() == taken
    many = {"cpus": 4096, "threads": 4096, "lruvecs": 64, "npages": 8, "costs": "server"}
    large = plan_of(Scenario(**many, rounds=1))
    _, words, _ = large.inputs(np.arange(1))
    assert large.bytes().tolist() == (8 * words).tolist()
    assert large.bytes()[0] > 20_000_000


def test_run_command(capsys, tmp_path):
    args = ["run", "--kernel", "patch1,patch2", "--npages", "1,8", "--rounds", "2"]
    assert main([*args, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["kernel"], r["npages"], r["copies"]) for r in rows] == [
        ("patch1", 1, 2),
        ("patch1", 8, 14),
        ("patch2", 1, 0),
        ("patch2", 8, 0),
    ]
    csv = tmp_path / "t.csv"
    parquet = tmp_path / "t.parquet"
    assert main([*args, "--csv", str(csv), "--parquet", str(parquet)]) == 0
    assert pd.read_csv(csv).copies.tolist() == [2, 14, 0, 0]
    assert "wpbench" in pd.read_parquet(parquet).attrs
    capsys.readouterr()
    assert main(args) == 0
    out = capsys.readouterr().out
    assert out.startswith("simulated: rounds=2\n")
    assert "0.8750" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "--kernel", "patch9"], "kernel: 'patch9' is not accepted"),
        (["run", "--rule", "exit_drains"], "--rule: 'exit_drains' is not accepted"),
        (["run", "--rule", "exit_drains=yes"], "rules.exit_drains: 'yes' is not accepted"),
        (["run", "--npages", "ten"], "npages: 'ten' is not a whole number"),
        (["run", "--fork-exit-before", "perhaps"], "fork_exit_before: 'perhaps'"),
        (["run", "--csv", "/no/such/folder/x.csv"], "there is no folder /no/such/folder"),
        (["notebook", "01-repro"], "did you mean '01-reproducer'"),
        (["notebook", "01-reproducer", "-p", "order"], "'order' is not NAME=VALUE"),
    ],
)
def test_wrong_command(args, message, capsys):
    assert main(args) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_backends_command(capsys):
    assert main(["backends"]) == 0
    assert "zram" in capsys.readouterr().out
    assert main(["backends", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["null_blk"]["synchronous"] is False
