"""Figures: a DataFrame and an Axes in, the Axes out; readable in grey, the same bytes every run."""

from ..figures.record import draw, read_provenance
from ..figures.rerun import Rerun, rerun
from .agreement import agreement
from .copy_rate import copy_rate
from .frontier import frontier
from .mean_over import mean_over
from .page_life import page_life
from .programs import programs
from .rates import rate_panels, rates
from .reasons import reasons
from .style import STYLES, figure, save

__all__ = [
    "STYLES",
    "Rerun",
    "agreement",
    "copy_rate",
    "draw",
    "figure",
    "frontier",
    "mean_over",
    "page_life",
    "programs",
    "rate_panels",
    "rates",
    "read_provenance",
    "reasons",
    "rerun",
    "save",
]
