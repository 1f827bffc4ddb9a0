"""Measuring, as far as it can be tested without looking at a kernel."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import wpbench as wb
from wpbench import mm
from wpbench.commands.main import main
from wpbench.errors import UnknownKernelWarning
from wpbench.measure import run
from wpbench.measure.compare.agreement import compare, compare_table, scenario_of
from wpbench.measure.host.draw import draw
from wpbench.measure.host.plans import as_measured, pages_out, plan, shuffled_pages, without_swap
from wpbench.measure.host.trace_file import trace_text, write_trace
from wpbench.measure.host.vng import Guest
from wpbench.measure.probe import agent, crew, facts, zram, zram_guard
from wpbench.measure.probe.bench import COUNTED
from wpbench.measure.probe.crew import masks
from wpbench.measure.probe.signals import StoppedError, noted, stopping
from wpbench.mm.clock import settle
from wpbench.simulate import COUNTERS
from wpbench.simulate.trace import read_trace
from wpbench.workloads.replay import OPS, page_flags, replay_trace
from wpbench.workloads.reproducer import shuffled

MEASURED = wb.data_dir() / "kernel-measurements"
FACTS: dict[str, Any] = {
    "release": "6.1.0-54-amd64",
    "version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.190-1 (2026-10-16)",
    "kernel": "6.1.190",
    "backend": "zram",
    "swaps": [{"path": "/dev/zram0", "backend": "zram", "compressor": "lz4"}],
    "swap_pages": 16383,
    "swap_free_pages": 16383,
    "page_cluster": 3,
    "mglru": False,
    "ksm": 0,
    "cpus_allowed": [0, 1, 2, 3],
}
WHOLE_MIX = "pageout:3 read:40 write:40 cold:2 migrate:4 fork:2 exit:3 free:2"


@pytest.mark.parametrize(
    ("release", "row", "pagevec"),
    [
        ("5.8.18", "v5.8", 15),
        ("5.9.0", "v5.9", 15),
        ("5.17.15", "v5.14", 15),
        ("5.18.0-rc1", "v5.18", 15),
        ("6.1.190", "v5.19", 15),
        ("6.8.12-generic", "v6.2", 15),
        ("6.10.3", "v6.9", 31),
        ("6.12.117+deb12-amd64", "v6.12", 31),
        ("6.18.44", "v6.17", 31),
        ("7.1.5", "v7.0", 31),
    ],
)
def test_a_version_tells_the_row_of_rules(release, row, pagevec):
    found = as_measured(wb.Scenario(npages=8), FACTS | {"kernel": release})
    assert found.kernel == release
    assert wb.kernels(found.kernel)["row"].tolist() == [row]
    assert found.resolved()["pagevec"] == pagevec


def test_a_kernel_that_cannot_be_measured():
    for release in ("4.19.1", "unknown"):
        with pytest.raises(wb.ScenarioError, match=f"kernel: '{release}' is not accepted.*v5\\.8"):
            as_measured(wb.Scenario(), FACTS | {"kernel": release})
    patched = as_measured(wb.Scenario(kernel="v6.12"), FACTS | {"kernel": "unknown"})
    assert patched.kernel == "v6.12"


def test_a_kernel_newer_than_all_rows_is_measured_with_a_warning():
    with pytest.warns(UnknownKernelWarning, match=r"kernel 99.1.0: newer than all rows"):
        as_measured(wb.Scenario(), FACTS | {"kernel": "99.1.0"})


def test_debian_hides_the_version_in_another_place():
    assert facts.upstream_version(FACTS["release"], FACTS["version"]) == "6.1.190"
    assert facts.upstream_version("6.18.2", "#1 SMP") == "6.18.2"


def test_environment_is_plain_and_complete():
    found = facts.environment()
    assert json.loads(json.dumps(found)) == found
    assert set(found) >= set(FACTS)
    assert found["memory_bytes"] > found["available_bytes"] > 0
    assert set(found["cpus_allowed"]) == os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"mglru": True}, "MGLRU"),
        ({"ksm": 1}, "KSM"),
        ({"swap_free_pages": 100}, "half full"),
        ({"swaps": FACTS["swaps"] * 2}, "several swap devices"),
    ],
)
def test_notes_say_what_the_model_does_not_have(change, words):
    found = facts.notes(FACTS | change)
    assert len(found) == (0 if words is None else 1)
    assert words is None or words in found[0]


def test_swap_devices_by_name(monkeypatch):
    names = {"/dev/zram1": "zram", "/dev/ram0": "brd", "/dev/pmem0": "pmem"}
    names |= {"/dev/nullb0": "null_blk", "/dev/nvme0n1p2": "nvme"}
    assert {path: facts.backend_of(path) for path in names} == names
    monkeypatch.setattr(facts, "_number", lambda path: int("sdb" in path))
    assert (facts.backend_of("/dev/sda2"), facts.backend_of("/dev/sdb2")) == ("ssd", "disk")
    text = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 400 4 -2\n"
    text += "/dev/zram1 partition 65532 0 32767\n"
    answers = {"/proc/swaps": text, "/sys/block/zram1/comp_algorithm": "lzo [lzo-rle] lz4"}
    monkeypatch.setattr(facts, "read_text", answers.get)
    first, second = facts.swaps()
    assert (first["path"], first["compressor"]) == ("/dev/zram1", "lzo-rle")
    assert first["size_pages"] == 65532 * 1024 // facts.PAGESIZE
    assert second["priority"] == -2
    assert facts.backend() == "zram"
    answers["/sys/module/zswap/parameters/enabled"] = "Y"
    assert facts.backend() == "zswap"
    answers["/proc/swaps"] = ""
    assert facts.backend() == "none"


def test_kernel_options():
    text = "# CONFIG_KSM is not set\nCONFIG_ZRAM=m\nCONFIG_FOO=y\nCONFIG_HZ=250\n"
    assert facts.config_options(text) == {"CONFIG_ZRAM": "m", "CONFIG_HZ": "250"}


def test_sizes():
    sizes = {"1M": 1 << 20, "64m": 64 << 20, "2G": 2 << 30, "2048KiB": 2 << 20}
    assert {text: zram.parse_size(text) for text in sizes} == sizes
    for text in ("", "64", "-1M", "1.5G", "many", "1000K"):
        with pytest.raises(wb.MeasureError, match="accepted: a size from 1M up"):
            zram.parse_size(text)


def test_little_memory_is_refused(monkeypatch):
    monkeypatch.setattr(zram, "meminfo", lambda: {"MemAvailable": 200 << 20})
    zram.check_memory(72 << 20, "a region")
    with pytest.raises(wb.MeasureError, match=r"a region may take 73 MiB.*200 MiB are available"):
        zram.check_memory(73 << 20, "a region")


def test_masks():
    words = masks([0, 63, 64])
    first, second, third = (words[128 * i : 128 * (i + 1)] for i in range(3))
    assert first[0] == 1
    assert second[0] == -(1 << 63)
    assert (third[0], third[1]) == (0, 1)
    assert sum(map(bool, words)) == 3


@pytest.mark.parametrize("n", [1, 2, 7, 64, 100])
def test_shuffled_pages_are_the_simulated_ones(n):
    mask, bits = 1, 1
    while mask < n - 1:
        mask, bits = mask * 2 + 1, bits + 1
    compiled = [shuffled(i, n, mask, (bits + 1) // 2) for i in range(n)]
    assert shuffled_pages(n) == compiled
    assert sorted(compiled) == list(range(n))


@pytest.mark.parametrize(
    "mix", ["pageout:3 read:40 write:40 cold:3 migrate:4 free:2", "pageout:1 read:1 write:9"]
)
@pytest.mark.parametrize("replication", [0, 3])
def test_the_drawn_program_is_the_simulated_one(mix, replication):
    scenario = wb.Scenario(workload="random", npages=40, rounds=3000, cpus=3, mix=mix, seed=7)
    program = {name: np.array(column) for name, column in draw(scenario, replication).items()}
    m = mm.Machine(scenario.machine_config())
    empty = np.zeros(3000, np.int64)
    replay_trace(m, *program.values(), empty, empty.copy(), empty.copy(), empty.copy())
    settle(m)
    (simulated,) = wb.simulate(scenario, seeds=replication + 1).tail(1).to_dict("records")
    counted = dict(zip(COUNTERS, m.counted.tolist(), strict=True))
    assert counted.pop("not_paged_out") == 0  # a random program does not count it
    assert counted == {name: simulated[name] for name in counted}
    assert page_flags(m, 0) >= 0


def test_plans_are_plain_numbers():
    random = plan(wb.Scenario(workload="random", rounds=50, npages=8, cpus=2, mix=WHOLE_MIX))
    assert json.loads(json.dumps(random)) == random
    assert {len(random[name]) for name in ("op", "arg", "n")} == {50}
    assert (random["pages_out"], random["pages"]) == (True, 8)
    reproducer = plan(wb.Scenario(npages=8, threads=2, order="read-write-shuffled", write_cpu=1))
    assert json.loads(json.dumps(reproducer)) == reproducer
    assert sorted(reproducer["sequence"]) == list(range(8))
    assert (reproducer["pages"], reproducer["write_cpu"], reproducer["cpus"]) == (16, 1, 2)


def test_without_swap_a_random_program_forks():
    left_open = without_swap(wb.Scenario(workload="random", npages=8))
    assert not pages_out(left_open)
    assert "fork:2" in left_open.mix
    given = wb.Scenario(workload="random", mix="pageout:1 read:1")
    assert without_swap(given) is given
    assert pages_out(given)
    assert pages_out(wb.Scenario())


def test_the_kernel_says_what_it_is_and_a_patched_tree_is_told():
    asked = wb.Scenario(npages=8, backend="nvme")
    found = as_measured(asked, FACTS)
    assert (found.kernel, found.pagevec, found.resolved()["pagevec"]) == ("6.1.190", None, 15)
    assert (found.backend, found.swap_pages, found.npages) == ("zram", 16383, 8)
    patched = as_measured(wb.Scenario(kernel="patch1", pagevec=31), FACTS)
    assert (patched.kernel, patched.pagevec) == ("patch1", 31)
    ruled = as_measured(wb.Scenario(rules={"exit_drains": False}), FACTS)
    assert (ruled.kernel, ruled.rules) == ("6.1.190", {"exit_drains": False})
    assert as_measured(asked, FACTS | {"backend": "none", "swap_pages": 0}).backend == "zram"


def recorded(name):
    trace = read_trace(MEASURED / "traces" / f"{name}.csv.gz")
    scenario = wb.Scenario(
        workload="random",
        kernel=trace.header["decision"],
        npages=int(trace.header["npages"]),
        cpus=int(trace.header["ncpus"]),
        mix=trace.header["mix"],
        seed=int(trace.header["seed"]),
    )
    return trace, scenario


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_a_trace_is_written_as_the_recorded_ones_are(tmp_path, suffix):
    trace, scenario = recorded("zram_patch2_64p_2c_fork_s42")
    columns = trace.rows.T
    told = {"op": columns[1].tolist(), "arg": columns[2].tolist(), "n": columns[3].tolist()}
    forks = np.isin(columns[1], [OPS.index("fork"), OPS.index("exit")])
    extra = np.where(forks, trace.ignored.astype(np.int64), columns[5])
    rows = np.column_stack([columns[0], columns[4], extra, *columns[6:]]).tolist()
    header = {"backend": "zram", "decision": "patch2", "clock": None}
    text = trace_text(scenario, told | {"cpus": 2}, {"rows": rows}, header)
    path = tmp_path / f"trace.{suffix}"
    write_trace(path, text)
    again = read_trace(path)
    assert (again.rows == trace.rows).all()
    assert (again.ignored == trace.ignored).all()
    assert again.header["mix"] == scenario.mix
    assert "clock" not in again.header
    data = path.read_bytes()
    write_trace(path, text)
    assert path.read_bytes() == data


def test_traces_without_swap_and_of_another_swapin(tmp_path):
    head = "# backend: none\n# decision: patch2\n# npages: 4\n# ncpus: 1\n# swapin: v5.18\n"
    columns = "t_ns,op,arg,npages,outcome,resident,lru,active,writeback,swapcache\n"
    path = tmp_path / "trace.csv"
    path.write_text(head + columns + "1,write,0,,hit,,0,0,0,0\n2,fork,,,done,,,,,\n")
    assert wb.replay(path).mismatches == 0
    path.write_text(head + columns + "1,pageout,0,4,,0,,,,\n")
    with pytest.raises(wb.TraceError, match="pageout does not go with backend 'none'"):
        wb.replay(path)
    path.write_text(head.replace("v5.18", "v5.1") + columns + "1,write,0,,hit,,0,0,0,0\n")
    with pytest.raises(wb.TraceError, match=r"header swapin: kernel: 'v5\.1' is not accepted"):
        wb.replay(path)


def test_a_trace_is_compared_fault_by_fault():
    path = MEASURED / "traces" / "null_blk-10us_patch2_32p_1c_s21.csv.gz"
    (row,) = compare(path).to_dict("records")
    assert (row["mismatches"], row["agreement"], row["agreement_high"]) == (0, 1.0, 1.0)
    assert 0.99 < row["agreement_low"] < 1.0
    assert row["kernel"] == "patch2"


def test_a_table_is_compared_by_rate():
    measured = pd.read_csv(MEASURED / "reproducer_sync.csv")
    rows = measured[measured["rounds"] * measured["npages"] <= 2000].iloc[::12]
    found = compare_table(rows)
    assert len(found) == len(rows) > 10
    exact = (found["copies_measured"] == found["copies_simulated"]) & (
        found["wp_faults_measured"] == found["wp_faults_simulated"]
    )
    assert exact.mean() > 0.8
    assert found["within"][exact].all()
    assert (found["rate_low"] <= found["rate_measured"])[found["wp_faults_measured"] > 0].all()
    off = rows.assign(copies=rows["wp_faults"] - rows["copies"])
    assert not compare_table(off)["within"].any()


def test_a_table_without_frame_numbers_is_compared_by_its_faults(tmp_path):
    scenario = wb.Scenario(npages=8, rounds=50, kernel="patch1")
    table = wb.simulate(scenario).assign(copies=pd.NA, oracle="off")
    (row,) = compare_table(table).to_dict("records")
    assert row["rate_of"] == "wp_faults / accesses"
    assert row["within"]
    assert row["wp_faults_measured"] == row["wp_faults_simulated"] == 8 * 50
    table.to_csv(tmp_path / "t.csv", index=False)
    assert compare(tmp_path / "t.csv")["within"].all()
    table.drop(columns="copies").to_parquet(tmp_path / "t.parquet")
    assert compare(tmp_path / "t.parquet")["within"].all()


def test_what_cannot_be_compared(tmp_path):
    with pytest.raises(wb.MeasureError, match="no column 'wp_faults'"):
        compare(pd.DataFrame({"npages": [1]}))
    with pytest.raises(wb.TraceError, match="there is no such file"):
        compare(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(wb.MeasureError, match="neither a trace nor a table"):
        compare(tmp_path / "empty.csv")


def test_a_measured_row_is_a_scenario():
    row = {"pattern": "read-all-write-all", "npages": 8.0, "fork_exit_before": 1, "copies": 3}
    found = scenario_of(row | {"backend": "none", "latency_ns": float("nan")})
    assert (found.order, found.npages, found.fork_exit_before) == ("read-all-write-all", 8, True)
    assert found.backend == "zram"


def test_a_guest_that_cannot_be_booted(tmp_path, monkeypatch):
    with pytest.raises(wb.MeasureError, match=r"accel: 'kmv' is not accepted.*did you mean 'kvm'"):
        Guest(tmp_path, accel="kmv")
    with pytest.raises(wb.MeasureError, match="no such kernel image"):
        Guest(tmp_path / "bzImage")
    (blank := tmp_path / "a kernel").touch()
    with pytest.raises(wb.MeasureError, match="a kernel: virtme-ng takes no path with blanks"):
        Guest(blank)
    with pytest.raises(wb.MeasureError, match="cpus: 1 is not accepted"):
        Guest(tmp_path, cpus=1)
    monkeypatch.setattr("wpbench.measure.host.vng._search_path", lambda: str(tmp_path))
    with pytest.raises(wb.MeasureError, match=r"vng is not installed.*virtme-ng"):
        Guest(tmp_path)
    monkeypatch.setattr(Guest, "_find", staticmethod(lambda program, _where: program))
    monkeypatch.setattr("wpbench.measure.host.vng._PACKAGE", Path("/tmp/checkout"))  # noqa: S108
    with pytest.raises(wb.MeasureError, match=r"vng: \S+ is below /tmp, and the guest has a /tmp"):
        Guest(tmp_path)


VNG = """#!/bin/sh
# As QEMU where KVM lacks something: it aborts before the guest has begun.
echo "$@" | grep -q -e --disable-kvm || exit 134
while [ "$1" != --rwdir ]; do shift; done
echo begun > "$2/output.log"
"""


@pytest.mark.parametrize(("accel", "begun"), [("auto", True), ("kvm", False), ("tcg", True)])
def test_auto_emulates_where_kvm_aborts(tmp_path, monkeypatch, accel, begun):
    (tmp_path / "vng").write_text(VNG)
    (tmp_path / "vng").chmod(0o755)
    found = staticmethod(lambda _program, _where: str(tmp_path / "vng"))
    monkeypatch.setattr(Guest, "_find", found)
    for name in ("_check_place", "_compile"):
        monkeypatch.setattr(Guest, name, staticmethod(lambda *_: None))
    monkeypatch.setattr("wpbench.measure.host.vng.os.access", lambda *_: True)
    guest = Guest(tmp_path, accel=accel)
    folder = tmp_path / "shared"
    folder.mkdir()
    guest.run(["true"], folder)
    assert (folder / "output.log").exists() == begun
    assert guest.clock == ("tcg" if begun else None)


def test_a_signal_is_noted_and_acts_at_the_end():
    told = []

    def be_interrupted():
        with stopping(lambda: told.append(1)):
            signal.raise_signal(signal.SIGINT)
            told.append(2)

    def run():
        with noted():
            with pytest.raises(StoppedError, match="SIGINT"):
                be_interrupted()
            told.append(3)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert told == [1, 2, 3]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with noted(), stopping(lambda: told.append(4)):
        pass
    assert told == [1, 2, 3]


def test_a_signal_that_does_not_wake_the_main_thread_stops_the_loops_all_the_same():
    ended = []

    def loop(bench):
        for _ in range(500):
            if bench.stop:
                ended.append("told to")
                return
            threading.Event().wait(0.02)
        ended.append("by itself")

    def signalled():
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    def begin():
        threading.Timer(0.1, signalled).start()  # the main thread waits for the loop by then

    def interrupted():
        with noted():
            crew.run([(loop, SimpleNamespace(failed=0))], begin=begin)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ended == ["told to"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["random", "--mix", "read:x"], "mix: 'read:x' is not accepted"),
        (["reproducer", "--npages", "none"], "npages: 'none' is not a whole number"),
        (["reproducer", "--kernel", "patch3"], "kernel: 'patch3' is not accepted"),
        (["reproducer", "--zram", "much"], "zram: 'much' is not accepted"),
        (["random", "--record", "/nowhere/x.csv"], "there is no folder /nowhere"),
        (["random", "--oracle", "off", "--record", "x.csv"], "record: needs the oracle"),
        (["random", "--seeds", "2", "--record", "x.csv"], "several runs need a folder"),
        (["reproducer", "--vng", "/nowhere/bzImage"], "no such kernel image"),
        (["compare", "/nowhere/x.csv"], "there is no such file"),
    ],
)
def test_command_line_errors(capsys, monkeypatch, words, message):
    monkeypatch.setattr("wpbench.measure.host.run.swaps", lambda: [{"backend": "zram"}])
    assert main(["measure", *words]) == 2
    assert message in capsys.readouterr().err


def test_without_swap_the_reproducer_says_what_can_be_measured(capsys, monkeypatch):
    monkeypatch.setattr("wpbench.measure.host.run.swaps", list)
    assert main(["measure", "reproducer"]) == 2
    error = capsys.readouterr().err
    assert "no swap" in error
    assert "--zram 64M" in error
    assert "wpbench measure random" in error
    assert main(["measure", "random", "--mix", "pageout:1 read:1"]) == 2


def test_environment_on_the_command_line(capsys):
    assert main(["measure", "environment"]) == 0
    assert json.loads(capsys.readouterr().out)["kernel"]


def test_importing_costs_nothing():
    code = """
