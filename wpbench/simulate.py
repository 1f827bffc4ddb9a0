"""Scenarios in, one tidy table out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from . import mm
from ._jit import JIT_DISABLED
from .data import costs
from .errors import ScenarioError, SimulationError, accepted
from .mm import layout as L
from .provenance import provenance
from .scenario import ORDERS, Scenario, parse_mix
from .words import describe_word
from .workloads.params import Params
from .workloads.random_program import random_program
from .workloads.reproducer import reproducer

_WORKLOADS = {"reproducer": reproducer, "random": random_program}
COUNTERS = L.COUNTER_NAMES


def stream_state(seed: int, replication: int) -> int:
    """Return the start of a run's random stream, from its seed and replication alone.

    The same for every decision and policy: compared runs share their random numbers.
    """
    return int(np.random.SeedSequence([seed, replication]).generate_state(1, np.uint64)[0] >> 1)


def params(scenario: Scenario) -> Params:
    """Return the numbers that a scenario's workload is told."""
    fields = scenario.resolved()
    mix = parse_mix(scenario.mix)
    return Params(
        npages=scenario.npages,
        rounds=scenario.rounds,
        cpus=fields["cpus"],
        threads=scenario.threads,
        order=ORDERS.index(scenario.order),
        read_cpu=scenario.read_cpu,
        write_cpu=fields["write_cpu"],
        fork_exit_before=int(scenario.fork_exit_before),
        delay_ns=scenario.delay_ns,
        **{f"mix_{name}": weight for name, weight in mix.items()},
    )


def run(scenario: Scenario, replication: int = 0, log_rows: int = 0) -> Any:
    """Run one scenario and return the machine as it stands at the end."""
    m = mm.Machine(
        scenario.machine_config(log_rows),
        costs()[scenario.resolved()["costs"]],
        stream_state(scenario.seed, replication),
    )
    workload = scenario.workload
    if not callable(workload):
        workload = _WORKLOADS[workload]
    # uint64 is meant to wrap around; only the interpreter warns of it.
    with np.errstate(over="ignore") if JIT_DISABLED else np.errstate():
        workload(m, params(scenario))
    if m.error:
        raise SimulationError(f"{L.ERRORS[m.error]} ({scenario!r})")
    return m


def _scenarios(what: object) -> list[Scenario]:
    if isinstance(what, Scenario):
        return [what]
    if not isinstance(what, Iterable):
        raise ScenarioError(f"simulate() takes a Scenario or many of them, not {what!r}")
    found = list(what)
    for item in found:
        if not isinstance(item, Scenario):
            raise ScenarioError(f"simulate() takes Scenarios, not {item!r}")
    return found


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ScenarioError(accepted(name, value, ["a whole number from 1 up"]))


def simulate(scenarios: Scenario | Iterable[Scenario], seeds: int = 1) -> pd.DataFrame:
    """Run scenarios and return one row for each scenario and seed.

    Parameters
    ----------
    scenarios
        A ``Scenario``, or any iterable of them, such as ``wb.grid(...)``.
    seeds
        Replications of each scenario; the n-th uses the n-th random stream of its ``seed``, the
        same for every decision and policy.

    Returns
    -------
    DataFrame
        The scenario's parameters (None replaced by what it stands for) and ``replication``; then
        counts: ``wp_faults`` = ``copies`` + ``reuses``, decisions of do_wp_page() about anonymous
        pages; ``copy_rate``, their ratio (NaN without a fault); ``copy_<reason>``, the copies by
        reason; ``seen_<what>``, the copies by what an instrumented kernel sees when it gives up;
        ``drains``, calls of lru_add_drain() by do_wp_page(), and ``drained_pages``;
        ``not_paged_out``, pages still mapped right after MADV_PAGEOUT; ``pswpin``, ``pswpout``;
        minor and major faults; ``accesses``.  ``attrs["wpbench"]`` says how it was made.

    Raises
    ------
    ScenarioError
        If ``seeds`` or a scenario is not what it should be.
    SimulationError
        If a run cannot be finished (a workload of your own that asks for the impossible).
    """
    _check_positive("seeds", seeds)
    todo = _scenarios(scenarios)
    rows = []
    for scenario in todo:
        fields = scenario.resolved()
        for replication in range(seeds):
            counts = run(scenario, replication).counted
            rows.append(
                fields
                | {"replication": replication}
                | dict(zip(COUNTERS, counts.tolist(), strict=True))
            )
    columns = [*Scenario.model_fields, "replication", *COUNTERS]
    table = pd.DataFrame(rows, columns=columns)
    faults = table["wp_faults"].to_numpy()
    with np.errstate(invalid="ignore"):
        rate = table["copies"].to_numpy() / np.where(faults > 0, faults, np.nan)
    table.insert(columns.index("copies") + 1, "copy_rate", rate)
    described = [scenario.resolved() for scenario in todo[:1000]]
    table.attrs["wpbench"] = provenance("simulate", {"scenarios": described, "seeds": seeds})
    return table


def faults(scenario: Scenario, replication: int = 0, limit: int = 100_000) -> pd.DataFrame:
    """Return one row for each write-protect fault of a run: who held the page, what became of it.

    Parameters
    ----------
    scenario, replication
        The run, as ``simulate()`` would do it.
    limit
        Rows kept at most, from the first fault on (72 bytes of memory each).

    Returns
    -------
    DataFrame
        ``fault`` (number), ``page``, ``cpu``, ``t_ns`` (0 without a clock), ``outcome`` (reuse,
        copy), ``reason`` (of a copy), ``before`` and ``decided``: page_count, holders and flags of
        the page when the fault began and when the decision fell; ``drained``: entries that waited
        in the pagevecs drained.
    """
    _check_positive("limit", limit)
    m = run(scenario, replication, log_rows=limit)
    used = min(int(m.nr_logged), limit)
    log = m.log[: used * L.NR_LOG].reshape(used, L.NR_LOG)
    raw = pd.DataFrame(log, columns=list(L.LOG))
    words = {int(word) for word in np.unique(log[:, 4:6])}
    text = {word: describe_word(word) for word in words}
    table = pd.DataFrame(
        {
            "fault": raw["fault"],
            "page": raw["page"],
            "cpu": raw["cpu"],
            "t_ns": raw["t_ns"],
            "outcome": raw["outcome"].map(dict(enumerate(L.OUTCOMES))),
            "reason": raw["reason"].map(lambda r: L.REASONS[r] if r >= 0 else ""),
            "before": raw["before"].map(text),
            "decided": raw["given_up"].map(text),
            "drained": raw["drained"],
        }
    )
    table.attrs["wpbench"] = provenance("faults", scenario.resolved())
    return table
