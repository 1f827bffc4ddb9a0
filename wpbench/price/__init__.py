"""What the patch costs and saves: with a cost set's values, and over all of its ranges."""

from .accounting import account, budget
from .answer import MEANING, word
from .difference import price
from .published import predictions
from .result import Price

__all__ = ["MEANING", "Price", "account", "budget", "predictions", "price", "word"]
