"""Litmus programs: a few memory operations whose outcome tells kernels apart (docs/litmus.md).

``wb.litmus.run(text or path, kernel="v6.12").outcome``; importing this costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .evidence import Fingerprint
    from .fingerprints import fingerprint
    from .fuzzing import Fuzzed, fuzz
    from .machines import parse_rules
    from .outcome import RUNNING, Outcome, table
    from .pair import Difference, Differences, differ
    from .parse import Operation, Program, parse_program, read_program
    from .runs import outcomes, run
    from .shipped import demanded, measured, programs

__all__ = [
    "RUNNING",
    "Difference",
    "Differences",
    "Fingerprint",
    "Fuzzed",
    "Operation",
    "Outcome",
    "Program",
    "demanded",
    "differ",
    "fingerprint",
    "fuzz",
    "measured",
    "outcomes",
    "parse_program",
    "parse_rules",
    "programs",
    "read_program",
    "run",
    "table",
]

lazily(
    __name__,
    {
        "RUNNING": "outcome",
        "Difference": "pair",
        "Differences": "pair",
        "Fingerprint": "evidence",
        "Fuzzed": "fuzzing",
        "Operation": "parse",
        "Outcome": "outcome",
        "Program": "parse",
        "demanded": "shipped",
        "differ": "pair",
        "fingerprint": "fingerprints",
        "fuzz": "fuzzing",
        "measured": "shipped",
        "outcomes": "runs",
        "parse_program": "parse",
        "parse_rules": "machines",
        "programs": "shipped",
        "read_program": "parse",
        "run": "runs",
        "table": "outcome",
    },
)
