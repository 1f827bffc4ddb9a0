"""The benchmarks do what they say: both sides count the same, and every result is documented."""

import importlib
import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

import wpbench as wb
from wpbench.mm import layout as L

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Give what imports a file of benchmarks/ as running it would."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.mark.parametrize("order", ["read-write", "read-write-shuffled"])
@pytest.mark.parametrize(
    "kernel", ["v5.17", "patch1", "patch2", "patch2-rfc2", "patch2-always", "exclusive"]
)
def test_the_c_twins_count_what_wpbench_counts(load, monkeypatch, tmp_path, kernel, order):
    twin = load("c_twin")
    libraries = twin.compile_c(tmp_path)
    if not libraries:
        pytest.skip("no gcc")
    for npages, words in ((1, 1 << 16), (14, 1 << 16), (15, 0), (16, 0), (700, 1 << 16), (700, 0)):
        monkeypatch.setattr(L, "MAX_CACHED_WORDS", words)  # 0: every machine is a large one
        twins = twin.Twins(wb.Scenario(kernel=kernel, npages=npages, order=order))
        _, counts = twins.wpbench(3)
        assert counts[twin.COUNTERS.index("wp_faults")] > 0
        for library in libraries.values():
            assert twins.c(library, 3)[1] == counts
        assert twins.wpbench(3)[1] == counts  # in the same memory
    assert twins.specialised(3)[1] == counts


@pytest.mark.parametrize("model", ["resources", "timeouts"])
@pytest.mark.parametrize("kernel", ["v5.17", "patch1", "patch2"])
def test_the_simpy_model_counts_what_wpbench_counts(load, kernel, model):
    pytest.importorskip("simpy")
    model_file = load("simpy_model")
    for npages, write_cpu in ((1, 0), (14, 0), (15, 1), (100, 0), (100, 1)):
        scenario = wb.Scenario(kernel=kernel, npages=npages, write_cpu=write_cpu, rounds=4)
        _, counts = model_file.run_simpy(scenario, model_file.MODELS[model])
        assert model_file.run_wpbench(scenario, 1)[1] == counts
        assert dict(zip(model_file.COUNTS, counts, strict=True))["wp_faults"] > 0


def test_pairs_take_turns_and_keep_their_ratios(load):
    common = load("common")
    order = []
    times = {"a": iter([3.0, 8.0, 9.0]), "b": iter([1.0, 2.0, 3.0])}

    def side(name):
        order.append(name)
        return next(times[name])

    ones, others, ratios = common.in_turn(3, lambda: side("a"), lambda: side("b"))
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert (ones, others, ratios) == ([3, 8, 9], [1, 2, 3], [3, 4, 3])
    result = common.median("x", ratios, "times", ">= 3.5")
    assert (result.value, result.runs, result.spread) == (3.0, 3, (3.0, 4.0))
    assert result.verdict == "MISSED"
    assert common.median("x", [4.0], "times", ">= 3.5").verdict == "met"
    assert common.median("x", [4.0], "times").verdict == ""
    assert [common.number(x) for x in (0, 0.01234, 1.154, 45.67, 12345.6)] == [
        "0", "0.0123", "1.15", "45.7", "12346",
    ]  # fmt: skip


def documented():
    """Return the names in the README's table, ``*`` standing for what varies."""
    text = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_quick_writes_what_the_readme_documents(tmp_path):
    file = tmp_path / "new" / "bench.json"
    command = [sys.executable, str(BENCHMARKS / "run.py"), "--quick", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(file.read_text(encoding="utf-8"))
    names = [result["name"] for result in record["results"]]
    assert len(set(names)) == len(names)
    for result in record["results"]:
        assert set(result) == {"name", "value", "unit", "wanted", "runs", "spread"}
        assert np.isfinite(result["value"])
        assert result["value"] > 0 or result["unit"] == "us"  # a difference of two times
        assert result["runs"] >= 1
        assert result["spread"][0] <= result["value"] <= result["spread"][1]
        assert result["name"] in done.stdout
    patterns = documented()
    assert [n for n in names if not any(fnmatch(n, p) for p in patterns)] == []
    # What only the long run measures: starts that compile.
    absent = {p for p in patterns if not any(fnmatch(n, p) for n in names)}
    of_c = ("c-ratio/", "c-prefetch-ratio/", "specialised-ratio/")
    absent -= {p for p in patterns if p.startswith(of_c)}  # without gcc
    compiling = ("first-ever", "from-sources", "after-edit")
    assert absent == {f"start/{name}{cpu}" for name in compiling for cpu in ("", "-cpu")}
    assert record["machine"]["kind"] in done.stdout
    assert set(record["machine"]["others_busy_cpus"]) == {
        "throughput", "scaling", "simpy_model", "start", "clock", "checks", "all",
    }  # fmt: skip
    assert record["provenance"]["command"] == "benchmarks/run.py"


def test_a_wrong_part_is_named(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "run.py"), "speed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "no part 'speed'; accepted: throughput, scaling" in done.stderr
