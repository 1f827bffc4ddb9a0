"""Costs drawn from their ranges: what is not known is not one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ..data import cost_facts, device_facts
from ..errors import ScenarioError, accepted
from ..mm.names import Cost, texts

# Facts of a backend that a run's times depend on, and the cost each is (None: not a cost).
BACKEND_FACTS = {"read_ns": "device_read", "write_ns": "device_write", "latency_ns": None}
# What is drawn, in this order, whatever cost set and backend: the same draw is the same place in
# each range, so that scenarios can be compared draw by draw.
NOT_DRAWN = ("fault_first", "device_read", "device_write")
DRAWN = (*(step for step in texts(Cost) if step not in NOT_DRAWN), *BACKEND_FACTS)
# What several costs have in common, and what each has of its own.
FACTORS = ("clock rate", "interrupts", *DRAWN)
# An interrupt is dear in a guest, or cheap without one: for all of these at a time.
INTERRUPTS = frozenset(("tlb_ipi", "tlb_ipi_cpu", "tlb_ipi_receive", "complete_request"))
_NO_WORK = frozenset(("latency_ns",))  # of the device: no CPU's clock rate is in it


@dataclass(frozen=True)
class Range:
    """Where a cost lies, nanoseconds; ``low == high`` where it is known."""

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Width of its logarithm; 0 where it is known, or begins at 0."""
        return math.log(self.high / self.low) if 0 < self.low < self.high else 0.0


def _range(fact: Any) -> Range:
    value = float(fact["value"])
    return Range(value, float(fact.get("low", value)), float(fact.get("high", value)))


def ranges(costs: str, backend: str) -> dict[str, Range]:
    """Return where each of ``DRAWN`` lies, by a cost set and a backend."""
    found = {**cost_facts(costs), **device_facts(costs, backend)}
    return {name: _range(found[name]) for name in DRAWN}


def clock_width(costs: str) -> float:
    """Return the width of the clock rate's logarithm in a cost set; 0 where it is known."""
    fact = cost_facts(costs).get("ghz")
    return _range(fact).width if fact else 0.0


def check_draws(name: str, draws: Any) -> None:
    """Raise unless a number of draws is a power of two."""
    if type(draws) is not int or draws < 2 or draws & (draws - 1):
        raise ScenarioError(accepted(name, draws, ["a power of two from 2 up"]))


def unit_draws(draws: int, seed: int) -> Any:
    """Return float64[draws, len(FACTORS)] in (0, 1): a scrambled Sobol sequence (scipy).

    The first n of more draws are n draws: they can be doubled.
    """
    check_draws("draws", draws)
    made = scipy.stats.qmc.Sobol(len(FACTORS), rng=np.random.default_rng(seed)).random(draws)
    return np.clip(made, 2.0**-32, 1 - 2.0**-32)


def places(costs: str, backend: str, units: Any) -> Any:
    """Return float64[draws, len(DRAWN)]: each cost's place in its range, evenly in (0, 1).

    What moves together is drawn together: the logarithm of a cost is the clock rate's, as far as
    the set's range of ``ghz`` goes, and the rest its own, or that of all interrupts.  A normal
    copula, in which a cost's correlation with the clock is the width of the clock's range by that
    of the cost's own.
    """
    normal = scipy.stats.norm.ppf(units)
    clock = clock_width(costs)
    made = np.empty((len(units), len(DRAWN)))
    for i, (name, found) in enumerate(ranges(costs, backend).items()):
        own = normal[:, 1] if name in INTERRUPTS else normal[:, 2 + i]
        share = 0.0
        if name not in _NO_WORK and found.width > 0:
            share = min(1.0, clock / found.width)
        made[:, i] = scipy.stats.norm.cdf(share * normal[:, 0] + math.sqrt(1 - share**2) * own)
    return made


def between(place: Any, found: Range) -> Any:
    """Return the numbers at some places of a range: its value in the middle.

    Evenly by the logarithm on either side of the value: a range says "within a factor of".  From 0
    on there is no factor, and it is taken evenly; a value at an end is no middle.
    """
    low, value, high = found.low, found.value, found.high
    if low <= 0:
        return low + place * (high - low)
    if not low < value < high:
        return low * (high / low) ** place
    below = low * (value / low) ** (2 * np.minimum(place, 0.5))
    return below * (high / value) ** (2 * np.maximum(place, 0.5) - 1)


def drawn_costs(costs: str, backend: str, units: Any) -> dict[str, Any]:
    """Return int64[draws] of each of ``DRAWN``: nanoseconds, rounded."""
    at = places(costs, backend, units)
    return {
        name: np.rint(between(at[:, i], found)).astype(np.int64)
        for i, (name, found) in enumerate(ranges(costs, backend).items())
    }
