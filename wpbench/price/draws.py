"""Costs drawn from their ranges: what is not known is not one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import qmc

from ..data import cost_facts, device_facts
from ..errors import ScenarioError, accepted
from ..mm.names import Cost, texts

# Facts of a backend that a run's times depend on, and the cost each is (None: not a cost).
BACKEND_FACTS = {"read_ns": "device_read", "write_ns": "device_write", "latency_ns": None}
# What is drawn, in this order, whatever cost set and backend: the same draw is the same place in
# each range, so that scenarios can be compared draw by draw.
NOT_DRAWN = ("fault_first", "device_read", "device_write")
DRAWN = (*(step for step in texts(Cost) if step not in NOT_DRAWN), *BACKEND_FACTS)


@dataclass(frozen=True)
class Range:
    """Where a cost lies, nanoseconds; ``low == high`` where it is known."""

    value: float
    low: float
    high: float


def ranges(costs: str, backend: str) -> dict[str, Range]:
    """Return where each of ``DRAWN`` lies, by a cost set and a backend."""
    found = {**cost_facts(costs), **device_facts(costs, backend)}
    made = {}
    for name in DRAWN:
        fact = found[name]
        value = float(fact["value"])
        made[name] = Range(value, float(fact.get("low", value)), float(fact.get("high", value)))
    return made


def unit_draws(draws: int, seed: int) -> Any:
    """Return float64[draws, len(DRAWN)] in [0, 1): a scrambled Sobol sequence (scipy)."""
    if type(draws) is not int or draws < 2 or draws & (draws - 1):
        raise ScenarioError(accepted("draws", draws, ["a power of two from 2 up"]))
    return qmc.Sobol(len(DRAWN), rng=np.random.default_rng(seed)).random(draws)


def between(place: Any, low: float, high: float) -> Any:
    """Return the numbers at some places of a range, evenly by their logarithm.

    A range says "within a factor of"; from 0 on there is no factor, and it is taken evenly.
    """
    if low <= 0:
        return low + place * (high - low)
    return low * (high / low) ** place


def drawn_costs(costs: str, backend: str, places: Any) -> dict[str, Any]:
    """Return int64[draws] of each of ``DRAWN``: nanoseconds, rounded."""
    return {
        name: np.rint(between(places[:, i], found.low, found.high)).astype(np.int64)
        for i, (name, found) in enumerate(ranges(costs, backend).items())
    }
