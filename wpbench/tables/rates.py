"""The central table of a sweep: how often pages are copied, with the patch off and on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ScenarioError, TableError, accepted
from ..scenario import GridFile, Scenario
from ..scenario.kernels import OFF, ON, row_of
from .fields import varying
from .intervals import summarize
from .work import work_of

PATCH_DRAIN = str(row_of(ON)["drain"])
# Totals of the program, by its work: what a kernel changes cannot change what they are divided by.
TOTALS = {
    "copies": ("copies",),
    "drains": ("drains", "drains_swapin"),
    "helped": ("drains_reused", "drains_swapin_reused"),
    "pages_out": ("pswpout",),
}
VALUES = (
    "copy_rate",
    "reuse_rate",
    "faults_per_access",
    "copies_per_access",
    "drains_per_fault",
    *(f"{name}_per_work" for name in TOTALS),
)
# The order of drain policies, whichever the grid file gives first: the patch, less, more, others.
_ORDER = (PATCH_DRAIN, "lru-add-only", "this-page", "always", "all-cpus", "never")
_WHO = ("kernel", "drain")  # a line of the table
# What lies along a line, of fields with equally many values the first of these.
_ALONG = ("cpus", "npages", "migration_rate", "threads")
_MANY_FIELDS = 4
_COUNTS = tuple(
    dict.fromkeys(
        ["wp_faults", "reuses", "accesses", *(name for names in TOTALS.values() for name in names)]
    )
)


def runs_of(table: pd.DataFrame, grid: GridFile | None = None) -> pd.DataFrame:
    """Return a sweep's runs that went well, with the rates of each.

    Parameters
    ----------
    table
        From ``sweep()`` or ``simulate()``: a row a run.
    grid
        The grid file that it is of, whole and in its order: fields that are tied to another one
        (``threads = "cpus"``) become texts, ``cpus`` where they are tied and the number elsewhere.

    Returns
    -------
    DataFrame
        ``table`` and ``reuse_rate``, ``faults_per_access``, ``copies_per_access``,
        ``drains_per_fault``; and by the program's work (``attrs["per"]``: ``writes``, where they
        are known) ``copies_per_work``, ``drains_per_work``, ``helped_per_work`` (drains after which
        the page was reused) and ``pages_out_per_work``.

    Raises
    ------
    TableError
        If ``table`` is not that grid's.
    """
    given = bare(table)
    runs = given if grid is None else _tied(bare(table), grid)
    if "error" in runs:
        went_well = runs["error"] == ""
        runs = runs[went_well].astype(dict.fromkeys(_COUNTS, "int64"))
        given = given[went_well].astype(dict.fromkeys(_COUNTS, "int64"))
    per, numbers = work_of(given)
    work = pd.Series(numbers, runs.index)
    fields = [name for name in (*Scenario.model_fields, "replication") if name in runs]
    runs = runs.drop_duplicates(fields)  # scenarios of several grids
    work = work[runs.index]
    faults = runs["wp_faults"].where(runs["wp_faults"] > 0).astype(float)
    accesses = runs["accesses"].where(runs["accesses"] > 0).astype(float)
    made = {
        "reuse_rate": runs["reuses"] / faults,
        "faults_per_access": runs["wp_faults"] / accesses,
        "copies_per_access": runs["copies"] / accesses,
        "drains_per_fault": runs["drains"] / faults,
    }
    for name, counters in TOTALS.items():
        made[f"{name}_per_work"] = runs[list(counters)].sum(axis=1).astype(float) / work
    runs = pd.concat([runs, pd.DataFrame(made)], axis=1)
    runs.attrs["per"] = per
    return runs


def bare(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without its provenance, which pandas would copy at every step."""
    made = table.copy(deep=False)
    made.attrs = {"rates": table.attrs["rates"]} if "rates" in table.attrs else {}
    return made


def _tied(runs: pd.DataFrame, grid: GridFile) -> pd.DataFrame:
    if len(grid) == 0 or len(runs) % len(grid):
        raise TableError(f"table: has {len(runs)} rows, no multiple of the grid's {len(grid)}")
    seeds = len(runs) // len(grid)
    which = np.repeat(np.arange(len(grid.grids)), [len(part) * seeds for part in grid.grids])
    for name in dict.fromkeys(name for part in grid.grids for name in part.equal):
        axis = np.array([part.equal.get(name, "") for part in grid.grids], object)[which]
        runs[name] = np.where(axis == "", runs[name].astype(str), axis)
    return runs


