"""The running kernel against the simulation: fork, which needs no swap; zram where there is one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.measure import compare, compare_table, environment, run
from wpbench.measure.probe.oracle import Oracle
from wpbench.measure.probe.zram_guard import CONTROL

FORKS = "read:40 write:40 migrate:4 fork:2 exit:3"
EVERYTHING = "pageout:3 read:40 write:40 cold:2 migrate:4 fork:2 exit:3 free:2"

two_cpus = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="the forked child needs a CPU of its own"
)


def frames_seen():
    with Oracle("auto") as oracle:
        return oracle.frames


sees_frames = pytest.mark.skipif(
    not frames_seen(), reason="needs frame numbers: root, outside of a container"
)


def forking(**fields):
    # One CPU: what other tasks do there may delay the program, but not change an outcome.
    return wb.Scenario(workload="random", mix=FORKS, npages=64, rounds=2000, cpus=1, **fields)


@pytest.mark.root
@two_cpus
@sees_frames
def test_fork_without_swap_agrees_operation_by_operation(tmp_path):
    table = run(forking(seed=3), record=tmp_path / "trace.csv.gz")
    (trace,) = compare(tmp_path / "trace.csv.gz").to_dict("records")
    assert trace["compared"] > 1500
    assert trace["mismatches"] == 0
    (row,) = compare_table(table).to_dict("records")
    assert row["copies_measured"] == row["copies_simulated"] > 100
    assert row["wp_faults_measured"] == row["wp_faults_simulated"] > row["copies_measured"]
    assert row["within"]
    assert (table["likely_shared_pte"] > 0).all()
    assert main(["replay", str(tmp_path / "trace.csv.gz")]) == 0


@two_cpus
def test_without_frame_numbers_the_fault_counts_agree():
    (row,) = compare_table(run(forking(seed=4), oracle="off")).to_dict("records")
    assert row["oracle"] == "off"
    assert row["rate_of"] == "wp_faults / accesses"
    assert row["wp_faults_measured"] == row["wp_faults_simulated"] > 100


# What a user does who is not root; where the tests run as root, by becoming somebody else when all
# that may only be read as root has been read.
AS_A_USER = """
import ctypes, json, os, sys
import wpbench as wb
from wpbench.measure import compare_table, run

scenario = wb.Scenario(workload="random", mix=sys.argv[1], npages=64, rounds=2000, cpus=1, seed=4)
compare_table(run(scenario, oracle="off"))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: may look at itself, as others may
(row,) = compare_table(run(scenario)).to_dict("records")
found = {name: row[name] for name in ("oracle", "wp_faults_measured", "wp_faults_simulated")}
for name, options in {"oracle": {"oracle": "on"}, "zram": {"zram": "1M"}}.items():
    try:
        run(scenario, **options)
        found[f"{name}_error"] = ""
    except wb.MeasureError as error:
        found[f"{name}_error"] = str(error)
print(json.dumps(found))
"""


@two_cpus
def test_an_ordinary_user_gets_the_fault_counts_and_is_told_why():
    done = subprocess.run(
        [sys.executable, "-c", AS_A_USER, FORKS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["oracle"] == "off"
    assert found["wp_faults_measured"] == found["wp_faults_simulated"] > 100
    assert "CAP_SYS_ADMIN" in found["oracle_error"]
    assert "only root" in found["zram_error"]


class StoppedHereError(Exception):
    pass


def children(pid):
    """Yield the processes that have this parent, newest first: a forked one is gone soon."""
    names = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
    for name in sorted(names, key=int, reverse=True):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            after_name = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2]
            if int(after_name.split()[1]) == pid:
                yield name


def own_mappings():
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sum(" rw-s " in line or " ---p " in line for line in lines)


@two_cpus
def test_interrupted_in_this_process_it_leaves_nothing():
    def stop(_number, _frame):
        raise StoppedHereError

    scenario = forking(seed=5)
    run(scenario, oracle="off")
    threads = threading.active_count()
    mappings, affinity = own_mappings(), os.sched_getaffinity(0)
    kept = set(children(os.getpid()))  # of other tests that this process ran
    previous = signal.signal(signal.SIGALRM, stop)
    stopped = 0
    try:
        for i in range(1, 21):
            signal.setitimer(signal.ITIMER_REAL, 0.015 * i)
            try:
                run(scenario, oracle="off")
            except StoppedHereError:
                stopped += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert threading.active_count() == threads
            assert own_mappings() == mappings
            assert set(children(os.getpid())) == kept
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert stopped > 0
    assert os.sched_getaffinity(0) == affinity


@two_cpus
def test_ctrl_c_on_the_command_line():
    words = ["measure", "random", "--oracle", "off", "--rounds", "300000", "--mix", FORKS]
    code = "import signal, sys; from wpbench.commands.main import main; "
    code += "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and not has_forked(process.pid):
        threading.Event().wait(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "interrupted; nothing is left behind" in error
    with pytest.raises(ProcessLookupError):  # no forked child lives on in its session
        os.killpg(process.pid, 0)


def has_forked(pid):
    """Is there a copy of this process, as a measurement forks them?"""
    for child in children(pid):
        with contextlib.suppress(OSError):  # one of them has ended meanwhile
            if Path(f"/proc/{child}/exe").readlink() == Path(f"/proc/{pid}/exe").readlink():
                return True
    return False


@pytest.mark.root
@two_cpus
@sees_frames
@pytest.mark.skipif(not Path(CONTROL).is_dir(), reason="the kernel offers no zram")
def test_zram_on_the_running_kernel(tmp_path):
    if environment()["mglru"]:
        pytest.skip("MGLRU is on: it decides otherwise about MADV_COLD")
    before = Path("/proc/swaps").read_text()
    devices = {path.name for path in Path("/sys/block").iterdir()}
    scenarios = wb.grid(workload="random", mix=[EVERYTHING, FORKS], npages=32, rounds=1500, cpus=1)
    table = run(scenarios, zram="16M", record=tmp_path)
    assert (table["backend"] == "zram").all()
    assert table["pswpout"].iloc[0] > 0
    for path in tmp_path.iterdir():
        (trace,) = compare(path).to_dict("records")
        assert trace["compared"] > 1000
        # Neither the length of the file LRU nor what else runs here is known.
        assert trace["agreement"] >= 0.98
    (row,) = run(wb.Scenario(npages=8, rounds=20), zram="16M").to_dict("records")
    assert row["pswpout"] >= 8 * 20
    assert row["accesses"] == 2 * 8 * 20
    assert pd.isna(row["write_ns_mean"])
    (row,) = run(wb.Scenario(npages=8, rounds=20), zram="16M", oracle="off").to_dict("records")
    assert row["any_write_ns_mean"] > 0
    assert row["write_ns_mean"] > 0 or not row["wp_faults"]
    assert (0 < row["write_ns_p50"] <= row["write_ns_p99"]) or not row["wp_faults"]
    assert pd.isna(row["copies"])
    for _ in range(1200):  # tests beside this one set up devices of their own, for a while
        now = {path.name for path in Path("/sys/block").iterdir()}
        if (left := Path("/proc/swaps").read_text()) == before and now == devices:
            break
        time.sleep(0.1)
    assert (left, now) == (before, devices)
