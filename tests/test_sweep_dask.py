"""Sweeps on Dask: the same table, also when workers die.

`--dask local` is a command of docs/sweeps.md: tests/test_docs_sweeps.py.
"""

import os
import signal
import subprocess
import sys
import threading

import numba
import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.sweep import run
from wpbench.sweep.store import read_store

distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")

from test_sweep import GRID, LONG_GRID, LONG_SEEDS, SEEDS, assert_same, parts  # noqa: E402

pytestmark = [
    pytest.mark.cluster,
    # Dask closes some of its sockets and event loops when they are collected.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as made:
        yield made


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as made:
        made.wait_for_workers(2, timeout=60)
        yield made


@pytest.mark.parametrize("runs", [3, 1000])
def test_the_same_table(client, tmp_path, monkeypatch, runs):
    monkeypatch.setattr(run, "_TASK_RUNS", runs)
    assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS, executor=client.get_executor()))


def killed_meanwhile(folder, pids, scenarios, seeds, executor):
    """Sweep, and kill a worker as soon as there is a part; return the table."""

    def kill():
        while not parts(folder) and not over.wait(0.01):
            pass
        os.kill(next(iter(pids.values())), signal.SIGKILL)

    over = threading.Event()
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        return wb.sweep(scenarios, folder, seeds=seeds, executor=executor)
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
def test_a_worker_that_dies_costs_a_retry(client, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_TASK_SECONDS", 0.02)
    monkeypatch.setattr(run, "_PART_SECONDS", 0.05)
    pids = client.run(os.getpid)
    table = killed_meanwhile(tmp_path, pids, LONG_GRID, LONG_SEEDS, client.get_executor())
    assert_same(table, LONG_GRID, LONG_SEEDS)
    assert read_store(tmp_path)["key"].is_unique
    client.wait_for_workers(2, timeout=60)
    assert set(client.run(os.getpid).values()) != set(pids.values())  # its nanny made another


@pytest.mark.slow
def test_a_worker_without_a_nanny_that_dies(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_TASK_SECONDS", 0.02)
    monkeypatch.setattr(run, "_PART_SECONDS", 0.05)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            "--no-nanny",
            "--nthreads=1",
        ]
        command += ["--no-dashboard", cluster.scheduler_address]
        workers = [
            subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=tmp_path) for _ in range(2)
        ]
        try:
            client.wait_for_workers(2, timeout=60)
            pids = client.run(os.getpid)
            folder = tmp_path / "store"
            table = killed_meanwhile(folder, pids, LONG_GRID, LONG_SEEDS, client.get_executor())
            assert len(client.nthreads()) == 1
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait(30)
    assert_same(table, LONG_GRID, LONG_SEEDS)


@numba.njit
def kills_its_worker(m, p):
    if p.npages == 3:
        m.page[1 << 60] = 1


@pytest.mark.slow
def test_a_scenario_that_kills_its_workers(client, tmp_path, monkeypatch):
    """It alone has failed; the others of its task are done in halves."""
    # Workers that a task may kill before Dask gives it up: each takes seconds to come back.
    monkeypatch.setattr(client.cluster.scheduler, "allowed_failures", 1)
    grid = wb.grid(workload=kills_its_worker, npages=[1, 3], rounds=1)
    table = wb.sweep(grid, tmp_path, executor=client.get_executor())
    assert table.index[table["error"] != ""].tolist() == [1]
    assert table["error"][1].startswith("the workers that did it died (KilledWorker")


def test_command(cluster, tmp_path, capsys):
    file = tmp_path / "g.toml"
    file.write_text('title = "t"\nquestion = "q"\n[[grid]]\nnpages = [1, 2]\nrounds = 1\n')
    command = ["sweep", str(file), "--store", str(tmp_path / "s")]
    assert main([*command, "--dask", cluster.scheduler_address]) == 0
    assert capsys.readouterr().out == f"t: 2 rows, 0 failed, in {tmp_path / 's'}\n"
    assert main([*command, "--dask", "no-such-scheme://here"]) == 2
    assert "--dask: no scheduler answers at 'no-such-scheme://here'" in capsys.readouterr().err
