"""The program of a state on 1 to 1024 CPUs and every swap backend: its points, run in stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ..data import backends
from ..errors import ScenarioError
from ..jit.threads import Stop
from ..simulate import Plan, execute, plan_of, tabulate
from .answer import names
from .state import State

SIZES = tuple(1 << i for i in range(11))  # CPUs
# The small machines come first, together, where they take no time (accesses of a run); the others
# one size after the other.
FIRST = SIZES[:5]
_NO_TIME = 1 << 14
ARMS = ("off", "on")


@dataclass(frozen=True)
class Point:
    """A machine of the picture: a swap backend and a number of CPUs."""

    backend: str
    cpus: int

    def __str__(self) -> str:
        return f"{self.backend}, {self.cpus} CPU{'s' if self.cpus > 1 else ''}"


POINTS = tuple(Point(backend, cpus) for backend in backends() for cpus in SIZES)


def state_at(state: State, point: Point, *, thread_per_cpu: bool = True) -> State:
    """Return what a state asks on another machine.

    A latency that was chosen is of the backend that it was chosen for; rounds are those of the
    state, so that only what is named differs.
    """
    changes = {"backend": point.backend, "cpus": point.cpus}
    if thread_per_cpu:
        changes["threads"] = point.cpus
    made = state.with_(**changes)
    return made if point.backend == state.backend else made.with_(latency_ns=None)


class Across:
    """The runs of the picture, in stages.

    Parameters
    ----------
    state
        Of which program, on which two kernels.
    thread_per_cpu
        As many threads as CPUs?  Otherwise as many as the state says.

    Attributes
    ----------
    table
        What ``simulate()`` returns, a row for each point and kernel that was run, with ``arm``
        (``off``, ``on``) and ``name``, the kernel's in the figure.
    left_out
        Points that no scenario can be, or that are too large to be answered at once, with why.
    done
        Sizes that were run.
    """

    def __init__(self, state: State, *, thread_per_cpu: bool = True) -> None:
        self.state, self.thread_per_cpu = state, thread_per_cpu
        self.table = pd.DataFrame()
        self.left_out: dict[Point, str] = {}
        self.done: tuple[int, ...] = ()

    def stages(self) -> Iterator[tuple[int, ...]]:
        """Yield the sizes that are still to be run, stage by stage."""
        first = self.first if not self.done else ()
        if first:
            yield first
        for size in SIZES:
            if size not in (*first, *self.done):
                yield (size,)

    @property
    def first(self) -> tuple[int, ...]:
        """The sizes that take no time."""
        return tuple(
            size for size in FIRST if self.at(Point(self.state.backend, size)).work <= _NO_TIME
        )

    def run(self, sizes: tuple[int, ...], stop: Stop | None = None) -> pd.DataFrame | None:
        """Return the rows of some sizes, None if they were stopped; ``add()`` takes them."""
        wanted, scenarios = [], []
        for point in POINTS:
            if point.cpus not in sizes:
                continue
            try:
                asked = self.at(point)
                asked.check()
                pair = [asked.off, asked.on]
            except ScenarioError as error:
                self.left_out[point] = str(error)
                continue
            wanted.append(point)
            scenarios += pair
        plan = plan_of(scenarios)
        return self._ran(plan, wanted, stop)

    def _ran(self, plan: Plan, wanted: list[Point], stop: Stop | None) -> pd.DataFrame | None:
        stop = stop or Stop()
        counted, errors = execute(plan, stop=stop)
        if stop.flag[0]:
            return None
        called = dict(zip(ARMS, names(self.state), strict=True))
        arms = list(ARMS) * len(wanted)
        rows = tabulate(plan, counted).assign(arm=arms, name=[called[arm] for arm in arms])
        for i in (errors != "").nonzero()[0].tolist():
            self.left_out[wanted[i // 2]] = str(errors[i])
        done: pd.DataFrame = rows[errors == ""]
        return done

    def add(self, rows: pd.DataFrame, sizes: tuple[int, ...]) -> None:
        """Keep the rows that ``run()`` returned."""
        self.table = pd.concat([self.table, rows], ignore_index=True) if len(self.table) else rows
        self.done = (*self.done, *sizes)

    def at(self, point: Point) -> State:
        """Return the state of a point."""
        return state_at(self.state, point, thread_per_cpu=self.thread_per_cpu)

    def moved(self, state: State) -> Across:
        """Return the runs of another state: the same where its points are the same."""
        same = all(
            state_at(state, point, thread_per_cpu=self.thread_per_cpu).with_(patch_on=True)
            == self.at(point).with_(patch_on=True)
            for point in POINTS
            if point.cpus in (SIZES[0], SIZES[-1])
        )
        made = Across(state, thread_per_cpu=self.thread_per_cpu)
        if same:
            made.table, made.left_out, made.done = self.table, self.left_out, self.done
        return made

    def here(self) -> Point | None:
        """Return the point that is the state's own scenario, None if it is none of them."""
        own = self.state.off.resolved()
        point = Point(self.state.backend, int(own["cpus"]))
        if point.cpus not in SIZES:
            return None
        try:
            there = self.at(point).off.resolved()
        except ScenarioError:
            return None
        return point if there == own else None
