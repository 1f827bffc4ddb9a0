"""Two values of a column compared, scenario by scenario, over the same random streams."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy

from ..errors import TableError, accepted
from .decision import decide
from .intervals import (
    STREAM,
    check_confidence,
    check_streams,
    check_word,
    columns_of,
    mean_interval,
    scenario_columns,
)

# test= and whether paired: the name of scipy's test.
TESTS = {
    ("rank", True): "Wilcoxon signed-rank test",
    ("rank", False): "Mann-Whitney U test",
    ("t", True): "paired t test",
    ("t", False): "Welch's t test",
}
# Numbers are told apart by so many digits: 0.3 - 0.1 and 0.4 - 0.2 are the same difference.
_DIGITS = 12
_PERMUTATIONS = 9999  # scipy's default: all of them are gone through where there are no more
_NUMBERS = ("base", "other", "difference", "low", "high", "change", "ratio", "effect", "p")


def compare(
    table: pd.DataFrame,
    column: str = "kernel",
    base: Any = "patch1",
    other: Any = "patch2",
    value: str = "copy_rate",
    by: str | Sequence[str] | None = None,
    *,
    paired: bool = True,
    confidence: float = 0.95,
    test: str = "t",
) -> pd.DataFrame:
    """Return the difference of ``value`` between two values of ``column``, for each scenario.

    Runs are paired by ``seed`` and ``replication``: ``simulate()`` gives both sides the same random
    numbers, so chance cancels out of their difference.  The spread is that between runs (see
    ``wpbench.tables``).

    Parameters
    ----------
    table
        From ``simulate()``, or any table with a row for each run.
    column, base, other
        The column, and the two values of it that are compared.
    value
        A column of numbers: a rate, a count, a time.
    by
        Columns that identify a scenario.  None: the columns before ``replication``, except
        ``column``, ``seed``, and columns in which the two sides share no value, such as ``drain``
        of patch1 and patch2.  ``attrs["comparison"]["with"]`` lists the last.
    paired
        False: every run of one side is compared with every run of the other.
    confidence
        Of the interval.
    test
        ``t``: of the differences, unpaired Welch's; ``rank``: Wilcoxon's signed-rank test, unpaired
        Mann and Whitney's U, exact for few runs.  With either, the interval is Student's, of the
        mean difference, and the interval gives the verdict.  p values are not corrected for the
        number of scenarios.

    Returns
    -------
    DataFrame
        ``by``, then

        - ``n``, ``n_other``: runs compared of either side (pairs: the same number);
        - ``base_only``, ``other_only``: runs without a counterpart; ``no_value``: pairs (unpaired:
          runs) without a value, such as a copy rate without a fault.  They are not compared;
        - ``base``, ``other``: means, also of a scenario that only one side has; ``difference``:
          other less base; ``low``, ``high``: its interval, NaN for one pair;
        - ``ratio``: other to base; ``change``: difference to base; NaN if base is 0;
        - ``effect``: Cohen's d, the difference in standard deviations (of the differences; unpaired
          of the runs, pooled), infinite if that is 0;
        - ``p``; NaN for one pair, and if all pairs differ by the same (nothing random, no test);
        - ``distinct``: different differences among the pairs (unpaired: values);
        - ``verdict``, by the rule of ``wpbench.tables.decision``: ``lower``, ``higher``: the
          interval excludes 0; ``same``: each pair is equal; ``~``: no difference is shown; ``too
          few runs``: none is shown by fewer than six, or there is one pair; ``only <base>``, ``only
          <other>``; ``no pair``.

        Scenarios in the order of the table; ``attrs["comparison"]`` records the comparison.

    Raises
    ------
    TableError
        For an unknown column or value, a run that is there twice, and a ``by`` that would mix
        several scenarios.

    Examples
    --------
    >>> import wpbench as wb
    >>> grid = wb.grid(kernel=["patch1", "patch2"], npages=[8, 64], rounds=10)
    >>> found = wb.compare(wb.simulate(grid, seeds=2))
    >>> found[["npages", "n", "base", "other", "verdict"]]
       npages  n   base  other verdict
    0       8  2  0.875    0.0   lower
    1      64  2  0.875    0.0   lower
    """
    check_confidence(confidence)
    check_word("test", test, sorted({name for name, _ in TESTS}))
    columns_of(table, "column", column)
    columns_of(table, "value", value)
    bare = table.copy(deep=False)
    bare.attrs = {}  # pandas copies them at every step
    sides = _sides(bare, column, base, other)
    if by is None:
        keys, going = _keys(sides, column)
    else:
        keys, going = columns_of(bare, "by", by), {}
        if column in keys:
            raise TableError(f"by: {column!r} is what is compared; accepted: other columns")
    for side in sides.values():
        check_streams(side, [*keys, column])
    both = bare[bare[column].isin([base, other])].reset_index(drop=True)
    scenario = _numbered(both, keys)
    streams = _numbered(both, _stream_columns(both))
    is_other = (both[column] == other).to_numpy()
    values = both[value].to_numpy(float)
    rows = []
    order = np.argsort(scenario, kind="stable")
    for runs in np.split(order, np.flatnonzero(np.diff(scenario[order])) + 1):
        here, there = runs[~is_other[runs]], runs[is_other[runs]]
        one = _Side(base, streams[here], values[here])
        two = _Side(other, streams[there], values[there])
        rows.append(_one(one, two, paired, confidence, test))
    first = both.loc[np.unique(scenario, return_index=True)[1], keys].reset_index(drop=True)
    compared = pd.concat([first, pd.DataFrame(rows)], axis=1)
    compared.attrs = dict(table.attrs) | {
        "comparison": {
            "column": column,
            "base": base,
            "other": other,
            "value": value,
            "by": keys,
            "with": going,
            "paired": paired,
            "confidence": confidence,
            "test": TESTS[test, paired],
        }
    }
    return compared


def _sides(table: pd.DataFrame, column: str, base: Any, other: Any) -> dict[Any, pd.DataFrame]:
    """Return the rows of either side."""
    sides = {value: table[table[column] == value] for value in (base, other)}
    for name, value in (("base", base), ("other", other)):
        if sides[value].empty:
            raise TableError(accepted(name, value, table[column].unique().tolist()))
    if base == other:
        raise TableError(f"other: {other!r} is the base; accepted: another value of {column!r}")
    return sides


def _keys(
    sides: dict[Any, pd.DataFrame], column: str
) -> tuple[list[str], dict[str, tuple[Any, Any]]]:
    """Return what makes a scenario, and the columns that go with the side: name -> both values."""
    one, two = sides.values()
    keys: list[str] = []
    going: dict[str, tuple[Any, Any]] = {}
    for name in scenario_columns(one):
        if name == column or (name == "rules" and column.startswith("rules.")):
            continue  # the text of all overridden rules; each has a column of its own
        if one[name].isna().all() and two[name].isna().all():
            continue
        here, there = set(one[name]), set(two[name])
        if here & there:
            keys.append(name)
        elif len(here) == len(there) == 1:
            going[name] = (*here, *there)
        else:
            raise TableError(
                f"by: {name!r} has no value that is on both sides, and several on one; keep one of "
                "each, or say with by= what makes a scenario"
            )
    return keys, going


def _stream_columns(table: pd.DataFrame) -> list[str]:
    names = [name for name in STREAM if name in table.columns]
    if not names:
        raise TableError("table: has neither seed nor replication, by which runs are paired")
    return names


def _numbered(table: pd.DataFrame, columns: list[str]) -> Any:
    """Return for each row the number of its values' combination, as they come in the table."""
    if not columns:
        return np.zeros(len(table), np.int64)
    return table.groupby(columns, sort=False, dropna=False, observed=True).ngroup().to_numpy()


