"""What a report is about: a table with its origin, from whatever a user has."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..data import data_dir
from ..errors import ScenarioError, TableError, WpbenchError, accepted
from ..figures.record import COMMANDS, read_provenance
from ..provenance.read import check_record
from ..scenario import Grid, GridFile, Scenario, grid, kernel, load_grid
from ..scenario.kernel_table import with_present_names
from ..scenario.plain import current_name
from ..scenario.rules import value_text
from ..simulate import simulate
from ..sweep.store import read_store

SIMULATED, MEASURED = "simulated", "measured"
# Columns that only measured tables have, and those of a kernel's table that a scenario names so.
_MEASURED_COLUMNS = ("release", "clock", "oracle", "kernel_copies")
_RENAMED = {"pattern": "order"}


@dataclass(frozen=True)
class Source:
    """A table, and what is known about it.

    Attributes
    ----------
    table
        A row a run.
    kind
        ``simulated`` or ``measured``.
    name
        Of the file; "" for a DataFrame or a grid.
    """

    table: pd.DataFrame
    kind: str
    name: str = ""

    @property
    def made(self) -> Mapping[str, Any]:
        """How it was made; empty where it does not say so."""
        found: Mapping[str, Any] = self.table.attrs.get("wpbench", {})
        return found

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was simulated."""
        found: Mapping[str, Any] = self.made.get("parameters", {})
        return found


def load(what: object, seeds: int | None = None, kernels: Sequence[str] = ()) -> Source:
    """Return a table and its origin.

    Parameters
    ----------
    what
        A DataFrame; a grid, which is simulated; or the path of a store, a Parquet or CSV file, a
        grid file, or the name of a shipped grid.
    seeds
        Replications of a grid; None for the grid file's own, or 1.
    kernels
        Of a grid that has none of some of these: those that take the place of its kernels.

    Raises
    ------
    WpbenchError
        If it is none of these, or has no row.
    """
    if isinstance(what, str | Path) and not _is_table(Path(what)):
        what = load_grid(what)
    if isinstance(what, Grid | GridFile):
        count = seeds or (what.seeds if isinstance(what, GridFile) else 1)
        return Source(simulate(_with_kernels(what, kernels), seeds=count), SIMULATED)
    if seeds is not None:
        raise TableError("seeds: only a grid is simulated; accepted with a table: None")
    if isinstance(what, str | Path):
        source = _from_path(Path(what))
    elif isinstance(what, pd.DataFrame):
        source = Source(what, kind_of(what))
    else:
        raise TableError(
            accepted("table", what, ["a DataFrame", "a grid", "a path of a store or file"])
        )
    if "wpbench" in source.table.attrs:
        check_record(source.made, source.name or "table", COMMANDS)
    if source.table.empty:
        raise TableError(f"{source.name or 'table'}: has no rows")
    return source


def _with_kernels(what: Grid | GridFile, kernels: Sequence[str]) -> Grid | GridFile:
    """Return a grid in which both kernels are: in the place of its own where one is missing.

    Whatever kernels a grid names, its programs can be run on any two.
    """
    grids = what.grids if isinstance(what, GridFile) else (what,)
    known = {name for part in grids for name in part.axes.get("kernel", ())}
    if set(kernels) <= known:
        return what
    try:
        for name in kernels:
            kernel(name)
    except ScenarioError:
        return what  # it is refused where it is looked for, with what is there
    made = tuple(
        grid(**part.as_fields() | {"kernel": list(kernels)}) if "kernel" in part.axes else part
        for part in grids
    )
    return replace(what, grids=made) if isinstance(what, GridFile) else made[0]


def _is_table(path: Path) -> bool:
    return path.is_dir() or path.suffix in (".parquet", ".csv")


def kind_of(table: pd.DataFrame) -> str:
    """Return ``measured`` for a kernel's table, else ``simulated``."""
    made = table.attrs.get("wpbench")
    command = str(made.get("command", "")) if isinstance(made, dict) else ""
    measured = command.startswith("measure") or any(n in table for n in _MEASURED_COLUMNS)
    return MEASURED if measured else SIMULATED


def _from_path(path: Path) -> Source:
    if path.is_dir():
        return Source(_one_model(read_store(path), path), SIMULATED, str(path))
    if not path.is_file():
        raise WpbenchError(f"{path}: there is no such file")
    table = _read(path)
    return Source(table, kind_of(table), path.name)