import sys
from wpbench import measure
heavy = {"numba", "numpy", "pandas", "scipy", "pydantic", "ctypes"}
print(sorted(heavy & set(sys.modules)))
measure.environment()
print(sorted({"numba", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def answer(plan, frames=True):
    """Make up what a measuring process returns of a plan."""
    nops = len(plan.get("op", []))
    counts = dict.fromkeys(COUNTED, 0) | {"accesses": 10, "wp_faults": 4, "copies": 1, "reuses": 3}
    return {
        "rows": [[i, 0, -1, 1, 0, 0, 0] for i in range(nops)],
        "counts": counts,
        "frames": frames,
        "flags": frames,
        "oracle": "",
        "cpu_ids": [0],
        "times": {} if frames else {"write_ns_mean": 80.5, "clock_ns": 28.0},
        "vmstat": {"pswpin": 5, "pswpout": 6, "nr_tlb_remote_flush": 7},
        "wall_ns": 2_000_000_000,
    }


@pytest.fixture
def measuring(monkeypatch):
    """Let nothing be measured: jobs are kept, their results made up."""
    jobs = []

    def execute(job):
        jobs.append(job)
        frames = job["oracle"] != "off"
        return {
            "environment": FACTS,
            "results": [answer(plan, frames) for plan in job["plans"]],
        }

    monkeypatch.setattr("wpbench.measure.host.run.execute", execute)
    monkeypatch.setattr("wpbench.measure.host.run.swaps", lambda: FACTS["swaps"])
    return jobs


def test_a_table_has_the_columns_of_the_simulation(measuring):
    table = run(wb.grid(npages=[1, 2]), seeds=2, zram="64M")
    (job,) = measuring
    assert (len(job["plans"]), job["zram"], job["oracle"]) == (4, 64 << 20, "auto")
    simulated = wb.simulate(wb.Scenario(npages=1, rounds=1))
    assert list(table.columns[: len(simulated.columns)]) == list(simulated.columns)
    assert list(table["replication"]) == [0, 1, 0, 1]
    row = table.iloc[0]
    assert (row["kernel"], row["pagevec"], row["backend"]) == ("6.1.190", 15, "zram")
    assert (row["copies"], row["copy_rate"], row["pswpin"], row["wall_s"]) == (1, 0.25, 5, 2.0)
    assert row["vmstat_nr_tlb_remote_flush"] == 7
    assert pd.isna(row["drains"])
    assert pd.isna(row["write_ns_mean"])
    record = table.attrs["wpbench"]
    assert record["measured_on"] == FACTS
    assert record["parameters"]["seeds"] == 2
    assert table["copies"].dtype == "Int64"


def test_with_the_oracle_off_copies_are_missing(measuring):
    table = run(wb.Scenario(kernel="patch1"), oracle="off")
    row = table.iloc[0]
    assert (row["kernel"], row["oracle"], row["write_ns_mean"]) == ("patch1", "off", 80.5)
    for name in ("copies", "reuses", "copy_rate", "not_paged_out", "likely_pagevec"):
        assert pd.isna(row[name])
    assert row["wp_faults"] == 4


def test_records_are_named_after_what_they_are(measuring, tmp_path):
    mixes = ["read:1", "read:1 fork:1 cold:1"]
    run(wb.grid(workload="random", rounds=5, npages=4, mix=mixes), seeds=2, record=tmp_path)
    assert measuring[0]["oracle"] == "on"
    names = ["6.1.190_zram_4p_1c_cold+fork_s1.csv.gz", "6.1.190_zram_4p_1c_cold+fork_s1_r1.csv.gz"]
    names += ["6.1.190_zram_4p_1c_s1.csv.gz", "6.1.190_zram_4p_1c_s1_r1.csv.gz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    header = read_trace(tmp_path / names[2]).header
    assert header["decision"] == "6.1.190"
    assert "swapin" not in header
    assert header["kernel"].startswith("6.1.190 (6.1.0-54-amd64 #1 SMP")
    assert (header["mglru"], header["compressor"], header["latency_ns"]) == ("off", "lz4", "0")
    with pytest.raises(wb.MeasureError, match="workload 'random' only"):
        run(wb.Scenario(), record=tmp_path)


def test_on_the_command_line(measuring, capsys, tmp_path, monkeypatch):
    nothing = (None, "")
    monkeypatch.setattr("wpbench.litmus.which_rules.row_of_outcomes", lambda _zram: nothing)
    words = ["reproducer", "--npages", "1,2", "--csv", str(tmp_path / "t.csv")]
    assert main(["measure", *words, "--parquet", str(tmp_path / "t.parquet")]) == 0
    assert len(pd.read_csv(tmp_path / "t.csv")) == 2
    assert pd.read_parquet(tmp_path / "t.parquet").attrs["wpbench"]["measured_on"] == FACTS
    assert main(["measure", "reproducer", "--npages", "1,2"]) == 0
    out = capsys.readouterr().out
    assert "measured on Linux 6.1.190, oracle on: workload=reproducer kernel=6.1.190" in out
    assert main(["measure", "reproducer", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["copies"] == 1


def test_what_the_kernel_does_is_believed_more_than_its_version(measuring, capsys, monkeypatch):
    found = ("v6.12", "6.1.190-x does not do what v5.19 does")
    monkeypatch.setattr("wpbench.litmus.which_rules.row_of_outcomes", lambda _zram: found)
    assert main(["measure", "reproducer"]) == 0
    out, error = capsys.readouterr()
    assert "kernel=v6.12" in out
    assert f"note: {found[1]}" in error
    for named in (["--kernel", "v5.19"], ["--oracle", "off"]):
        assert main(["measure", "reproducer", *named]) == 0
        out, error = capsys.readouterr()
        assert "kernel=v6.12" not in out
        assert found[1] not in error


def test_comparing_on_the_command_line(capsys, tmp_path):
    table = wb.simulate(wb.Scenario(npages=2, rounds=5)).assign(release="simulated")
    table.to_csv(tmp_path / "t.csv", index=False)
    assert main(["measure", "compare", str(tmp_path / "t.csv")]) == 0
    assert "within" in capsys.readouterr().out
    assert main(["measure", "compare", str(tmp_path / "t.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["within"] is True


def test_a_job_is_done_and_its_errors_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(agent, "swaps", lambda: FACTS["swaps"])
    memory = {"SwapFree": 100 * agent.PAGE, "MemAvailable": 1 << 40}
    monkeypatch.setattr(agent, "meminfo", lambda: memory)
    monkeypatch.setattr(zram, "meminfo", lambda: memory)
    cleared = []
    monkeypatch.setattr(agent, "_clear", cleared.append)
    monkeypatch.setitem(agent._RUN, "reproducer", lambda _plan, oracle, cpus: [oracle, cpus])
    plan = {"workload": "reproducer", "pages": 50, "pages_out": True}
    job = {"plans": [plan], "oracle": "off", "zram": 0, "cpu_ids": [1, 2]}
    (tmp_path / agent.JOB).write_text(json.dumps(job))
    assert agent.main(tmp_path) == 0
    found = json.loads((tmp_path / agent.RESULT).read_text())
    assert found["results"] == [["off", [1, 2]]]
    assert cleared == [[1, 2]]
    job["plans"] = [plan | {"pages": 51}]
    (tmp_path / agent.JOB).write_text(json.dumps(job))
    assert agent.main(tmp_path) == 1
    error = json.loads((tmp_path / agent.RESULT).read_text())["error"]
    assert "51 pages are paged out, of 100 pages of free swap; accepted: up to 50" in error
    monkeypatch.setattr(agent, "swaps", list)
    with pytest.raises(wb.MeasureError, match="no swap"):
        agent.execute(job)


@pytest.fixture
def guest(monkeypatch, tmp_path):
    """A guest whose boot only writes down what it was told."""
    monkeypatch.setattr(Guest, "_find", staticmethod(lambda program, _where: program))
    monkeypatch.setattr(Guest, "_check_place", staticmethod(lambda: None))  # the tests' own place
    monkeypatch.setattr(Guest, "_compile", staticmethod(lambda folder: folder.mkdir()))
    image = tmp_path / "boot" / "vmlinuz"
    image.parent.mkdir()
    image.touch()
    (image.parent / "config-6.1.0-54-amd64").write_text("CONFIG_ZRAM=m\n")
    return Guest(image, accel="tcg", cpus=3)


def test_a_guest_gets_the_job_and_returns_the_result(guest, monkeypatch):
    seen = {}

    def boot(self, command, folder, console):
        seen["script"] = (folder / "guest.sh").read_text()
        seen["job"] = json.loads((folder / "job.json").read_text())
        result = {"environment": FACTS | {"config": {}}, "results": [1]}
        (folder / "result.json").write_text(json.dumps(result))

    monkeypatch.setattr(Guest, "_boot", boot)
    found = guest.execute({"plans": [], "oracle": "on", "zram": 0})
    assert found["environment"]["config"] == {"CONFIG_ZRAM": "m"}
    assert seen["job"]["cpu_ids"] == [1, 2]
    assert "wpbench.measure.probe.agent" in seen["script"]
    assert "NUMBA_CPU_NAME=generic" in seen["script"]
    assert guest.clock == "tcg"


def test_a_guest_that_says_nothing_or_an_error(guest, monkeypatch):
    def panic(self, command, folder, console):
        console.write(b"Kernel panic - not syncing\n")
        console.flush()

    def refuse(self, command, folder, console):
        (folder / "result.json").write_text(json.dumps({"error": "no zram"}))

    job = {"plans": [], "oracle": "on", "zram": 0}
    monkeypatch.setattr(Guest, "_boot", panic)
    with pytest.raises(wb.MeasureError, match=r"no result from the guest\n  . Kernel panic"):
        guest.execute(job)
    monkeypatch.setattr(Guest, "_boot", refuse)
    with pytest.raises(wb.MeasureError, match="in the guest: no zram"):
        guest.execute(job)


class System:
    """What the guard does to a system, and what the system says of it."""

    def __init__(self, fails=""):
        self.done, self.swap, self.fails = [], False, fails

    def command(self, *words):
        self.done.append(words[0])
        if words[0] == self.fails:
            raise OSError(f"{words[0]} failed")
        self.swap = {"swapon": True, "swapoff": False}.get(words[0], self.swap)

    def write(self, path, _text):
        self.done.append(path.rpartition("/")[2])

    def read(self, path):
        if path.endswith("hot_add"):
            return "7\n"
        return "Filename\n" + ("/dev/zram7 partition 1 0 1\n" if self.swap else "")


@pytest.fixture
def guarded(monkeypatch):
    def prepare(**options):
        system = System(**options)
        for name in ("command", "write", "read"):
            monkeypatch.setattr(zram_guard, name, getattr(system, name))
        monkeypatch.setattr(zram_guard, "TRIES", 2)
        monkeypatch.setattr(zram_guard, "EBUSY_WAIT", 0.0)
        monkeypatch.setattr(zram_guard, "CONTROL", "/nowhere/zram-control")
        return system, zram_guard.Device()

    return prepare


def test_the_guard_takes_down_what_it_set_up(guarded):
    system, device = guarded()
    device.up(1 << 20)
    assert system.done == ["modprobe", "disksize", "mkswap", "swapon"]
    assert device.down() == ""
    assert system.done[4:] == ["swapoff", "hot_remove", "rmmod"]


@pytest.mark.parametrize(
    ("fails", "down"),
    [
        ("modprobe", []),
        ("mkswap", ["hot_remove", "rmmod"]),
        ("swapon", ["hot_remove", "rmmod"]),
    ],
)
def test_the_guard_takes_down_what_it_set_up_in_part(guarded, fails, down):
    system, device = guarded(fails=fails)
    with pytest.raises(OSError, match=fails):
        device.up(1 << 20)
    before = len(system.done)
    assert device.down() == ""
    assert system.done[before:] == down


def test_the_guard_says_what_is_left(guarded):
    system, device = guarded(fails="swapoff")
    device.up(1 << 20)
    assert "`swapoff /dev/zram7; echo 7 > " in device.down()
    assert system.done.count("swapoff") == 2
