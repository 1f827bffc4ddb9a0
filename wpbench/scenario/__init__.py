"""What can be asked: a Scenario, validated, and grids of them."""

from .decisions import DECISIONS, DRAINS, SWAPINS, Decision
from .files import GridFile, load_grid
from .grids import Grid, grid
from .model import Scenario
from .text import parse_axis

__all__ = [
    "DECISIONS",
    "DRAINS",
    "SWAPINS",
    "Decision",
    "Grid",
    "GridFile",
    "Scenario",
    "grid",
    "load_grid",
    "parse_axis",
]
