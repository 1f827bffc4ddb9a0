"""Tables in plain text of 72 columns, tables and prose for a notebook, and a text as a mail."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
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

lazily(
    __name__,
    {
        "Said": "shown",
        "Shown": "shown",
        "format_answer": "rates",
        "format_comparison": "comparison",
        "format_off_and_on": "rates",
        "format_rates": "rates",
        "mail": "mail",
        "say": "shown",
        "show": "shown",
        "show_answer": "central",
        "show_off_and_on": "central",
        "show_policies": "central",
    },
)
