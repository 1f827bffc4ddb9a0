"""Runs that are to be done: scenarios, with every default resolved and each replication."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from ..bounds import MAX_RUNS
from ..data import ghz
from ..errors import ScenarioError, shown
from ..jit.sources import model_hash
from ..mm.machine import Machine, headers, memory_words
from ..scenario import Grid, GridFile, Scenario
from ..scenario.columns import (
    cost_rows,
    machine_config,
    mapping,
    resolve,
    workload_name,
    workload_params,
)
from ..scenario.grids import check_runs
from ..scenario.model import as_columns
from ..scenario.repeats import NONE, obstacles
from ..workloads.catalog import WORKLOADS, facts_of
from .own import OwnWorkload

MODEL: str = model_hash()  # of the sources as they were loaded: what is edited later does not run


def stream_states(seeds: Any, replications: Any) -> Any:
    """Return the starts of runs' random streams, from seed and replication alone.

    The same for every kernel, rule and policy: compared runs share their random numbers.  Two
    rounds of splitmix64's mixer over the two numbers: a counter-based generator.
    """
    state = np.zeros(np.broadcast(seeds, replications).shape, np.uint64)
    with np.errstate(over="ignore"):
        for word in (seeds, replications):
            state = (state ^ np.asarray(word).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
                state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
            state = state ^ (state >> np.uint64(31))
    return state.view(np.int64)


@lru_cache(maxsize=64)
def program(workload: Any) -> Any:
    """Return the program of a workload.

    Parameters
    ----------
    workload
        The name of a built-in one, or a function ``f(m, p)``.

    Returns
    -------
    A callable of a ``Machine``.

    Examples
    --------
    >>> from wpbench.simulate import program
    >>> callable(program("reproducer"))
    True
    """
    return WORKLOADS[workload].run if isinstance(workload, str) else OwnWorkload(workload)


class Plan:
    """Runs that are to be done.

    Parameters
    ----------
    columns
        Resolved fields, of one entry or one a run; ``replication`` among them.
    n
        Runs.
    watching
        ``log_rows``, ``watched``, ``event_rows``, ``explained`` of ``layout.CONFIG``.
    cost
        int64[n, NR_COSTS], nanoseconds of the steps; None for those of the cost sets.
    """

    def __init__(
        self, columns: dict[str, Any], n: int, *, cost: Any = None, **watching: int
    ) -> None:
        self.n = n
        self.columns = columns
        self.workloads = np.broadcast_to(columns["workload"], self.n)
        self._config = machine_config(columns, **watching)
        self._param = workload_params(columns)
        self._cost = cost_rows(columns) if cost is None else cost
        self.ghz = mapping(columns["costs"])(ghz, float)
        streams = stream_states(columns["seed"], columns["replication"])
        self._seeds = np.broadcast_to(streams, self.n)

    def part(self, runs: Any) -> dict[str, Any]:
        """Return the columns of some runs: ``Plan(plan.part(runs), len(runs))`` does just these."""
        return {k: v[runs] if len(v) > 1 else v for k, v in self.columns.items()}

    def inputs(self, runs: Any) -> tuple[Any, Any, Any]:
        """Return headers, words of memory, and streams of some runs."""

        def pick(column: Any) -> Any:
            return column[runs] if np.ndim(column) and len(column) > 1 else column

        config = {name: pick(column) for name, column in self._config.items()}
        made, words = headers(config, pick(self._cost), pick(self._param), len(runs))
        return made, words, self._seeds[runs]

    def accesses(self) -> Any:
        """Return about how many accesses each run does."""
        columns = self.columns
        pages = np.where(_by_mix(columns), 1, columns["npages"] * columns["threads"])
        return np.broadcast_to(2 * pages * (columns["rounds"] + 1), self.n)

    @cached_property
    def work(self) -> Any:
        """About how many accesses each run does for certain: 0 where rounds may be skipped."""
        return np.where(self.obstacles == NONE, 0.0, self.accesses())

    def bytes(self) -> Any:
        """Return how much memory each run's machine takes, bytes."""
        return np.broadcast_to(8 * memory_words(self._config), self.n)

    @cached_property
    def obstacles(self) -> Any:
        """Why rounds of each run are not skipped: places in ``repeats.OBSTACLES``."""
        return np.broadcast_to(obstacles(self.columns, self._config), self.n)

    def machine(self, run: int) -> Machine:
        """Return the machine of one run, before it."""
        config = {
            name: int(np.broadcast_to(column, self.n)[run]) for name, column in self._config.items()
        }
        cost = self._cost[run if len(self._cost) > 1 else 0]
        param = self._param[run if len(self._param) > 1 else 0]
        return Machine(config, cost, int(self._seeds[run]), param)

    def describe(self, run: int) -> str:
        """Return a run's scenario in words."""
        fields = {k: v[run if len(v) > 1 else 0] for k, v in self.columns.items()}
        return f"{workload_name(fields.pop('workload'))}: " + ", ".join(
            f"{name}={value}" for name, value in fields.items()
        )


def _every(raw: dict[str, Any], scenarios: int, seeds: int, **watching: int) -> Plan:
    """Return the plan of every scenario, with each replication."""
    columns = resolve(raw)
    if seeds > 1:
        columns = {k: np.repeat(v, seeds) if len(v) > 1 else v for k, v in columns.items()}
    columns["replication"] = np.tile(np.arange(seeds), scenarios)
    return Plan(columns, scenarios * seeds, **watching)


def _by_mix(columns: dict[str, Any]) -> Any:
    return np.array([facts_of(w).by_mix for w in columns["workload"]])


def plan_of(what: object, seeds: int = 1, *, max_runs: int = MAX_RUNS) -> Plan:
    """Return the runs of a Scenario, a Grid or any iterable of Scenarios.

    Parameters
    ----------
    what
        The scenarios.
    seeds
        Replications of each.
    max_runs
        More runs than this are refused.

    Returns
    -------
    Plan
        ``n`` runs, with every default resolved.

    Raises
    ------
    ScenarioError
        If it is anything else, or has too many runs.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.simulate import plan_of
    >>> plan_of(wb.grid(npages=[1, 8]), seeds=3).n
    6
    """
    if isinstance(what, Grid | GridFile):
        check_runs([len(what)], seeds, max_runs)
        return _every(what.columns(), len(what), seeds)
    found = [what] if isinstance(what, Scenario) else what
    if not isinstance(found, Iterable):
        raise ScenarioError(f"simulate() takes a Scenario or many of them, not {shown(what)}")
    scenarios = []
    for item in found:
        if not isinstance(item, Scenario):
            raise ScenarioError(f"simulate() takes Scenarios, not {shown(item)}")
        scenarios.append(item)
        if len(scenarios) > max_runs:
            break  # it may have no end
    check_runs([len(scenarios)], seeds, max_runs)
    names = list(Scenario.model_fields)
    rows = zip(*map(attrgetter(*names), scenarios), strict=True)
    columns = dict(zip(names, rows, strict=True)) if scenarios else dict.fromkeys(names, ())
    for name, values in columns.items():
        if len(values) > 1 and values.count(values[0]) == len(values):
            columns[name] = values[:1]
    return _every(as_columns(columns), len(scenarios), seeds)
