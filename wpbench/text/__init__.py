"""Tables in plain text of 72 columns, and a text as a mail."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .comparison import format_comparison
    from .mail import mail
    from .rates import format_answer, format_rates

__all__ = ["format_answer", "format_comparison", "format_rates", "mail"]

lazily(
    __name__,
    {
        "format_answer": "rates",
        "format_comparison": "comparison",
        "format_rates": "rates",
        "mail": "mail",
    },
)
