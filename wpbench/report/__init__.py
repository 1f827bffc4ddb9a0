"""Reports for a mailing list: plain text, figures, a mail; two tables compared."""

from .build import report
from .series import answers, per_100_writes
from .show import check_sides, show_copies, show_series

__all__ = ["answers", "check_sides", "per_100_writes", "report", "show_copies", "show_series"]
