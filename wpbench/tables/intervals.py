"""Intervals: of a mean over replications, of a rate that a kernel counted; a table's summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy

from ..errors import TableError, accepted

RATE_METHODS = ("wilson", "wilsoncc", "exact")
MEAN_METHODS = ("t", "bootstrap")
# What tells the replications of a scenario apart.
STREAM = ("seed", "replication")
_RESAMPLES = 9999  # scipy's default


class Interval(NamedTuple):
    """A mean and where it lies.

    Attributes
    ----------
    mean, low, high
        NaN without a value; ``low`` and ``high`` also with one only.
    n
        Values.
    distinct
        Different values among them; 1: no spread was seen, and the interval has no width.
    """

    mean: float
    low: float
    high: float
    n: int
    distinct: int


def check_confidence(confidence: float) -> None:
    """Raise unless ``confidence`` lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise TableError(accepted("confidence", confidence, ["a number between 0 and 1"]))


def check_word(name: str, word: str, words: Sequence[str]) -> None:
    """Raise unless ``word`` is one of ``words``."""
    if word not in words:
        raise TableError(accepted(name, word, words))


def rate_interval(
    copies: Any, faults: Any, confidence: float = 0.95, method: str = "wilson"
) -> tuple[Any, Any]:
    """Return the interval of a rate of ``copies`` out of ``faults`` that were counted on a kernel.

    It assumes independent faults.  A kernel's are not quite independent: the pages of one pagevec
    have the same outcome, so the interval is rather too narrow.  For simulated runs use
    ``mean_interval()`` or ``summarize()``: their spread is between runs.

    Parameters
    ----------
    copies, faults
        Numbers, arrays or Series of one shape; 0 <= copies <= faults.
    confidence
        Between 0 and 1.
    method
        Of ``scipy.stats.binomtest(...).proportion_ci()``: ``wilson``, ``wilsoncc`` (with
        continuity correction), ``exact`` (Clopper and Pearson).

    Returns
    -------
    low, high
        Floats, arrays, or Series with the index of ``copies``.  NaN without a fault.

    Raises
    ------
    TableError
        For impossible counts, and an unknown method or confidence.

    Examples
    --------
    >>> from wpbench.tables import rate_interval
    >>> low, high = rate_interval(3, 1607624)
    >>> f"{low:.1e} {high:.1e}"
    '6.3e-07 5.5e-06'
    """
    check_confidence(confidence)
    check_word("method", method, RATE_METHODS)
    k, n = np.broadcast_arrays(np.asarray(copies, float), np.asarray(faults, float))
    wrong = ~((k >= 0) & (k <= n) & (k == np.floor(k)) & (n == np.floor(n)) & np.isfinite(n))
    if wrong.any():
        raise TableError(
            accepted("copies", f"{k[wrong][0]:g} of {n[wrong][0]:g} faults", ["0 to all of them"])
        )
    pairs, where = np.unique(np.stack([k.ravel(), n.ravel()]), axis=1, return_inverse=True)
    bounds = np.full((pairs.shape[1], 2), np.nan)
    for row, (some, all_) in zip(bounds, pairs.T, strict=True):
        if all_:
            row[:] = scipy.stats.binomtest(int(some), int(all_)).proportion_ci(confidence, method)
    low, high = bounds[where.ravel()].T.reshape(2, *k.shape)
    if isinstance(copies, pd.Series):
        return pd.Series(low, copies.index), pd.Series(high, copies.index)
    return (low, high) if k.ndim else (float(low), float(high))


