"""What every benchmark needs: results, pairs of runs, child processes, what else ran meanwhile."""

from __future__ import annotations

import datetime as dt
import json
import operator
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import wpbench as wb
from wpbench.mm import Machine
from wpbench.simulate import Plan, plan_of

ROOT = Path(__file__).resolve().parents[1]
_TESTS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


@dataclass(frozen=True)
class Result:
    """One number that was measured.

    Parameters
    ----------
    name
        As benchmarks/README.md documents it.
    value
        Median of ``runs``, unless the name says something else.
    wanted
        ``"<= 1.15"``, or None where nothing is promised.
    spread
        The least and the greatest of the runs.
    """

    name: str
    value: float
    unit: str
    wanted: str | None
    runs: int
    spread: tuple[float, float]

    @property
    def verdict(self) -> str:
        """Is it as wanted?"""
        if self.wanted is None:
            return ""
        test, limit = self.wanted.split()
        return "met" if _TESTS[test](self.value, float(limit)) else "MISSED"


def median(name: str, values: Sequence[float], unit: str, wanted: str | None = None) -> Result:
    """Return the result of some runs: their median."""
    found = [float(value) for value in values]
    spread = (min(found), max(found))
    return Result(name, float(np.median(found)), unit, wanted, len(found), spread)


def in_turn(
    pairs: int, one: Callable[[], float], other: Callable[[], float]
) -> tuple[list[float], list[float], list[float]]:
    """Run two sides in turn and return the times of each, and the ratios one/other of the pairs.

    Which goes first changes with every pair: what drifts meanwhile does not favour a side.
    """
    ones, others = [], []
    for pair in range(pairs):
        if pair % 2:
            others.append(other())
            ones.append(one())
        else:
            ones.append(one())
            others.append(other())
    return ones, others, [a / b for a, b in zip(ones, others, strict=True)]


def machine_of(scenario: wb.Scenario) -> Machine:
    """Return the machine of a scenario's run, which does every round: none is skipped."""
    return Plan(plan_of(scenario).columns, 1, scratch_words=0).machine(0)


def cpu_seconds(work: Callable[[], Any]) -> float:
    """Return the CPU time of this thread for some work: what others do meanwhile counts less."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def child(code: str, **environment: str) -> dict[str, Any]:
    """Run Python code in a new process; it prints JSON.

    Returns
    -------
    dict
        What it printed, with ``wall_s`` and ``cpu_s``, from before its start to after its end.
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout or "{}"), "wall_s": wall, "cpu_s": cpu}


class Load:
    """How busy others kept this machine's CPUs since this was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._busy = self._all_busy()
        self._own = self._all_own()

    @staticmethod
    def _all_busy() -> float:
        """Return the seconds in which a CPU was not idle, those stolen by the host included."""
        with Path("/proc/stat").open(encoding="ascii") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _all_own() -> float:
        used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in used)

    def others(self) -> float:
        """Return how many CPUs, on average, something else than this benchmark kept busy."""
        busy = self._all_busy() - self._busy
        own = self._all_own() - self._own
        return max(0.0, busy - own) / (time.perf_counter() - self._start)


def machine() -> dict[str, Any]:
    """Return what kind of machine this is; nothing that tells which."""
    cpus = len(os.sched_getaffinity(0))
    flags = ""
    if Path("/proc/cpuinfo").exists():
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    virtual = "virtual " if "hypervisor" in flags else ""
    kind = f"{cpus}-core {virtual}machine, {platform.machine().replace('_', '-')}"
    return {"kind": kind, "cpus": cpus, "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"}


def number(value: float) -> str:
    """Return a number with three significant digits, and no exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{digits}f}"


HEAD = f"{'':44}{'median':>9}  {'unit':12}{'wanted':>9}  {'':7}{'runs':>4}  least .. greatest"


def row(result: Result, judge: bool = True) -> str:
    """Return a result as a line of the table; ``judge``: say whether it is as wanted."""
    low, high = (number(value) for value in result.spread)
    verdict = result.verdict if judge else ""
    return (
        f"{result.name:44}{number(result.value):>9}  {result.unit:12}{result.wanted or '':>9}  "
        f"{verdict:7}{result.runs:4}  {low} .. {high}"
    )
