"""A figure or a table made again from what its file says, and compared."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..bounds import MAX_RERUN_HOURS, MAX_RUNS, check
from ..errors import ScenarioError, WpbenchError
from ..output import explained
from ..plots.style import csv_bytes, csv_sha256, parquet_bytes
from ..provenance.record import provenance
from ..scenario.plain import scenarios_of
from ..simulate import plan_of, simulate
from ..sweep.estimate import duration, seconds_a_run
from ..sweep.keys import run_keys
from ..sweep.resources import available_memory, cpus, human
from .record import COMMANDS, chosen, draw, read_provenance

_MOST = 8  # differences that are listed


@dataclass(frozen=True)
class Rerun:
    """The result of making a file again.

    Attributes
    ----------
    file
        Which.
    identical
        Has the new one the same bytes?
    differences
        The differences, if it is not.
    versions
        The versions that made it and made it again, if they differ.
    """

    file: Path
    identical: bool
    differences: tuple[str, ...]
    versions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it in plain JSON types."""
        return {
            "file": str(self.file),
            "identical": self.identical,
            "differences": list(self.differences),
            "versions": list(self.versions),
        }

    def __str__(self) -> str:
        lines = [f"{self.file}: {'identical' if self.identical else 'not identical'}"]
        lines += [f"  differs: {text}" for text in self.differences]
        lines += [f"  version: {text}" for text in self.versions]
        return "\n".join(lines)


def rerun(
    path: str | Path, *, max_hours: float = MAX_RERUN_HOURS, max_runs: int = MAX_RUNS
) -> Rerun:
    """Make a file again, in a temporary folder, and say whether it is the same to the byte.

    Parameters
    ----------
    path
        An SVG, PNG, CSV or Parquet file that ``draw()`` wrote, or a Parquet file of a table of
        ``simulate()`` or ``sweep()``.  It is not touched.
    max_hours
        A file that would take longer is refused, before anything is simulated.
    max_runs
        A file of more runs is refused.

    Returns
    -------
    Rerun
        ``identical``, and the differences in words.

    Raises
    ------
    WpbenchError
        If the file does not record enough.

    Examples
    --------
    >>> import wpbench as wb
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 8], rounds=5))
    >>> files = wb.figures.draw(
    ...     "mean_over", table, "again", caption="Copies over pages", x="npages"
    ... )
    >>> wb.figures.rerun("again.svg").identical
    True
    """
    path = Path(path)
    record = read_provenance(path)
    how = record.get("figure", {})
    drawn = "kind" in how
    if not drawn and path.suffix in (".svg", ".png"):
        raise WpbenchError(
            f"{path}: does not say how it was drawn (wb.figures.draw() records it); accepted: its "
            "table, a .parquet file"
        )
    table = _made_again(path, record, max_hours, max_runs)
    # With the file's own record: what is compared is what was computed and drawn.
    table.attrs["wpbench"] = {name: part for name, part in record.items() if name != "figure"}
    with explained(path), tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "again"
        if drawn:
            _draw(path, how, table, stem)
        else:
            stem.with_suffix(".csv").write_bytes(csv_bytes(table))
            stem.with_suffix(".parquet").write_bytes(parquet_bytes(table))
        new = stem.with_suffix(path.suffix)
        identical = new.read_bytes() == path.read_bytes()
        differences = () if identical else tuple(_differences(path, new, how, table))
    return Rerun(path, identical, differences, tuple(_versions(record)))


def can_rerun(record: Mapping[str, Any]) -> bool:
    """Does a record say enough to simulate its table again?"""
    try:
        scenarios_of(record.get("parameters", {}))
    except ScenarioError:
        return False
    return record.get("command") in COMMANDS


def _draw(path: Path, how: Mapping[str, Any], table: pd.DataFrame, stem: Path) -> None:
    asked = {name: how[name] for name in ("kind", "caption", "title", "where")}
    options = {"size": tuple(how["size"]), **asked, **how["options"]}
    if len(options) < 1 + len(asked) + len(how["options"]):
        raise WpbenchError(f"{path}: its provenance has figure.options that are no options")
    try:
        draw(table=table, stem=stem, **options)
    except WpbenchError as error:
        raise WpbenchError(f"{path}: cannot be drawn again: {error}") from None
    except Exception as error:  # whatever a plot function makes of options that nobody gave it
        text = " ".join(str(error).split())[:200]
        raise WpbenchError(
            f"{path}: cannot be drawn again: {type(error).__name__}: {text}"
        ) from None


