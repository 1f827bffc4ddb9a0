"""Figures: a DataFrame and an Axes in, the Axes out; readable in grey, the same bytes every run."""

from .agreement import agreement
from .copy_rate import copy_rate
from .frontier import frontier
from .rates import rate_panels, rates
from .style import STYLES, figure, save

__all__ = [
    "STYLES",
    "agreement",
    "copy_rate",
    "figure",
    "frontier",
    "rate_panels",
    "rates",
    "save",
]
