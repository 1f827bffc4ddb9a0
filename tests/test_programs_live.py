"""Real programs through tracepoints, on the running kernel: counts, costs, and nothing left."""

import contextlib
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.errors import MeasureError
from wpbench.measure.probe.facts import parse_version
from wpbench.measure.probe.oracle import Oracle
from wpbench.measure.probe.zram import owner
from wpbench.measure.probe.zram_guard import CONTROL
from wpbench.measure.program.cgroup import find_hierarchy
from wpbench.measure.program.event_file import read_record
from wpbench.measure.program.recipes import RECIPES, recipe
from wpbench.measure.program.tracefs import check_kernel, find_tracefs

HERE = Path(__file__).parent
FRAME = (1 << 55) - 1


def why_not():
    """Say what keeps this machine from tracing, nothing where it can."""
    try:
        check_kernel(find_tracefs(), platform.release())
    except MeasureError as error:
        return str(error)
    return ""


def frames_seen():
    with Oracle("auto") as oracle:
        return oracle.frames and os.access("/proc/kpageflags", os.R_OK)


traced = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")
sees_frames = pytest.mark.skipif(not frames_seen(), reason="needs frame numbers and page flags")
has_zram = pytest.mark.skipif(not Path(CONTROL).is_dir(), reason="the kernel offers no zram")

# Small programs of memory operations; most are the litmus programs of that name.
PROGRAMS = {
    "child-alive": "drain; write 0-7; drain; fork; write 0-7; exit 1; write 0-7",
    "child-alive-fresh": "drain; write 0-7; fork; write 0-3; exit 1",
    "child-alive-fresh-remote": "drain; write 0-7; fork; on 1; write 0-3; exit 1",
    "dontneed": "drain; write 0-7; dontneed 4-7; write 4-7",
    "exit-elsewhere": "drain; write 0-7; fork; exit 1; write 0-7",
    "exit-elsewhere-write-there": "drain; write 0-7; fork; exit 1; on 1; write 0-7",
    "exit-here-write-here": "drain; write 0-7; fork; exit 0; write 0-7",
    "exit-where-touched": "drain; write 0-7; fork; exit 0; on 1; write 0-7",
    "fill": "drain; write 0-7; touch 6; fork; exit 0; touch 1; touch 24; on 1; write 0-7",
    "free-full": "drain; write 0-7; fork; exit 1; free 0-3; write 0-7",
    "free-remote": "drain; write 0-7; drain; fork; exit 1; free 0-3; on 1; write 0-7",
    "free-then-write": "drain; write 0-7; drain; fork; exit 1; free 0-3; write 0-7",
    "cold-remote": "drain; write 0-7; drain; fork; exit 1; cold 0-3; on 1; write 0-7",
    "zero-page": "drain; read 0-7; write 0-3; fork; write 0-7; exit 1",
    "zero-page-moved": "read 0-7; on 1; write 0-7",
    "twice": "drain; write 0-7; fork; exit 0; write 0-3; fork; exit 0; on 1; write 0-7",
    "swap-fork-alive": "write 0-7; pageout 0-7; fork; read 0-7; write 0-7; exit 1; write 0-7",
    "swap-fork-exit-then-out": "write 0-7; drain; fork; exit 1; pageout 0-7; read 0-7; write 0-7",
    "swap-fork-read-write": "write 0-7; pageout 0-7; fork; exit 1; read 0-7; write 0-7",
    "swap-fork-read-remote": "write 0-7; pageout 0-7; fork; exit 1; read 0-7; on 1; write 0-7",
    "swap-fork-write": "write 0-7; pageout 0-7; fork; write 0-7; exit 1; write 0-7",
    "swap-read-fork-write": "write 0-7; pageout 0-7; read 0-7; fork; exit 1; write 0-7",
    "swap-read-write": "drain; write 0-7; pageout 0-7; read 0-7; write 0-7",
    "swap-shared-pageout": "drain; write 0-7; drain; fork; pageout 0-7; exit 1; write 0-7",
    "swap-write": "drain; write 0-7; pageout 0-7; write 0-7",
}


