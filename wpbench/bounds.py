"""How large a number may be: one table, for scenarios, grids, files and the command line alike.

Within these bounds, and those on products below, no number of a run can wrap: neither a counter
nor the simulated clock, which are 64-bit integers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from .errors import ScenarioError, accepted, shown

MAX_PAGES = 1 << 26  # of a process: a page frame's number has 27 bits, and a child has as many
MAX_CPUS = 4096
MAX_LATENCY_NS = 10**11  # of a device's request, 100 s
MAX_STEP_NS = 10**9  # of one step of the kernel, 1 s
# Products.
MAX_ACCESSES = 10**15  # of a run: a few months
MAX_CLOCK_NS = 1 << 62  # 146 years
# By default; each has an option that raises it.
MAX_RUNS = 10**6  # scenarios times replications: about 1 KB each
MAX_TRACE_MB = 64  # of a trace, unpacked: about two million operations
MAX_RERUN_HOURS = 0.5


@dataclass(frozen=True)
class Bound:
    """The accepted values of a number.

    Attributes
    ----------
    low, high
        The least and the greatest.
    whole
        Must it be whole?
    open_below
        Is ``low`` itself too little?
    """

    low: float
    high: float
    whole: bool = True
    open_below: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        start = f"above {self.low:g}, up to" if self.open_below else f"{_said(self.low)} to"
        return f"{kind}, {start} {_said(self.high)}"

    def __contains__(self, value: object) -> bool:
        kinds = (int, np.integer) if self.whole else (int, float, np.number)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return False
        within = self.low <= value <= self.high and not (self.open_below and value == self.low)
        return bool(within)

    @property
    def constraint(self) -> Any:
        """What pydantic is told."""
        if self.open_below:
            return Field(gt=self.low, le=self.high)
        return Field(ge=self.low, le=self.high)  # no comparison holds for NaN


def _said(number: Any) -> str:
    """Return a number as people read it: a power with its value."""
    if not isinstance(number, int):
        return f"{number:g}"
    if number > 1 << 16 and number & (number + 1) == 0:
        return f"{number} (2**{number.bit_length()} - 1)"
    if number > 1 << 16 and number & (number - 1) == 0:
        return f"{number} (2**{number.bit_length() - 1})"
    digits = str(number)
    if number > 1 << 16 and digits.strip("0") == "1":
        return f"{number} (10**{len(digits) - 1})"
    return digits


_PROBABILITY = Bound(0.0, 1.0, whole=False)
_RATE = Bound(0.0, 100.0, whole=False)
_CPU = Bound(0, MAX_CPUS - 1)
_COUNT = Bound(0, 10**12)

# Each number of a Scenario that lies in a range, by its field.
FIELDS: dict[str, Bound] = {
    "npages": Bound(1, MAX_PAGES),
    "rounds": _COUNT,
    "read_cpu": _CPU,
    "write_cpu": _CPU,
    "fill_cpu": _CPU,
    "cpus": Bound(1, MAX_CPUS),
    "seed": Bound(0, (1 << 63) - 1),
    "threads": Bound(1, MAX_CPUS),
    "spinner_threads": Bound(0, MAX_CPUS),
    "migration_rate": _PROBABILITY,
    "time_slice_ns": Bound(0, 1 << 32),  # chance.below() draws from so many
    "write_share": _PROBABILITY,
    "zipf": Bound(0.0, 3.0, whole=False),
    "memory_share": Bound(0.0, 1.0, whole=False, open_below=True),
    "save_every": _COUNT,
    "save_pages": Bound(1, MAX_PAGES),
    "delay_ns": Bound(0, 10**12),
    "latency_ns": Bound(0, MAX_LATENCY_NS),
    "page_cluster": Bound(0, 5),
    "swap_pages": Bound(1, MAX_PAGES),
    "pmd_offset": Bound(0, 511),  # within a page table
    "background_insertions": _RATE,
    "background_drains": _RATE,
    "lruvecs": Bound(1, MAX_CPUS),
}
# Numbers beside a scenario: arguments of commands and functions.
ARGUMENTS: dict[str, Bound] = {
    "seeds": Bound(1, 10**9),
    "programs": Bound(1, 10**9),
    "replication": Bound(0, 10**9),
    "fault": Bound(0, 10**8 - 1),  # limit: its row of the log is one of so many
    "row": Bound(0, 10**9),
    "pmd_offset": FIELDS["pmd_offset"],
    "cpus": FIELDS["cpus"],
    "threads": Bound(1, MAX_CPUS),
    "limit": Bound(1, 10**8),
    "draws": Bound(2, 1 << 20),
    "max_runs": Bound(1, 10**9),
    "max_trace_mb": Bound(1, 1 << 20),
    "max_hours": Bound(0.0, 1e9, whole=False, open_below=True),
    "workers": Bound(1, MAX_CPUS),
    "timeout": Bound(1, 10**6),
    "most": Bound(0, 10**9),
}
# Numbers of the header of a trace.
TRACE: dict[str, Bound] = {
    "npages": Bound(1, 1 << 22),  # the machine that replays them takes 40 bytes a page
    "ncpus": FIELDS["cpus"],
    "pagevec": Bound(14, 31),
    "latency_ns": FIELDS["latency_ns"],
    "page_cluster": FIELDS["page_cluster"],
    "file_lru": Bound(0, 1 << 40),
    "t_ns": Bound(0, 1 << 61),
}
MIX_WEIGHT = Bound(0, 10**6)  # of an operation of a random program


def check(name: str, value: object, bounds: Mapping[str, Bound] = ARGUMENTS) -> Any:
    """Return a number that is within its bound; raise ScenarioError for anything else."""
    if value not in bounds[name]:
        raise ScenarioError(accepted(name, value, [str(bounds[name])]))
    return value


def number_of(name: str, bounds: Mapping[str, Bound] = ARGUMENTS) -> Callable[[str], Any]:
    """Return what argparse reads an option's number with, as ``type``."""
    bound = bounds[name]

    def read(text: str) -> Any:
        try:
            value: Any = int(text) if bound.whole else float(text)
        except ValueError:
            value = None
        if value not in bound:
            raise argparse.ArgumentTypeError(f"{shown(text)} is not accepted; accepted: {bound}")
        return value

    return read


def add_max_runs(parser: argparse.ArgumentParser) -> None:
    """Add ``--max-runs``."""
    parser.add_argument(
        "--max-runs",
        type=number_of("max_runs"),
        default=MAX_RUNS,
        metavar="N",
        help="scenarios times replications that are refused beyond; default: %(default)s",
    )
