"""A store: a folder of Parquet files with the rows of the runs that are done.

``_store.json`` says which format it is, ``_lock`` is held by the sweep that writes.  The rows are
in ``model=<hash>``, a folder for each version of the model, in the parts of ``parts.py``: a part
that has its name is whole.  A key that stands in two parts (a run that failed and was done again; a
merge that was killed) counts once.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import warnings
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from ..data import fingerprint
from ..errors import SweepError, WpbenchWarning
from ..output import explained, make_folder, written
from ..provenance.record import provenance
from ..scenario import Scenario
from ..scenario.kernel_table import with_present_names, with_rule_columns
from ..simulate import COUNTERS
from . import parts
from .parts import MODEL_FOLDER, NOTES

# Format 1 has the same parts without checksums: they are read, and a sweep writes the others.
FORMAT, OLD_FORMATS = 2, (1,)
_MANIFEST = "_store.json"
_LOCK = "_lock"
# More parts than this of less than half this size are merged, up to this size.
_MANY_PARTS = 64
_PART_BYTES = 32 << 20
_LISTINGS = 5  # times that a reader lists a folder in which a writer just merged parts


class Store:
    """A store; within ``with``, open for the one sweep that may write to it.

    Parameters
    ----------
    path
        A folder; ``with`` makes it where there is none.

    Raises
    ------
    SweepError
        If another sweep has it open, if it is of another format, or something else.
    """

    _held: ClassVar[set[Path]] = set()
    _holding = threading.Lock()

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._folder = parts.folder_of(self.path)
        self._lock_file: IO[str] | None = None
        _format(self.path)

    def __enter__(self) -> Store:
        make_folder(self.path, SweepError)
        with explained(self.path, SweepError):
            self._lock()
        try:
            with explained(self.path, SweepError):
                self._prepare()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._unlock()

    def _lock(self) -> None:
        """Lock the store against other processes, and against other threads of this one.

        The lock belongs to the process: no child has it, and it ends however the process does.
        """
        where = self.path.resolve()
        with self._holding:
            if where in self._held:
                raise SweepError(f"{self.path}: another sweep of this process is writing to it")
            file = (self.path / _LOCK).open("a+", encoding="utf-8")
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                holder = file.read().strip()
                file.close()
                if not isinstance(error, BlockingIOError):
                    raise
                raise SweepError(
                    f"{self.path}: another sweep is writing to it ({holder}); "
                    "accepted: wait for it, or another store"
                ) from None
            self._held.add(where)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        self._lock_file = file

    def _unlock(self) -> None:
        with self._holding:
            self._held.discard(self.path.resolve())
            if self._lock_file is not None:
                self._lock_file.close()
                self._lock_file = None

    def _prepare(self) -> None:
        for half in (*self.path.glob(".*.new"), *self.path.glob(f"{MODEL_FOLDER}*/.*.new")):
            if half.is_file():
                half.unlink()
        if _format(self.path) != FORMAT:
            text = json.dumps({"format": FORMAT, "what": "wpbench sweep"}) + "\n"
            with written(self.path / _MANIFEST, SweepError) as file:
                file.write(text.encode())
        make_folder(self._folder, SweepError)

    def find(self, keys: Any) -> tuple[Any, Any, Any]:
        """Look runs up.

        Parameters
        ----------
        keys
            Distinct keys.

        Returns
        -------
        known, counted, errors
            bool[n]: is there a row?  int64[n, counters] (0 where there is none, or it failed);
            object[n]: a failed run's error, "" elsewhere.
        """
        index = pd.Index(keys)
        known = np.zeros(len(keys), bool)
        counted = np.zeros((len(keys), len(COUNTERS)), np.int64)
        errors = np.full(len(keys), "", object)
        with explained(self.path, SweepError):
            found = parts.listed(self._folder)
        for path in found:
            part = self._load(path, ["key", "error", *COUNTERS])
            if part is None:
                continue
            at = index.get_indexer(part["key"].to_pandas())
            failed = part["error"].to_pandas().to_numpy(object)
            rows = np.flatnonzero(at >= 0)
            went_well = known[at[rows]] & (errors[at[rows]] == "")
            rows = rows[~went_well | (failed[rows] == "")]  # a run that once went well stays so
            known[at[rows]] = True
            errors[at[rows]] = failed[rows]
            for i, name in enumerate(COUNTERS):
                counted[at[rows], i] = part[name].fill_null(0).to_numpy()[rows]
        return known, counted, errors

    def _load(self, path: Path, columns: list[str] | None = None) -> Any:
        """Return a part; put a damaged one aside, so that its runs are done again."""
        try:
            with explained(path, SweepError):
                return parts.read(path, columns)
        except parts.DamagedError as error:
            if self._lock_file is None:
                raise
            with explained(path, SweepError):
                aside = parts.put_aside(path)
            warnings.warn(f"{error}; it is now {aside.name}", WpbenchWarning, stacklevel=2)
            return None

    def add(self, rows: pd.DataFrame) -> None:
        """Write rows, as ``sweep()`` returns them, as a new part; merge parts if they are many."""
        made = pa.Table.from_pandas(rows.assign(data=fingerprint()), preserve_index=False)
        note = json.dumps(provenance("sweep", {}))
        parts.write(self._folder, made.replace_schema_metadata({NOTES: note}))
        with explained(self.path, SweepError):
            self._merge()

    def _merge(self) -> None:
        """Merge small parts where they are many; killed in it, some keys stand in two parts."""
        sizes = {path: path.lstat().st_size for path in parts.listed(self._folder)}
        small = [path for path, size in sizes.items() if size < _PART_BYTES // 2]
        if len(small) <= _MANY_PARTS:
            return
        group = small[: int(np.searchsorted(np.cumsum([sizes[p] for p in small]), _PART_BYTES)) + 1]
        loaded = [part for part in map(self._load, group) if part is not None]
        if loaded:
            parts.write(self._folder, _once(_united(loaded)))
        for path in group:
            path.unlink(missing_ok=True)


def _format(path: Path) -> int | None:
    """Return a store's format, None where there is no store yet; refuse all that is none."""
    manifest = path / _MANIFEST
    with explained(path, SweepError):
        if not manifest.exists():
            others = sorted(p.name for p in path.glob("[!._]*")) if path.is_dir() else []
            if others:
                raise SweepError(f"{path}: is no store: it has {others[0]}, and no {_MANIFEST}")
            return None
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))["format"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise SweepError(f"{manifest}: is not what a store begins with") from None
    if isinstance(found, bool) or found not in (FORMAT, *OLD_FORMATS):
        raise SweepError(f"{path}: a store of format {found!r}; accepted: {FORMAT}")
    return int(found)


def _united(loaded: list[Any]) -> Any:
    """Return parts as one table, with the provenance of all in its schema."""
    notes = dict.fromkeys(b"\n".join(part.schema.metadata[NOTES] for part in loaded).split(b"\n"))
    united = pa.concat_tables(loaded, promote_options="permissive")
    return united.replace_schema_metadata({NOTES: b"\n".join(notes)})


def _once(rows: Any) -> Any:
    """Keep one row a key: one that went well where there is one, else the last."""
    failed = rows["error"].to_pandas() != ""
    order = np.argsort(~failed.to_numpy(), kind="stable")
    keep = np.zeros(len(failed), bool)
    keep[order] = ~rows["key"].to_pandas().iloc[order].duplicated(keep="last").to_numpy()
    return rows.filter(pa.array(keep))


def _as_now(part: Any) -> Any:
    """Return a part of a store of format 1, which has no ``rules``, with the columns of today."""
    if "rules" in part.column_names:
        return part
    table = with_present_names(part.to_pandas().rename(columns={"kernel": "decision"}))
    made = pa.Table.from_pandas(table, preserve_index=False)
    return made.replace_schema_metadata(part.schema.metadata)


def _all_parts(path: Path) -> list[Any]:
    """Return every part of a store with the model that its folder names."""
    for attempt in range(_LISTINGS):
        try:
            found = []
            unverified = 0
            for folder in sorted(path.glob(f"{MODEL_FOLDER}*")):
                for file in parts.listed(folder):
                    part = _as_now(parts.read(file, unverified=True))
                    unverified += not parts.is_verified(file)
                    model = pa.array([folder.name.removeprefix(MODEL_FOLDER)] * len(part))
                    found.append(part.append_column("model", model))
        except FileNotFoundError:  # a sweep has just merged parts
            if attempt == _LISTINGS - 1:
                raise
        else:
            if unverified:
                warnings.warn(
                    f"{path}: {unverified} parts were written by an earlier version, without "
                    "checksums: whether they are what was written is not known",
                    WpbenchWarning,
                    stacklevel=3,
                )
            return found
    raise AssertionError("unreachable")


def read_store(path: str | Path) -> pd.DataFrame:
    """Return all rows of a store, also those of other versions of the model and of failed runs.

    Parameters
    ----------
    path
        The folder; a sweep may be writing to it.

    Returns
    -------
    DataFrame
        A row for each run, ordered by the fields: the columns of ``wb.sweep()``, then ``data`` and
        ``model``, the hashes of the data files and of the model's sources.
        The counts of a failed run are empty (``<NA>``).  ``attrs["wpbench"]`` has the provenance
        of the rows in ``made_by``.

    Raises
    ------
    SweepError
        If there is no store, if it is of another format, or damaged.

    Examples
    --------
    >>> import wpbench as wb
    >>> swept = wb.sweep(wb.grid(npages=[1, 8], rounds=2), "example-store", progress=False)
    >>> wb.read_store("example-store")["npages"].tolist()
    [1, 8]
    """
    path = Path(path)
    if _format(path) is None:
        raise SweepError(f"{path}: there is no store here")
    with explained(path, SweepError):
        found = _all_parts(path)
    if not found:
        raise SweepError(f"{path}: the store has no rows yet")
    try:
        united = _united(found)
    except pa.ArrowException as error:
        text = " ".join(str(error).split())
        raise SweepError(f"{path}: has parts that do not go together ({text})") from None
    rows: pd.DataFrame = _once(united).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    whole = [n for n in rows if rows[n].dtype == pd.Int64Dtype() and rows[n].notna().all()]
    order = [*Scenario.model_fields, "replication", "model"]
    order = [name for name in order if name in rows]  # an earlier version had fewer
    rows = rows.astype(dict.fromkeys(whole, np.int64)).sort_values(order, ignore_index=True)
    rows = with_rule_columns(rows)
    made_by = [json.loads(note) for note in united.schema.metadata[NOTES].split(b"\n")]
    rows.attrs["wpbench"] = provenance("read_store", {"store": str(path)}) | {"made_by": made_by}
    return rows
