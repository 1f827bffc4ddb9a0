"""Cost sets of one's own: from medians to steps, to a file, to where a name is accepted."""

import tomllib
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wpbench as wb
from wpbench import data
from wpbench.commands.main import main
from wpbench.errors import DataError, ScenarioError
from wpbench.measure.costs import fit
from wpbench.measure.costs.predict import Program, Run, compared
from wpbench.measure.costs.result import Costs
from wpbench.measure.costs.session import COMPRESSES, SAME, Block, Slot
from wpbench.measure.costs.spared import spared
from wpbench.measure.costs.timings import CLOCK, REUSE, drift, timings, unsteady
from wpbench.measure.costs.visits import WARM
from wpbench.mm.names import Cost, texts
from wpbench.simulate import plan_of
from wpbench.sweep.keys import run_keys

WAITING = (1, 8, 15)
STEPS = {
    "access": 3, "madvise_entry": 340, "fault_entry": 1150, "reuse_return": 660, "drain": 90,
    "lru_hold": 310, "lru_hold_page": 98, "copy_insert": 1700, "copy_return": 370,
    "fault_first": 700, "tlb_ipi": 9000, "tlb_ipi_receive": 5400, "madvise_return": 1900,
    "shrink_new": 1400, "swapin_return": 1200, "zram_read": 2400, "zram_write": 5500,
}  # fmt: skip


def patterns(steps: Mapping[str, float], threads: tuple[int, ...] = (1,)) -> dict[Slot, float]:
    """Return what each pattern takes if its steps take this: the sums of the machine."""
    s = {"tlb_ipi_cpu": 0, **steps}
    hold, copy = s["lru_hold"], s["copy_insert"] + s["copy_return"]
    page = s["shrink_new"] + hold + s["lru_hold_page"]
    found = {
        CLOCK: 20.0,
        Slot("hit"): s["access"],
        REUSE: s["reuse_return"],
        Slot("reuse-first"): WARM * s["reuse_return"] + s["fault_first"],
        Slot("copy"): copy,
        Slot("copy-first"): WARM * copy + s["fault_first"],
        Slot("zero"): s["copy_insert"],
        Slot("touch"): s["fault_entry"],
        Slot("madvise", 0): s["madvise_entry"],
        Slot("swapin", 0, SAME): s["fault_entry"] + s["swapin_return"],
    }
    found[Slot("swapin", 0, COMPRESSES)] = found[Slot("swapin", 0, SAME)] + s["zram_read"]
    for k in WAITING:
        held = hold + k * s["lru_hold_page"]
        found[Slot("drain", k)] = s["reuse_return"] + s["drain"] + held
        found[Slot("madvise", k)] = s["madvise_entry"] + held
    for n in (4, 32):
        found[Slot("pageout", n, SAME)] = s["madvise_entry"] + s["madvise_return"] + n * page
    whole = found[Slot("pageout", 32, SAME)] + 32 * s["zram_write"]
    found[Slot("pageout", 32, COMPRESSES)] = whole
    for n in threads:
        found[Slot("interrupted", n)] = copy + s["tlb_ipi"] + n * s["tlb_ipi_cpu"]
        found[Slot("lost", n)] = s["tlb_ipi_receive"]
    return {slot: float(ns) for slot, ns in found.items()}


@given(st.fixed_dictionaries({name: st.integers(0, 20_000) for name in STEPS}))
def test_the_steps_that_made_the_patterns_are_found(steps: dict[str, int]) -> None:
    found = fit.solve(patterns(steps), "zram")
    for name, ns in steps.items():
        assert found[name] == pytest.approx(ns, abs=1e-6), name
    assert {name for name, ns in found.items() if name not in steps} == set(fit.IN_OTHERS)
    assert all(found[name] == 0 for name in fit.IN_OTHERS)


def test_threads_on_several_cpus_separate_what_one_does_not() -> None:
    found = fit.solve(patterns({**STEPS, "tlb_ipi_cpu": 300}, threads=(1, 7)), "zram")
    assert found["tlb_ipi"] == pytest.approx(STEPS["tlb_ipi"])
    assert found["tlb_ipi_cpu"] == pytest.approx(300)
    assert fit.solve(patterns({**STEPS, "tlb_ipi_cpu": 300}), "zram")["tlb_ipi"] == pytest.approx(
        9300
    )


@given(st.lists(st.floats(0, 1e6), min_size=30, max_size=30))
def test_no_step_is_below_zero_whatever_was_measured(medians: list[float]) -> None:
    found = fit.solve(dict(zip(patterns(STEPS), medians, strict=False)), "zram")
    assert all(ns >= 0 for ns in found.values())


def block(medians: dict[Slot, float], by: float = 1.0) -> Block:
    rows = {
        slot: np.array([ns * by + (0 if slot == CLOCK else _readings(slot) * 20.0 * by)] * 3)
        for slot, ns in medians.items()
    }
    return Block(rows, {slot: {"lru": 1} for slot in medians}, 3, True)


def _readings(slot: Slot) -> int:
    return WARM if slot.kind.endswith("-first") else 1


