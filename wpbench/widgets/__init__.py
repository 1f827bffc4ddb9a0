"""Toggles over simulate() and explain(), for a notebook."""

from .presets import PRESETS, Preset
from .state import State
from .workbench import Workbench, explore

__all__ = ["PRESETS", "Preset", "State", "Workbench", "explore"]
