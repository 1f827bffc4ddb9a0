"""Which cost a difference goes with, where that is more than chance."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

import numpy as np
import scipy

from ..mm import layout as L
from ..scenario import Scenario
from ..simulate.runs import run
from .draws import BACKEND_FACTS, FACTORS, INTERRUPTS

_PERMUTATIONS = 499
_LEVEL = 0.95
_FEW = 8  # of fewer draws no correlation is more than chance


def spent_factors(scenarios: Collection[Scenario]) -> tuple[str, ...]:
    """Return the factors of the draws that any of some scenarios spends time on."""
    steps: set[str] = set()
    waits = False
    for scenario in scenarios:
        m = run(scenario)
        spent = np.array(m.spent, np.int64)
        steps |= {step for step, ns in zip(L.SPENT, spent, strict=True) if ns}
        waits |= bool(m.async_io) and scenario.latency_ns is None
    device = {step: name for name, step in BACKEND_FACTS.items() if step}
    found = {device.get(step, step) for step in steps}
    found |= {"clock rate"} | ({"latency_ns"} if waits else set())
    found |= {"interrupts"} if found & INTERRUPTS else set()
    # An interrupt's own place is not drawn: all of them share one.
    return tuple(name for name in FACTORS if name in found and name not in INTERRUPTS)


def _standardized(columns: Any) -> Any:
    ranks = scipy.stats.rankdata(columns, axis=0)
    ranks -= ranks.mean(axis=0)
    return ranks / np.sqrt((ranks**2).sum(axis=0))


@lru_cache(maxsize=256)
def _threshold(draws: int, factors: int) -> float:
    """Return what the largest of so many rank correlations reaches by chance in one of twenty."""
    random = np.random.default_rng(0)
    columns = _standardized(random.random((draws, factors)))
    difference = _standardized(np.arange(draws, dtype=float))
    shuffled = np.stack([random.permutation(difference) for _ in range(_PERMUTATIONS)])
    return float(np.quantile(np.abs(shuffled @ columns).max(axis=1), _LEVEL))


def dominant(difference: Any, units: Any, factors: Collection[str]) -> tuple[str, float]:
    """Return what a difference goes with most, and Spearman's rank correlation.

    Parameters
    ----------
    difference
        float64[draws].
    units
        ``unit_draws()`` of the same draws.
    factors
        Of ``FACTORS``, those that can matter: ``spent_factors()``.

    Returns
    -------
    name, rho
        ``""`` and NaN where none goes with it more than the best of so many would by chance (a
        permutation test at 5 %), or where the difference does not vary.
    """
    draws = len(difference)
    if draws < _FEW or np.ptp(difference) == 0 or not factors:
        return "", np.nan
    names = list(factors)
    columns = _standardized(units[:draws, [FACTORS.index(name) for name in names]])
    rho = _standardized(difference) @ columns
    at = int(np.argmax(np.abs(rho)))
    if abs(rho[at]) <= _threshold(draws, len(names)):
        return "", np.nan
    return names[at], float(rho[at])
