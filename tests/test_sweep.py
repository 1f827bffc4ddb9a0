"""Sweeps: the table of simulate(), whoever does the runs and however often it is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import wpbench as wb
from wpbench import mm
from wpbench.commands.main import main
from wpbench.errors import WpbenchWarning
from wpbench.jit.compile import JIT_DISABLED
from wpbench.simulate import COUNTERS, plan_of
from wpbench.sweep import estimate, keys, pool, resources, run, store, task
from wpbench.sweep import parts as part_files
from wpbench.sweep.run import estimate_sweep
from wpbench.sweep.store import Store, read_store

GRID = wb.grid(
    kernel=["patch1", "patch2"],
    backend=["zram", "nvme"],
    npages=[1, 4, 9],
    rounds=3,
    cpus=3,
    migration_rate=[0, 0.3],
)
SEEDS = 2
BLANKS = ["key", "error"]


def assert_same(table, scenarios=GRID, seeds=SEEDS):
    assert (table["error"] == "").all()
    assert table["key"].str.fullmatch("[0-9a-f]{32}").all()
    pd.testing.assert_frame_equal(table.drop(columns=BLANKS), wb.simulate(scenarios, seeds))


def parts(folder):
    return sorted(folder.glob("model=*/part-*.parquet"))


@pytest.fixture
def executed(monkeypatch):
    """Count the runs that are executed in this process."""
    counts = []

    def counting(plan, *args, **more):
        counts.append(plan.n)
        return real(plan, *args, **more)

    real = task.execute
    monkeypatch.setattr(task, "execute", counting)
    return counts


class TestTable:
    @pytest.mark.parametrize("runs", [1, 5, 1000])
    def test_threads(self, tmp_path, monkeypatch, runs):
        monkeypatch.setattr(run, "_TASK_RUNS", runs)
        assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS, workers=3))

    def test_a_part_for_every_task(self, tmp_path, monkeypatch):
        monkeypatch.setattr(run, "_TASK_RUNS", 7)
        monkeypatch.setattr(run, "_PART_SECONDS", 0)
        assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS))
        assert len(parts(tmp_path)) >= 2
        assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS))

    def test_processes(self, tmp_path, monkeypatch):
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
            for runs in (3, 1000):
                monkeypatch.setattr(run, "_TASK_RUNS", runs)
                folder = tmp_path / str(runs)
                assert_same(wb.sweep(GRID, folder, seeds=SEEDS, executor=executor))

    def test_an_executor_of_the_users(self, tmp_path):
        with ThreadPoolExecutor(2) as executor:
            assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS, executor=executor))
            executor.submit(int).result()  # it is not shut down
        with pytest.raises(wb.SweepError, match="the executor takes no more tasks"):
            wb.sweep(GRID, tmp_path, seeds=SEEDS + 1, executor=executor)

    def test_scenarios_in_any_form(self, tmp_path):
        one = wb.Scenario(npages=3, rounds=2)
        assert_same(wb.sweep(one, tmp_path), one, 1)
        listed = [one, wb.Scenario(npages=4, rounds=2), one]
        assert_same(wb.sweep(iter(listed), tmp_path), listed, 1)
        assert len(read_store(tmp_path)) == 2  # equal scenarios are one run
        empty = wb.sweep([], tmp_path)
        assert len(empty) == 0
        assert set(BLANKS) < set(empty)

    def test_overridden_rules_are_columns(self, tmp_path):
        grid = wb.grid(kernel="v7.2", rules={"exit_drains": [True, False]}, npages=3, rounds=2)
        assert_same(wb.sweep(grid, tmp_path), grid, 1)
        assert read_store(tmp_path)["rules.exit_drains"].tolist() == [False, True]

    def test_a_store_of_old_says_decision(self, tmp_path):
        wb.sweep(wb.grid(kernel=["patch1", "patch2"], npages=3, rounds=2), tmp_path)
        wanted = read_store(tmp_path).assign(insert_at_once=False)
        (part,) = parts(tmp_path)
        old = pq.read_table(part).drop_columns(["rules"])
        names = ["decision" if name == "kernel" else name for name in old.column_names]
        made = old.rename_columns(names)
        made = made.append_column("insert_at_once", pa.array([False] * len(old)))
        made = made.replace_schema_metadata(old.schema.metadata)
        wanted["model"] = "0123456789abcdef"
        of_then = part.parent.rename(part.parent.with_name("model=0123456789abcdef"))
        (of_then / part.name).unlink()
        pq.write_table(made, of_then / "part-000001.parquet")  # format 1: no checksum
        (tmp_path / "_store.json").write_text(json.dumps({"format": 1, "what": "wpbench sweep"}))
        with pytest.warns(WpbenchWarning, match="1 parts were written by an earlier version"):
            read = read_store(tmp_path)
        pd.testing.assert_frame_equal(read, wanted, check_like=True)

    def test_provenance_survives_parquet(self, tmp_path):
        table = wb.sweep(GRID, tmp_path / "store", seeds=SEEDS)
        record = table.attrs["wpbench"]
        assert record["command"] == "sweep"
        assert record["parameters"]["seeds"] == SEEDS
        assert record["parameters"]["grids"] == [GRID.as_fields()]
        assert len(record["model"]) == len(record["data"]) == 16
        table.to_parquet(tmp_path / "t.parquet")
        read = pd.read_parquet(tmp_path / "t.parquet")
        assert read.attrs["wpbench"] == record
        pd.testing.assert_frame_equal(read, table)

    def test_progress(self, tmp_path, capsys):
        wb.sweep(GRID, tmp_path, seeds=SEEDS)
        assert capsys.readouterr() == ("", "")  # nobody looks: no terminal
        wb.sweep(GRID, tmp_path, seeds=SEEDS + 1, progress=True)
        out, err = capsys.readouterr()
        assert out == ""
        assert "72 runs, 48 of them in" in err
        assert "24 to do: about 1 s on" in err
        assert "72/72" in err

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"workers": 0}, "workers: 0 is not accepted; accepted: a whole number, 1 to 4096"),
            ({"seeds": 0}, "seeds: 0 is not accepted"),
            (
                {"executor": "dask"},
                "executor: 'dask' is not accepted; accepted: None, a concurrent",
            ),
        ],
    )
    def test_wrong_argument(self, tmp_path, more, message):
        with pytest.raises(wb.ScenarioError, match=message):
            wb.sweep(GRID, tmp_path / "store", **more)
        assert not (tmp_path / "store").exists()


class TestResume:
    def test_what_is_there_is_skipped(self, tmp_path, executed):
        wb.sweep(GRID, tmp_path, seeds=1)
        assert sum(executed) == 24
        executed.clear()
        assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS))
        assert sum(executed) == 24
        executed.clear()
        table = wb.sweep(list(GRID)[::-1], tmp_path, seeds=SEEDS)
        assert executed == []
        assert_same(table, list(GRID)[::-1])

    def test_rows_of_another_model_are_kept_apart(self, tmp_path, monkeypatch, executed):
        other = "0123456789abcdef"
        with monkeypatch.context() as patch:
            for module in (keys, part_files, task):
                patch.setattr(module, "MODEL", other)
            wb.sweep(GRID, tmp_path)
        executed.clear()
        assert_same(wb.sweep(GRID, tmp_path), seeds=1)
        assert sum(executed) == len(GRID)
        table = read_store(tmp_path)
        assert table.groupby("model").size().to_dict() == {other: 24, part_files.MODEL: 24}
        assert table["key"].is_unique

    def test_half_a_part_is_not_read_and_goes(self, tmp_path, executed):
        wb.sweep(GRID, tmp_path, seeds=SEEDS)
        (part,) = parts(tmp_path)
        half = part.with_name(".part-000002.parquet.new")
        half.write_bytes(part.read_bytes()[:1000])
        executed.clear()
        assert len(read_store(tmp_path)) == 48
        assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS))
        assert executed == []
        assert not half.exists()

    def test_a_damaged_part_is_put_aside_and_done_again(self, tmp_path, executed):
        wb.sweep(GRID, tmp_path, seeds=1)
        wb.sweep(GRID, tmp_path, seeds=SEEDS)
        part = parts(tmp_path)[1]
        part.write_bytes(part.read_bytes()[:1000])
        with pytest.raises(wb.SweepError, match=rf"{part.name}: is damaged"):
            read_store(tmp_path)
        executed.clear()
        with pytest.warns(UserWarning, match=rf"is damaged .* now \.{part.name}\.damaged"):
            table = wb.sweep(GRID, tmp_path, seeds=SEEDS)
        assert sum(executed) == 24
        assert_same(table)
        assert len(read_store(tmp_path)) == 48

    def test_many_parts_are_merged(self, tmp_path, monkeypatch, executed):
        monkeypatch.setattr(store, "_MANY_PARTS", 4)
        for n in range(1, 12):
            wb.sweep(wb.Scenario(npages=n, rounds=2), tmp_path)
        assert sum(executed) == 11
        assert len(parts(tmp_path)) <= 4
        table = read_store(tmp_path)
        assert table["npages"].tolist() == list(range(1, 12))
        assert_same(
            table.drop(columns=["data", "model"]), wb.grid(npages=range(1, 12), rounds=2), 1
        )
        assert len(table.attrs["wpbench"]["made_by"]) == 1  # one version made all

    def test_a_read_during_a_merge(self, tmp_path, monkeypatch):
        for n in range(1, 4):
            wb.sweep(wb.Scenario(npages=n, rounds=2), tmp_path)
        real = part_files.read

        def merged_meanwhile(path, **more):
            monkeypatch.setattr(store, "_MANY_PARTS", 1)
            monkeypatch.setattr(part_files, "read", real)
            wb.sweep(wb.Scenario(npages=4, rounds=2), tmp_path)
            return real(path, **more)

        monkeypatch.setattr(part_files, "read", merged_meanwhile)
        assert read_store(tmp_path)["npages"].tolist() == [1, 2, 3, 4]


# A sweep with a write for nearly every task; SIGKILL at the n-th fsync: there are two a part,
# before it has its name and after.
DISTURBED = """
import os, signal, sys, time
import wpbench as wb
from wpbench.sweep import run, store
run._TASK_RUNS, run._PART_SECONDS, store._MANY_PARTS = 2, 0, 3
left, real = [int(sys.argv[2])], os.fsync
def fsync(number):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(number)
os.fsync = fsync
grid = wb.grid(
    kernel=["patch1", "patch2"], backend=["zram", "nvme"], npages=[1, 4, 9], rounds=3, cpus=3,
    migration_rate=[0, 0.3],
)
wb.sweep(grid, sys.argv[1], seeds=2)
"""
# A sweep of a few seconds, of which nobody can say where it is.
LONG = """
import sys
import wpbench as wb
from wpbench.sweep import run
run._TASK_SECONDS, run._PART_SECONDS = 0.02, 0.05
grid = wb.grid(kernel=["patch1", "patch2"], npages=64, rounds=1500, cpus=2, migration_rate=0.1)
wb.sweep(grid, sys.argv[1], seeds=40)
"""
LONG_GRID = wb.grid(kernel=["patch1", "patch2"], npages=64, rounds=1500, cpus=2, migration_rate=0.1)
LONG_SEEDS = 40


def start(code, *args):
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_DISABLE_JIT"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_parts(folder, process, number=1):
    """Wait until a sweep has written some parts; False where it has ended before."""
    while process.poll() is None:
        if len(parts(folder)) >= number:
            return True
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
    return False


@pytest.mark.skipif(JIT_DISABLED, reason="the children are compiled")
class TestKilled:
    @pytest.mark.slow
    def test_at_a_write(self, tmp_path):
        """Killed at other points of the writes until it is done: before and after a rename."""
        point, kills = 1, 0
        while True:
            process = start(DISTURBED, tmp_path, point)
            _, err = process.communicate(timeout=120)
            if process.returncode == 0:
                break
            assert process.returncode == -signal.SIGKILL, err
            kills += 1
            point += 7
        assert kills >= 2
        table = read_store(tmp_path)
        assert len(table) == 48
        assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS))

    @pytest.mark.slow
    def test_at_a_random_time(self, tmp_path, executed):
        rng = np.random.default_rng(1)
        for _ in range(2):
            process = start(LONG, tmp_path)
            before = len(parts(tmp_path))
            running = wait_for_parts(tmp_path, process, before + int(rng.integers(1, 5)))
            if running:
                threading.Event().wait(rng.uniform(0, 0.05))
                process.kill()
            _, err = process.communicate(timeout=120)
            assert process.returncode in {0, -signal.SIGKILL}, err
        there = len(read_store(tmp_path))
        assert there > 0
        assert_same(wb.sweep(LONG_GRID, tmp_path, seeds=LONG_SEEDS), LONG_GRID, LONG_SEEDS)
        assert sum(executed) == 2 * LONG_SEEDS - there
        assert read_store(tmp_path)["key"].is_unique

    @pytest.mark.slow
    def test_interrupted_in_the_terminal(self, tmp_path):
        file = tmp_path / "grid.toml"
        file.write_text(
            'title = "t"\nquestion = "q"\nseeds = 200\n[[grid]]\nkernel = ["patch1", "patch2"]\n'
            "npages = 64\nrounds = 20000\ncpus = 2\nmigration_rate = 0.1\n"
        )
        folder = tmp_path / "store"
        code = (
            "import sys; from wpbench.commands.main import main; from wpbench.sweep import run\n"
            "run._TASK_SECONDS, run._PART_SECONDS = 0.1, 0.2  # or it would be seconds to a part\n"
            "raise SystemExit(main(sys.argv[1:]))"
        )
        process = start(code, "sweep", file, "--store", folder)
        assert wait_for_parts(folder, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert out == ""
        there = len(read_store(folder))
        assert 0 < there < 400
        assert err == (
            f"wpbench sweep: stopped; {there} of 400 runs are in {folder}, and the same sweep goes "
            "on from there\n"
        )


class TestTwoAtOnce:
    def test_of_one_process(self, tmp_path):
        with Store(tmp_path), pytest.raises(wb.SweepError, match="another sweep of this process"):
            wb.sweep(GRID, tmp_path)
        assert_same(wb.sweep(GRID, tmp_path), seeds=1)

    def test_of_two_processes(self, tmp_path):
        code = (
            "import sys; from wpbench.sweep.store import Store\n"
            "with Store(sys.argv[1]): print('open', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout.readline() == "open\n"
            message = rf"another sweep is writing to it \(process {other.pid} on "
            with pytest.raises(wb.SweepError, match=message):
                wb.sweep(GRID, tmp_path)
            with pytest.raises(wb.SweepError, match="has no rows yet"):
                read_store(tmp_path)
            other.kill()
        assert_same(wb.sweep(GRID, tmp_path), seeds=1)


@numba.njit
def impossible_with_three_pages(m, p):
    for v in range(p.npages):
        mm.write(m, 0, v)
    if p.npages == 3:
        mm.gup_put(m, 1)


@numba.njit
def does_not_compile(m, p):
    return p.no_such_number


class TestFailures:
    def check(self, table, failed):
        """Those with ``failed`` have empty counts, the others those of simulate()."""
        assert table.index[table["error"] != ""].tolist() == failed
        assert table.loc[failed, list(COUNTERS)].isna().all(axis=None)
        assert table.loc[failed, "copy_rate"].isna().all()
        well = table[table["error"] == ""]
        assert well[list(COUNTERS)].notna().all(axis=None)
        assert (well["accesses"] > 0).all()

    def test_a_run_that_cannot_be_finished(self, tmp_path, executed):
        grid = wb.grid(workload=impossible_with_three_pages, npages=[1, 2, 3, 4], rounds=1)
        table = wb.sweep(grid, tmp_path)
        self.check(table, [2])
        assert table["error"][2].startswith("mm.gup_put(): page frame 1 is not held so")
        with pytest.raises(wb.SimulationError, match=r"mm\.gup_put\(\): page frame 1 is not held"):
            wb.simulate(grid)
        stored = read_store(tmp_path)
        pd.testing.assert_frame_equal(stored.drop(columns=["data", "model"]), table)
        executed.clear()
        wb.sweep(grid, tmp_path)
        assert executed == [1]  # it is tried again
        wb.sweep(grid, tmp_path, retry_failed=False)
        assert executed == [1]
        assert len(read_store(tmp_path)) == 4

    def test_an_exception_costs_nobody_else_a_row(self, tmp_path, monkeypatch):
        real = task.execute

        def raising(plan, *args, **more):
            if 3 in plan.columns["npages"]:
                raise MemoryError("no more of it")
            return real(plan, *args, **more)

        monkeypatch.setattr(task, "execute", raising)
        grid = wb.grid(npages=range(1, 12), rounds=2)
        table = wb.sweep(grid, tmp_path)
        self.check(table, [2])
        assert table["error"][2] == "MemoryError: no more of it"
        monkeypatch.setattr(task, "execute", real)
        assert_same(wb.sweep(grid, tmp_path), grid, 1)  # tried again
        assert_same(read_store(tmp_path).drop(columns=["data", "model"]), grid, 1)

    @pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
    def test_a_workload_that_does_not_compile(self, tmp_path):
        scenarios = [wb.Scenario(workload=w, npages=2) for w in (does_not_compile, "reproducer")]
        table = wb.sweep(scenarios, tmp_path)
        self.check(table, [0])
        wanted = "ScenarioError: workload: does_not_compile() cannot be compiled: "
        assert table["error"][0].startswith(wanted)
        assert len(table["error"][0]) < 400

    def test_a_machine_that_does_not_fit(self, tmp_path, monkeypatch):
        monkeypatch.setattr(task, "available_memory", lambda: 1 << 25)
        table = wb.sweep(wb.grid(npages=[2, 1 << 23], rounds=1), tmp_path)
        self.check(table, [1])
        assert table["error"][1] == "needs 128 MiB of memory, 32 MiB are available"

    def test_command(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(task, "available_memory", lambda: 1 << 25)
        file = tmp_path / "g.toml"
        file.write_text(
            'title = "t"\nquestion = "q"\n[[grid]]\nnpages = [2, 8388608]\nrounds = 1\n'
        )
        assert main(["sweep", str(file), "--store", str(tmp_path / "s"), "--json"]) == 1
        out, err = capsys.readouterr()
        assert [row["copies"] for row in json.loads(out)] == [0, None]
        assert "1 rows failed: needs 128 MiB" in err


@numba.njit
def step(v):
    return v + OFFSET


OFFSET = 0
HELD = threading.Lock()


def own(code, **names):
    """Make a workload as a notebook's cell would."""
    scope = {"mm": mm, "numba": numba, **names}
    exec(code, scope)  # noqa: S102 (a cell)
    return numba.njit(scope["f"])


