"""Events in a file: Parquet, a row an event, compressed as they come (docs/programs.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import MeasureError, accepted
from ...output import explained
from .events import COLUMNS, KIND, KINDS
from .state import Words
from .tracefs import USER_COPY

FORMAT = 2
_ROW_GROUP = 1 << 17  # events; a replay has one in memory at a time
KEY = b"wpbench"
_TYPES = {"time": pa.int64(), "cpu": pa.int16(), "pid": pa.int32()}
_KIND = pa.dictionary(pa.int8(), pa.string())
_SCHEMA = pa.schema(
    [(name, _KIND if name == "kind" else _TYPES.get(name, pa.int64())) for name in COLUMNS]
)

# What a file must say of itself, and what of each.
_NEEDED: dict[str, Callable[[Any], bool]] = {
    "pid": lambda pid: pid is None or (type(pid) is int and 0 < pid < 1 << 22),
    "flags": lambda flags: (
        isinstance(flags, dict) and all(type(flags.get(name)) is int for name in USER_COPY)
    ),
    "measured_on": lambda facts: (
        isinstance(facts, dict)
        and isinstance(facts.get("release"), str)
        and type(facts.get("swap_pages")) is int
        and facts["swap_pages"] >= 0
        and isinstance(facts.get("backend"), str)
    ),
}


def check_folder(path: Path) -> None:
    """Refuse a file whose folder is not there."""
    if not path.parent.is_dir():
        raise MeasureError(f"record: {path}: there is no folder {path.parent}")


class Recorder:
    """Writes a file of events; it is there, whole, when the block has ended well.

    Parameters
    ----------
    path
        The file.
    about
        What was recorded: plain JSON types, for the file's metadata.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        check_folder(path)
        self.path = path
        self._part = path.with_name(f"{path.name}.part")
        metadata = {KEY: json.dumps({"format": FORMAT, **about}).encode()}
        self._schema = _SCHEMA.with_metadata(metadata)
        self._waiting: list[Words] = []

    def __enter__(self) -> Recorder:
        try:
            self._writer = pq.ParquetWriter(
                self._part,
                self._schema,
                compression="zstd",
                use_dictionary=["kind", "cpu", "pid"],
                column_encoding=dict.fromkeys(
                    ("time", "a", "b", "c", "d", "e"), "DELTA_BINARY_PACKED"
                ),
            )
        except OSError as error:
            raise MeasureError(f"record: {self.path}: {error.strerror}") from None
        return self

    def write(self, events: Words) -> None:
        """Add events."""
        self._waiting.append(events)
        if sum(map(len, self._waiting)) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        """Write what waits, a row group."""
        events = np.concatenate([np.empty((0, len(COLUMNS)), np.int64), *self._waiting])
        self._waiting.clear()
        if not len(events):
            return
        columns: list[Any] = []
        for i, field in enumerate(self._schema):
            if i == KIND:
                codes = pa.array(events[:, i].astype(np.int8))
                columns.append(pa.DictionaryArray.from_arrays(codes, pa.array(KINDS)))
            else:
                columns.append(pa.array(events[:, i]).cast(field.type))
        self._writer.write_table(pa.table(columns, schema=self._schema))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
        if kind is None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


def _line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())[:300]


def read_about(path: str | Path) -> dict[str, Any]:
    """Return what a file of events says of itself.

    Raises
    ------
    MeasureError
        If it is no such file.
    """
    with explained(path, MeasureError), Path(path).open("rb"):
        pass
    try:
        schema = pq.read_schema(path)
        about = json.loads((schema.metadata or {})[KEY])
        version = about["format"]
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise MeasureError(f"{path}: no file of recorded events: {_line(error)}") from None
    if version != FORMAT or schema.names != list(COLUMNS):
        raise MeasureError(f"{path}: format {version!r} is not accepted; accepted: {FORMAT}")
    if schema.types != _SCHEMA.types:
        raise MeasureError(f"{path}: no file of recorded events: its columns are of other types")
    for name, holds in _NEEDED.items():
        if not holds(about.get(name)):
            raise MeasureError(f"{path}: no file of recorded events: it does not say {name}")
    return dict(about)


def _rows(path: str | Path, table: pa.Table) -> Words:
    """Return events as rows (events.py)."""
    events = np.empty((len(table), len(COLUMNS)), np.int64)
    for i, name in enumerate(COLUMNS):
        column = table[name].unify_dictionaries().combine_chunks()
        if column.null_count:
            raise MeasureError(f"{path}: {name}: a value is missing")
        if name == "kind":
            names = column.dictionary.to_pylist()
            strange = [kind for kind in names if kind not in KINDS]
            if strange:
                raise MeasureError(f"{path}: {accepted('kind', strange[0], KINDS)}")
            numbers = np.array([KINDS.index(kind) for kind in names], np.int64)
            events[:, i] = numbers[column.indices.to_numpy()] if len(names) else 0
        else:
            events[:, i] = column.to_numpy()
    return events


def blocks(path: str | Path, *, backwards: bool = False) -> Iterator[tuple[int, Words]]:
    """Yield a file's events, a row group at a time: the place of the first, and rows (events.py).

    Raises
    ------
    MeasureError
        If it is no such file, or damaged.
    """
    read_about(path)
    try:
        with pq.ParquetFile(path) as file:
            counts = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            starts = np.concatenate([[0], np.cumsum(counts)]).tolist()
            groups = range(len(counts))
            for i in reversed(groups) if backwards else groups:
                if counts[i]:
                    yield starts[i], _rows(path, file.read_row_group(i))
    except (OSError, pa.ArrowException, IndexError, ValueError) as error:
        raise MeasureError(f"{path}: damaged: {_line(error)}") from None


def read_record(path: str | Path) -> tuple[dict[str, Any], Words]:
    """Return the metadata and the events of a recording.

    Parameters
    ----------
    path
        Of ``measure.program(..., record=path)``.

    Returns
    -------
    about, events
        dict of the file's metadata; int64[n, words], a row for each event (docs/programs.md).

    Raises
    ------
    MeasureError
        If it is not such a file.

    Examples
    --------
    >>> import wpbench as wb
    >>> about, events = wb.measure.read_record(wb.data_dir() / "programs" / "shell-short.parquet")
    >>> about["format"], len(events) > 1000
    (2, True)
    """
    parts = [events for _, events in blocks(path)]
    return read_about(path), np.concatenate([np.empty((0, len(COLUMNS)), np.int64), *parts])
