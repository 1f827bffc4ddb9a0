"""DataFrames in, DataFrames out: intervals, comparisons, the central table of a sweep.

A simulated run is exact: the same scenario and random stream give the same counts, and its faults
are no independent trials.  What varies is the stream, so an interval here is about *runs*: a
t interval (or a bootstrap) over replications.  A binomial interval over the faults of one run
(``rate_interval()``) would invent a spread that the simulator does not have; it is for counts of a
real kernel.  Where all replications agree, the interval has no width and ``distinct`` is 1: nothing
random was seen, which n runs show up to a probability of about 3 / n only.
"""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .comparison import compare
    from .decision import decide
    from .fields import varying
    from .folding import folded
    from .intervals import Interval, mean_interval, rate_interval, summarize
    from .off_on import headline, off_and_on, policies, wide
    from .rates import axis_of, check_axis, rates

__all__ = [
    "Interval",
    "axis_of",
    "check_axis",
    "compare",
    "decide",
    "folded",
    "headline",
    "mean_interval",
    "off_and_on",
    "policies",
    "rate_interval",
    "rates",
    "summarize",
    "varying",
    "wide",
]

lazily(
    __name__,
    {
        "Interval": "intervals",
        "axis_of": "rates",
        "check_axis": "rates",
        "compare": "comparison",
        "decide": "decision",
        "folded": "folding",
        "mean_interval": "intervals",
        "headline": "off_on",
        "off_and_on": "off_on",
        "policies": "off_on",
        "wide": "off_on",
        "rate_interval": "intervals",
        "rates": "rates",
        "summarize": "intervals",
        "varying": "fields",
    },
)
