"""Events in a file: Parquet, a row an event, compressed as they come (docs/programs.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import MeasureError
from .events import COLUMNS, KIND, KINDS
from .state import Words

FORMAT = 1
KEY = b"wpbench"
_TYPES = {"time": pa.int64(), "cpu": pa.int16(), "pid": pa.int32()}
_KIND = pa.dictionary(pa.int8(), pa.string())
_SCHEMA = pa.schema(
    [(name, _KIND if name == "kind" else _TYPES.get(name, pa.int64())) for name in COLUMNS]
)


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

    def __enter__(self) -> Recorder:
        try:
            self._writer = pq.ParquetWriter(
                self._part,
                self._schema,
                compression="zstd",
                use_dictionary=["kind", "cpu", "pid"],
                column_encoding=dict.fromkeys(("time", "a", "b", "c"), "DELTA_BINARY_PACKED"),
            )
        except OSError as error:
            raise MeasureError(f"record: {self.path}: {error.strerror}") from None
        return self

    def write(self, events: Words) -> None:
        """Add events, a row group of them."""
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
        self._writer.close()
        if kind is None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


def read_record(path: str | Path) -> tuple[dict[str, Any], Words]:
    """Return what a file of events says of itself, and its events as rows (events.py).

    Raises
    ------
    MeasureError
        If it is no such file.
    """
    try:
        table = pq.read_table(path)
        about = json.loads((table.schema.metadata or {})[KEY])
        version = about["format"]
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise MeasureError(f"{path}: no file of recorded events: {error}") from None
    if version != FORMAT or table.column_names != list(COLUMNS):
        raise MeasureError(f"{path}: format {version!r} is not accepted; accepted: {FORMAT}")
    events = np.empty((len(table), len(COLUMNS)), np.int64)
    for i, name in enumerate(COLUMNS):
        column = table[name].combine_chunks()
        if name == "kind":
            numbers = {kind: n for n, kind in enumerate(KINDS)}
            events[:, i] = [numbers[kind] for kind in column.to_pylist()]
        else:
            events[:, i] = column.to_numpy()
    return about, events
