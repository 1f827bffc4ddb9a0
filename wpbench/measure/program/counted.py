"""What was counted, as a tidy table: a row a command, CPU and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .events import name_text
from .state import (
    COUNTED,
    H_AFTER_READ,
    H_COPY,
    H_COPY_DRAINED,
    N_COMMS,
    OCTAVE,
    UNCLEAR,
    State,
    Words,
)

COUNTS = (
    "wp_faults",
    "reuses",
    "copies",
    "drained",
    "drained_pages",
    "helped",
    "in_vain",
    "file_faults",
    "zero_faults",
    "direct_writes",
    "moved",
)
TIMES = (
    "copy_ns_mean",
    "copy_ns_p50",
    "copy_drained_ns_mean",
    "copy_drained_ns_p50",
    "after_read_us_p50",
)
MORE = (
    "after_read",
    "moved_anon",
    "after_read_anon",
    "direct_copies",
    "shared_faults",
    "run",
    "unclear",
)
COLUMNS = ("command", "cpu", *COUNTS, *TIMES, *MORE)


def _median(histogram: Words) -> float:
    """Return the median of times in a histogram: the middle of its bin."""
    total = int(histogram.sum())
    if not total:
        return float("nan")
    at = int(np.searchsorted(np.cumsum(histogram), (total + 1) // 2))
    return float(2.0 ** ((at + 0.5) / OCTAVE))


def _row(command: str, cpu: int, count: Words, hist: Words) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: int(n) for name, n in zip([*COUNTED, *UNCLEAR], count, strict=True)
    }
    plain = found["copies"] - found["in_vain"]
    nan = float("nan")
    return found | {
        "command": command,
        "cpu": cpu,
        "wp_faults": found["reuses"] + found["copies"],
        "drained": found["helped"] + found["in_vain"],
        "unclear": sum(found[name] for name in UNCLEAR),
        "copy_ns_mean": found["copy_ns"] / plain if plain else nan,
        "copy_ns_p50": _median(hist[H_COPY]),
        "copy_drained_ns_mean": (
            found["copy_drained_ns"] / found["in_vain"] if found["in_vain"] else nan
        ),
        "copy_drained_ns_p50": _median(hist[H_COPY_DRAINED]),
        "after_read_us_p50": _median(hist[H_AFTER_READ]) / 1000,
    }


def rows_of(s: State) -> list[dict[str, Any]]:
    """Return what a run counted: ``COLUMNS`` but the run, and the reasons for ``unclear``."""
    found = []
    for comm in range(int(s.number[N_COMMS])):
        name = name_text(*map(int, s.comm[comm])) or "?"
        for cpu, row in enumerate(s.row_of[comm].tolist()):
            if row >= 0 and s.counts[row].any():
                found.append(_row(name, cpu, s.counts[row], s.hist[row]))
    return sorted(found, key=lambda row: (row["command"], row["cpu"]))


def table_of(runs: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the table of some runs' rows, and why faults were unclear, in all of them."""
    rows = [{**row, "run": n} for n, run in enumerate(runs) for row in run]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = [name for name in COLUMNS if name not in ("command", *TIMES)]
    table = table.astype(dict.fromkeys(whole, "int64") | dict.fromkeys(TIMES, "float64"))
    reasons = {name: sum(row[name] for row in rows) for name in UNCLEAR}
    others = {name: sum(row[name] for row in rows) for name in ("signals", "repeated")}
    return table, reasons | others