ENVIRONMENT = {
    "cpu_model": 'A "CPU"', "mhz": 2600.0, "virtual": True, "hypervisor": "KVM",
    "cpus_allowed": [0, 1], "release": "6.18.0", "mitigations": "", "tracing": [],
}  # fmt: skip


def measured(*blocks: Block, device: str = "zram") -> Costs:
    found = timings(blocks)
    return Costs(
        found, unsteady=unsteady(found), lacking=[], realtime=True, unverified="",
        environment=ENVIRONMENT, device=device,
    )  # fmt: skip


def test_the_clock_is_taken_off_and_rows_are_counted() -> None:
    found = timings([block(patterns(STEPS)), block(patterns(STEPS))])
    for kind in ("mean", "median"):
        taken = {slot: getattr(timing, kind) for slot, timing in found.items()}
        assert taken == pytest.approx(patterns(STEPS))
    assert found[REUSE].n == 6
    assert found[REUSE].dropped == {"lru": 2}


def test_a_machine_that_is_slower_all_over_is_no_unsteady_pattern_but_the_reuse() -> None:
    plain = patterns(STEPS)
    assert unsteady(timings([block(plain), block(plain, 1.1)])) == {}
    found = timings([block(plain), block(plain, 1.5)])
    assert set(unsteady(found)) == {"reuse"}
    assert drift(found) == pytest.approx(0.5)
    found = timings([block(plain), block(plain | {Slot("copy"): 3000.0})])
    assert set(unsteady(found)) == {"copy"}
    notes = measured(block(plain), block(plain | {Slot("copy"): 3000.0})).notes()
    assert any("too noisy" in note and "copy by 45%" in note for note in notes)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my.toml"
    measured(block(patterns(STEPS)), block(patterns(STEPS), 1.1)).write(path)
    return path


def test_a_set_that_was_measured_is_a_cost_set(file) -> None:
    facts = data.cost_facts(str(file))
    steps = set(texts(Cost)) - {"device_read", "device_write"}
    assert set(facts) == steps | {"description", "ghz", "zram_read", "zram_write"}
    for name in STEPS:
        assert facts[name]["source"].startswith("measured: "), name
    assert facts["reuse_return"]["value"] == 686  # of three of 660 and two of 726, one left out
    assert (facts["reuse_return"]["low"], facts["reuse_return"]["high"]) == (660, 726)
    for name in ("fault_decision", "madvise_finish", "slot_refill", "tlb_ipi_cpu"):
        assert facts[name] == {"value": 0, "source": f"measured: in {fit.IN_OTHERS[name][0]}"}
    for name in steps - set(STEPS) - set(fit.IN_OTHERS):
        assert facts[name]["source"].startswith("assumed: "), name
        assert {"low", "high"} <= set(facts[name]), name


def test_without_swap_its_steps_are_assumed() -> None:
    alone = {s: ns for s, ns in patterns(STEPS).items() if s.kind not in ("pageout", "swapin")}
    found = measured(block(alone), block(alone), device="")
    for name in ("shrink_new", "madvise_return", "swapin_return", "slot_refill"):
        assert str(found.facts[name]["source"]).startswith("assumed: "), name
    assert "zram_read" not in found.facts
    assert any("--zram" in note for note in found.notes())


def test_what_a_device_does_is_that_backends(tmp_path) -> None:
    """Pages went to zswap: zram is as it was."""
    path = str(tmp_path / "zswap.toml")
    found = measured(block(patterns(STEPS)), block(patterns(STEPS)), device="zswap")
    found.write(path)
    assert "from zswap" in str(found.facts["swapin_return"]["source"])
    for backend in ("zram", "zswap"):
        value = data.device_facts(path, backend)["read_ns"]["value"]
        assert (value == STEPS["zram_read"]) == (backend == "zswap")
    table = wb.simulate(wb.grid(backend=["zram", "zswap"], costs=path, npages=4, rounds=2))
    assert (table["cpu_ns"] > 0).all()


