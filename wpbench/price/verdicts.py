"""From counts to a table: what differs, in which share of the draws, and whether that is stable."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ..scenario import Scenario
from ..tables import varying
from ..tables.decision import FEW, TOO_FEW, decide
from .dominance import dominant, spent_factors
from .tally import COUNTED, HELD, MEASURES, differences, per_fault, work_of

# Fields of a scenario that are no parameter of a comparison.
_NOT_COMPARED = ("kernel",)
_STABLE_ERROR = 0.05  # standard error of a share that is known well enough
NO_FAULT = "no fault"
_NOTES = {
    "all-cpus": "impossible under the page-table lock: lru_add_drain_all() sleeps",
    "lru-add-only": "named on the list, never built",
    "this-page": "named on the list, never built",
}


def share_error(won: float, draws: int) -> float:
    """Return the standard error of a share of draws, as if these were independent.

    Laplace's rule of succession in it: where all draws agree it is not 0.
    """
    share = (won + 1) / (draws + 2)
    return math.sqrt(share * (1 - share) / draws)


def middle(drawn: Any, central: float, confidence: float) -> tuple[float, float]:
    """Return the ends of the drawn differences' middle, widened to hold the central one.

    Draws themselves, none between two: of 16 all lie in the middle 95 %.
    """
    tail = (1 - confidence) / 2
    low = np.quantile(drawn, tail, method="lower")
    high = np.quantile(drawn, 1 - tail, method="higher")
    return min(float(low), central), max(float(high), central)


def verdict_of(drawn: Any, central: float, confidence: float) -> str:
    """Return what the draws say: the rule of ``wpbench.tables.decision``, of enough of them."""
    low, high = middle(drawn, central, confidence)
    found = decide(central, low, high, len(drawn))
    return TOO_FEW if found in ("lower", "higher") and len(drawn) < FEW else found


def is_stable(drawn: Any, confidence: float) -> bool:
    """Is a verdict the same with half of the draws, and a share that is neither 0 nor 1 known?"""
    n = len(drawn)
    found = [
        verdict_of(some, float(np.median(some)), confidence) for some in (drawn[: n // 2], drawn)
    ]
    known = found[1] != "~" or share_error(float((drawn < 0).sum()), n) <= _STABLE_ERROR
    return found[0] == found[1] and known


def _note(scenario: Scenario) -> str:
    if scenario.rules.get("swapin_inserts_at_once"):
        return "past the pagevec: no kernel does this"
    return _NOTES.get(str(scenario.drain), "")


def table_of(
    pairs: list[Scenario],
    central: dict[str, Any],
    drawn: dict[str, Any],
    units: Any,
    parameters: dict[str, Any],
) -> pd.DataFrame:
    """Return what ``price()`` returns as a table; ``pairs``: first those off, then those on."""
    n, seeds, per = len(pairs) // 2, parameters["seeds"], parameters["per"]
    fields = pd.DataFrame(
        [scenario.resolved() | {"rules": str(scenario.rules)} for scenario in pairs[n:]]
    )
    names = [str(name) for name in fields if name not in _NOT_COMPARED]
    varies = varying(fields, names)
    sides = [{k: v.reshape(2, -1)[i] for k, v in central.items()} for i in (0, 1)]
    rounds = np.repeat([scenario.rounds for scenario in pairs[n:]], seeds)
    totals = differences(sides[0], sides[1], rounds, per)
    work = work_of(sides[0], rounds, per)

    def mean(values: Any) -> Any:
        return values.reshape(n, seeds).mean(axis=1)

    def fault_mean(values: Any) -> Any:
        """Over the replications that have a fault."""
        each = pd.DataFrame(values.reshape(n, seeds))
        return each.mean(axis=1).to_numpy()

    beside = {
        f"{name}_{which}": mean(sum(side[c] for c in counters) / (1.0 if name in HELD else work))
        for name, counters in (COUNTED | HELD).items()
        for which, side in zip(("off", "on"), sides, strict=True)
    }
    beside |= {
        f"copy_rate_{which}": fault_mean(per_fault(side, "copies"))
        for which, side in zip(("off", "on"), sides, strict=True)
    }
    faults = sides[0]["wp_faults"] + sides[1]["wp_faults"]
    any_fault = mean(faults) > 0
    same_work = mean(np.abs(sides[0]["accesses"] - sides[1]["accesses"])) == 0
    factors = [spent_factors((pairs[i], pairs[n + i])) for i in range(n)]
    tables = []
    for measure, counter in MEASURES.items():
        first, second = (mean(side) for side in totals[measure])
        rows = [
            _row(drawn[measure][i], second[i] - first[i], units, factors[i], parameters)
            for i in range(n)
        ]
        for row, fault in zip(rows, any_fault, strict=True):
            if not fault and row["verdict"] == "same":
                row |= {"verdict": NO_FAULT, "wins": np.nan, "error": np.nan}
        notes = [
            "; ".join(
                filter(
                    None,
                    (
                        _note(scenario),
                        "" if fault else "no write-protect fault",
                        "" if same else "off and on do not make the same accesses",
                    ),
                )
            )
            for scenario, fault, same in zip(pairs[n:], any_fault, same_work, strict=True)
        ]
        own = {
            f"{which}_per_fault": fault_mean(per_fault(side, counter))
            for which, side in zip(("off", "on"), sides, strict=True)
        }
        table = fields[varies].assign(measure=measure, off=first, on=second)
        table = pd.concat([table, pd.DataFrame(rows)], axis=1)
        tables.append(table.assign(**beside, **own, note=notes))
    table = pd.concat(tables, ignore_index=True)
    table.attrs["varying"] = varies
    table.attrs["per"] = per
    return table


def _row(
    drawn: Any, difference: float, units: Any, factors: tuple[str, ...], parameters: dict[str, Any]
) -> dict[str, Any]:
    """Return what one scenario's draws say of a measure."""
    confidence = parameters["confidence"]
    drawn = drawn[~np.isnan(drawn)]
    n = len(drawn)
    low, high = middle(drawn, difference, confidence)
    won = float((drawn < 0).sum())
    name, rho = dominant(drawn, units, factors)
    return {
        "difference": difference,
        "low": low,
        "high": high,
        "wins": won / n,
        "error": share_error(won, n) if np.ptp(drawn) else 0.0,
        "verdict": verdict_of(drawn, difference, confidence),
        "draws": n,
        "stable": is_stable(drawn, confidence),
        "dominant": name,
        "rho": rho,
    }