def _as_now(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read with the names of today."""
    return with_present_names(table).rename(columns=current_name)


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return _as_now(pd.read_parquet(path))
        table = _as_now(pd.read_csv(path, keep_default_na=True))
    except Exception as error:  # whatever pandas and pyarrow say of what is none
        text = " ".join(str(error).split())[:200]
        raise WpbenchError(f"{path}: is no {path.suffix[1:]} table: {text}") from None
    with suppress(WpbenchError):  # a CSV file alone says nothing of its origin
        table.attrs["wpbench"] = read_provenance(path)
    return table


def _one_model(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a store's good rows; refuse those of several versions of the model."""
    good = table[table["error"] == ""]
    found = good[["model", "data"]].drop_duplicates()
    if len(found) > 1:
        raise TableError(
            f"{path}: has rows of {len(found)} versions of the model or its data "
            f"({', '.join(' '.join(row) for row in found.itertuples(index=False))}); accepted: one"
        )
    whole = [n for n in good if good[n].dtype == pd.Int64Dtype() and good[n].notna().all()]
    kept = good.astype(dict.fromkeys(whole, np.int64)).reset_index(drop=True)
    kept.attrs = dict(table.attrs)
    return kept


def as_runs(source: Source) -> pd.DataFrame:
    """Return a table with the columns by which runs are told apart: a kernel's gets them."""
    table = with_present_names(source.table).rename(columns=_RENAMED)
    if source.kind == MEASURED and "workload" not in table:
        workload = "userfaultfd" if "fill_cpu" in table else "reproducer"
        table.insert(0, "workload", workload)
    missing = [name for name in Scenario.model_fields if name not in table]
    if source.kind == SIMULATED and missing:
        raise TableError(
            f"{source.name or 'table'}: has no column {missing[0]!r}; accepted: what "
            "wb.simulate(), wb.sweep() or wb.measure.run() returns, or a kernel's table"
        )
    for name in ("kernel", "wp_faults" if "wp_faults" in table else "copies"):
        if name not in table:
            raise TableError(accepted(f"{source.name or 'table'}: column", name, table.columns))
    if "wp_faults" not in table:
        table["wp_faults"] = table["copies"] + table["reuses"]
    if "copy_rate" not in table:
        table["copy_rate"] = table["copies"] / table["wp_faults"].where(table["wp_faults"] > 0)
    fields = [name for name in Scenario.model_fields if name in table]
    rest = [name for name in table if name not in (*fields, "replication")]
    if "replication" not in table:
        table["replication"] = table.groupby(fields, dropna=False).cumcount()
    ordered = table[[*fields, "replication", *rest]]
    ordered.attrs = dict(source.table.attrs)
    return ordered


def command_of(source: Source, options: Mapping[str, Any]) -> str | None:
    """Return the shell command that makes a report again, None where there is none.

    Parameters
    ----------
    source
        What it is about.
    options
        Options of ``wpbench report`` as they were given.
    """
    parameters = source.parameters
    given = [
        part
        for name, value in options.items()
        if value is not None
        for each in (value if isinstance(value, list) else [value])
        for part in (f"--{name}", str(each))
    ]
    if "file" in parameters:
        file = str(parameters["file"])
        shipped = (data_dir() / "grids" / file).is_file()
        name = Path(file).stem if shipped else file
        seeds = ["--seeds", str(parameters["seeds"])]
        return shlex.join(["wpbench", "report", name, *seeds, *given])
    if len(parameters.get("grids") or ()) == 1:
        fields = parameters["grids"][0]
        rules = fields.get("rules", {})
        if not isinstance(rules, Mapping):
            return None  # several sets of rules: no axis of the command
        names = [name for name in Scenario.model_fields if name in fields and name != "rules"]
        axes = [part for name in names for part in _axis(name, fields[name])]
        for name, values in rules.items():
            texts = map(value_text, values if isinstance(values, list) else [values])
            axes += ["--rule", f"{name}={','.join(texts)}"]
        seeds = ["--seeds", str(parameters["seeds"])]
        run = shlex.join(["wpbench", "run", *axes, *seeds, "--parquet", "table.parquet"])
        return f"{run} && {shlex.join(['wpbench', 'report', 'table.parquet', *given])}"
    return None


def _axis(name: str, value: Any) -> list[str]:
    values = [one for one in (value if isinstance(value, list) else [value]) if one is not None]
    # Of a mix, what has no weight is not in it.
    texts = [" ".join(w for w in str(one).split() if not w.endswith(":0")) for one in values]
    text = ",".join(texts)
    return [f"--{name.replace('_', '-')}", text] if values else []