class _Side(NamedTuple):
    """The runs of one scenario on one side."""

    name: Any
    streams: Any
    found: Any


def _one(base: _Side, other: _Side, paired: bool, confidence: float, test: str) -> dict[str, Any]:
    """Compare the runs of one scenario."""
    row: dict[str, Any] = dict.fromkeys(("n", "n_other", "base_only", "other_only", "no_value"), 0)
    row |= dict.fromkeys(_NUMBERS, np.nan) | {"distinct": 0, "verdict": "no pair"}
    one, two = base.found, other.found
    n, k = len(one), len(two)
    if not n or not k:
        row["base_only"], row["other_only"] = n, k
        row["verdict"] = f"only {base.name if n else other.name}"
    elif paired:
        _, here, there = np.intersect1d(base.streams, other.streams, True, return_indices=True)
        row["base_only"], row["other_only"] = n - len(here), k - len(there)
        one, two = one[here], two[there]
        known = ~np.isnan(one) & ~np.isnan(two)
        row["no_value"] = int((~known).sum())
        one, two = one[known], two[known]
    else:
        row["no_value"] = int(np.isnan(one).sum() + np.isnan(two).sum())
    one, two = one[~np.isnan(one)], two[~np.isnan(two)]
    row["base"], row["other"] = _mean(one), _mean(two)
    if len(one) and len(two):
        row["n"], row["n_other"] = len(one), len(two)
        one, two = _rounded(one, two)
        row |= (_paired if paired else _unpaired)(one, two, confidence, test)
        if row["base"]:
            row["ratio"] = row["other"] / row["base"]
            row["change"] = row["difference"] / row["base"]
        row["verdict"] = decide(row["difference"], row["low"], row["high"], min(len(one), len(two)))
    return row


