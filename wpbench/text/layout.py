"""Text of 72 columns: the one place that breaks lines and aligns columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 72  # leaves room for "> > " before a quoted line
LEGEND = 11  # width of a legend's sign and of the gap after it


def broken(
    text: str, width: int = WIDTH, *, first: str = "", rest: str = "", long_words: bool = False
) -> list[str]:
    """Return a text as lines, at least one.

    Parameters
    ----------
    text
        Prose; its own line breaks are blanks.
    width
        Columns at most (but a single word that is longer, unless ``long_words``).
    first, rest
        What the first line and the others begin with.
    long_words
        Break words that are longer than a line?
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=long_words,
        break_on_hyphens=False,
    ) or [""]


def paragraph(text: str, width: int = WIDTH, *, rest: str = "") -> str:
    """Return a text as one string of lines."""
    return "\n".join(broken(text, width, rest=rest))


def hanging(line: str, width: int = WIDTH) -> str:
    """Return a line broken at ``width``; what follows is indented, under a legend's text."""
    sign = line.find("  ")  # a legend's text goes on under its text
    return paragraph(line, width, rest=" " * (LEGEND if 0 < sign < LEGEND else 2))


def aligned(columns: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return lines of columns, the first ``left`` of them flush left, the others right."""
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(
            cell.ljust(size) if i < left else cell.rjust(size)
            for i, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in zip(*columns, strict=True)
    ]
