"""Ctrl-C ends whatever runs, in one line; and several Python threads may simulate at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import wpbench as wb
from wpbench.jit.compile import JIT_DISABLED
from wpbench.jit.threads import Stop, Workers

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="plain Python can be interrupted")
LONG = 600  # seconds after which something hangs; what is asked for is two
HUNDRED_MILLION = str(10**8)
# Random numbers decide there, so that no round is skipped.
MOVING = "cpus = 2\nmigration_rate = 0.5\n"
MOVING_OPTIONS = ["--cpus", "2", "--migration-rate", "0.5"]

INTERRUPTED = """
import os, signal, sys, threading, time
import numba
from tqdm import tqdm
import wpbench as wb
from wpbench import mm

tqdm.monitor_interval = 0  # a thread of its own

@numba.njit
def endless(m, p):
    while True:
        mm.read(m, 0, 0)

@numba.njit
def deaf(m, p):
    while m.random != 1:
        m.random = (m.random * 5 + 3) | 16

wb.simulate(wb.Scenario(npages=1, rounds=1))
long = wb.Scenario(npages=64, rounds=10**8, cpus=2, migration_rate=0.5)
timed = long.model_copy(update={"costs": "icount", "threads": 2})
cases = {
    "simulate": lambda: wb.simulate(long),
    "grid": lambda: wb.simulate([long] * 3, threads=2),
    "timed": lambda: wb.simulate(timed),
    "random": lambda: wb.simulate(wb.Scenario(workload="random", rounds=10**11)),
    "faults": lambda: wb.faults(long),
    "explain": lambda: wb.explain(long, fault=3),
    "endless": lambda: wb.simulate(wb.Scenario(workload=endless)),
    "sweep": lambda: wb.sweep(long, sys.argv[1], max_hours=10**6),
    "deaf": lambda: wb.simulate(wb.Scenario(workload=deaf)),
}
for name, do in cases.items():
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        do()
    except KeyboardInterrupt as error:
        print(name, str(error).split(";")[0], flush=True)
    while threading.active_count() > 1 and name != "deaf":  # runs that were stopped have ended
        time.sleep(0.01)
print(wb.simulate(wb.Scenario(npages=2, rounds=1)).accesses[0])
"""


@pytest.mark.slow
def test_ctrl_c_ends_what_runs_and_the_next_one_works(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        capture_output=True, text=True, timeout=LONG, check=False,
    )  # fmt: skip
    names = ["simulate", "grid", "timed", "random", "faults", "explain", "endless", "sweep", "deaf"]
    assert done.stdout.splitlines() == [*(f"{name} stopped" for name in names), "4"], done.stderr


def cpu_seconds(pid):
    """Return what a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    "line",
    [
        ["run", "--rounds", HUNDRED_MILLION, *MOVING_OPTIONS],
        ["explain", "--rounds", HUNDRED_MILLION, "--fault", "3"],
        ["report", "LONG.toml"],
        ["sweep", "LONG.toml", "--store", "STORE", "--max-hours", "1e9"],
    ],
    ids=lambda line: line[0],
)
def test_ctrl_c_ends_a_command_with_one_line(tmp_path, line):
    grid = 'title = "x"\nquestion = "y"\n[[grid]]\nkernel = ["patch1", "patch2"]\n'
    (tmp_path / "LONG.toml").write_text(f"{grid}{MOVING}npages = 64\nrounds = {HUNDRED_MILLION}\n")
    with subprocess.Popen(
        [sys.executable, "-m", "wpbench", *line],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while cpu_seconds(process.pid) < 1.5:  # it has begun, on a busy machine too
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    last = [part for part in err.splitlines() if not part.startswith(("2 runs", " ", "0"))]
    assert len(last) == 1
    assert last[0].startswith(f"wpbench {line[0]}: stopped")


def test_ctrl_c_in_a_notebook(tmp_path):
    manager = pytest.importorskip("jupyter_client.manager")
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    kernel = manager.KernelManager(kernel_name="python3")
    kernel.start_kernel(env=environment)
    client = kernel.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        code = "import wpbench as wb; wb.simulate(wb.Scenario(npages=1, rounds=1))"
        assert client.execute_interactive(code, timeout=300)["content"]["status"] == "ok"
        fields = f"rounds={HUNDRED_MILLION}, cpus=2, migration_rate=0.5"
        sent = client.execute(f"wb.simulate(wb.Scenario({fields}))")
        time.sleep(2)
        kernel.interrupt_kernel()
        reply = client.get_shell_msg(timeout=60)
        assert reply["parent_header"]["msg_id"] == sent
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        code = "assert wb.simulate(wb.Scenario(npages=2, rounds=1)).accesses[0] == 4"
        for _ in range(20):  # the kernel aborts what comes while it still tells of the interrupt
            status = client.execute_interactive(code, timeout=60)["content"]["status"]
            if status != "aborted":
                break
            time.sleep(0.5)
        assert status == "ok"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


THREADS = """
import threading
start = threading.Barrier(4)
found = []

def simulate(workload):
    start.wait()
    import wpbench as wb
    scenarios = [wb.Scenario(workload=workload, npages=4, rounds=2, seed=i) for i in range(5)]
    found.append(int(wb.simulate(scenarios).accesses.sum()))

workloads = ("reproducer", "random", "page-fault", "reproducer")
threads = [threading.Thread(target=simulate, args=(name,)) for name in workloads]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(found))
"""


def test_four_threads_simulate_at_once():
    alone = [
        int(wb.simulate([wb.Scenario(workload=w, npages=4, rounds=2, seed=i) for i in range(5)])
            .accesses.sum())
        for w in ("reproducer", "random", "page-fault", "reproducer")
    ]  # fmt: skip
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", THREADS],
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, f"{sorted(alone)}\n"), done.stderr


# -- the threads themselves ---------------------------------------------------------------
def test_workers_do_tasks_and_give_back_what_is_raised():
    with Workers(2) as workers:
        assert list(workers.map(abs, [-1, 2, -3])) == [1, 2, 3]
        with pytest.raises(ZeroDivisionError):
            workers.submit(lambda: 1 // 0).result(60)
    with pytest.raises(RuntimeError, match="after shutdown"):
        workers.submit(abs, 1)


def test_workers_that_are_shut_down_begin_nothing_else():
    workers = Workers(1)
    go, begun = threading.Event(), threading.Event()

    def wait():
        begun.set()
        return go.wait(60)

    first, second = workers.submit(wait), workers.submit(abs, 1)
    assert begun.wait(60)
    workers.shutdown(wait=False, cancel_futures=True)
    go.set()
    assert first.result(60)
    assert second.cancelled()


def test_a_stop_ends_what_is_under_way_and_does_not_keep_it():
    import numpy as np

    stop = Stop()
    running, failed, gone = np.zeros(1, np.int64), np.ones(1, np.int64), np.zeros(1, np.int64)
    for word in (running, failed, gone):
        stop.ends(word)
    del word, gone
    stop.set()
    assert (running[0], failed[0], stop.flag[0]) == (-1, 1, 1)
