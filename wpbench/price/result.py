"""What price() found, and where along a parameter off and on change places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy

from ..errors import TableError, accepted
from ..tables.folding import folded
from ..text.layout import paragraph
from ..text.shown import Shown
from .answer import answer, check_measure, in_words, word
from .show import show_prices
from .tally import PER
from .verdicts import NO_FAULT


@dataclass(frozen=True)
class Price:
    """The result of ``price()``.

    Attributes
    ----------
    table
        A row for each scenario and measure; see ``price()``.
    differences
        float64[rows, draws]: on minus off with each draw of the costs, nanoseconds by ``per``; NaN
        if no more draws were needed.
    """

    table: pd.DataFrame
    differences: Any

    @property
    def per(self) -> str:
        """What the totals are divided by."""
        return str(self.table.attrs["per"])

    def __str__(self) -> str:
        names = [*self.table.attrs["varying"], "measure"]
        rows = folded([self._cells(row) for row in self.table.to_dict("records")], names)
        shown = pd.DataFrame(rows)
        if not shown["note"].any():
            del shown["note"]
        head = (
            f"simulated: nanoseconds {PER[self.per]}, off and on over the same program (write: the "
            "writes that met a write-protect fault; cpu: everybody's CPU time). [low, high] and "
            "wins, the share in which on is cheaper, are over draws of the costs from their ranges."
        )
        text = f"{paragraph(head)}\n\n{shown.to_string(index=False)}"
        unstable = int((~self.table["stable"]).sum())
        if unstable:
            most = int(self.table["draws"].max())
            of = f"{unstable} of {len(self.table)} verdicts"
            text += f"\n\n{of} are not stable after {most} draws, which is all that was asked for."
        return text

    def _cells(self, row: Mapping[Any, Any]) -> dict[str, str]:
        """Return a row as it is printed."""
        cells = {name: word(row[name]) for name in (*self.table.attrs["varying"], "measure")}
        cells |= {name: f"{row[name]:.1f}" for name in ("off", "on")}
        cells["difference"] = f"{row['difference']:+.1f}"
        if row["verdict"] == NO_FAULT:
            cells |= {"[low, high]": "-", "wins": "-"}
        else:
            cells["[low, high]"] = f"[{row['low']:+.1f}, {row['high']:+.1f}]"
            cells["wins"] = f"{row['wins']:.0%}"
            if row["error"]:
                cells["wins"] += f" +-{100 * row['error']:.0f}"
        return cells | {"verdict": in_words(row["verdict"]), "note": row["note"]}

    def of(self, measure: str) -> pd.DataFrame:
        """Return the rows of one measure, a row a scenario, with the table's attributes.

        Raises
        ------
        TableError
            For another measure than ``write`` and ``cpu``.
        """
        check_measure(measure)
        rows = self.table[self.table["measure"] == measure].reset_index(drop=True)
        rows.attrs = self.table.attrs
        return rows

    def show(self, measure: str = "write", names: Iterable[str] | None = None) -> Shown:
        """Return ``of(measure)`` for a notebook: ``show_prices()`` (``show.py``)."""
        return show_prices(self.of(measure), names)

    def answer(
        self, *, measure: str = "write", by: str = "backend", x: str = "migration_rate"
    ) -> str:
        """Return in words how often the patch pays, and where it stops to (``answer.py``)."""
        return answer(self.table, self.per, self.frontier, measure=measure, by=by, x=x)

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
            done = self.differences[ordered.index]
            drawn = [_turn(places, column) for column in done[:, ~np.isnan(done).any(axis=0)].T]
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
    fitted = scipy.optimize.isotonic_regression(difference, increasing=rising).x
    if fitted[0] * fitted[-1] >= 0:
        return np.nan
    return float(np.interp(0.0, fitted if rising else -fitted, x))
