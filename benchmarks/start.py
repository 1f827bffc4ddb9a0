"""How long one waits: for the import, the first scenario ever, the first of a session, the next."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, Result, child, in_turn, median

import wpbench as wb

FIRST = "import wpbench as wb; wb.simulate(wb.Scenario(npages=8, rounds=2))"
MAIN_JOB = {"npages": 512, "rounds": 20}


def _built() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a first scenario takes in a copy without bitcode, and after an edit there.

    What the copy inlines has another digest then: each function that decides about a fault.
    """
    with tempfile.TemporaryDirectory() as folder:
        ignored = shutil.ignore_patterns("*.bc.xz")
        shutil.copytree(ROOT / "wpbench", f"{folder}/wpbench", ignore=ignored)
        Path(folder, "data").symlink_to(wb.data_dir())
        code = f"import sys; sys.path.insert(0, {folder!r}); {FIRST}"
        first = child(code, NUMBA_CACHE_DIR=f"{folder}/cache")
        edited = Path(folder, "wpbench", "mm", "wp.py")
        counted = "m.copies += 1"
        source = edited.read_text(encoding="utf-8")
        assert counted in source
        edited.write_text(source.replace(counted, f"{counted} + 0 * m.npages"), encoding="utf-8")
        return first, child(code, NUMBA_CACHE_DIR=f"{folder}/cache")


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
    first, from_sources, after_edit = [], [], []
    for _ in range(0 if quick else 3):
        with tempfile.TemporaryDirectory() as folder:
            first.append(child(FIRST, NUMBA_CACHE_DIR=folder))
        whole, edited = _built()
        from_sources.append(whole)
        after_edit.append(edited)
    cached = [child(FIRST) for _ in range(runs)]
    for name, times, wanted in (
        ("first-ever", first, "<= 4"),
        ("from-sources", from_sources, "<= 12"),
        ("after-edit", after_edit, None),
        ("cached", cached, "<= 0.65"),
    ):
        if times:
            yield median(f"start/{name}", [t["wall_s"] for t in times], "s")
            yield median(f"start/{name}-cpu", [t["cpu_s"] for t in times], "s of CPU", wanted)
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
