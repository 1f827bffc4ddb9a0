"""The workbench: controls over simulate(), explain() and price(), for a notebook."""

from .overview import presets_answer, presets_heat, presets_table
from .presets import PRESETS, Preset
from .state import State
from .workbench import Workbench, explore

__all__ = [
    "PRESETS",
    "Preset",
    "State",
    "Workbench",
    "explore",
    "presets_answer",
    "presets_heat",
    "presets_table",
]
