"""How large a number may be: the same bounds wherever it comes from, and no clock that wraps."""

import dataclasses
import json
import math
import warnings

import numpy as np
import pydantic
import pytest

import wpbench as wb
from wpbench import bounds
from wpbench.bounds import ARGUMENTS, FIELDS, MAX_ACCESSES, MAX_CLOCK_NS, TRACE, Bound
from wpbench.commands.main import main, parser_of
from wpbench.errors import accepted, one_line, readable, shown
from wpbench.mm import layout as L
from wpbench.scenario import Scenario
from wpbench.scenario.longest import accesses, longest_ns
from wpbench.simulate import plan_of
from wpbench.sweep.estimate import seconds_a_run

# Fields that go with few others need these to be looked at.
WITH = {
    "write_share": {"workload": "redis"},
    "zipf": {"workload": "redis"},
    "memory_share": {"workload": "redis"},
    "save_every": {"workload": "redis"},
    "save_pages": {"workload": "redis"},
    "fill_cpu": {"workload": "userfaultfd"},
    "time_slice_ns": {"costs": "server"},
    "latency_ns": {"backend": "nvme"},
}


def outside(bound):
    """Return the numbers that are just too small and too large, and absurd ones."""
    step = 1 if bound.whole else 0.001
    below = bound.low if bound.open_below else bound.low - step
    huge = [kind(value) for value in (2**63, -(2**63), 2**64) for kind in [type(bound.high)]]
    return [below, bound.high + step, *huge, 10**5000]


class TestFields:
    def test_every_number_of_a_scenario_has_a_bound(self):
        numbers = {
            name
            for name, field in Scenario.model_fields.items()
            if {int, float} & set(_types(field.annotation)) and field.default is not False
        }
        assert numbers - set(FIELDS) == {"pagevec", "folio_order"}  # these are one of a few values

    @pytest.mark.parametrize("name", FIELDS)
    def test_scenario_grid_and_command_line_say_the_same(self, name, tmp_path, capsys):
        more = WITH.get(name, {}) | {"npages": 1, "rounds": 0, "threads": 1}
        more.pop(name, None)
        if "workload" in more:
            del more["threads"]
        for value in outside(FIELDS[name]):
            with pytest.raises(wb.ScenarioError) as error:
                Scenario(**more, **{name: value})
            said = str(error.value)
            assert said == accepted(name, value, [str(FIELDS[name])])
            with pytest.raises(wb.ScenarioError) as among:
                wb.grid(**more, **{name: [FIELDS[name].high, value]})
            assert str(among.value) == said
            if abs(value) < 10**1000:
                file = tmp_path / "g.toml"
                lines = [f"{key} = {json.dumps(v)}" for key, v in (more | {name: value}).items()]
                text = "\n".join(['title = "t"', 'question = "q"', "[[grid]]", *lines])
                file.write_text(text, encoding="utf-8")
                with pytest.raises(wb.ScenarioError) as loaded:
                    wb.load_grid(file)
                assert str(loaded.value) == f"{file}: grid 1: {said}"
                options = [
                    f"--{k.replace('_', '-')}={v}" for k, v in (more | {name: value}).items()
                ]
                assert main(["run", *options]) == 2
                assert capsys.readouterr().err == f"wpbench run: {said}\n"

    @pytest.mark.parametrize("name", FIELDS)
    def test_both_ends_are_accepted(self, name):
        bound = FIELDS[name]
        low = bound.low + 0.001 if bound.open_below else bound.low
        more = {"npages": 1, "rounds": 0} | WITH.get(name, {})
        for value in (low, bound.high):
            assert getattr(Scenario(**more | {name: value}), name) == value

    def test_help_says_the_bounds(self, capsys):
        with pytest.raises(SystemExit):
            parser_of(["run"]).parse_args(["run", "--help"])
        words = " ".join(capsys.readouterr().out.split())
        for bound in FIELDS.values():
            assert str(bound).replace("-", "") in words.replace("-", "").replace("%%", "%")

    def test_bounds_are_those_of_the_machine(self):
        assert FIELDS["pmd_offset"].high == L.PTRS_PER_PTE - 1
        assert 2 * bounds.MAX_PAGES <= L.MAX_PAGES
        config = Scenario(npages=bounds.MAX_PAGES, fork_exit_before=True, backend="nvme")
        assert config.machine_config()["nphys"] == L.MAX_PAGES


def _types(annotation):
    from typing import get_args

    parts = get_args(annotation)
    return [t for part in parts for t in _types(part)] if parts else [annotation]


