"""reproducer.c, compiled and run: the same work over the same state as wpbench's machine."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import machine_of

import wpbench as wb
from wpbench.mm import layout as L
from wpbench.workloads.reproducer import reproducer

COUNTERS = (
    "wp_faults", "reuses", "copies", "drains", "drained_pages",
    "pswpin", "pswpout", "not_paged_out", "accesses",
)  # fmt: skip
CONFIGURATION = (
    "npages", "pagevec", "first_test", "reuse_exclusive", "drain", "bypass",
    "async_io", "timed", "nphys", "nslots", "swap_total",
)  # fmt: skip
STATE = ("free_page", "next_page", "next_slot", "slots_used", "disabled", "rare")


class CMachine(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_void_p) for name in ("pte", "page", "slot", "vec")]
        + [(name, ctypes.c_int64) for name in (*CONFIGURATION, *STATE)]
        + [(name, ctypes.c_int64) for name in (*COUNTERS, "major")]
        + [("reason", ctypes.c_int64 * 16), ("seen", ctypes.c_int64 * 8)]
        + [(name, ctypes.c_int64) for name in ("last_reason", "last_word")]
    )


def compile_c(folder: str | Path) -> Any:
    """Return reproducer.c as a library, or None where there is no gcc."""
    if shutil.which("gcc") is None:
        return None
    source = Path(__file__).with_name("reproducer.c")
    library = Path(folder) / "reproducer.so"
    command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def run_c(library: Any, scenario: wb.Scenario, rounds: int) -> tuple[float, list[int]]:
    """Return the CPU seconds of ``rounds`` rounds after a first one, and what they counted."""
    config = scenario.machine_config()
    arrays = {
        "pte": np.zeros(config["npages"], np.uint32),
        "page": np.empty(config["nphys"], np.int64),
        "slot": np.zeros(config["nslots"], np.uint32),
        "vec": np.zeros(config["ncpus"] * L.NR_VECS * (config["pagevec"] + 1), np.int32),
    }
    m = CMachine(**{name: config[name] for name in CONFIGURATION})
    for name, array in arrays.items():
        setattr(m, name, array.ctypes.data)
    m.next_page = m.next_slot = 1
    shuffle = ctypes.c_int64(int(scenario.order == "read-write-shuffled"))
    library.touch(ctypes.byref(m))
    library.reproducer(ctypes.byref(m), ctypes.c_int64(1), shuffle)
    before = [getattr(m, name) for name in COUNTERS]
    start = time.thread_time()
    library.reproducer(ctypes.byref(m), ctypes.c_int64(rounds), shuffle)
    seconds = time.thread_time() - start
    if m.rare:
        raise SystemExit("reproducer.c took a path that it does not implement")
    return seconds, [getattr(m, name) - b for name, b in zip(COUNTERS, before, strict=True)]


def run_wpbench(scenario: wb.Scenario, rounds: int) -> tuple[float, list[int]]:
    """Return the same of wpbench: a run of ``rounds`` and one more, less a run of that one."""
    seconds = []
    counts = []
    for some in (1, rounds + 1):
        m = machine_of(scenario.model_copy(update={"rounds": some}))
        start = time.thread_time()
        reproducer(m)
        seconds.append(time.thread_time() - start)
        counts.append([int(getattr(m, name)) for name in COUNTERS])
    return seconds[1] - seconds[0], [b - a for a, b in zip(*counts, strict=True)]
