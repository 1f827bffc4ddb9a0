"""Tables in plain text of 72 columns, tables and prose for a notebook, and a text as a mail."""

from .central import show_answer, show_off_and_on, show_policies
from .comparison import format_comparison
from .mail import mail
from .rates import format_answer, format_off_and_on, format_rates
from .shown import Said, Shown, say, show

__all__ = [
    "Said",
    "Shown",
    "format_answer",
    "format_comparison",
    "format_off_and_on",
    "format_rates",
    "mail",
    "say",
    "show",
    "show_answer",
    "show_off_and_on",
    "show_policies",
]