class TestProducts:
    @pytest.mark.parametrize(
        "fields",
        [
            {"rounds": 10**12, "npages": 512},
            {"rounds": 10**9, "npages": 1 << 26},
            {"rounds": 10**12, "npages": 1, "threads": 4096},
        ],
    )
    def test_accesses(self, fields):
        with pytest.raises(wb.ScenarioError, match=r"rounds: .* accesses; accepted: up to 10+ in"):
            Scenario(**fields)
        with pytest.raises(wb.ScenarioError, match="accesses"):
            wb.grid(**fields | {"rounds": [1, fields["rounds"]]}, seed=[1, 2])

    @pytest.mark.parametrize(
        "fields",
        [
            {"rounds": 10**8, "npages": 1, "delay_ns": 10**12},
            {"rounds": 10**6, "backend": "disk", "latency_ns": 10**11},
            {"rounds": 10**7, "costs": "server", "cpus": 4096, "background_drains": 100.0},
            {"rounds": 10**6, "npages": 1 << 20, "costs": "icount"},
        ],
    )
    def test_clock(self, fields):
        with pytest.raises(wb.ScenarioError, match=r"ns of simulated time .* accepted: up to 4.6e"):
            Scenario(**fields)

    def test_what_is_accepted_does_not_wrap(self):
        """The largest scenarios that are accepted: their estimates are exact, and finite."""
        for fields in (
            {"rounds": 10**12, "npages": 1},
            {"rounds": 10**5, "npages": 1 << 26},
            {"rounds": 10**4, "backend": "disk", "latency_ns": 10**9, "npages": 8},
        ):
            scenario = Scenario(**fields)
            assert accesses(scenario) <= MAX_ACCESSES
            assert 0 <= longest_ns(scenario) <= MAX_CLOCK_NS
            assert int(plan_of(scenario).accesses()[0]) == accesses(scenario)

    def test_the_bound_on_the_clock_is_one(self):
        """No clock is later than it says: of runs with all that takes time."""
        for fields in (
            {"backend": "disk", "page_cluster": 5, "npages": 40},
            {"backend": "ssd", "cpus": 8, "threads": 4, "migration_rate": 0.5},
            {"costs": "server", "cpus": 64, "drain": "all-cpus", "background_insertions": 3.0},
            {"costs": "icount", "delay_ns": 10**9},
            {"workload": "memcached", "costs": "server", "threads": 3, "memory_share": 0.2},
            {"workload": "random", "backend": "null_blk", "cpus": 2},
        ):
            scenario = Scenario(**{"npages": 12, "rounds": 5} | fields)
            row = wb.simulate(scenario).iloc[0]
            assert 0 < row.wall_ns <= longest_ns(scenario)
            assert 0 <= row.cpu_ns <= longest_ns(scenario)

    def test_shipped_grids_are_far_from_it(self):
        for name in ("list", "cpus", "pages", "migration", "cases"):
            for part in wb.load_grid(name).grids:
                assert all(longest_ns(s) < MAX_CLOCK_NS // 1000 for s in (part[0], part[-1]))


class TestRuns:
    def test_too_many_are_refused_before_they_are_made(self, tmp_path, capsys):
        scenario = Scenario(npages=1, rounds=0)
        message = r"1 scenarios times 100000000 seeds: too many runs; accepted: up to 1000000"
        for call in (wb.simulate, lambda s, seeds: wb.sweep(s, tmp_path / "s", seeds=seeds)):
            with pytest.raises(wb.ScenarioError, match=message):
                call(scenario, seeds=10**8)
        with pytest.raises(wb.ScenarioError, match=r"more with max_runs \(--max-runs\)"):
            wb.grid(seed=range(10**12))
        with pytest.raises(wb.ScenarioError, match="999900000000 scenarios: too many"):
            wb.grid(npages=range(1, 10**4), cpus=range(1, 10**4 + 1), rounds=range(10**4))
        assert main(["run", "--npages", "1,2", "--seeds", "3", "--max-runs", "5"]) == 2
        assert "2 scenarios times 3 seeds: too many runs" in capsys.readouterr().err
        with pytest.raises(wb.ScenarioError, match="too many runs"):
            wb.simulate(iter(lambda: scenario, None))  # without an end

    def test_the_option_raises_the_limit(self):
        grid = wb.grid(npages=[1, 2, 3], max_runs=3)
        with pytest.raises(wb.ScenarioError, match="3 scenarios: too many"):
            wb.grid(npages=[1, 2, 3], max_runs=2)
        assert len(wb.simulate(grid, max_runs=3)) == 3
        with pytest.raises(wb.ScenarioError, match="max_runs: 0 is not accepted"):
            wb.simulate(grid, max_runs=0)

    def test_replication_takes_no_memory_of_those_before_it(self):
        assert len(wb.faults(Scenario(npages=1, rounds=1), replication=10**9)) == 1
        a, b = (wb.faults(Scenario(npages=4, cpus=4, rounds=1), replication=r) for r in (0, 0))
        assert a.equals(b)

    def test_an_estimate_does_not_wrap(self, tmp_path):
        with pytest.raises(wb.SweepError, match=r"hours on .* more than max_hours=0.01"):
            wb.sweep(Scenario(npages=1, rounds=10**12), tmp_path, max_hours=0.01)
        for fields in (
            {"background_drains": 100.0, "cpus": 4096, "npages": 100, "rounds": 10**5},
            {"workload": "random", "npages": 1 << 26, "rounds": 10**6},
        ):
            plan = plan_of(Scenario(**fields))
            assert seconds_a_run(plan)[0] > 5 * 3600
        for hours in (math.nan, 0, -1, "5", True):
            with pytest.raises(wb.ScenarioError, match=r"max_hours: .* is not accepted"):
                wb.sweep(Scenario(npages=1, rounds=1), tmp_path, max_hours=hours)


class TestWords:
    def test_arguments_of_the_command_line(self, capsys):
        for line in (
            ["run", "--seeds", "0"],
            ["run", "--seeds", "9" * 5000],
            ["run", "--seeds", "²"],
            ["explain", "--fault", str(2**63)],
            ["sweep", "list", "--max-hours", "nan"],
            ["sweep", "list", "--workers", "0"],
            ["replay", "x", "--pmd-offset", "512"],
            ["rerun", "x.svg", "--max-hours", "-1"],
            ["run", "--nonsense\n\x1b[31m", "\u2028"],
        ):
            with pytest.raises(SystemExit) as stop:
                main(line)
            assert stop.value.code == 2
            error = capsys.readouterr().err
            assert error.endswith(" --help shows the usage\n")
            assert len(error.splitlines()) == 1
            assert len(error) < 2000

    def test_whatever_value_is_shown_on_one_short_line(self):
        nested = []
        for _ in range(100_000):
            nested = [nested]
        for value in (10**5000, -(10**5000), nested, "x" * 10**6, "a\nb\r\u2028", 5, None, "é"):
            assert len(shown(value)) < 120
            assert shown(value).isprintable()
        while nested:  # taking it apart at once is too deep for Python
            nested = nested[0]
        assert shown(10**5000) == "a whole number of about 5000 digits"
        assert one_line("a\n\tb\x00") == "a b\\x00"
        many = accepted("kind " * 10**4, 10**5000, ("x" * 10**4 for _ in range(10**4)))
        assert len(many) < 2000

    def test_no_version_is_suggested_for_another(self):
        versions = ["v5.8", "v5.17", "v6.12", "patch2"]
        for other in ("v5.18", "5.18", "V5.1", "v6.1", "6.13"):
            assert "did you mean" not in accepted("kernel", other, versions)
        assert "did you mean 'v5.8'" in accepted("kernel", "5.8", versions)
        assert "did you mean 'patch2'" in accepted("kernel", "patch-2", versions)

    def test_bounds_in_words(self):
        assert str(Bound(1, 4096)) == "a whole number, 1 to 4096"
        assert str(FIELDS["npages"]) == "a whole number, 1 to 67108864 (2**26)"
        assert str(FIELDS["memory_share"]) == "a number, above 0, up to 1"
        assert 5 in Bound(1, 5)
        assert np.int64(5) in Bound(1, 5)
        for value in (True, 5.0, "5", None, np.float64(1), math.nan):
            assert value not in Bound(1, 5)
        assert all(dataclasses.is_dataclass(bound) for bound in (ARGUMENTS | TRACE).values())
        with pytest.raises(wb.ScenarioError, match=r"seeds: 1\.5 is not accepted; accepted: a wh"):
            bounds.check("seeds", 1.5)

    def test_many_problems_are_still_one_line(self):
        names = {f"f{i}": (int, ...) for i in range(50)}
        model = pydantic.create_model("Model", **names)
        with pytest.raises(pydantic.ValidationError) as error:
            model.model_validate(dict.fromkeys(names, "x" * 1000))
        assert readable(error.value).endswith("; and 45 more")
        assert len(readable(error.value)) < 1000


def test_a_mix_of_any_weights():
    for mix in ("read:²", "read:٣", "read:" + "9" * 5000, "read:1000001", "read:-1", "read:1.5"):
        with pytest.raises(wb.ScenarioError, match=r"mix: .* a whole number, 0 to 1000000"):
            Scenario(workload="random", mix=mix)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mix = " ".join(f"{op}:1000000" for op in ("pageout", "read", "write", "migrate"))
        wb.simulate(Scenario(workload="random", mix=mix, npages=3, rounds=5, cpus=2))
