"""What price() found, and where along a parameter off and on change places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from ..errors import TableError, accepted
from .answer import answer


@dataclass(frozen=True)
class Price:
    """What ``price()`` found.

    Attributes
    ----------
    table
        A row a scenario and measure; see ``price()``.
    differences
        float64[rows, draws]: on minus off with each draw of the costs, nanoseconds per fault.
    """

    table: pd.DataFrame
    differences: Any

    def __str__(self) -> str:
        shown = [*self.table.attrs["varying"], "measure"]
        lines = self.table[shown].copy()
        for name in ("off", "on", "difference"):
            lines[name] = self.table[name].map(lambda ns: "-" if np.isnan(ns) else f"{ns:.0f}")
        span = zip(self.table["low"], self.table["high"], strict=True)
        lines["[low, high]"] = [
            "-" if np.isnan(low) else f"[{low:.0f}, {high:.0f}]" for low, high in span
        ]
        lines["wins"] = self.table["wins"].map(lambda w: "-" if np.isnan(w) else f"{w:.0%}")
        lines["note"] = self.table["note"]
        if not self.table["note"].any():
            del lines["note"]
        return (
            "simulated: nanoseconds per write-protect fault, off and on; [low, high] and wins are "
            f"over\n{self.differences.shape[1]} draws of the costs from their ranges\n\n"
            f"{lines.to_string(index=False)}"
        )

    def answer(
        self, *, measure: str = "write", by: str = "backend", x: str = "migration_rate"
    ) -> str:
        """Return in words how often the patch pays, and where it stops to (``answer.py``)."""
        return answer(self, measure=measure, by=by, x=x)

    def frontier(self, x: str = "migration_rate", confidence: float = 0.95) -> pd.DataFrame:
        """Return where along a parameter the difference changes its sign.

        Parameters
        ----------
        x
            A numeric column of ``table`` that varies.
        confidence
            Share of the draws between ``low`` and ``high``.

        Returns
        -------
        DataFrame
            For each combination of the other parameters that vary: ``at``, where on becomes dearer
            (or cheaper) than off with the cost set's values, NaN where it is one of the two at both
            ends; ``first``, who is cheaper at the least ``x``; ``turns``, the share of
            draws that turn; ``low``, ``high``, the middle of those draws' places; ``from``, ``to``,
            the range of ``x`` that was tried.

        Raises
        ------
        TableError
            If ``x`` is no number that varies.
        """
        varying = self.table.attrs["varying"]
        numeric = [name for name in varying if pd.api.types.is_numeric_dtype(self.table[name])]
        if x not in numeric:
            raise TableError(accepted("x", x, numeric or ["a number that varies"]))
        by = [*(name for name in varying if name != x), "measure"]
        rows = []
        for key, group in self.table.groupby(by, sort=False):
            ordered = group.sort_values(x)
            places = ordered[x].to_numpy(float)
            at = _turn(places, ordered["difference"].to_numpy(float))
            drawn = [_turn(places, column) for column in self.differences[ordered.index].T]
            known = np.array([place for place in drawn if not np.isnan(place)])
            tail = (1 - confidence) / 2
            low, high = np.quantile(known, [tail, 1 - tail]) if len(known) else (np.nan, np.nan)
            first = ordered["difference"].iloc[0]
            rows.append(
                dict(zip(by, key, strict=True))
                | {
                    "first": _cheaper(first),
                    "at": at,
                    "low": low,
                    "high": high,
                    "turns": len(known) / len(drawn),
                    "from": places[0],
                    "to": places[-1],
                }
            )
        return pd.DataFrame(rows)


def _cheaper(difference: float) -> str:
    """Return which side a difference, on minus off, says is cheaper; "" where it is not known."""
    if np.isnan(difference):
        return ""
    return "equal" if difference == 0 else "on" if difference < 0 else "off"


def _turn(x: Any, difference: Any) -> float:
    """Return where a difference crosses 0; NaN where it has the same sign at both ends.

    The random streams make it uneven: what crosses is its isotonic regression (scipy).
    """
    known = ~np.isnan(difference)
    x, difference = x[known], difference[known]
    if len(x) < 2 or difference[0] * difference[-1] >= 0:
        return np.nan
    rising = bool(difference[0] < 0)
    fitted = isotonic_regression(difference, increasing=rising).x
    if fitted[0] * fitted[-1] >= 0:
        return np.nan
    return float(np.interp(0.0, fitted if rising else -fitted, x))
