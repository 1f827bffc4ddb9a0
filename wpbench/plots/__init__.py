"""Figures: a DataFrame and an Axes in, the Axes out; readable in grey, the same bytes every run."""

from .across import Grid, across_frame, across_lines
from .agreement import agreement, agreement_figure
from .copy_rate import copy_rate
from .frontier import colour_bar, frontier, frontier_figures
from .mean_over import mean_over
from .page_life import page_life
from .price_ranges import price_ranges
from .programs import programs, replays
from .rates import rate_panels, rates
from .reasons import reasons
from .style import STYLES, figure, save
from .two_lives import lives_figure, two_lives

__all__ = [
    "STYLES",
    "Grid",
    "across_frame",
    "across_lines",
    "agreement",
    "agreement_figure",
    "colour_bar",
    "copy_rate",
    "figure",
    "frontier",
    "frontier_figures",
    "lives_figure",
    "mean_over",
    "page_life",
    "price_ranges",
    "programs",
    "rate_panels",
    "rates",
    "reasons",
    "replays",
    "save",
    "two_lives",
]
