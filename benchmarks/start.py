"""How long one waits: for the import, the first scenario ever, the first of a session, the next."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

import numpy as np
from common import Result, child, in_turn, median

import wpbench as wb

FIRST = "import wpbench as wb; wb.simulate(wb.Scenario(npages=8, rounds=2))"
MAIN_JOB = {"npages": 512, "rounds": 20}


def measure(quick: bool) -> Iterator[Result]:
    """Yield seconds from the start of a process to its end, and milliseconds of one scenario."""
    runs = 1 if quick else 7

    def cpu(code: str, **environment: str) -> float:
        return float(child(code, **environment)["cpu_s"])

    wpbench, numpy, ratios = in_turn(
        runs, lambda: cpu("import wpbench"), lambda: cpu("import numpy")
    )
    yield median("start/import-wpbench", wpbench, "s of CPU")
    yield median("start/import-numpy", numpy, "s of CPU")
    yield median("start/import-ratio", ratios, "to numpy")
    first = []
    if not quick:
        for _ in range(3):
            with tempfile.TemporaryDirectory() as folder:
                first.append(child(FIRST, NUMBA_CACHE_DIR=folder))
    cached = [child(FIRST) for _ in range(runs)]
    for name, found in (("first-ever", first), ("cached", cached)):
        if found:
            yield median(f"start/{name}", [f["wall_s"] for f in found], "s")
            yield median(f"start/{name}-cpu", [f["cpu_s"] for f in found], "s of CPU")
    scenario = wb.Scenario(**MAIN_JOB)
    wb.simulate(scenario)
    waits = []
    for _ in range(20 if quick else 300):
        begin = time.perf_counter()
        wb.simulate(scenario)
        waits.append(1e3 * (time.perf_counter() - begin))
    typical = median("latency/median", waits, "ms")
    yield typical
    late = float(np.percentile(waits, 95))
    yield Result("latency/p95", late, "ms", None, typical.runs, typical.spread)