def mean_interval(
    values: Any,
    confidence: float = 0.95,
    method: str = "t",
    bounds: tuple[float, float] = (-np.inf, np.inf),
    seed: int = 0,
) -> Interval:
    """Return the mean of a scenario's replications, and its interval over all streams.

    Parameters
    ----------
    values
        One number for each run; NaN (a copy rate without a fault) is not counted.
    confidence
        Between 0 and 1.
    method
        ``t`` (Student's, from the standard error) or ``bootstrap`` (BCa, 9999 resamples).
    bounds
        Limits of the mean, at which the interval ends: 0 and 1 for a rate.
    seed
        Of the bootstrap's resamples: the same values give the same interval.

    Returns
    -------
    Interval
        ``mean``, ``low``, ``high``, ``n``, ``distinct``.

    Raises
    ------
    TableError
        For an unknown method or confidence.

    Examples
    --------
    >>> from wpbench.tables import mean_interval
    >>> found = mean_interval([0.1, 0.2, 0.3])
    >>> round(float(found.low), 3), round(float(found.high), 3), found.n
    (-0.048, 0.448, 3)
    """
    check_confidence(confidence)
    check_word("method", method, MEAN_METHODS)
    known = np.asarray(values, float).ravel()
    known = known[~np.isnan(known)]
    n = len(known)
    distinct = len(np.unique(known))
    if distinct <= 1:
        mean = float(known[0]) if distinct else np.nan
        end = mean if n > 1 else np.nan
        return Interval(mean, end, end, n, distinct)
    mean = float(known.mean())
    if method == "t":
        low, high = scipy.stats.t.interval(confidence, n - 1, mean, scipy.stats.sem(known))
    else:
        low, high = scipy.stats.bootstrap(
            (known,),
            np.mean,
            confidence_level=confidence,
            n_resamples=_RESAMPLES,
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    return Interval(mean, max(float(low), bounds[0]), min(float(high), bounds[1]), n, distinct)


def _t_intervals(runs: Any, confidence: float, bounds: tuple[float, float]) -> dict[str, Any]:
    """Return what ``mean_interval(method="t")`` does, of each group of runs, in one go."""
    n, distinct = runs.count().to_numpy(), runs.nunique().to_numpy()
    mean = np.where(distinct == 1, runs.min(), runs.mean())
    spread = np.where(distinct > 1, runs.sem(), 1.0)
    low, high = scipy.stats.t.interval(confidence, np.maximum(n - 1, 1), mean, spread)
    end = np.where(n > 1, mean, np.nan)
    return {
        "mean": mean,
        "low": np.where(distinct > 1, np.maximum(low, bounds[0]), end),
        "high": np.where(distinct > 1, np.minimum(high, bounds[1]), end),
        "n": n,
        "distinct": distinct,
    }


def columns_of(table: pd.DataFrame, name: str, columns: str | Sequence[str]) -> list[str]:
    """Return the columns that a parameter ``name`` asks for; raise if there is none such."""
    asked = [columns] if isinstance(columns, str) else list(columns)
    for column in asked:
        if column not in table.columns:
            raise TableError(accepted(name, column, table.columns))
    return asked


def scenario_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that say what was run: those before ``replication``, but the seed."""
    columns = list(table.columns)
    if "replication" not in columns:
        raise TableError(
            "by: the table has no column 'replication', before which a scenario's columns stand; "
            f"accepted: some of {', '.join(map(str, columns))}"
        )
    return [name for name in columns[: columns.index("replication")] if name != "seed"]


def check_streams(table: pd.DataFrame, by: Sequence[str]) -> None:
    """Raise if a run is in the table twice, or if runs of several scenarios would be mixed."""
    if "replication" not in table.columns:
        return
    groups = table.groupby(list(by), sort=False, dropna=False, observed=True)
    others = [name for name in scenario_columns(table) if name not in by]
    varying = [name for name in others if len(table[name].unique()) > 1]
    mixed = [name for name in varying if groups[name].nunique(dropna=False).max() > 1]
    if mixed:
        raise TableError(
            f"by: runs that differ in {', '.join(mixed)} are no replications of one scenario; "
            f"add {'it' if len(mixed) == 1 else 'them'} to by, or keep one value in the table"
        )
    stream = [name for name in STREAM if name in table.columns]
    twice = table.duplicated([*by, *stream])
    if twice.any():
        what = ", ".join(f"{name} {table.loc[twice, name].iloc[0]}" for name in stream)
        raise TableError(f"{what}: is twice in the table for one scenario; keep one")


def is_rate(name: str) -> bool:
    """Is a column a share of something, 0 to 1?"""
    return name.endswith("_rate")


def summarize(
    table: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    values: str | Sequence[str] = "copy_rate",
    confidence: float = 0.95,
    method: str = "t",
) -> pd.DataFrame:
    """Return a row for each scenario: means over its replications, with intervals.

    The mean of a rate is the mean of the runs' rates: each run counts once.  The interval is about
    the spread between runs (see ``wpbench.tables``).

    Parameters
    ----------
    table
        From ``simulate()``, or any table with a row for each run.
    by
        Columns that identify a scenario.  None: all columns before ``replication`` except
        ``seed``; a run is a ``seed`` and a ``replication``.
    values
        Columns to summarize, such as ``["copy_rate", "copies", "drains"]``.
    confidence, method
        As in ``mean_interval()``.  Intervals of rates end at 0 and 1, those of counts at 0.

    Returns
    -------
    DataFrame
        ``by``; ``n``, runs; and for each value ``<value>_mean``, ``_low``, ``_high``, ``_n`` (runs
        that have one: a copy rate needs a fault) and ``_distinct`` (1: all runs agree, the interval
        has no width).  ``low`` and ``high`` are NaN for a single run.  Scenarios in the order of
        the table, its ``attrs`` kept.

    Raises
    ------
    TableError
        For an unknown column, method or confidence, a run that is in the table twice, and a ``by``
        that would mix scenarios.

    Examples
    --------
    >>> import wpbench as wb
    >>> scenario = wb.Scenario(kernel="patch2", npages=8, rounds=10, cpus=2, migration_rate=0.5)
    >>> table = wb.simulate(scenario, seeds=3)
    >>> wb.summarize(table)[["n", "copy_rate_mean", "copy_rate_distinct"]].round(3)
       n  copy_rate_mean  copy_rate_distinct
    0  3           0.489                   3
    """
    check_confidence(confidence)
    check_word("method", method, MEAN_METHODS)
    bare = table.copy(deep=False)
    bare.attrs = {}  # pandas copies them at every step
    keys = columns_of(bare, "by", scenario_columns(bare) if by is None else by)
    names = columns_of(bare, "values", values)
    check_streams(bare, keys)
    groups = bare.groupby(keys, sort=False, dropna=False, observed=True)
    made: dict[str, Any] = {}
    for name in names:
        bounds = (0.0, 1.0 if is_rate(name) else np.inf)
        if method == "t":
            found = _t_intervals(groups[name], confidence, bounds)
        else:
            each = [mean_interval(runs, confidence, method, bounds) for _, runs in groups[name]]
            found = dict(zip(Interval._fields, zip(*each, strict=True), strict=True))
        made |= {f"{name}_{part}": found[part] for part in Interval._fields}
    summary = groups.size().rename("n").reset_index().assign(**made)
    summary.attrs = dict(table.attrs)
    return summary
