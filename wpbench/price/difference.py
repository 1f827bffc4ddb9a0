"""Patch on minus patch off, per write-protect fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

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
from ..tables import rate_interval, varying
from .draws import BACKEND_FACTS, DRAWN, drawn_costs, unit_draws
from .result import Price

# What is compared, per write-protect fault, and the counter it comes from.
MEASURES = {"write": "write_ns", "cpu": "cpu_ns"}
# Fields of a scenario that are no parameter of a comparison.
_NOT_COMPARED = ("kernel",)
_NOTES = {
    "all-cpus": "impossible under the page-table lock: lru_add_drain_all() sleeps",
    "lru-add-only": "named on the list, never built",
    "this-page": "named on the list, never built",
}


def price(
    scenarios: Scenario | Iterable[Scenario],
    *,
    off: str = OFF,
    on: str = ON,
    seeds: int = 1,
    draws: int = 64,
    seed: int = 0,
    confidence: float = 0.95,
    threads: int | None = None,
    progress: Callable[[int], Any] | None = None,
    max_runs: int = MAX_RUNS,
) -> Price:
    """Return what the patch costs or saves, with the cost set's values and over their ranges.

    Every scenario is simulated with both kernels: with the cost set's values, ``seeds``
    replications; and with costs drawn from their ranges (log-uniform, a Sobol sequence; a backend's
    ``read_ns``, ``write_ns`` and, where the scenario does not give it, ``latency_ns`` included).
    Off and on share each draw and each random stream.

    Parameters
    ----------
    scenarios
        Their ``kernel`` must not vary; ``drain`` and ``rules`` are those of ``on``.
        ``costs`` None: ``server``.
    off, on
        Kernels, as in ``Scenario``.
    seeds
        Replications.  Draw n uses replication n modulo ``seeds``.
    draws
        Of the costs: a power of two.
    seed
        Of the draws.
    confidence
        Share of the draws between ``low`` and ``high``, and confidence of ``wins``' interval.
    threads, progress, max_runs
        As for ``simulate()``.

    Returns
    -------
    Price
        ``table`` has the parameters that vary; ``measure``: ``write``, the time of the writes that
        met a write-protect fault, or ``cpu``, all CPU time, each by the number of those faults;
        ``off``, ``on``, ``difference``: nanoseconds per fault with the cost set's values (mean over
        replications; on minus off: negative where the patch saves time); ``low``, ``high``: the
        middle of the drawn differences; ``wins``: in which share of the draws ``on`` is cheaper,
        with Wilson's interval ``wins_low``, ``wins_high`` (of the draws, as if they were
        independent: rather too wide); ``dominant``: the cost whose draws go most with the
        difference, and ``rho``, Spearman's rank correlation of the two; ``copy_rate_off``,
        ``copy_rate_on``; ``drains_per_fault``; ``faults``, with ``on``; ``note``, what no kernel
        can or does do.

    Raises
    ------
    ScenarioError
        For scenarios without ranges of costs, a kernel axis, or wrong arguments.
    SimulationError
        If a run cannot be finished.
    """
    for name, value in (("off", off), ("on", on)):
        try:
            kernel(value)
        except ScenarioError as error:
            raise ScenarioError(f"{name}: {error}") from None
    check("seeds", seeds)
    places = unit_draws(draws, seed)
    given = _given(scenarios)
    check_runs([2 * len(given)], max(seeds, draws), max_runs)
    pairs = [*(_with(s, off, drained=False) for s in given), *(_with(s, on) for s in given)]
    central = _counted(plan_of(pairs, seeds, max_runs=max_runs), threads, progress)
    drawn = _counted(_drawn_plan(pairs, places, seeds), threads, progress)
    asked = pd.DataFrame([scenario.resolved() for scenario in given])
    parameters = described(scenarios, asked, 1) | {
        "off": off, "on": on, "seeds": seeds, "draws": draws, "seed": seed,
        "confidence": confidence,
    }  # fmt: skip
    return _priced(pairs, central, drawn, places, parameters)


def _given(scenarios: object) -> list[Scenario]:
    """Return the scenarios, with costs; refuse those that ask for two kernels."""
    found = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)  # type: ignore[call-overload]
    ranged = [name for name in costs() if _has_ranges(name)]
    made = []
    for scenario in found:
        name = scenario.costs or "server"
        if not _has_ranges(name):
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


def _has_ranges(name: str) -> bool:
    return any("low" in fact for step, fact in cost_facts(name).items() if step in texts(Cost))


def _changed(scenario: Scenario, **fields: Any) -> Scenario:
    old = {name: getattr(scenario, name) for name in scenario.model_fields_set}
    return Scenario(**old | fields)


def _with(scenario: Scenario, name: str, *, drained: bool = True) -> Scenario:
    """Return a scenario of one side; what only the other side does is left out of ``off``."""
    if drained:
        return _changed(scenario, kernel=name)
    return _changed(scenario, kernel=name, drain=None, rules=Overrides())


def _drawn_plan(pairs: Sequence[Scenario], places: Any, seeds: int) -> Plan:
    """Return the plan of every scenario with every draw of the costs."""
    draws = len(places)
    columns = plan_of(pairs, max_runs=len(pairs)).columns
    n = len(pairs) * draws
    rows = np.repeat(np.arange(len(pairs)), draws)
    columns = {k: v[rows] if len(v) > 1 else v for k, v in columns.items()}
    columns["replication"] = np.tile(np.arange(draws) % seeds, len(pairs))
    cost = np.zeros((n, L.NR_COSTS), np.int64)
    latency = np.broadcast_to(columns["latency_ns"], n).copy()
    drawn: dict[tuple[str, str], dict[str, Any]] = {}
    for i, scenario in enumerate(pairs):
        at = slice(i * draws, (i + 1) * draws)
        key = (str(scenario.costs), scenario.backend)
        cost[at] = cost_row(*key)
        if key not in drawn:
            drawn[key] = drawn_costs(*key, places)
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


def _per_fault(found: dict[str, Any], counter: str) -> Any:
    faults = np.where(found["wp_faults"] > 0, found["wp_faults"], np.nan)
    return found[counter] / faults


def _priced(
    pairs: list[Scenario],
    central: dict[str, Any],
    drawn: dict[str, Any],
    places: Any,
    parameters: dict[str, Any],
) -> Price:
    """Return what was counted as a Price; ``pairs``: first those off, then those on."""
    n, seeds, draws = len(pairs) // 2, parameters["seeds"], parameters["draws"]
    confidence = parameters["confidence"]
    fields = pd.DataFrame(
        [scenario.resolved() | {"rules": str(scenario.rules)} for scenario in pairs[n:]]
    )
    names = [str(name) for name in fields if name not in _NOT_COMPARED]
    varies = varying(fields, names)

    def mean(values: Any) -> tuple[Any, Any]:
        by_run = values.reshape(2, n, seeds).mean(axis=2)
        return by_run[0], by_run[1]

    copies = mean(_per_fault(central, "copies"))
    drains = mean(_per_fault(central, "drains"))
    faults = mean(central["wp_faults"])
    tables, differences = [], []
    for measure, counter in MEASURES.items():
        first, second = mean(_per_fault(central, counter))
        by_draw = _per_fault(drawn, counter).reshape(2, n, draws)
        difference = by_draw[1] - by_draw[0]
        low, high = np.transpose([_middle(row, confidence) for row in difference])
        won = (difference < 0).sum(axis=1)
        priced = (~np.isnan(difference)).sum(axis=1)  # draws with a fault on both sides
        wins_low, wins_high = rate_interval(won, priced, confidence)
        dominant = [_dominant(row, places) for row in difference]
        table = fields[varies].assign(
            measure=measure,
            off=first,
            on=second,
            difference=second - first,
            low=low,
            high=high,
            wins=won / np.where(priced > 0, priced, np.nan),
            wins_low=wins_low,
            wins_high=wins_high,
            dominant=[name for name, _ in dominant],
            rho=[rho for _, rho in dominant],
            copy_rate_off=copies[0],
            copy_rate_on=copies[1],
            drains_per_fault=drains[1],
            faults=faults[1].astype(int),
            note=[
                _note(scenario) if any_fault else "no write-protect fault"
                for scenario, any_fault in zip(pairs[n:], priced > 0, strict=True)
            ],
        )
        tables.append(table)
        differences.append(difference)
    table = pd.concat(tables, ignore_index=True)
    table.attrs["varying"] = varies
    table.attrs["wpbench"] = provenance("price", parameters)
    return Price(table, np.concatenate(differences))


def _middle(values: Any, share: float) -> Any:
    """Return the ends of the middle share of the numbers that are known; NaN where none is."""
    known = values[~np.isnan(values)]
    tail = (1 - share) / 2
    return np.quantile(known, [tail, 1 - tail]) if len(known) else (np.nan, np.nan)


def _note(scenario: Scenario) -> str:
    if scenario.rules.get("swapin_inserts_at_once"):
        return "past the pagevec: no kernel does this"
    return _NOTES.get(str(scenario.drain), "")


def _dominant(difference: Any, places: Any) -> tuple[str, float]:
    """Return the cost that the difference goes with most, and Spearman's rank correlation."""
    if np.isnan(difference).any() or np.ptp(difference) == 0:
        return "", np.nan
    ranks = stats.rankdata(np.column_stack([difference, places]), axis=0)
    rho = np.corrcoef(ranks, rowvar=False)[0, 1:]
    at = int(np.argmax(np.abs(rho)))
    return DRAWN[at], float(rho[at])
