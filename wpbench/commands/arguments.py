"""Arguments that several verbs take; nothing heavy is loaded for them."""

from __future__ import annotations

import argparse
from typing import Any

from ..bounds import MAX_TRACE_MB, number_of


def add_max_mb(parser: argparse.ArgumentParser) -> None:
    """Add ``--max-mb``, of a trace."""
    parser.add_argument(
        "--max-mb",
        type=number_of("max_trace_mb"),
        default=MAX_TRACE_MB,
        metavar="N",
        help="a trace of more MiB, unpacked, is refused; default: %(default)s",
    )


def value_of(text: str) -> Any:
    """Return a number where it is one, true or false, or the text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