BODY = "def f(m, p):\n    mm.write(m, 0, {})\n"


class TestKeys:
    def keys(self, *scenarios):
        return keys.run_keys(plan_of(scenarios)).tolist()

    def test_a_key_follows_from_the_resolved_scenario_alone(self):
        plain, spelled = wb.Scenario(), wb.Scenario(drain="if-not-lru", pagevec=15, cpus=1)
        assert len(set(self.keys(plain, spelled))) == 1
        assert keys.run_keys(plan_of(GRID, 2))[::2].tolist() == self.keys(*GRID)
        assert len(set(keys.run_keys(plan_of(GRID, 2)))) == 48

    @pytest.mark.parametrize(
        "other",
        [
            {"npages": 511},
            {"seed": 2},
            {"kernel": "patch1"},
            {"backend": "brd"},
            {"order": "read-all-write-all"},
            {"background_drains": 1e-9},
            {"fork_exit_before": True},
            {"cpus": 2},
        ],
    )
    def test_every_field_counts(self, other):
        assert len(set(self.keys(wb.Scenario(), wb.Scenario(**other)))) == 2

    def test_model_and_data_count(self, monkeypatch):
        first = self.keys(wb.Scenario())
        monkeypatch.setattr(keys, "MODEL", "0123456789abcdef")
        second = self.keys(wb.Scenario())
        monkeypatch.setattr(keys, "fingerprint", lambda: "0123456789abcdef")
        assert len({*first, *second, *self.keys(wb.Scenario())}) == 3

    def test_the_code_of_a_workload_counts(self):
        workloads = [own(BODY.format(text)) for text in ("0", "0", "1", "p.npages", "0 + 0 * 1")]
        found = self.keys(*(wb.Scenario(workload=w) for w in workloads))
        assert found[0] == found[1]
        assert len(set(found[:4])) == 3

    def test_what_it_refers_to_counts(self):
        def made(value):
            return own(BODY.format("K"), K=value)

        def closed_over(value):
            @numba.njit
            def f(m, p):
                mm.write(m, 0, value)

            return f

        values = [0, 1, 0.5, (1, 2), (1, 3), np.arange(3), np.arange(4), np.arange(3.0), step]
        values += [os.path, np.float64(0.5), numba.int64, None, "k"]
        found = [keys.workload_digest(make(v)) for make in (made, closed_over) for v in values]
        assert len(set(found)) == len(found)
        assert keys.workload_digest(made(np.arange(3))) == found[5]

    def test_a_helper_of_its_helper_counts(self, monkeypatch):
        first = keys.workload_digest(own(BODY.format("step(0)"), step=step))
        monkeypatch.setitem(globals(), "OFFSET", 1)
        assert keys.workload_digest(own(BODY.format("step(0)"), step=step)) != first

    def test_what_cannot_be_told_apart_is_refused(self):
        workload = own(BODY.format("K"), K=HELD)
        with pytest.raises(
            wb.ScenarioError, match=r"workload: f\(\) refers to .*lock.*cannot tell"
        ):
            self.keys(wb.Scenario(workload=workload))

    def test_own_workload_in_a_sweep(self, tmp_path, executed):
        for value in (0, 1, 0):
            scenario = wb.Scenario(workload=own(BODY.format(value)), npages=4)
            assert_same(wb.sweep(scenario, tmp_path), scenario, 1)
        assert sum(executed) == 2