def _made_again(
    path: Path, record: Mapping[str, Any], max_hours: float, max_runs: int
) -> pd.DataFrame:
    """Return the table that a record describes, simulated anew."""
    command = record.get("command")
    if command not in COMMANDS:
        raise WpbenchError(
            f"{path}: was made by {command or 'nobody knows what'}; what can be made again: tables "
            f"of {', '.join(COMMANDS)}"
        )
    parameters = record["parameters"]
    try:
        scenarios = scenarios_of(parameters, max_runs)
        plan = plan_of(scenarios, parameters["seeds"], max_runs=max_runs)
        seconds = float(seconds_a_run(plan).sum()) / cpus()
        largest = int(plan.bytes().max(initial=0))
        if largest > available_memory():
            raise ScenarioError(
                f"a machine takes {human(largest)} of memory; available: "
                f"{human(available_memory())}"
            )
        if seconds > 3600 * check("max_hours", max_hours):
            raise ScenarioError(
                f"its {plan.n} runs take about {duration(seconds)}; accepted: up to "
                f"{duration(3600 * max_hours)}, or more with max_hours (--max-hours)"
            )
        table = simulate(scenarios, seeds=parameters["seeds"], max_runs=max_runs)
    except WpbenchError as error:
        raise WpbenchError(f"{path}: cannot be made again: {error}") from None
    if command == "sweep":
        table = table.assign(key=run_keys(plan), error="")
    return table


def _differences(path: Path, new: Path, how: Mapping[str, Any], table: pd.DataFrame) -> Any:
    """Yield what differs between a file and what was made again, as text."""
    if path.suffix in (".parquet", ".csv"):
        read = pd.read_parquet if path.suffix == ".parquet" else pd.read_csv
        before, after = read(path), read(new)
        found = list(_table_differences(before, after))
        yield from found[:_MOST]
        if len(found) > _MOST:
            yield f"and {len(found) - _MOST} more columns"
        if not found:
            yield "the values are equal, the file is not: another version of pandas or pyarrow?"
        return
    again = csv_sha256(chosen(table, how["where"]))
    if again != how["csv_sha256"]:
        yield f"the table behind it: sha256 {how['csv_sha256']}, made again {again}"
    else:
        yield "the picture; the table behind it is equal"


def _table_differences(before: pd.DataFrame, after: pd.DataFrame) -> Any:
    if len(before) != len(after):
        yield f"{len(before)} rows, made again {len(after)}"
        return
    for name in dict.fromkeys([*before.columns, *after.columns]):
        if name not in after:
            yield f"{name}: is not made again"
        elif name not in before:
            yield f"{name}: is missing"
        else:
            one, two = before[name], after[name]
            unequal = ~((one == two) | (one.isna() & two.isna()))
            if unequal.any():
                row = int(unequal.to_numpy().argmax())
                yield (
                    f"{name}: {int(unequal.sum())} of {len(before)} rows, first row {row}: "
                    f"{one.iloc[row]}, made again {two.iloc[row]}"
                )


def _versions(record: Mapping[str, Any]) -> Any:
    """Yield the versions that are not those of this process."""
    here = provenance("", {})
    pairs = [
        ("wpbench's commit", record["software"]["commit"], here["software"]["commit"]),
        ("model", record["model"], here["model"]),
        ("data", record["data"], here["data"]),
    ]
    pairs += [
        (name, before, here["environment"].get(name))
        for name, before in record["environment"].items()
    ]
    drawn_with = record.get("figure", {}).get("matplotlib")
    if drawn_with:
        pairs.append(("matplotlib", drawn_with, importlib.metadata.version("matplotlib")))
    for name, before, now in pairs:
        if before != now:
            yield f"{name} {before}, here {now}"
