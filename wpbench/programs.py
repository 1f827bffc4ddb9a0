"""Real programs, recorded: what other kernels would have done (docs/programs.md)."""

from __future__ import annotations

from .measure.program.counterfactual import CAUSES, replay
from .measure.program.replayed import answer, describe, show_replays, summary
from .measure.program.survey import measured, replayed, survey_answer

__all__ = [
    "CAUSES",
    "answer",
    "describe",
    "measured",
    "replay",
    "replayed",
    "show_replays",
    "summary",
    "survey_answer",
]