class TestRefused:
    def test_time(self, tmp_path):
        grid = wb.grid(npages=1 << 20, rounds=1000, kernel=["patch1", "patch2"])
        message = (
            r"^20 runs, 0 of them in .*; 20 to do: about .* (minutes|hours) on 2 workers, .*; "
            r"that is "
        )
        with pytest.raises(wb.SweepError, match=message + r"more than max_hours=0\.01; accepted: "):
            wb.sweep(grid, tmp_path, seeds=10, max_hours=0.01, workers=2)
        assert parts(tmp_path) == []

    def test_threads_that_move_are_estimated_as_such(self, monkeypatch):
        asked = []

        def seconds(*kind):
            asked.append(kind[3])
            return 1.0

        monkeypatch.setattr(estimate, "seconds_an_access", seconds)
        for moving in ({"threads": 2}, {"migration_rate": 0.1}, {"time_slice_ns": 5000}, {}):
            scenario = wb.Scenario(npages=2, rounds=1, cpus=2, costs="server", **moving)
            estimate.seconds_a_run(plan_of(scenario))
        assert asked == [True, True, True, False]

    def test_memory(self, tmp_path, monkeypatch):
        monkeypatch.setattr(estimate, "available_memory", lambda: 1 << 20)
        message = r"the table and the smallest machine need 64 MiB of memory, 1 MiB are available"
        with pytest.raises(wb.SweepError, match=message):
            wb.sweep(wb.Scenario(npages=1 << 22, rounds=1), tmp_path, max_hours=1e9)

    def test_disk(self, tmp_path, monkeypatch):
        monkeypatch.setattr(estimate, "free_disk", lambda _: 1000)
        with pytest.raises(wb.SweepError, match=r"14 KiB on disk; 1000 bytes of disk are free"):
            wb.sweep(GRID, tmp_path, seeds=SEEDS)

    def test_estimate_writes_nothing(self, tmp_path):
        found = estimate_sweep(GRID, tmp_path / "store", seeds=SEEDS, workers=2)
        assert (found.runs, found.known, found.workers) == (48, 0, 2)
        assert found.seconds > 0
        assert found.memory > 2 * found.largest > found.smallest > 0
        assert not (tmp_path / "store").exists()

    def test_machines_wait_for_memory(self, tmp_path, monkeypatch):
        """Of machines of which one fits, one runs at a time."""
        monkeypatch.setattr(run, "_TASK_RUNS", 1)
        monkeypatch.setattr(run._Work, "_budget", lambda _: 1)
        seen = []
        real = run._Work._take

        def watched(self, future):
            seen.append(len(self._pending))
            real(self, future)

        monkeypatch.setattr(run._Work, "_take", watched)
        assert_same(wb.sweep(GRID, tmp_path, workers=4), seeds=1)
        assert seen == [1] * len(GRID)

    @pytest.mark.parametrize(
        ("file", "text", "message"),
        [
            ("results.csv", "", r"is no store: it has results\.csv, and no _store\.json"),
            ("_store.json", '{"format": 99}', "a store of format 99; accepted: 2"),
            ("_store.json", "[]", "is not what a store begins with"),
        ],
    )
    def test_a_folder_that_is_no_store(self, tmp_path, file, text, message):
        (tmp_path / file).write_text(text)
        for use in (lambda: wb.sweep(GRID, tmp_path), lambda: read_store(tmp_path)):
            with pytest.raises(wb.SweepError, match=message):
                use()
        assert [path.name for path in tmp_path.iterdir()] == [file]

    def test_read_store_where_there_is_none(self, tmp_path):
        with pytest.raises(wb.SweepError, match="there is no store here"):
            read_store(tmp_path / "nowhere")

    def test_a_disk_that_is_full(self, tmp_path, monkeypatch):
        wb.sweep(GRID, tmp_path, seeds=1)

        def full(*args, **more):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            message = r"No space left on device; the rows that the store has stay valid; 24 of 48 "
            with pytest.raises(wb.SweepError, match=message):
                wb.sweep(GRID, tmp_path, seeds=SEEDS)
        assert_same(wb.sweep(GRID, tmp_path, seeds=SEEDS))


