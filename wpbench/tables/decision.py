"""The one rule by which a difference counts: in ``compare()``, the central table and the price."""

from __future__ import annotations

import math

FEW = 6  # runs from which on "no difference shown" says something about the difference
TOO_FEW = "too few runs"


def decide(difference: float, low: float, high: float, n: int) -> str:
    """Return whether a difference counts, and which sign it has.

    It counts where its interval leaves 0 out.  An interval without width, of runs that all differ
    by the same, leaves 0 out or is 0.

    Parameters
    ----------
    difference, low, high
        Other less base, and the interval that it lies in (NaN for one run).
    n
        Runs, pairs of runs, or draws of the costs that the interval is of.

    Returns
    -------
    str
        ``lower``, ``higher``; ``same``; ``~``: the interval has 0 in it, no difference is shown;
        ``too few runs``: the same of fewer than six, and of one run always; ``no value``.

    Examples
    --------
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
