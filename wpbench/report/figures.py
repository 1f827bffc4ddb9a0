"""A report's figures: drawn by name, so that each file says how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..figures.record import chosen, draw
from ..figures.rerun import can_rerun
from .cases import NAMELESS
from .chart import POINTS, Shape
from .source import MEASURED, Source


class Figure(NamedTuple):
    """A figure of a report.

    Attributes
    ----------
    caption
        A sentence about the figure.
    files
        SVG, PNG, CSV and Parquet.
    """

    caption: str
    files: list[Path]


def draw_figures(
    source: Source, shape: Shape | None, column: str, value: str, folder: Path
) -> tuple[list[Figure], str]:
    """Draw what a report's chart shows, in a folder that is made.

    Returns
    -------
    figures, why
        None without a chart; then ``why`` says what is lacking, and is "" elsewhere.
    """
    if source.kind == MEASURED:
        return [], "a measurement cannot be made again from its file"
    if not can_rerun(source.made):
        return [], "the table does not say which scenarios made it, so that it could be made again"
    if shape is None:
        return [], (
            f"{value} varies over no number of the scenarios that has {POINTS} values or more"
        )
    table = source.table
    where: dict[str, object] = {
        name: _plain(shape.rows[name].iloc[0])
        for name in table.columns[: list(table.columns).index("replication")]
        if name in shape.rows and len(shape.rows[name].unique()) == 1 < len(table[name].unique())
    }
    where[column] = [_plain(side) for side in shape.rows[column].unique()]
    if len(chosen(table, where)) != len(shape.rows):
        return [], "its rows cannot be said by values of columns"
    caption = f"{value} over {shape.x}, simulated"
    caption += f"; {shape.what}" if shape.what not in ("", NAMELESS) else ""
    files = draw(
        "mean_over",
        table,
        folder / f"{value.replace('_', '-')}-{shape.x.replace('_', '-')}",
        caption=caption,
        title=caption,
        where=where,
        x=shape.x,
        value=value,
        line=column,
    )
    return [Figure(caption, files)], ""


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") and not isinstance(value, pd.Series) else value
