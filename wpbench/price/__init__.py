"""What the patch costs and saves: with a cost set's values, and over all of its ranges."""

from .account import budget
from .answer import MEANING
from .difference import price
from .published import predictions
from .result import Price

__all__ = ["MEANING", "Price", "budget", "predictions", "price"]