def test_a_file_is_accepted_where_a_name_is(file, capsys) -> None:
    name = str(file)
    scenario = wb.Scenario(costs=name, npages=2, rounds=1)
    (row,) = wb.simulate(scenario).to_dict("records")
    assert row["costs"] == name
    assert row["cpu_ns"] > 0
    assert len(wb.grid(costs=["server", name], npages=[1, 2])) == 4
    assert wb.budget(scenario)["ns"].sum() > 0
    with pytest.raises(ScenarioError, match="or a TOML file with a cost set"):
        wb.Scenario(costs="sever")
    assert main(["run", "--npages", "2", "--rounds", "1", "--costs", name]) == 0
    assert capsys.readouterr().out
    assert len(wb.price(scenario, draws=2, seeds=1).table)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("drain = ", "drian = ", "measured: drain: is missing"),
        ("[measured]", "[measured]\nmore = 1", "measured: more"),
        ("reuse_return = { value = 686", "reuse_return = { value = -1", "reuse_return.value: -1"),
        ("reuse_return = { value = 686", "reuse_return = { value = 9999", "are no range"),
        ("[measured]", "[a]\n[measured]", "has the tables a, measured; accepted: one"),
        ("[measured]", "[measured", "is not TOML"),
    ],
)
def test_a_damaged_file_is_refused_with_file_table_and_key(file, old, new, message, capsys) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ScenarioError) as error:
        wb.Scenario(costs=str(file))
    assert str(error.value).startswith(f"costs: {file}: ")
    assert message in str(error.value)
    assert main(["run", "--costs", str(file)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_file_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(ScenarioError, match=r"no\.toml: cannot be read: No such file"):
        wb.Scenario(costs=str(tmp_path / "no.toml"))
    with pytest.raises(DataError):
        data.cost_facts(str(tmp_path / "no.toml"))


def test_what_is_in_the_file_counts_and_not_when_it_was_read(file) -> None:
    scenario = wb.Scenario(costs=str(file), npages=2, rounds=1)
    before = wb.simulate(scenario)["cpu_ns"].sum(), run_keys(plan_of(scenario))[0]
    print_before = data.fingerprint([str(file)])
    text = file.read_text()
    line = next(line for line in text.splitlines() if line.startswith("madvise_entry"))
    file.write_text(text.replace(line, 'madvise_entry = { value = 9000, source = "assumed" }'))
    after = wb.simulate(scenario)["cpu_ns"].sum(), run_keys(plan_of(scenario))[0]
    assert after[0] > before[0]
    assert after[1] != before[1]
    assert data.fingerprint([str(file)]) != print_before != data.fingerprint()


def test_what_a_set_says_of_zram_takes_the_backends_place_there_and_only_there(file) -> None:
    for backend, own in (("zram", True), ("brd", False)):
        facts = data.device_facts(str(file), backend)
        shipped = data.facts("backends")[backend]
        assert (facts["read_ns"] != shipped["read_ns"]) == own
        assert facts["latency_ns"] == shipped["latency_ns"]
    assert data.device_facts("server", "zram") == data.facts("backends")["zram"]


def test_the_first_fault_after_a_fork_takes_more_and_the_account_adds_up(file) -> None:
    rounds = 7
    scenario = wb.Scenario(
        workload="fork-write", order="child-alive", npages=5, rounds=rounds, costs=str(file)
    )
    text = file.read_text()
    table = tomllib.loads(text)["measured"]["fault_first"]
    first = wb.simulate(scenario)
    line = next(line for line in text.splitlines() if line.startswith("fault_first"))
    file.write_text(text.replace(line, 'fault_first = { value = 0, source = "assumed: none" }'))
    none = wb.simulate(scenario)
    assert (first["write_ns"] - none["write_ns"]).item() == rounds * table["value"]
    file.write_text(text)
    spent = wb.budget(scenario).set_index("step")["ns"]
    assert spent["fault_first"] == rounds * table["value"]
    assert spent.drop("idle").sum() == first["cpu_ns"].item()


def test_what_a_child_need_not_have_is_big_or_a_library() -> None:
    lines = [
        "100000-200000 rw-p 00000000 00:00 0 [heap]",
        "300000-301000 rw-p 00000000 00:00 0",
        "400000-900000 rw-p 00000000 00:00 0",
        "a00000-b00000 r-xp 00000000 00:00 0",
        "c00000-d00000 r-xp 00000000 08:01 7 /usr/lib/libc.so.6",
        "e00000-f00000 r-xp 00000000 08:01 8 /usr/lib/libLLVM.so",
        "1000000-2000000 rw-s 00000000 00:01 9 /dev/zero (deleted)",
    ]
    maps = "\n".join(lines)
    assert spared(maps, 0x300800) == [0x100000, 0x100000, 0x400000, 0x500000, 0xE00000, 0x100000]
    assert spared(maps, 0x100800) == [0x400000, 0x500000, 0xE00000, 0x100000]


def test_a_prediction_is_compared_with_what_was_measured() -> None:
    costs = measured(block(patterns(STEPS)), block(patterns(STEPS)))
    program = Program("fork", "read:30 write:60 fork:4 exit:5", 4)
    table = compared(costs, [Run(program, n, np.array([1000.0] * 10)) for n in (0, 2)], "v6.17")
    (row,) = table.to_dict("records")
    assert (row["runs"], row["faults"], row["mean_ns"], row["p99_ns"]) == (2, 20, 1000, 1000)
    assert row["faults_simulated"] > 100
    assert row["error"] == pytest.approx(row["mean_ns_simulated"] / 1000 - 1)
    costs.predictions = table
    assert f"{row['error']:+.1%}" in str(costs)
    assert costs.as_dict()["predictions"][0]["faults"] == 20


def test_a_program_runs_where_an_exit_drains_nobody_it_simulates_otherwise() -> None:
    alone, moves = Program("", "fork:1 exit:1 write:1", 4), Program("", "write:1 migrate:1", 4)
    assert alone.fits(1, "6.18.44")
    assert not alone.fits(1, "v6.12")
    assert moves.fits(2, "6.18.44")
    assert not moves.fits(2, "v6.12")
    assert moves.fits(3, "v6.12")