def _rounded(*values: Any, size: float = 0.0) -> list[Any]:
    """Return arrays rounded to digits that count beside ``size``, or their largest number."""
    size = size or max(np.abs(some).max() for some in values)
    digits = max(0, _DIGITS - math.ceil(math.log10(size))) if size else 0
    return [np.round(some, digits) for some in values]


def _mean(values: Any) -> float:
    """Return the mean: of equal values that value, without rounding; NaN of none."""
    if not len(values):
        return math.nan
    return float(values.mean() if np.ptp(values) else values[0])


def _paired(base: Any, other: Any, confidence: float, test: str) -> dict[str, Any]:
    """Compare runs of the same random streams."""
    size = max(np.abs(base).max(), np.abs(other).max())
    (differences,) = _rounded(other - base, size=size)
    mean, low, high, n, distinct = mean_interval(differences, confidence)
    row = {"difference": mean, "low": low, "high": high, "distinct": distinct}
    if n < 2:
        return row
    row["effect"] = _standardized(mean, np.std(differences, ddof=1) if distinct > 1 else 0.0)
    if distinct > 1 and test == "t":
        row["p"] = float(scipy.stats.ttest_1samp(differences, 0).pvalue)
    elif distinct > 1:
        row["p"] = float(scipy.stats.wilcoxon(differences).pvalue)
    return row


def _unpaired(base: Any, other: Any, confidence: float, test: str) -> dict[str, Any]:
    """Compare runs that have no stream in common."""
    n, k = len(base), len(other)
    distinct = len({*base, *other})
    row = {"difference": float(other.mean() - base.mean()), "distinct": distinct}
    if min(n, k) < 2:
        return row
    if len({*base}) == len({*other}) == 1:  # no spread, nothing to test
        exact = float(other[0] - base[0])
        row |= {"difference": exact, "low": exact, "high": exact}
        return row | {"effect": _standardized(exact, 0.0)}
    with warnings.catch_warnings():
        # One side may have no spread: that its variance is 0 is no loss of precision.
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        welch = scipy.stats.ttest_ind(other, base, equal_var=False)
    row["low"], row["high"] = map(float, welch.confidence_interval(confidence))
    variance = ((n - 1) * np.var(base, ddof=1) + (k - 1) * np.var(other, ddof=1)) / (n + k - 2)
    row["effect"] = _standardized(row["difference"], math.sqrt(variance))
    if test == "t":
        return row | {"p": float(welch.pvalue)}
    few_with_ties = distinct < n + k and math.comb(n + k, n) <= _PERMUTATIONS
    method = scipy.stats.PermutationMethod(n_resamples=_PERMUTATIONS) if few_with_ties else "auto"
    return row | {"p": float(scipy.stats.mannwhitneyu(other, base, method=method).pvalue)}


def _standardized(difference: float, spread: float) -> float:
    """Return Cohen's d: a difference in standard deviations."""
    if spread > 0:
        return float(difference / spread)
    return math.copysign(math.inf, difference) if difference else 0.0


__all__ = ["TESTS", "compare"]