def told_by_frames(observed):
    """Count what a line did, by frame numbers, flags and faults of each page."""
    names = ("reuses", "copies", "zero_faults", "direct_writes", "helped", "drained_at_most")
    found = dict.fromkeys(names, 0)
    write = observed["line"].startswith("write")
    for before, lru_before, after, lru_after, faults in observed["pages"]:
        if not (write and faults):
            continue
        if before & 1 << 63 == 0:
            found["direct_writes"] += before >> 62 & 1
            continue
        reused = before & FRAME == after & FRAME
        if before & FRAME == observed["zero_frame"]:
            found["zero_faults"] += 1
            continue
        found["reuses" if reused else "copies"] += 1
        found["drained_at_most"] += not lru_before
        found["helped"] += reused and not lru_before and lru_after
    return found


@pytest.fixture(scope="module")
def litmus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("litmus")
    texts = {n: "on 0\n" + text.replace(";", "\n") for n, text in PROGRAMS.items()}
    if not Path(CONTROL).is_dir():
        texts = {name: text for name, text in texts.items() if "pageout" not in text}
    (folder / "programs.json").write_text(json.dumps(texts))
    words = shlex.join([sys.executable, str(HERE / "native" / "litmus_run.py"), "told.json"])
    script = f"exec {words} <programs.json"
    table = wb.measure.program(
        ["sh", "-c", script],
        zram="64M" if Path(CONTROL).is_dir() else None,
        folder=folder,
        environment={"PYTHONPATH": str(HERE.parent)},
        record=folder / "events.parquet",
    )
    assert table.attrs["wpbench"]["status"] == [0]
    told = json.loads((folder / "told.json").read_text())
    return table, told, folder / "events.parquet"


@pytest.mark.root
@traced
@sees_frames
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
@pytest.mark.parametrize("name", PROGRAMS)
def test_tracepoints_count_what_frame_numbers_tell(litmus, name):
    table, told, _ = litmus
    if name not in told:
        pytest.skip("needs zram")
    bare = table.copy()
    bare.attrs = {}
    counted = bare.groupby("command").sum(numeric_only=True)
    for command, observed in told[name].items():
        expected = told_by_frames(observed)
        at_most = expected.pop("drained_at_most")
        row = counted.loc[command] if command in counted.index else pd.Series(dtype=int)
        found = {key: int(row.get(key, 0)) for key in expected}
        assert found == expected, f"{name}: {observed}"
        # A drain of an empty batch cannot be seen: there may be fewer.
        assert row.get("drained", 0) <= at_most
        assert row.get("unclear", 0) == 0


@pytest.mark.root
@traced
@sees_frames
def test_the_litmus_programs_meet_all_kinds_of_faults(litmus):
    table, told, _ = litmus
    sums = table.sum(numeric_only=True)
    assert sums["reuses"] > 50
    assert sums["copies"] > 50
    assert sums["zero_faults"] > 8
    if (6, 14) <= parse_version(platform.release()) < (7, 3):  # exit does not drain
        assert sums["helped"] >= 1
        assert sums["in_vain"] >= 8
    moved = table[table["command"].isin(told["zero-page-moved"])]
    assert moved["moved"].sum() == moved["after_read"].sum() > 0


@pytest.mark.root
@traced
def test_the_litmus_programs_replay_as_the_kernel_ran_them(litmus):
    table, _, events = litmus
    replayed = wb.programs.replay(events)
    measured = replayed.iloc[0]
    sums = table.sum(numeric_only=True)
    names = ["wp_faults", "reuses", "copies", "helped", "in_vain"]
    assert {name: measured[name] for name in names} == {name: sums[name] for name in names}
    assert replayed.attrs["wpbench"]["agreement"] >= 0.99, replayed.iloc[1].to_dict()


def leftovers():
    """List the tracefs instances, cgroups and processes that wpbench has made."""
    folders = [find_tracefs() / "instances"]
    with contextlib.suppress(MeasureError):
        folders.append(find_hierarchy().root)
    return [path for folder in folders for path in folder.glob("wpbench-*")]