def along(runs: pd.DataFrame, x: str | None = None) -> str:
    """Return the field that lies along a line of the table: ``x``, or the one of most values.

    Raises
    ------
    TableError
        If ``x`` is no field of numbers.
    """
    numbers = {
        name: int(runs[name].nunique())
        for name in Scenario.model_fields
        if name in runs and _is_number(runs[name])
    }
    if x is not None:
        if x not in numbers:
            raise TableError(accepted("x", x, [name for name, n in numbers.items() if n > 1]))
        return x
    return _most_values(numbers)


def axis_of(grid: GridFile) -> str:
    """Return the field of numbers with the most values in a grid file.

    Parameters
    ----------
    grid
        From ``wb.load_grid()``.

    Returns
    -------
    str
        The name of the field.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import axis_of
    >>> axis_of(wb.load_grid("cpus"))
    'cpus'
    """
    names = dict.fromkeys(name for part in grid.grids for name in part.axes)
    return _most_values({name: len(_numbers(grid, name)) for name in names})


def check_axis(grid: GridFile, x: str) -> str:
    """Return ``x`` if it is a field of numbers that the grid gives.

    Parameters
    ----------
    grid
        From ``wb.load_grid()``.
    x
        The name of a field.

    Returns
    -------
    str
        ``x``.

    Raises
    ------
    ScenarioError
        If it is not such a field.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import check_axis
    >>> check_axis(wb.load_grid("cpus"), "npages")
    'npages'
    """
    given = [name for part in grid.grids for name in part.axes]
    numbers = [name for name in dict.fromkeys(given) if _numbers(grid, name)]
    if x not in numbers:
        raise ScenarioError(accepted("x", x, numbers or ["no field of numbers is given"]))
    return x


def _numbers(grid: GridFile, name: str) -> set[Any]:
    """Return the numbers among the values of a field, of all grids."""
    values = [value for part in grid.grids for value in part.axes.get(name, ())]
    return {v for v in values if isinstance(v, int | float) and not isinstance(v, bool)}


def _most_values(numbers: Mapping[str, int]) -> str:
    """Return the field of most values; a device's latency and such only if there is no other."""
    varying = [name for name, count in numbers.items() if count > 1]
    found = [name for name in _ALONG if name in varying] or varying
    return max(found, key=numbers.__getitem__) if found else "npages"


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def axes_of(runs: pd.DataFrame, x: str) -> list[str]:
    """Return the fields that tell the scenarios apart; those that follow from others left out.

    ``kernel`` and ``drain`` first, then ``backend``, ``x``, and whatever else varies.
    """
    order = dict.fromkeys([*_WHO, "backend", x, *Scenario.model_fields])
    known = [name for name in order if name != "seed" and name in runs]
    return varying(runs, known, always=(*_WHO, x))


def rates(
    table: pd.DataFrame, grid: GridFile | None = None, *, x: str | None = None
) -> pd.DataFrame:
    """Return the central table: rates of each scenario, as means over the replications.

    Parameters
    ----------
    table, grid
        As in ``runs_of()``.
    x
        The field along a line of the text; None for the one with the most values.

    Returns
    -------
    DataFrame
        The fields that vary (``kernel`` and ``drain`` first); ``n``, runs; and for ``copy_rate``
        (of the write-protect faults, 0 to 1), ``copies_per_work`` and the other values of
        ``runs_of()`` what ``wb.summarize()`` gives: ``_mean``, ``_low`` and ``_high`` (95 % t
        interval of the mean, between runs), ``_n``, ``_distinct``.  Runs that failed are left out.
        ``attrs["rates"]`` says what lies along a line (``x``), and by what work totals are divided
        (``per``).

    Raises
    ------
    TableError
        If ``table`` is not the grid's, or ``x`` is not a field of numbers.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], cpus=[1, 2], rounds=5), seeds=2)
    >>> rates(table, x="cpus")[["kernel", "cpus", "n", "copy_rate_mean"]]
       kernel  cpus  n  copy_rate_mean
    0  patch1     1  2           0.875
    1  patch1     2  2           0.875
    2  patch2     1  2           0.000
    3  patch2     2  2           0.000
    """
    runs = runs_of(table, grid)
    if runs.empty:
        raise TableError("table: has no run that went well")
    x = along(runs, x or (None if grid is None else axis_of(grid)))
    axes = axes_of(runs, x)
    made = summarize(runs, by=axes, values=list(VALUES))
    made.attrs.update(table.attrs)
    failed = int((table["error"] != "").sum()) if "error" in table else 0
    made.attrs["rates"] = {"x": x, "axes": axes, "failed": failed, "per": runs.attrs["per"]}
    return made


