"""The one rule by which a difference counts: in ``compare()``, the central table and the price."""

from __future__ import annotations

import math

FEW = 6  # runs from which on "no difference shown" says something about the difference
TOO_FEW = "too few runs"


def decide(difference: float, low: float, high: float, n: int) -> str:
    """Return whether a difference counts, and its sign.

    It counts if its interval excludes 0.  The interval of runs that all differ by the same has no
    width: it excludes 0 or is 0.

    Parameters
    ----------
    difference, low, high
        Other less base, and its interval (NaN for one run).
    n
        The number of runs, pairs of runs, or draws of the costs.

    Returns
    -------
    str
        ``lower``, ``higher``; ``same``; ``~``: the interval includes 0, no difference is shown;
        ``too few runs``: as ``~``, for fewer than six runs, and always for one run; ``no value``.

    Examples
    --------
    >>> from wpbench.tables import decide
    >>> decide(-2.0, -3.0, -1.0, n=3)
    'lower'
    >>> decide(-2.0, -5.0, 1.0, n=3), decide(-2.0, -5.0, 1.0, n=10)
    ('too few runs', '~')
    >>> decide(0.0, 0.0, 0.0, n=2)
    'same'
    """
    if math.isnan(difference):
        return "no value"
    if n < 2 or math.isnan(low) or math.isnan(high):
        return TOO_FEW
    if low == high == 0:
        return "same"
    if high < 0:
        return "lower"
    if low > 0:
        return "higher"
    return "~" if n >= FEW else TOO_FEW
