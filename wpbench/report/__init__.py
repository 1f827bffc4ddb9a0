"""Reports for a mailing list: plain text, figures, a mail; two tables compared."""

from .build import report
from .series import answers, per_100_writes

__all__ = ["answers", "per_100_writes", "report"]