def of_process(pid):
    return [path for path in leftovers() if f"-{pid}-" in path.name]


def swaps_of(pids):
    """List the swap devices that these guards have set up, by their label."""
    paths = Path("/sys/block").glob("zram*")
    return [path.name for path in paths if owner(Path("/dev") / path.name) in pids]


def wait_for(what, seconds=300):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"nothing has changed for {seconds} s"
        time.sleep(0.05)


def running(seconds):
    """List the sleeping commands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == f"/usr/bin/sleep\0{seconds}\0".encode():
                found.append(int(path.parent.name))
    return found


@pytest.fixture
def started():
    """Start a measurement of a command that sleeps; return when that sleeps, and for how long."""
    processes = []

    def start(*options):
        # A time that tells this command from those of other tests and test runs.
        seconds = f"{4321 + len(processes)}.{os.getpid()}{time.monotonic_ns()}"
        words = ["-m", "wpbench", "measure", "program", *options, "--", "/usr/bin/sleep", seconds]
        process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        wait_for(lambda: running(seconds) or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        return process, seconds

    yield start
    for process in processes:
        process.terminate()
        process.wait()
        process.stdout.close()  # the command has it, too, and may live on
        process.stderr.close()


def guards(pid):
    """List the processes that clean up after another."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(n) for n in children if b"guard" in Path(f"/proc/{n}/cmdline").read_bytes()]


@pytest.mark.root
@traced
@has_zram
def test_a_killed_reader_leaves_nothing(started, tmp_path):
    record = str(tmp_path / "events.parquet")
    process, seconds = started("--memory", "64M", "--zram", "32M", "--record", record)
    cleaners = guards(process.pid)
    assert len(of_process(process.pid)) == 3  # two tracefs instances and a cgroup
    assert len(swaps_of(cleaners)) == 1
    process.kill()
    process.wait()
    wait_for(lambda: not (of_process(process.pid) + running(seconds) + swaps_of(cleaners)))


@pytest.mark.root
@traced
@has_zram
def test_what_a_killed_guard_leaves_the_next_run_removes_and_says_so(started):
    process, seconds = started("--memory", "64M", "--zram", "32M")
    cleaners = guards(process.pid)
    for pid in cleaners:
        os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()
    assert (len(of_process(process.pid)), len(swaps_of(cleaners))) == (2, 1)
    table = wb.measure.program(["true"])
    left = [note for note in table.attrs["wpbench"]["notes"] if "left by a killed run" in note]
    assert sum(f"wpbench-{process.pid}-" in note for note in left) == 2
    assert sum(note.startswith("/dev/zram") for note in left) >= 1
    assert of_process(process.pid) + running(seconds) + swaps_of(cleaners) == []


@pytest.mark.root
@traced
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_leaves_nothing(started, number):
    process, seconds = started("--memory", "64M")
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode in (130, -number), (out, err)
    assert of_process(process.pid) + running(seconds) == []
    assert "Traceback" not in err


@pytest.mark.root
@traced
def test_a_command_is_measured_from_the_command_line(tmp_path, capfd):
    path = tmp_path / "table.csv"
    events = tmp_path / "events.parquet"
    line = ["measure", "program", "--pairs", "1", "--csv", str(path), "--record", str(events)]
    assert main([*line, "--quiet", "--", "bash", "-c", "(:); (:); exit 3"]) == 3
    table = pd.read_csv(path)
    assert set(table["command"]) == {"bash"}
    assert table["wp_faults"].sum() > 10
    about, rows = read_record(events)
    assert about["command"][0] == "bash"
    assert len(rows) > 100
    assert "ended with status 3" in capfd.readouterr().err
    assert main(["measure", "program", "--", "bash", "-c", "(:); (:)"]) == 0
    assert "write-protect faults on anonymous pages in 1 run" in capfd.readouterr().out


