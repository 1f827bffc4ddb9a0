"""Page operations per second of the reproducer, beside C doing the same work; and bytes a page.

A page operation is a read, a write, or one page of a MADV_PAGEOUT.  numba and C run in turn, on
fresh machines of the same size, and give the same counts; the ratio is the median over the pairs.

    python benchmarks/throughput.py [--max-exponent 24] [--pairs 5] [--json FILE]
"""

import argparse
import ctypes
import datetime as dt
import json
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import wpbench as wb
from wpbench.mm import layout as L
from wpbench.provenance import provenance
from wpbench.scenario.model import machine_bytes
from wpbench.simulate import plan_of
from wpbench.workloads.reproducer import reproducer

COUNTERS = (
    "wp_faults", "reuses", "copies", "drains", "drained_pages",
    "pswpin", "pswpout", "not_paged_out", "accesses",
)  # fmt: skip
CONFIGURATION = (
    "npages", "pagevec", "decision", "drain", "bypass",
    "async_io", "timed", "nphys", "nslots", "swap_total",
)  # fmt: skip
STATE = ("free_page", "next_page", "next_slot", "slots_used", "disabled", "gt3_test", "rare")


class CMachine(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_void_p) for name in ("pte", "page", "slot", "vec")]
        + [(name, ctypes.c_int64) for name in (*CONFIGURATION, *STATE)]
        + [(name, ctypes.c_int64) for name in (*COUNTERS, "major")]
        + [("reason", ctypes.c_int64 * 16), ("seen", ctypes.c_int64 * 8)]
        + [(name, ctypes.c_int64) for name in ("last_reason", "last_word")]
    )


def compile_c(folder: str):
    if shutil.which("gcc") is None:
        return None
    source = Path(__file__).with_name("reproducer.c")
    library = Path(folder) / "reproducer.so"
    command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def run_c(library, scenario, rounds, config):
    arrays = {
        "pte": np.zeros(config["npages"], np.uint32),
        "page": np.empty(config["nphys"], np.int64),
        "slot": np.zeros(config["nslots"], np.uint32),
        "vec": np.zeros(config["ncpus"] * L.NR_VECS * (config["pagevec"] + 1), np.int32),
    }
    m = CMachine(**{name: config[name] for name in CONFIGURATION})
    for name, array in arrays.items():
        setattr(m, name, array.ctypes.data)
    m.gt3_test = config["gt3_test"]
    m.next_page = m.next_slot = 1
    shuffle = ctypes.c_int64(int(scenario.order == "read-write-shuffled"))
    library.touch(ctypes.byref(m))
    library.reproducer(ctypes.byref(m), ctypes.c_int64(1), shuffle)
    before = [getattr(m, name) for name in COUNTERS]
    start = time.perf_counter()
    library.reproducer(ctypes.byref(m), ctypes.c_int64(rounds), shuffle)
    seconds = time.perf_counter() - start
    if m.rare:
        raise SystemExit("reproducer.c took a path that it does not implement")
    return seconds, [getattr(m, name) - b for name, b in zip(COUNTERS, before, strict=True)]


def run_numba(scenario, rounds):
    """Time `rounds` rounds: a run of them and one more, less a run of that one."""
    seconds = []
    counts = []
    for some in (1, rounds + 1):
        m = plan_of(scenario.model_copy(update={"rounds": some})).machine(0)
        start = time.perf_counter()
        reproducer(m)
        seconds.append(time.perf_counter() - start)
        counts.append([int(getattr(m, name)) for name in COUNTERS])
    return seconds[1] - seconds[0], [b - a for a, b in zip(*counts, strict=True)]


def measure(library, scenario, pairs):
    config = scenario.machine_config()
    rounds = max(2, int(2e7 // scenario.npages))
    run_numba(scenario, 1)
    times, ratios = [], []
    for _ in range(pairs):
        seconds, counts = run_numba(scenario, rounds)
        times.append(seconds)
        if library is not None:
            c_seconds, c_counts = run_c(library, scenario, rounds, config)
            if c_counts != counts:
                raise SystemExit(f"numba and C disagree: {counts} {c_counts}")
            ratios.append(seconds / c_seconds)
    return {
        "decision": scenario.decision,
        "order": scenario.order,
        "npages": scenario.npages,
        "rounds": rounds,
        "operations_per_second": 3 * scenario.npages * rounds / statistics.median(times),
        "ratio_to_c": statistics.median(ratios) if ratios else None,
        "bytes_per_page": machine_bytes(config) / scenario.npages,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-exponent", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        library = compile_c(folder)
        if library is None:
            print("no gcc: numba alone")
        print(f"{'decision':9}{'order':21}{'pages':>10}{'Mops/s':>9}{'time/C':>8}{'B/page':>9}")
        for exponent in range(10, options.max_exponent + 1, 2):
            for order in ("read-write", "read-write-shuffled"):
                for decision in ("patch1", "patch2"):
                    scenario = wb.Scenario(decision=decision, order=order, npages=1 << exponent)
                    row = measure(library, scenario, options.pairs)
                    rows.append(row)
                    ratio = "-" if row["ratio_to_c"] is None else f"{row['ratio_to_c']:.2f}"
                    print(
                        f"{decision:9}{order:21}{row['npages']:10}"
                        f"{row['operations_per_second'] / 1e6:9.1f}{ratio:>8}"
                        f"{row['bytes_per_page']:9.2f}",
                        flush=True,
                    )
    cached = [row["ratio_to_c"] for row in rows if row["npages"] <= 1 << 14 and row["ratio_to_c"]]
    if cached:
        print(f"in cache (up to 2^14 pages): median ratio to C {statistics.median(cached):.2f}")
    if options.json:
        record = provenance("benchmarks/throughput.py", vars(options))
        record["date"] = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record["processor"] = platform.processor() or platform.machine()
        Path(options.json).write_text(json.dumps({"provenance": record, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