def who(kernel: str, drain: str, several: bool = True) -> str:
    """Return the name of a line: ``off``, the drain policy of patch2, or the kernel.

    ``several``: is there more than one drain policy of the kernel?
    """
    if kernel == OFF:
        return "off"
    if kernel == ON:
        return drain if several else "on"
    return f"{kernel} {drain}" if several else kernel


def lines_of(made: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return the lines of a table: (kernel, drain) and the name of each, in a fixed order.

    Kernels as they come in the table; of each the drain policy of the patch first.
    """
    found = list(dict.fromkeys(zip(made["kernel"], made["drain"], strict=True)))
    kernels = [kernel for kernel, _ in found]
    pairs = sorted(found, key=lambda pair: (kernels.index(pair[0]), _place(pair[1])))
    policies = pd.DataFrame(pairs, columns=list(_WHO)).groupby("kernel")["drain"].nunique()
    return {(name, drain): who(name, drain, policies[name] > 1) for name, drain in pairs}


def _place(drain: str) -> int:
    return _ORDER.index(drain) if drain in _ORDER else len(_ORDER)


def blocks_of(made: pd.DataFrame) -> list[tuple[str, list[str], pd.DataFrame]]:
    """Return the parts of a table: what its rows have in common, its backends, its rows.

    Backends with equal numbers share a block, which has the rows of the first.
    """
    about = made.attrs["rates"]
    others = [name for name in about["axes"] if name not in (*_WHO, "backend", about["x"])]
    parts = made.groupby(others, sort=False, dropna=False) if others else [((), made)]
    found = []
    for values, rows in parts:
        given = dict(zip(others, values, strict=True))
        shared = _title(given, made)
        groups: list[tuple[list[str], pd.DataFrame]] = []
        backends = rows.groupby("backend", sort=False) if "backend" in rows else [("", rows)]
        for backend, own in backends:
            same = next((names for names, first in groups if _equal(first, own, about["x"])), None)
            if same is None:
                groups.append(([str(backend)], own))
            else:
                same.append(str(backend))
        found += [(shared, names, own) for names, own in groups]
    return found


def _equal(one: pd.DataFrame, other: pd.DataFrame, x: str) -> bool:
    columns = [*_WHO, x, *(name for name in one if str(name).endswith("_mean"))]
    return one[columns].reset_index(drop=True).equals(other[columns].reset_index(drop=True))


def _title(given: dict[str, Any], made: pd.DataFrame) -> str:
    """Return what a block's rows have in common: fields that vary for their workload.

    Where these are many, 0 and False are left out.
    """
    rows = made[made["workload"] == given["workload"]] if "workload" in given else made
    words = [str(given["workload"])] if "workload" in given else []
    varying = {n: v for n, v in given.items() if n != "workload" and len(rows[n].unique()) > 1}
    for name, value in varying.items():
        if value or len(varying) < _MANY_FIELDS:
            text = f"{value:g}" if isinstance(value, float) else str(value)
            words.append(f"{name} {text}" if name != "order" else text)
    return ", ".join(words)


def chosen(values: Sequence[Any], most: int) -> list[Any]:
    """Return at most so many of some values, the first and the last, spread evenly."""
    if len(values) <= most:
        return list(values)
    at = np.unique(np.rint(np.linspace(0, len(values) - 1, most)).astype(int))
    return [values[i] for i in at]
