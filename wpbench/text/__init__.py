"""Tables in plain text of 72 columns, and a text as a mail."""

from .comparison import format_comparison
from .mail import mail
from .rates import format_answer, format_rates

__all__ = ["format_answer", "format_comparison", "format_rates", "mail"]
