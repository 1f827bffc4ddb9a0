"""What can be asked: a Scenario, validated, and grids of them."""

from .decisions import DECISIONS, DRAINS, SWAPINS, Decision
from .grids import Grid, grid
from .model import Scenario

__all__ = ["DECISIONS", "DRAINS", "SWAPINS", "Decision", "Grid", "Scenario", "grid"]