@pytest.mark.root
@traced
def test_a_record_replays_to_the_same_counts(tmp_path):
    """What is kept is enough: the events of all, of which the command's are counted."""
    from wpbench.measure.program import follow
    from wpbench.measure.program.counted import rows_of
    from wpbench.measure.program.events import EXEC, NEWTASK
    from wpbench.measure.program.tracefs import flags_of, read_formats

    path = tmp_path / "events.parquet"
    table = wb.measure.program(["bash", "-c", "for i in 1 2 3; do (:); done"], record=path)
    about, events = read_record(path)
    follower = follow.Follower(os.cpu_count(), flags_of(read_formats(find_tracefs())), adopt=False)
    follower.command(about["pid"])
    follower.take(events)
    follower.end()
    again = {(row["command"], row["cpu"]): row["reuses"] for row in rows_of(follower.state)}
    told = table.set_index(["command", "cpu"])["reuses"].to_dict()
    assert again == told
    assert {NEWTASK, EXEC} <= set(events[:, 2].tolist())


@pytest.mark.root
@traced
def test_the_system_is_measured_for_some_time():
    forking = "for i in $(seq 400); do (:); sleep 0.01; done"
    other = subprocess.Popen(["bash", "-c", forking])
    try:
        table = wb.measure.system(1.5)
    finally:
        other.kill()
        other.wait()
    assert table["wp_faults"].sum() > 100
    with pytest.raises(MeasureError, match="seconds: 0 is not accepted"):
        wb.measure.system(0)


@pytest.mark.root
@traced
def test_what_cannot_be_measured_is_said_in_one_line(capsys, tmp_path):
    for words, told in (
        (["--", "no-such-program"], "there is no program 'no-such-program'"),
        ([], "no command"),
        (["--memory", "small", "--", "true"], "memory: 'small' is not accepted"),
        (["--runs", "0", "--", "true"], "runs: 0 is not accepted"),
        (["--record", str(tmp_path / "no" / "x"), "--", "true"], "there is no folder"),
    ):
        assert main(["measure", "program", *words]) == 2
        err = capsys.readouterr().err
        assert told in err
        assert err.count("\n") == 1


def test_a_recipe_names_the_packages_that_it_lacks(monkeypatch, tmp_path):
    module = sys.modules[recipe.__module__]
    monkeypatch.setattr(module, "_search_path", lambda: str(tmp_path))
    with pytest.raises(MeasureError, match="apt install redis-server redis-tools"):
        recipe("redis")
    with pytest.raises(
        MeasureError, match=r"recipe: 'redsi' is not accepted.*did you mean 'redis'"
    ):
        recipe("redsi")


def test_recipes_are_listed_and_have_their_scripts(capsys):
    from wpbench.measure.program.recipes import SCRIPTS

    assert main(["measure", "recipe"]) == 0
    out = capsys.readouterr().out
    for name, found in RECIPES.items():
        assert name in out
        assert (SCRIPTS / found.script).is_file()


def test_the_memory_hierarchy_is_found_in_both_versions(tmp_path):
    first = f"cgroup {tmp_path}/memory cgroup rw,memory 0 0\ncgroup2 {tmp_path} cgroup2 rw 0 0\n"
    assert find_hierarchy(first)[1:] == ("memory.limit_in_bytes", 1)
    (tmp_path / "cgroup.controllers").write_text("cpu memory io\n")
    assert find_hierarchy(f"x {tmp_path} cgroup2 rw 0 0\n") == (tmp_path, "memory.max", 2)
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    with pytest.raises(MeasureError, match="no cgroup hierarchy"):
        find_hierarchy(f"x {tmp_path} cgroup2 rw 0 0\n")


def test_kernels_and_users_that_cannot_trace_are_told(tmp_path):
    with pytest.raises(MeasureError, match="only root"):
        check_kernel(tmp_path, "6.18.44")
    (tmp_path / "instances").mkdir()
    with pytest.raises(MeasureError, match=r"Linux 6\.1\.0-54-amd64 reports one rss_stat in 64"):
        check_kernel(tmp_path, "6.1.0-54-amd64")
    with pytest.raises(MeasureError, match="no tracepoint exceptions/page_fault_user"):
        check_kernel(tmp_path, "6.18.44")