class TestResources:
    def test_what_this_machine_has(self, tmp_path):
        assert 0 < resources.available_memory() < 1 << 50
        assert resources.free_disk(tmp_path / "a" / "b") > 0
        assert resources.cpus() >= 1

    def test_a_container_with_a_limit(self, tmp_path, monkeypatch):
        lines = resources.Path("/proc/self/cgroup").read_text().splitlines()
        own = next((line[3:] for line in lines if line.startswith("0::")), None)
        if own is None:
            pytest.skip("no control groups v2")
        monkeypatch.setattr(resources, "_CGROUPS", tmp_path)
        group = tmp_path / own.lstrip("/")
        group.mkdir(parents=True, exist_ok=True)
        (group / "memory.max").write_text("5000\n")
        (group / "memory.current").write_text("2000\n")
        assert resources.available_memory() == 3000
        (group / "memory.max").write_text("max\n")
        assert resources.available_memory() > 3000

    def test_human(self):
        sizes = [resources.human(n) for n in (5, 2048, 3 << 20, 5 << 30)]
        assert sizes == ["5 bytes", "2 KiB", "3 MiB", "5.0 GiB"]
        times = [estimate.duration(s) for s in (0.01, 89, 600, 7200)]
        assert times == ["1 s", "89 s", "10 minutes", "2.0 hours"]


