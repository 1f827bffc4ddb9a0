"""Trace files, read and checked."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..bounds import MAX_TRACE_MB, TRACE, Bound, check
from ..data import backends
from ..errors import ScenarioError, TraceError, accepted, shown
from ..mm.names import Outcome, texts
from ..scenario import Overrides
from ..scenario.kernels import kernel
from ..workloads.replay import FLAGS, OPS, replay_trace

COLUMNS = ("t_ns", "op", "arg", "npages", "outcome", "resident", *FLAGS)
HEADER = ("backend", "decision", "npages", "ncpus")
READ_OUTCOMES = ("hit", "minor", "major")
FORK_OUTCOMES = ("", "done", "ignored")
CLOCKS = ("tcg", "icount")
NO_SWAP = "none"  # backend of a program that pages nothing out
_MOST_DIGITS = 20
_FLAG = Bound(0, 1)
_KEPT = 1 << 20  # characters of a file whose rows are kept until another is read
MISSING = -1


@dataclass
class Trace:
    """One recorded program.

    Attributes
    ----------
    path
        The file.
    header
        Its ``# key: value`` lines.
    rows
        int64[operations, columns]: t_ns, op (``OPS``), arg, npages, outcome
        (``texts(Outcome)``; -1 blank), resident (-1 blank), the four flags (-1 blank).
    ignored
        bool[operations]: forks and exits that found nothing to do.
    first_line
        Line number of the first row.
    """

    path: Path
    header: dict[str, str]
    rows: Any
    ignored: Any
    first_line: int

    def run(self, m: Any, rows: int) -> tuple[Any, Any, Any]:
        """Run the first operations on a machine; return outcomes, page flags and page words."""
        t_ns, op, arg, npages = (np.ascontiguousarray(self.rows[:rows, i]) for i in range(4))
        outcomes, flags, words = (np.zeros(rows, np.int64) for _ in range(3))
        replay_trace(m, op, arg, npages, t_ns, outcomes, flags, words)
        if m.error:
            raise TraceError(f"{self.path}: {m.failure}")
        return outcomes, flags, words

    def where(self, i: int) -> str:
        """Return where operation ``i`` stands and what it is."""
        t_ns, op, arg, npages = self.rows[i, :4]
        what = f"{OPS[op]} {arg}" + (f" +{npages}" if npages else "")
        return f"line {self.first_line + i} (row {i}): t_ns {t_ns} {what}"


def _read(file: Any, limit: int) -> bytes:
    """Read a file, up to one byte more than a limit; no more memory is taken than it needs."""
    blocks = []
    left = limit + 1
    while left and (block := file.read(min(left, 1 << 20))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def _text(path: Path, max_mb: int) -> str:
    limit = check("max_trace_mb", max_mb) << 20
    try:
        with path.open("rb") as file:
            data = _read(file, limit)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from None
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = _read(file, limit)
        except (EOFError, OSError, zlib.error) as error:
            raise TraceError(f"{path}: truncated or damaged gzip data: {error}") from None
    if len(data) > limit:
        raise TraceError(
            f"{path}: is larger than {max_mb} MiB, unpacked; accepted: up to that, or more with "
            "max_mb (--max-mb)"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TraceError(f"{path}:{line}: not a text file: {error.reason}") from None


def _header(path: Path, lines: list[str]) -> dict[str, str]:
    header: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.startswith("#"):
            break
        key, colon, value = line[1:].partition(":")
        if not colon:
            raise TraceError(f"{path}:{number}: a header line is '# key: value', not {shown(line)}")
        header[key.strip()] = value.strip()
    for key in HEADER:
        if key not in header:
            raise TraceError(f"{path}:1: the header has no '# {key}: ...' line")
    for key in ("npages", "ncpus", "pagevec", "latency_ns", "page_cluster", "file_lru"):
        if key in header:
            header[key] = str(_integer(f"{path}: header", key, header[key], TRACE[key]))
    for key, choices in (
        ("backend", (*backends(), NO_SWAP)),
        ("clock", CLOCKS),
    ):
        if key in header and header[key] not in choices:
            raise TraceError(f"{path}: header {accepted(key, header[key], choices)}")
    for key, read in (("decision", kernel), ("swapin", kernel), ("rules", Overrides.parse)):
        try:
            read(header.get(key, "" if key == "rules" else "v6.1"))
        except ScenarioError as error:
            raise TraceError(f"{path}: header {key}: {error}") from None
    return header


def _integer(where: str, column: str, text: str, bound: Bound) -> int:
    """Return a number written in digits alone, as all are that wpbench or a kernel writes.

    The bounds of a trace's numbers begin with 0 or above.
    """
    digits = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    value = int(text) if digits else -1
    if not bound.low <= value <= bound.high:
        raise TraceError(f"{where}: {accepted(column, text, [str(bound)])}")
    return value


class _RowReader:
    """Checks one row at a time against what its operation allows."""

    def __init__(self, path: Path, header: dict[str, str]) -> None:
        self.path = path
        self.npages = int(header["npages"])
        self.ncpus = int(header["ncpus"])
        self.page = Bound(0, self.npages - 1)
        self.cpu = Bound(0, self.ncpus - 1)
        self.swap = header["backend"] != NO_SWAP
        self.ops = {name: i for i, name in enumerate(OPS)}
        self.outcomes = {name: i for i, name in enumerate(texts(Outcome))}

    def read(self, number: int, cells: list[str]) -> tuple[list[int], bool]:
        where = f"{self.path}:{number}"
        if len(cells) != len(COLUMNS):
            raise TraceError(
                f"{where}: {len(cells)} columns instead of {len(COLUMNS)} (a truncated line?)"
            )
        row = dict(zip(COLUMNS, cells, strict=True))
        op = self.ops.get(row["op"])
        if op is None:
            raise TraceError(f"{where}: {accepted('op', row['op'], OPS)}")
        t_ns = _integer(where, "t_ns", row["t_ns"], TRACE["t_ns"])
        arg, n, outcome, resident = 0, 0, MISSING, MISSING
        flags = [MISSING] * len(FLAGS)
        name = row["op"]
        if name in ("read", "write"):
            arg = _integer(where, "arg", row["arg"], self.page)
            choices = READ_OUTCOMES if name == "read" else texts(Outcome)
            if row["outcome"] not in choices:
                raise TraceError(f"{where}: {accepted('outcome', row['outcome'], choices)}")
            outcome = self.outcomes[row["outcome"]]
            flags = [
                _integer(where, flag, row[flag], _FLAG) if row[flag] else MISSING for flag in FLAGS
            ]
        elif name in ("pageout", "cold", "free"):
            arg = _integer(where, "arg", row["arg"], self.page)
            n = _integer(where, "npages", row["npages"], Bound(1, self.npages - arg))
            if name == "pageout":
                if not self.swap:
                    raise TraceError(f"{where}: op: pageout does not go with backend {NO_SWAP!r}")
                resident = _integer(where, "resident", row["resident"], Bound(0, n))
        elif name == "migrate":
            arg = _integer(where, "arg", row["arg"], self.cpu)
        elif row["outcome"] not in FORK_OUTCOMES:
            raise TraceError(f"{where}: {accepted('outcome', row['outcome'], FORK_OUTCOMES)}")
        return [t_ns, op, arg, n, outcome, resident, *flags], row["outcome"] == "ignored"


def read_trace(path: str | Path, *, max_mb: int = MAX_TRACE_MB) -> Trace:
    """Read a trace file, plain or gzipped.

    Parameters
    ----------
    path
        The file.
    max_mb
        One that has more MiB, unpacked, is refused.

    Raises
    ------
    TraceError
        If it is truncated, garbled, mislabelled or too large; names the file and the line.
    """
    path = Path(path)
    text = _text(path, max_mb)
    return _same_again(path, text) if len(text) < _KEPT else _parsed(path, text)


def _parsed(path: Path, text: str) -> Trace:
    lines = text.splitlines()
    header = _header(path, lines)
    start = len(list(_leading_comments(lines)))
    if start >= len(lines) or tuple(lines[start].split(",")) != COLUMNS:
        found = lines[start] if start < len(lines) else "nothing"
        raise TraceError(
            f"{path}:{start + 1}: expected {','.join(COLUMNS)!r}, found {shown(found)}"
        )
    if not text.endswith("\n"):
        raise TraceError(f"{path}:{len(lines)}: the last line has no end (a truncated file?)")
    reader = _RowReader(path, header)
    rows: list[list[int]] = []
    ignored: list[bool] = []
    for number, line in enumerate(lines[start + 1 :], start + 2):
        row, skip = reader.read(number, line.split(","))
        if rows and row[0] < rows[-1][0]:
            raise TraceError(f"{path}:{number}: t_ns: {row[0]} is before the row above")
        rows.append(row)
        ignored.append(skip)
    if not rows:
        raise TraceError(f"{path}:{start + 1}: the trace has no operations (a truncated file?)")
    made = Trace(path, header, np.array(rows, np.int64), np.array(ignored), start + 2)
    made.rows.flags.writeable = made.ignored.flags.writeable = False
    return made


# Who compares a trace reads it more than once, and tries the places of its page table's end.
_same_again = lru_cache(maxsize=1)(_parsed)


def _leading_comments(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("#"):
            return
        yield line
