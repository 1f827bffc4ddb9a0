"""Scenarios as plain JSON: for a table's provenance, from which they are made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bounds import MAX_RUNS
from ..errors import ScenarioError
from .files import GridFile
from .grids import Grid, grid
from .model import Scenario

if TYPE_CHECKING:
    import pandas as pd

_MOST = 1000
# What fields were called in the records, stores and tables that earlier versions wrote: old -> new.
FORMER_NAMES: dict[str, str] = {"decision": "kernel"}


def current_name(name: str) -> str:
    """Return what a column or a field is called today."""
    return FORMER_NAMES.get(name, name)


def described(scenarios: object, table: pd.DataFrame, seeds: int) -> dict[str, Any]:
    """Return what was simulated, for provenance: ``scenarios_of()`` makes the scenarios again.

    Returns
    -------
    dict
        ``seeds``; of a grid, however large, ``grids``: what ``wb.grid()`` takes, a dict for each of
        a grid file's tables, with the file's ``title``, ``question``, ``file`` and ``cases``; of
        anything else ``scenarios``, a dict of resolved fields for each, and ``left_out``, how many
        are not there because they are more than a thousand.
    """
    if isinstance(scenarios, Grid):
        return {"grids": [scenarios.as_fields()], "seeds": seeds}
    if isinstance(scenarios, GridFile):
        return {
            "grids": [part.as_fields() for part in scenarios.grids],
            "seeds": seeds,
            "title": scenarios.title,
            "question": scenarios.question,
            "file": scenarios.path.name,
            "cases": list(scenarios.cases),
        }
    first = table.iloc[: _MOST * seeds : seeds]
    values = zip(*(first[name].tolist() for name in Scenario.model_fields), strict=True)
    fields = [dict(zip(Scenario.model_fields, row, strict=True)) for row in values]
    return {
        "scenarios": fields,
        "seeds": seeds,
        "left_out": len(table.index[::seeds]) - len(fields),
    }


def scenarios_of(
    parameters: Mapping[str, Any], max_runs: int = MAX_RUNS
) -> Grid | GridFile | list[Scenario]:
    """Return the scenarios that ``described()`` described; refuse grids of more than ``max_runs``.

    Raises
    ------
    ScenarioError
        If they are not all there, or are none any more.
    """
    if parameters.get("grids") is not None:
        if not parameters["grids"]:
            raise ScenarioError("grids: the provenance names none")
        grids = tuple(grid(**_current(fields), max_runs=max_runs) for fields in parameters["grids"])
        if "file" not in parameters and len(grids) == 1:
            return grids[0]
        texts = [str(parameters.get(name, "")) for name in ("title", "question")]
        path = Path(str(parameters.get("file", "")))
        cases = tuple(parameters.get("cases") or [""] * len(grids))
        if len(cases) != len(grids):
            raise ScenarioError(
                f"cases: the provenance names {len(cases)} for {len(grids)} grids; accepted: as "
                "many"
            )
        return GridFile(path, texts[0], texts[1], int(parameters["seeds"]), grids, cases)
    if parameters.get("scenarios") is None:
        raise ScenarioError("scenarios: the provenance names none")
    if parameters.get("left_out"):
        raise ScenarioError(
            f"scenarios: the provenance names {len(parameters['scenarios'])} and leaves out "
            f"{parameters['left_out']}; a grid (wb.grid(), wb.load_grid()) is named whole"
        )
    return [Scenario.from_row(_current(row)) for row in parameters["scenarios"]]


def _current(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields under today's names."""
    return {current_name(name): value for name, value in fields.items()}