def abort(_data):
    os.abort()


class TestWorkers:
    def test_another_version_is_refused(self, monkeypatch):
        sent = task.task_of(plan_of(GRID), np.arange(2))
        assert task.do_task(sent).ran.all()
        monkeypatch.setattr(task, "MODEL", "0123456789abcdef")
        with pytest.raises(wb.SweepError, match=r"another wpbench \(model 0123456789abcdef"):
            task.do_task(sent)

    def test_a_task_that_cannot_be_loaded(self):
        with pytest.raises(wb.SweepError, match=r"cannot load its task \(UnpicklingError"):
            task.do_pickled(b"nonsense")

    def test_a_workload_that_cannot_be_sent(self):
        def local(m, p):
            mm.write(m, 0, 0)

        local.lock = HELD  # in jitted form its closure would do the same
        plan = plan_of(wb.Scenario(workload=local, npages=1))
        with pytest.raises(wb.SweepError, match=r"workload: local\(\) cannot be sent to another"):
            task.pickled(plan, np.arange(1))

    @pytest.mark.skipif(JIT_DISABLED, reason="a plain function is not sent by value")
    def test_own_workloads_are_sent(self, tmp_path):
        grid = wb.grid(workload=own(BODY.format("step(1)"), step=step), npages=[4, 5])
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            assert_same(wb.sweep(grid, tmp_path, executor=executor), grid, 1)

    def test_processes_that_die(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pool, "do_pickled", abort)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            message = r"the workers are lost \(BrokenProcessPool.*; 0 of 24 runs are in"
            with pytest.raises(wb.SweepError, match=message):
                wb.sweep(GRID, tmp_path, executor=executor)
