"""Trace files: read them, replay them, say where the machine and the kernel differ."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import mm
from ..bounds import MAX_TRACE_MB, TRACE, Bound, check
from ..data import backends
from ..errors import ScenarioError, TraceError, accepted, shown
from ..mm import layout as L
from ..scenario import Overrides, Scenario
from ..scenario.columns import cost_row
from ..scenario.kernels import instrumented, kernel
from ..workloads.replay import FLAGS, IGNORED, OPS, replay_trace
from .words import describe_word

COLUMNS = ("t_ns", "op", "arg", "npages", "outcome", "resident", *FLAGS)
HEADER = ("backend", "decision", "npages", "ncpus")
READ_OUTCOMES = ("hit", "minor", "major")
FORK_OUTCOMES = ("", "done", "ignored")
CLOCKS = ("tcg", "icount")
# Pages on the file LRU lists of a machine that recorded (see mm/workingset.py), for traces whose
# header has no file_lru.  Fitted to PG_active in all traces of each kind of machine: the
# instrumented kernel's, and that of the unmodified kernels, whose headers have a `kernel` line.  A
# live system, where wpbench itself recorded, has a file LRU longer than any distance.
FILE_LRU_INSTRUMENTED = 640
FILE_LRU_UNMODIFIED = 470
# What the instrumented 6.1.192 could be told to follow.
INSTRUMENTED = ("v5.8", "v5.17", "patch1", "patch2", "patch2-rfc2", "patch2-always", "exclusive")
NO_SWAP = "none"  # backend of a program that pages nothing out
_MOST_SHOWN = 10
_MOST_DIGITS = 20
_FLAG = Bound(0, 1)
_MISSING = -1


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
        (``layout.OUTCOMES``; -1 blank), resident (-1 blank), the four flags (-1 blank).
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


@dataclass
class Replay:
    """How far the machine agrees with a recorded program.

    Attributes
    ----------
    file
        The trace's path, as given.
    operations
        Rows of the trace.
    compared
        Rows compared: each read's and write's outcome, each pageout's ``resident``.
    mismatches
        Compared rows in which the machine differs.
    flag_mismatches
        Accesses whose page had other flags: name -> rows.
    first
        The first mismatches, a line each, with the machine's state before the operation.
    outcomes
        How often writes were what: outcome -> (kernel's, machine's).
    """

    file: str
    operations: int
    compared: int
    mismatches: int
    flag_mismatches: dict[str, int]
    first: list[str] = field(default_factory=list)
    outcomes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "file": self.file,
            "operations": self.operations,
            "compared": self.compared,
            "mismatches": self.mismatches,
            "flag_mismatches": self.flag_mismatches,
            "first": self.first,
        }

    def __str__(self) -> str:
        flags = ", ".join(f"{name} {n}" for name, n in self.flag_mismatches.items() if n)
        lines = [
            f"{self.file}: {self.operations} operations, {self.compared} compared, "
            f"{self.mismatches} mismatches" + (f"; flags differ: {flags}" if flags else "")
        ]
        return "\n".join([*lines, *(f"  {line}" for line in self.first)])


def _text(path: Path, max_mb: int) -> str:
    limit = check("max_trace_mb", max_mb) << 20
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from None
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(limit + 1)
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
    """Return a number written in digits alone, as all are that wpbench or a kernel writes."""
    digits = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    value = int(text) if digits else None
    if value is None or value not in bound:
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
        self.outcomes = {name: i for i, name in enumerate(L.OUTCOMES)}

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
        arg, n, outcome, resident = 0, 0, _MISSING, _MISSING
        flags = [_MISSING] * len(FLAGS)
        name = row["op"]
        if name in ("read", "write"):
            arg = _integer(where, "arg", row["arg"], self.page)
            choices = READ_OUTCOMES if name == "read" else L.OUTCOMES
            if row["outcome"] not in choices:
                raise TraceError(f"{where}: {accepted('outcome', row['outcome'], choices)}")
            outcome = self.outcomes[row["outcome"]]
            flags = [
                _integer(where, flag, row[flag], _FLAG) if row[flag] else _MISSING for flag in FLAGS
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
    return Trace(path, header, np.array(rows, np.int64), np.array(ignored), start + 2)


def _leading_comments(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("#"):
            return
        yield line


def machine_of(trace: Trace, pmd_offset: int, more: Mapping[str, int] | None = None) -> Any:
    """Return the machine on which a trace was recorded, and one CPU more for the child.

    ``more``: values of ``layout.CONFIG`` that a watcher wants.
    """
    header = trace.header
    backend = "zram" if header["backend"] == NO_SWAP else header["backend"]
    asynchronous = not backends()[backend]["synchronous"]
    latency = int(header["latency_ns"]) if asynchronous and "latency_ns" in header else None
    decision = header["decision"]
    # The instrumented kernel follows any decision in do_wp_page(), but is v6.1 in all else
    # (data/kernel-measurements/README.md); traces of wpbench 0.1 name their do_swap_page()'s.
    if "swapin" in header:
        rules = instrumented(decision, header["swapin"])
    elif decision in INSTRUMENTED:
        rules = instrumented(decision)
    else:
        rules = {"kernel": decision, "rules": Overrides.parse(header.get("rules", ""))}
    try:
        scenario = Scenario(
            workload=replay_trace,
            **rules,
            backend=backend,
            npages=int(header["npages"]),
            cpus=int(header["ncpus"]),
            pagevec=int(header["pagevec"]) if "pagevec" in header else None,
            latency_ns=latency,
            page_cluster=int(header.get("page_cluster", 3)),
            pmd_offset=pmd_offset,
        )
    except ScenarioError as error:
        raise TraceError(f"{trace.path}: header: {error}") from None
    config = scenario.machine_config()
    # Only the deterministic clock has times to reckon with; elsewhere each step takes none.
    cost = cost_row("icount" if header.get("clock") == "icount" else "none", backend)
    config["timed"] = int(asynchronous)
    if "file_lru" in header:
        config["file_lru"] = int(header["file_lru"])
    elif "recorded_by" not in header:
        config["file_lru"] = FILE_LRU_UNMODIFIED if "kernel" in header else FILE_LRU_INSTRUMENTED
    config.update(more or {})
    return mm.Machine(config, cost)


def replay(path: str | Path, *, pmd_offset: int = 0, max_mb: int = MAX_TRACE_MB) -> Replay:
    """Replay a recorded program on the machine and compare operation by operation.

    Parameters
    ----------
    path
        A trace file (data/kernel-measurements/README.md describes the format).
    pmd_offset
        Pages between the start of a page table and page 0, where the region is known to straddle
        two (readahead stops there).  The traces do not record it.
    max_mb
        A file that has more MiB, unpacked, is refused.

    Raises
    ------
    TraceError
        If the file is truncated, garbled or mislabelled.
    """
    trace = read_trace(path, max_mb=max_mb)
    m = machine_of(trace, pmd_offset)
    rows = trace.rows
    got, flags, holders = trace.run(m, len(rows))
    access = rows[:, 4] != _MISSING
    pageout = rows[:, 5] != _MISSING
    wrong = (access & (rows[:, 4] != got)) | (pageout & (rows[:, 5] != got))
    bad_fork = ((rows[:, 1] == OPS.index("fork")) | (rows[:, 1] == OPS.index("exit"))) & (
        trace.ignored != (got == IGNORED)
    )
    if bad_fork.any():
        line = trace.first_line + int(np.flatnonzero(bad_fork)[0])
        raise TraceError(
            f"{trace.path}:{line}: a fork or exit that does not follow from the rows above"
        )
    bits = (flags[:, None] >> np.arange(len(FLAGS))) & 1
    differ = (rows[:, 6:] != _MISSING) & (rows[:, 6:] != bits)
    first = [
        _describe(trace, int(i), int(got[i]), int(holders[i]))
        for i in np.flatnonzero(wrong)[:_MOST_SHOWN]
    ]
    write = rows[:, 1] == OPS.index("write")
    return Replay(
        file=str(path),
        operations=len(rows),
        compared=int((access | pageout).sum()),
        mismatches=int(wrong.sum()),
        flag_mismatches=dict(zip(FLAGS, differ.sum(axis=0).tolist(), strict=True)),
        first=first,
        outcomes={
            name: (int((write & (rows[:, 4] == i)).sum()), int((write & (got == i)).sum()))
            for i, name in enumerate(L.OUTCOMES)
        },
    )


def _describe(trace: Trace, i: int, got: int, word: int) -> str:
    row = trace.rows[i]
    where = trace.where(i)
    if OPS[row[1]] == "pageout":
        return f"{where}: kernel left {row[5]} resident, machine {got}"
    state = describe_word(word) if word else "not mapped"
    return f"{where}: kernel {L.OUTCOMES[row[4]]}, machine {L.OUTCOMES[got]}; page before: {state}"
