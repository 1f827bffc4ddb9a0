"""Patch on minus patch off, in totals over the same program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..bounds import MAX_RUNS, check
from ..data import cost_facts, costs
from ..errors import ScenarioError
from ..mm import layout as L
from ..mm.names import Cost, texts
from ..provenance.record import provenance
from ..scenario import Overrides, Scenario, kernel
from ..scenario.columns import cost_row
from ..scenario.grids import check_runs
from ..scenario.kernels import OFF, ON
from ..scenario.plain import described
from ..simulate import COUNTERS, Plan, execute, plan_of, raise_failure
from .draws import BACKEND_FACTS, check_draws, drawn_costs, unit_draws
from .result import Price
from .tally import MEASURES, check_per, differences
from .verdicts import is_stable, table_of

DRAWS, MOST_DRAWS = 16, 128


def price(
    scenarios: Scenario | Iterable[Scenario],
    *,
    off: str = OFF,
    on: str = ON,
    per: str = "access",
    seeds: int = 1,
    draws: int = DRAWS,
    most_draws: int = MOST_DRAWS,
    seed: int = 0,
    confidence: float = 0.95,
    threads: int | None = None,
    progress: Callable[[int], Any] | None = None,
    max_runs: int = MAX_RUNS,
) -> Price:
    """Return the cost or saving of the patch, with the cost set's values and over their ranges.

    Every scenario is simulated with both kernels: with the cost set's values, ``seeds``
    replications; and with costs drawn from their ranges.  The draws are a Sobol sequence; half of
    them lie below the set's value.  Costs that depend on the clock rate or on the price of an
    interrupt move together.  A backend's ``read_ns``, ``write_ns`` and, if the scenario does not
    give it, ``latency_ns`` are drawn too.  Off and on share each draw and each random stream, and
    do the same program: their totals are compared.

    Parameters
    ----------
    scenarios
        Their ``kernel`` must not vary; ``drain`` and ``rules`` are those of ``on``.
        ``costs`` None: ``server``.
    off, on
        Kernels, as in ``Scenario``.
    per
        The totals of both sides are divided by the same number: of ``access`` or ``round``, or
        ``program`` for no division.
    seeds
        Replications.  Draw n uses replication n modulo ``seeds``.
    draws
        The first number of draws: a power of two.  It is doubled for the scenarios whose verdict
        is not stable, up to ``most_draws``.
    most_draws
        A power of two.
    seed
        Of the draws.
    confidence
        Share of the draws between ``low`` and ``high``.
    threads, progress, max_runs
        As for ``simulate()``.

    Returns
    -------
    Price
        ``table`` has the parameters that vary, and for each ``measure`` (``write``: the time of the
        writes that met a write-protect fault; ``cpu``: the time of all CPUs):

        - ``off``, ``on``, ``difference``: nanoseconds by ``per`` with the cost set's values (mean
          over replications; on minus off: negative if the patch saves time);
        - ``low``, ``high``: the middle ``confidence`` of the drawn differences, extended to the
          difference with the set's own values;
        - ``wins``: the share of the draws in which ``on`` is cheaper; ``error``: its standard error
          for independent draws (for these draws rather too large);
        - ``verdict``: ``lower``, ``higher``, ``same``, ``~`` (it depends on the costs) or ``too few
          runs``, by the rule of ``wb.compare()``; ``no fault`` if neither side has a write-protect
          fault and nothing differs; ``draws``: their number; ``stable``: do half of them give the
          same verdict?
        - ``dominant``: the cost that the difference follows most (a step, ``clock rate`` or
          ``interrupts``); ``rho``: Spearman's rank correlation; empty if chance explains it;
        - by ``per``, for ``_off`` and ``_on``: ``faults``, ``copies``, ``drains``, ``pages_out``
          and ``pages_in`` (swap traffic), ``dead`` (pages that only a pagevec still held), and
          ``orphans``, pages that only a pagevec or the swap cache holds at the end of the run;
        - ``off_per_fault``, ``on_per_fault``, ``copy_rate_off``, ``copy_rate_on``: each side by its
          own faults.  The sides can differ in their number of faults, so these give no verdict;
        - ``note``: a drain that no kernel can do.

    Raises
    ------
    ScenarioError
        For scenarios without ranges of costs, a kernel axis, or wrong arguments.
    SimulationError
        If a run cannot be finished.

    Examples
    --------
    >>> import wpbench as wb
    >>> priced = wb.price(wb.Scenario(npages=8, rounds=4, costs="server"), draws=16, most_draws=16)
    >>> priced.table[["measure", "off", "on", "verdict"]].round(1)
      measure     off      on verdict
    0   write   621.9   360.0       ~
    1     cpu  7638.7  7335.6   lower
    """
    for name, value in (("off", off), ("on", on)):
        try:
            kernel(value)
        except ScenarioError as error:
            raise ScenarioError(f"{name}: {error}") from None
    check("seeds", seeds)
    check_per(per)
    check_draws("draws", draws)
    check_draws("most_draws", most_draws)
    most_draws = max(draws, most_draws)
    given = _given(scenarios)
    check_runs([2 * len(given)], max(seeds, most_draws), max_runs)
    pairs = [*(_with(s, off, drained=False) for s in given), *(_with(s, on) for s in given)]
    central = _counted(plan_of(pairs, seeds, max_runs=max_runs), threads, progress)
    units = unit_draws(most_draws, seed)

    def run(which: Sequence[int], start: int, stop: int) -> dict[str, Any]:
        some = [pairs[i] for i in which] + [pairs[len(given) + i] for i in which]
        plan = _drawn_plan(some, units, slice(start, stop), seeds)
        counted = _counted(plan, threads, progress)
        off_, on_ = ({k: v.reshape(2, -1)[i] for k, v in counted.items()} for i in (0, 1))
        rounds = np.repeat([given[i].rounds for i in which], stop - start)
        shape = (len(which), stop - start)
        found = differences(off_, on_, rounds, per)
        return {name: (b - a).reshape(shape) for name, (a, b) in found.items()}

    drawn = _until_stable(run, len(given), draws, most_draws, confidence)
    asked = pd.DataFrame([scenario.resolved() for scenario in given])
    parameters = described(scenarios, asked, 1) | {
        "off": off, "on": on, "per": per, "seeds": seeds, "draws": draws, "seed": seed,
        "most_draws": most_draws, "confidence": confidence,
    }  # fmt: skip
    table = table_of(pairs, central, drawn, units, parameters)
    table.attrs["wpbench"] = provenance("price", parameters)
    return Price(table, np.concatenate(list(drawn.values())))


def _until_stable(
    run: Callable[[Sequence[int], int, int], dict[str, Any]],
    scenarios: int,
    first: int,
    most: int,
    confidence: float,
) -> dict[str, Any]:
    """Return float64[scenarios, most] of each measure, NaN for the draws that were not needed."""
    made = {name: np.full((scenarios, most), np.nan) for name in MEASURES}
    open_, start, stop = list(range(scenarios)), 0, first
    while open_:
        found = run(open_, start, stop)
        for name, values in found.items():
            made[name][open_, start:stop] = values
        if stop == most:
            break
        open_ = [
            i
            for i in open_
            if not all(is_stable(made[name][i, :stop], confidence) for name in MEASURES)
        ]
        start, stop = stop, 2 * stop
    return made


def _given(scenarios: object) -> list[Scenario]:
    """Return the scenarios, with costs; refuse those that ask for two kernels."""
    found = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)  # type: ignore[call-overload]
    ranged = [name for name in costs() if has_ranges(name)]
    made = []
    for scenario in found:
        name = scenario.costs or "server"
        if not has_ranges(name):
            raise ScenarioError(
                f"costs: {name!r} has no ranges to draw from; accepted: {', '.join(ranged)}"
            )
        made.append(scenario if scenario.costs else _changed(scenario, costs=name))
    if len({scenario.kernel for scenario in made}) > 1:
        raise ScenarioError(
            "kernel: price() compares off with on itself; accepted: scenarios of one kernel"
        )
    if not made:
        raise ScenarioError("price() needs at least one scenario")
    return made


def has_ranges(name: str) -> bool:
    """Does a cost set say within which ranges its steps lie?"""
    return any("low" in fact for step, fact in cost_facts(name).items() if step in texts(Cost))


def _changed(scenario: Scenario, **fields: Any) -> Scenario:
    old = {name: getattr(scenario, name) for name in scenario.model_fields_set}
    return Scenario(**old | fields)


def _with(scenario: Scenario, name: str, *, drained: bool = True) -> Scenario:
    """Return a scenario of one side; what only the other side does is left out of ``off``."""
    if drained:
        return _changed(scenario, kernel=name)
    return _changed(scenario, kernel=name, drain=None, rules=Overrides())


def _drawn_plan(pairs: Sequence[Scenario], units: Any, some: slice, seeds: int) -> Plan:
    """Return the plan of every scenario with some of the draws of the costs."""
    numbers = np.arange(len(units))[some]
    draws = len(numbers)
    columns = plan_of(pairs, max_runs=len(pairs)).columns
    n = len(pairs) * draws
    rows = np.repeat(np.arange(len(pairs)), draws)
    columns = {k: v[rows] if len(v) > 1 else v for k, v in columns.items()}
    columns["replication"] = np.tile(numbers % seeds, len(pairs))
    cost = np.zeros((n, L.NR_COSTS), np.int64)
    latency = np.broadcast_to(columns["latency_ns"], n).copy()
    drawn: dict[tuple[str, str], dict[str, Any]] = {}
    for i, scenario in enumerate(pairs):
        at = slice(i * draws, (i + 1) * draws)
        key = (str(scenario.costs), scenario.backend)
        cost[at] = cost_row(*key)
        if key not in drawn:
            drawn[key] = drawn_costs(*key, units[some])
        for name, values in drawn[key].items():
            step = BACKEND_FACTS.get(name, name)
            if step is not None:
                cost[at, texts(Cost).index(step)] = values
        if scenario.latency_ns is None:
            latency[at] = drawn[key]["latency_ns"]
    columns["latency_ns"] = latency
    return Plan(columns, n, cost=cost)


def _counted(plan: Plan, threads: int | None, progress: Any) -> dict[str, Any]:
    """Do the runs; return each counter's column."""
    counted, errors = execute(plan, threads, progress)
    raise_failure(plan, errors)
    return dict(zip(COUNTERS, counted.T.astype(float), strict=True))
