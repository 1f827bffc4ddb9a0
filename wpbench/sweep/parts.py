"""The parts of a store: Parquet files that can tell whether they still are what was written.

A part is ``part-<number>-<checksum>.parquet``; the checksum, the first 16 digits of the SHA-256 of
its bytes, stands in its name, so that a part and its checksum appear together.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import SweepError
from ..output import written
from ..scenario import Scenario
from ..scenario.plain import current_name
from ..simulate import COUNTERS, MODEL, plan_of, tabulate

NOTES = b"wpbench"  # in a part's schema: provenance of its rows, a JSON object a line
MODEL_FOLDER = "model="
_TEXTS = ("key", "error", "data")  # columns beside those of a table
_NAME = re.compile(r"part-([0-9]{6,15})(?:-([0-9a-f]{16}))?\.parquet")


class DamagedError(SweepError):
    """A part whose content differs from what was written."""

    def __init__(self, path: Path, why: str) -> None:
        again = _of_this_model(path)
        what = "a sweep does its runs again" if again else "accepted: a copy, or the store without"
        super().__init__(f"{path}: is damaged ({why}); {what}")


def folder_of(store: Path) -> Path:
    """Return the folder with this model's parts."""
    return store / f"{MODEL_FOLDER}{MODEL}"


def _of_this_model(path: Path) -> bool:
    return path.parent.name == folder_of(Path()).name


def listed(folder: Path) -> list[Path]:
    """Return the parts in a folder, whatever they are, the oldest first; none without a folder."""
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    return [path for path in found if path.name.startswith("part-") and path.suffix == ".parquet"]


def write(folder: Path, rows: Any) -> None:
    """Write an Arrow table as a new part."""
    made = io.BytesIO()
    pq.write_table(rows, made, compression="zstd")
    data = made.getvalue()
    found = (_NAME.fullmatch(path.name) for path in listed(folder))
    number = max((int(match[1]) for match in found if match), default=0) + 1
    path = folder / f"part-{number:06}-{_checksum(data)}.parquet"
    with written(path, SweepError, "; the rows that the store has stay valid") as file:
        file.write(data)


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def read(path: Path, columns: list[str] | None = None, *, unverified: bool = False) -> Any:
    """Return a part as an Arrow table, with today's names of the fields.

    Parameters
    ----------
    path
        The part.
    columns
        Those that are asked for; None for all.
    unverified
        Also a part of an earlier version, which has no checksum.

    Raises
    ------
    DamagedError
        If it is not what was written.
    OSError
        If it cannot be read, or is not there any more.
    """
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise DamagedError(path, "its name is none that a sweep gives")
    if os.path.lexists(path) and not path.is_file():
        raise DamagedError(path, "it is no file")
    data = path.read_bytes()
    if name[2] is None and not unverified:
        raise DamagedError(path, "it has no checksum")
    if name[2] not in (None, _checksum(data)):
        raise DamagedError(path, f"its checksum is {_checksum(data)}")
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = _renamed(file.schema_arrow)
        why = _wrong_columns(schema, exact=_of_this_model(path)) or _wrong_notes(schema)
        if why:
            raise DamagedError(path, why)
        wanted = None
        if columns is not None:
            wanted = [n for n in file.schema_arrow.names if current_name(n) in columns]
        table = file.read(wanted)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        text = " ".join(str(error).split())[:200]
        raise DamagedError(path, text) from None
    table = pa.Table.from_arrays(table.columns, schema=_renamed(table.schema))
    # A file has its schema twice: the notes that were looked at need not be those that were read.
    why = _wrong_notes(table.schema) or _wrong_values(table)
    if why:
        raise DamagedError(path, why)
    return table


def is_verified(path: Path) -> bool:
    """Does a part's name have a checksum?"""
    name = _NAME.fullmatch(path.name)
    return name is not None and name[2] is not None


def put_aside(path: Path) -> Path:
    """Rename a damaged part so that nothing takes it for one; return where it is."""
    aside = path.with_name(f".{path.name}.damaged")
    while os.path.lexists(aside):
        aside = aside.with_name(f"{aside.name}.damaged")
    return path.rename(aside)


def _renamed(schema: Any) -> Any:
    fields = [field.with_name(current_name(field.name)) for field in schema]
    return pa.schema(fields, schema.metadata)


@lru_cache(maxsize=1)
def _expected() -> dict[str, str]:
    """Return the kind of each column of a part that this version writes."""
    plan = plan_of(Scenario())
    table = tabulate(plan, np.zeros((plan.n, len(COUNTERS)), np.int64))
    schema = pa.Schema.from_pandas(table.assign(**dict.fromkeys(_TEXTS, "")), preserve_index=False)
    return {field.name: _kind(field.type) for field in schema}


def _kind(kind: Any) -> str:
    """Return what a type is for, whatever its width."""
    for name in ("integer", "floating", "boolean", "string", "large_string", "null"):
        if getattr(pa.types, f"is_{name}")(kind):
            return name.removeprefix("large_")
    return str(kind)


def _wrong_columns(schema: Any, *, exact: bool) -> str | None:
    """Say which column is missing, too many or of another kind; of another model's, the known."""
    expected = _expected()
    needed = expected if exact else _TEXTS
    for name in needed:
        if name not in schema.names:
            return f"it has no column {name!r}"
    for name in schema.names:
        if schema.names.count(name) > 1:
            return f"it has the column {name!r} twice"
        kind = _kind(schema.field(name).type)
        if name == "model" or (exact and name not in expected):
            return f"it has a column {name!r}"
        if kind != expected.get(name, kind) and not (kind == "null" and not exact):
            return f"its column {name!r} is of type {schema.field(name).type}"
    return None


def _wrong_notes(schema: Any) -> str | None:
    """Say if there is no provenance."""
    try:
        notes = [json.loads(line) for line in schema.metadata[NOTES].split(b"\n")]
    except (TypeError, KeyError, ValueError, RecursionError):
        return "it does not say how it was made"
    return None if all(isinstance(n, dict) for n in notes) else "it does not say how it was made"


def _wrong_values(table: Any) -> str | None:
    """Say which column lacks a value that a run has."""
    for name in set(_TEXTS) & set(table.column_names):
        if table[name].null_count:
            return f"its column {name!r} has empty cells"
    # What a workload does not count is empty (Workload.looks_after_pageout).
    known = [n for n in COUNTERS if n in table.column_names and n != "not_paged_out"]
    counters = [n for n in known if table[n].null_count]
    if counters:
        went_well = table.filter(pc.equal(table["error"], ""))
        for name in counters:
            if went_well[name].null_count:
                return f"its column {name!r} has empty cells of runs that went well"
    return None
