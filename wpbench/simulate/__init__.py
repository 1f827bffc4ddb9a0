"""Scenarios in, a table out; one fault asked why; a recorded program done again."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .explanation import Explanation, explain
    from .fast_forward import lines_of
    from .fault_log import faults
    from .plan import MODEL, Plan, plan_of, program
    from .replayed import Replay, replay
    from .runs import STOPPED, execute, raise_failure, run
    from .table import COLUMNS, COMPUTED, COUNTERS, simulate, tabulate

__all__ = [
    "COLUMNS",
    "COMPUTED",
    "COUNTERS",
    "MODEL",
    "STOPPED",
    "Explanation",
    "Plan",
    "Replay",
    "execute",
    "explain",
    "faults",
    "lines_of",
    "plan_of",
    "program",
    "raise_failure",
    "replay",
    "run",
    "simulate",
    "tabulate",
]

lazily(
    __name__,
    {
        "COLUMNS": "table",
        "COMPUTED": "table",
        "COUNTERS": "table",
        "Explanation": "explanation",
        "MODEL": "plan",
        "Plan": "plan",
        "Replay": "replayed",
        "STOPPED": "runs",
        "execute": "runs",
        "explain": "explanation",
        "faults": "fault_log",
        "lines_of": "fast_forward",
        "plan_of": "plan",
        "program": "plan",
        "raise_failure": "runs",
        "replay": "replayed",
        "run": "runs",
        "simulate": "table",
        "tabulate": "table",
    },
)
