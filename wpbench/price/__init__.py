"""What the patch costs and saves: with a cost set's values, and over all of its ranges."""

from .accounting import account, budget
from .answer import MEANING, check_measure, word
from .difference import price
from .published import predictions
from .result import Price
from .show import (
    account_wide,
    alternatives,
    reported,
    show_account,
    show_predictions,
)

__all__ = [
    "MEANING",
    "Price",
    "account",
    "account_wide",
    "alternatives",
    "budget",
    "check_measure",
    "predictions",
    "price",
    "reported",
    "show_account",
    "show_predictions",
    "word",
]
