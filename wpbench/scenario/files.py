"""Grids as files: TOML, a question and one or more grids that answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..bounds import MAX_RUNS, check
from ..data import data_dir, read_toml
from ..errors import ScenarioError, accepted
from .grids import Grid, grid
from .model import Scenario

_TOP = ("title", "question", "seeds", "grid")


@dataclass(frozen=True)
class GridFile(Sequence[Scenario]):
    """The scenarios of a grid file, one grid after the other; made by ``wb.load_grid()``.

    Attributes
    ----------
    path
        The file.
    title, question
        Its title, and the question that it asks.
    seeds
        Replications of each scenario.
    grids
        One for each of its ``[[grid]]`` tables.
    cases
        The ``case`` of each of them, "" if it has none.
    """

    path: Path
    title: str
    question: str
    seeds: int
    grids: tuple[Grid, ...]
    cases: tuple[str, ...]

    def columns(self) -> dict[str, Any]:
        """Return every field as a column, of one entry where all grids have the same one."""
        parts = [part.columns() for part in self.grids]
        return {
            name: _stacked([part[name] for part in parts], [len(part) for part in self.grids])
            for name in Scenario.model_fields
        }

    def at_most(self, **limits: float) -> GridFile:
        """Return the file without values above some limits: ``at_most(cpus=16, npages=64)``.

        Grids of which no value is left are left out.

        Raises
        ------
        ScenarioError
            For a limit that is no number, or one that leaves nothing.
        """
        grids, cases = [], []
        for name, limit in limits.items():
            if name not in Scenario.model_fields:
                raise ScenarioError(accepted("at_most: Scenario field", name, self.grids[0].axes))
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                raise ScenarioError(accepted(f"max_{name}", limit, ["a number"]))
        for part, case in zip(self.grids, self.cases, strict=True):
            axes = {
                name: [v for v in values if name not in limits or v is None or v <= limits[name]]
                for name, values in part.axes.items()
            }
            if all(axes.values()):
                grids.append(Grid(axes, part.equal, max_runs=len(part)))
                cases.append(case)
        if not grids:
            said = ", ".join(f"{name} {limit}" for name, limit in limits.items())
            raise ScenarioError(f"{self.path}: has no scenario of at most {said}")
        return replace(self, grids=tuple(grids), cases=tuple(cases))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        for part in self.grids:
            if position < len(part):
                return part[position]
            position -= len(part)
        raise AssertionError("a position beyond the grids")

    def __len__(self) -> int:
        return sum(len(part) for part in self.grids)

    def __iter__(self) -> Iterator[Scenario]:
        return (scenario for part in self.grids for scenario in part)


def _stacked(columns: list[Any], lengths: list[int]) -> Any:
    first = columns[0][0]
    if all(len(column) == 1 and column[0] == first for column in columns):
        return columns[0]
    pairs = zip(columns, lengths, strict=True)
    return np.concatenate([np.broadcast_to(column, n) for column, n in pairs])


def _find(path: str | Path) -> Path:
    """Return the file: a path, or a shipped file's name without ``.toml``."""
    if Path(path).is_file():
        return Path(path)
    shipped = {file.stem: file for file in sorted((data_dir() / "grids").glob("*.toml"))}
    if str(path) in shipped:
        return shipped[str(path)]
    raise ScenarioError(f"there is no file {path}; shipped grids: {', '.join(shipped)}")


def _check_top(top: Mapping[str, Any]) -> None:
    for name in top:
        if name not in _TOP:
            raise ScenarioError(accepted("key", name, _TOP))
    for name in ("title", "question"):
        value = top.get(name)
        if not isinstance(value, str) or not value.strip():
            raise ScenarioError(accepted(name, value, ["a text"]))
    check("seeds", top.get("seeds", 1))
    tables = top.get("grid")
    if not isinstance(tables, list) or not tables or not isinstance(tables[0], dict):
        raise ScenarioError("needs one or more [[grid]] tables")
    for table in tables:
        if not isinstance(table, dict):
            raise ScenarioError(accepted("grid", table, ["[[grid]] tables alone"]))


def _check_value(field: str, value: Any) -> None:
    """Refuse what TOML has and no field takes: tables, lists in lists, dates."""
    if field == "rules" and isinstance(value, dict):
        for name, values in value.items():
            _check_value(f"rules.{name}", values)
        return
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, str | bool | int | float):
            choices = ["a text, a number, true or false", "a list of these"]
            raise ScenarioError(accepted(field, item, choices))


def _case(value: Any) -> str:
    if not isinstance(value, str):
        raise ScenarioError(accepted("case", value, ["a text"]))
    return value


def load_grid(path: str | Path, *, max_runs: int = MAX_RUNS) -> GridFile:
    """Read a grid file; ``simulate()`` and ``sweep()`` take the result.

    A file has ``title`` and ``question`` (texts) at its top and, if it is not 1, ``seeds``.  Each
    ``[[grid]]`` table has arguments of ``wb.grid()``: fields of a Scenario with a value, a list, or
    the name of another field of the table (``threads = "cpus"``: always the same value).  It may
    also have a ``case``, the name of its scenarios in a report.

    Parameters
    ----------
    path
        A TOML file, or the name of a shipped one (data/grids/) without ``.toml``.
    max_runs
        A table of more scenarios than this is refused.

    Returns
    -------
    GridFile
        A sequence of the scenarios of all tables, with ``title``, ``question`` and ``seeds``.

    Raises
    ------
    ScenarioError
        If there is no such file, or it has another form; names file, table (from 1) and field.

    Examples
    --------
    >>> import wpbench as wb
    >>> grid = wb.load_grid("pages")
    >>> grid.title, grid.seeds, len(grid.at_most(npages=8))
    ('Copies by pages a round', 1, 978)
    """
    path = _find(path)
    top = read_toml(path, ScenarioError)
    where = f"{path}"
    grids, cases = [], []
    try:
        _check_top(top)
        for number, table in enumerate(top["grid"], 1):
            where = f"{path}: grid {number}"
            for field, value in table.items():
                _check_value(field, value)
            cases.append(_case(table.pop("case", "")))
            if "max_runs" in table:
                raise ScenarioError(accepted("Scenario field", "max_runs", Scenario.model_fields))
            grids.append(grid(**table, max_runs=max_runs))
    except ScenarioError as error:
        raise ScenarioError(f"{where}: {error}") from None
    return GridFile(
        path, top["title"], top["question"], top.get("seeds", 1), tuple(grids), tuple(cases)
    )
