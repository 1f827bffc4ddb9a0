"""Reports for a mailing list: plain text, figures, a mail; two tables compared."""

from .report import report
from .series import answers, per_100_writes

__all__ = ["answers", "per_100_writes", "report"]
