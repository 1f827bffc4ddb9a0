"""A hundred thousand small scenarios: what wb.simulate() adds to their simulation, and threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
from common import Result, median

import wpbench as wb
from wpbench.simulate import runs

VARIANTS: dict[str, dict[str, Any]] = {
    "one-cpu": {},
    "write-elsewhere": {"write_cpu": 1},
    "migrating": {"threads": 4, "npages": 16, "migration_rate": 0.1},
}


def grid(scenarios: int, **fields: Any) -> Any:
    """Return small scenarios: 64 pages in all, 20 rounds, 4 CPUs."""
    small = {"npages": 64, "rounds": 20, "cpus": 4, **fields}
    return wb.grid(kernel=["patch1", "patch2"], seed=range(1, scenarios // 2 + 1), **small)


class Alone:
    """Stands for ``run_many()``, the compiled loop over scenarios, and adds up its CPU time."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> None:
        start = time.thread_time()
        _RUN_MANY(*arguments)
        self.seconds += time.thread_time() - start


_RUN_MANY = runs.run_many


def one_thread(scenarios: int, fields: dict[str, Any]) -> tuple[float, float]:
    """Return CPU seconds of wb.simulate(), building grid and table, and of the simulation in it."""
    alone = Alone()
    with patch.object(runs, "run_many", alone):
        start = time.process_time()
        table = wb.simulate(grid(scenarios, **fields), threads=1)
        seconds = time.process_time() - start
    assert len(table) == scenarios
    return seconds, alone.seconds


def timed(scenarios: int, fields: dict[str, Any], threads: int) -> tuple[float, float, float]:
    """Return the wall time, the CPU time of all threads, and that of the main thread."""
    clocks = (time.perf_counter, time.process_time, time.thread_time)
    start = [clock() for clock in clocks]
    wb.simulate(grid(scenarios, **fields), threads=threads)
    wall, every, main = (clock() - s for clock, s in zip(clocks, start, strict=True))
    return wall, every, main


def measure(quick: bool) -> Iterator[Result]:
    """Yield overhead and the speed of two threads."""
    scenarios, runs = (2000, 1) if quick else (100_000, 5)
    for name, fields in VARIANTS.items():
        wb.simulate(grid(20, **fields))  # load the compiled code
        found = [one_thread(scenarios, fields) for _ in range(runs)]
        ratios = [total / alone for total, alone in found]
        yield median(f"overhead/ratio/{name}", ratios, "total/alone", "<= 1.3")
        added = [1e6 * (total - alone) / scenarios for total, alone in found]
        yield median(f"overhead/scenario/{name}", added, "us", "< 20")
        walls, possible = [], []
        for _ in range(runs):
            one, cpu, _ = timed(scenarios // 4, fields, 1)
            two, every, main = timed(scenarios // 4, fields, 2)
            walls.append(one / two)
            # The main thread waits while the others work: what it computes, they do not.
            possible.append(cpu / (main + (every - main) / 2))
        yield median(f"threads/wall/{name}", walls, "speedup", ">= 1.8")
        yield median(f"threads/cpu/{name}", possible, "speedup", ">= 1.8")
    # Rounds that repeat earlier ones are skipped.
    fields = {"rounds": 10**5 if quick else 10**9}
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        wb.simulate(wb.Scenario(**fields))
        seconds.append(time.perf_counter() - start)
    yield median("fast-forward", seconds, "s", "< 1")
    # The same as Scenario objects, made one by one: pydantic validates each.
    number = scenarios // 10 if quick else scenarios
    made = []
    for _ in range(runs):
        start = time.thread_time()
        many = list(grid(number))
        building = time.thread_time() - start
        start = time.thread_time()
        wb.simulate(many, threads=1)
        objects = time.thread_time() - start
        start = time.thread_time()
        wb.simulate(grid(number), threads=1)
        made.append((building, objects - (time.thread_time() - start)))
    building, more = 1e6 * np.array(made).T / number
    yield median("objects/making", list(building), "us", "< 6")
    yield median("objects/simulate-more", list(more), "us")
