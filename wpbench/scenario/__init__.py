"""What can be asked: a Scenario, validated, and grids of them."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .files import GridFile, load_grid
    from .grids import Grid, grid
    from .kernels import OFF, ON, kernel
    from .model import Scenario
    from .rules import DRAINS, RULES, Overrides
    from .values import parse_axis

__all__ = [
    "DRAINS",
    "OFF",
    "ON",
    "RULES",
    "Grid",
    "GridFile",
    "Overrides",
    "Scenario",
    "grid",
    "kernel",
    "load_grid",
    "parse_axis",
]

lazily(
    __name__,
    {
        "DRAINS": "rules",
        "Grid": "grids",
        "GridFile": "files",
        "OFF": "kernels",
        "ON": "kernels",
        "Overrides": "rules",
        "RULES": "rules",
        "Scenario": "model",
        "grid": "grids",
        "kernel": "kernels",
        "load_grid": "files",
        "parse_axis": "values",
    },
)
