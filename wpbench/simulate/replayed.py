"""Replay traces: where the machine and the kernel differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import mm
from ..bounds import MAX_TRACE_MB
from ..data import backends
from ..errors import ScenarioError, TraceError
from ..mm.names import Outcome, texts
from ..scenario import Overrides, Scenario
from ..scenario.columns import cost_row
from ..scenario.kernels import instrumented
from ..workloads.replay import FLAGS, IGNORED, OPS, replay_trace
from .trace import MISSING, NO_SWAP, Trace, read_trace
from .words import describe_word

# Pages on the file LRU lists of a machine that recorded (see mm/workingset.py), for traces whose
# header has no file_lru.  Fitted to PG_active in all traces of each kind of machine: the
# instrumented kernel's, and that of the unmodified kernels, whose headers have a `kernel` line.  A
# live system, where wpbench itself recorded, has a file LRU longer than any distance.
FILE_LRU_INSTRUMENTED = 640
FILE_LRU_UNMODIFIED = 470
# What the instrumented 6.1.192 could be told to follow.
INSTRUMENTED = ("v5.8", "v5.17", "patch1", "patch2", "patch2-rfc2", "patch2-always", "exclusive")
_MOST_SHOWN = 10


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
        Number of writes by outcome: outcome -> (kernel's, machine's).
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
        Pages between the start of a page table and page 0, if it is known that the region straddles
        two tables (readahead stops there).  The traces do not record it.
    max_mb
        A file of more MiB, unpacked, is refused.

    Returns
    -------
    Replay
        The number of operations and of compared ones, and the mismatches.

    Raises
    ------
    TraceError
        If the file is truncated, garbled or mislabelled.

    Examples
    --------
    >>> import wpbench as wb
    >>> traces = wb.data_dir() / "kernel-measurements" / "traces"
    >>> done = wb.replay(traces / "zram_patch2_64p_2c_s22.csv.gz")
    >>> done.operations, done.compared, done.mismatches
    (3000, 2847, 0)
    """
    trace = read_trace(path, max_mb=max_mb)
    m = machine_of(trace, pmd_offset)
    rows = trace.rows
    got, flags, holders = trace.run(m, len(rows))
    access = rows[:, 4] != MISSING
    pageout = rows[:, 5] != MISSING
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
    differ = (rows[:, 6:] != MISSING) & (rows[:, 6:] != bits)
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
            for i, name in enumerate(texts(Outcome))
        },
    )


def _describe(trace: Trace, i: int, got: int, word: int) -> str:
    row = trace.rows[i]
    where = trace.where(i)
    if OPS[row[1]] == "pageout":
        return f"{where}: kernel left {row[5]} resident, machine {got}"
    state = describe_word(word) if word else "not mapped"
    kernel, machine = Outcome.text_of(row[4]), Outcome.text_of(got)
    return f"{where}: kernel {kernel}, machine {machine}; page before: {state}"
