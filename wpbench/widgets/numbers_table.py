"""A small table of numbers as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable


def numbers_table(
    heads: Iterable[str], rows: Iterable[tuple[str, list[str]]], caption: str = ""
) -> str:
    """Return a table: the heads of its columns, then a row a name with its cells."""
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    said = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return (
        f'<table class="wpbench-numbers">{said}'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
