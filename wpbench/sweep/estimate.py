"""What a sweep will take, before it begins: time, memory, disk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import SweepError
from ..jit.compile import JIT_DISABLED
from ..scenario import Scenario
from ..scenario.columns import mapping, parse_mix
from ..simulate import Plan, execute, plan_of
from ..workloads.catalog import facts_of
from .resources import available_memory, free_disk, human

# Bytes a run: of the table and what it is made from in memory, and of a part on disk.
# Measured: 1.0 KB, and 0.1 to 0.2 KB.
_TABLE_BYTES = 1200
_DISK_BYTES = 300
_RUN_SECONDS = 20e-6  # a run that does nothing
_EVENT_SECONDS = 10e-9  # what is done beside an access, once: for another task, on another CPU
_RANGED = ("pageout", "cold", "free")  # operations of a random program on a range of pages
# Accesses that show how long one takes.
_SAMPLE = 1 << 10 if JIT_DISABLED else 1 << 15


@lru_cache(maxsize=256)
def seconds_an_access(workload: str, backend: str, costs: str, together: bool) -> float:
    """Return about how long this machine takes for one access; measured once a process.

    Parameters
    ----------
    workload, backend, costs
        Of the scenario.
    together
        Do several threads run, or migrate?
    """
    fields: dict[str, Any] = {"workload": workload, "backend": backend, "costs": costs}
    fields |= {"npages": 64, "rounds": 0, "cpus": 8}
    uses = facts_of(workload).uses
    if together and "threads" in uses:
        fields["threads"] = 2
    if together and "migration_rate" in uses:
        fields["migration_rate"] = 0.1
    a_round = int(plan_of(Scenario(**fields)).accesses()[0])
    plan = plan_of(Scenario(**fields | {"rounds": max(1, _SAMPLE // a_round)}))
    execute(plan, threads=1)  # whatever is done once
    begin = time.perf_counter()
    execute(plan, threads=1)
    return (time.perf_counter() - begin) / int(plan.accesses()[0])


def seconds_a_run(plan: Plan) -> Any:
    """Return about how many seconds each run takes, as if alone.

    A workload of one's own counts as the reproducer.  Within a factor of two, or three where a
    machine does not fit into the caches.
    """
    columns = plan.columns
    names = [w if isinstance(w, str) else "reproducer" for w in columns["workload"]]
    moves = (columns["migration_rate"] > 0) | (columns["time_slice_ns"] > 0)
    together = (columns["threads"] > 1) | moves
    kinds = [np.array(names, object), columns["backend"], columns["costs"], together]
    index = pd.MultiIndex.from_arrays([np.broadcast_to(kind, plan.n) for kind in kinds])
    codes, found = index.factorize()
    rates = np.array([seconds_an_access(*kind[:3], bool(kind[3])) for kind in found])
    return plan.accesses() * (rates[codes] + _events(columns) * _EVENT_SECONDS) + _RUN_SECONDS


def _events(columns: dict[str, Any]) -> Any:
    """Return about how many things are done beside each access, by what a scenario asks for."""
    others = columns["background_insertions"] + columns["background_drains"]
    elsewhere = mapping(columns["drain"])(lambda drain: drain == "all-cpus", float)
    events = (others + elsewhere) * columns["cpus"]
    share = mapping(columns["mix"])(_ranged_share, float)
    is_random = mapping(columns["workload"])(lambda w: facts_of(w).by_mix, bool)
    return events + np.where(is_random, share * columns["npages"], 0.0)


def _ranged_share(mix: str) -> float:
    weights = parse_mix(mix)
    return sum(weights[name] for name in _RANGED) / sum(weights.values())


@dataclass(frozen=True)
class Estimate:
    """The time, memory and disk of a sweep.

    Attributes
    ----------
    store
        Where its rows go.
    runs, known
        Runs in all, and those that are in the store.
    workers
        Runs at a time.
    seconds
        Until it is done, about.
    largest
        Bytes of the largest machine.
    smallest
        Bytes of the smallest.
    local
        Do the workers share this machine's memory?
    """

    store: Path
    runs: int
    known: int
    workers: int
    seconds: float
    largest: int
    smallest: int
    local: bool

    @property
    def table(self) -> int:
        """Bytes of the table in memory."""
        return self.runs * _TABLE_BYTES

    @property
    def memory(self) -> int:
        """Bytes that all workers on this machine and the table need at once."""
        return self.table + (self.workers * self.largest if self.local else 0)

    @property
    def disk(self) -> int:
        """Bytes that the store will grow by, about."""
        return (self.runs - self.known) * _DISK_BYTES

    def __str__(self) -> str:
        todo = self.runs - self.known
        lines = [f"{self.runs} runs, {self.known} of them in {self.store}"]
        if todo:
            how = "a worker" if self.workers == 1 else f"{self.workers} workers"
            lines.append(
                f"{todo} to do: about {duration(self.seconds)} on {how}, up to "
                f"{human(self.memory)} of memory, {human(self.disk)} on disk"
            )
        return "; ".join(lines)

    def check(self, max_hours: float) -> None:
        """Refuse what does not fit, with the numbers.

        Workers that do not fit into the memory at once wait for each other, and a scenario that
        does not fit even alone fails alone; refused is what leaves nothing that could run.

        Raises
        ------
        SweepError
            If it takes more than ``max_hours``, or more memory or disk than there is.
        """
        if self.seconds > 3600 * max_hours:
            raise SweepError(
                f"{self}; that is more than max_hours={max_hours:g}; accepted: more workers, fewer "
                f"scenarios, seeds or rounds, or max_hours={np.ceil(self.seconds / 3600):.0f}"
            )
        available, least = available_memory(), self.table + self.smallest * self.local
        if self.runs > self.known and least > available:
            raise SweepError(
                f"{self}; the table and the smallest machine need {human(least)} of memory, "
                f"{human(available)} are available; accepted: fewer scenarios or seeds at a time "
                "(wb.read_store() returns what several sweeps have stored), or fewer pages"
            )
        free = free_disk(self.store)
        if self.disk > free:
            raise SweepError(
                f"{self}; {human(free)} of disk are free; accepted: a store on another disk, or "
                "fewer scenarios or seeds"
            )


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def estimate(
    plan: Plan, todo: Any, runs: int, store: Path, workers: int, local: bool
) -> tuple[Estimate, Any]:
    """Return what a sweep will take, and the seconds of each run that is to be done.

    Parameters
    ----------
    plan, todo
        Which of its runs are to be done.
    runs
        Different runs, those that are in the store included.
    store, workers, local
        As in ``Estimate``.
    """
    if len(todo) == 0:
        return Estimate(store, runs, runs, workers, 0.0, 0, 0, local), np.zeros(0)
    part = Plan(plan.part(todo), len(todo))
    seconds, size = seconds_a_run(part), part.bytes()
    whole = max(seconds.sum() / workers, seconds.max())
    found = Estimate(
        store, runs, runs - len(todo), workers, whole, int(size.max()), int(size.min()), local
    )
    return found, seconds
