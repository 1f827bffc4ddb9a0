"""A chart in ASCII, where a shape says more than numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from uniplot import plot_to_string

from ..scenario import Scenario
from .cases import varying

AXES = (
    "npages",
    "cpus",
    "threads",
    "migration_rate",
    "time_slice_ns",
    "latency_ns",
    "lruvecs",
    "background_insertions",
    "background_drains",
)
_POINTS = 4  # fewer are a table
_SHAPE = 0.05  # of the value's range: a line that varies less has no shape
_WIDTH, _HEIGHT = 52, 12
_MARKS = ["*", "o"]
# uniplot draws its frame in Unicode even where its points are ASCII.
_FRAME = str.maketrans("┌┐└┘─│├┤┬┴┼", "++++-|+++++")
_SPAN = 16  # largest over smallest number from which an axis is logarithmic


class Shape(NamedTuple):
    """Rows that make a chart.

    Attributes
    ----------
    rows
        One scenario for each side and number of ``x``.
    x
        Column.
    fixed
        What these rows have in common, of what varies in the table: for ``draw(where=...)``.
    """

    rows: pd.DataFrame
    x: str
    fixed: dict[str, object]


def shape_of(rows: pd.DataFrame, column: str, value: str = "copy_rate") -> Shape | None:
    """Return the rows whose shape says most, None where there is none.

    The first number of the scenario with four values or more over which the value varies, at the
    values of the other fields that most rows have.
    """
    fields = [name for name in Scenario.model_fields if name in rows]
    names = varying(rows, fields, column)
    best: Shape | None = None
    for x in (name for name in AXES if name in names):
        others = [name for name in names if name != x]
        groups = rows.groupby(others, sort=False, dropna=False) if others else [((), rows)]
        for key, part in groups:
            if part[x].nunique() < _POINTS:
                continue
            means = part.groupby([column, x])[value].mean().unstack(0)
            spread = float(np.ptp(means.to_numpy(), axis=0).max())
            complete = means.shape[1] == rows[column].nunique() and not means.isna().any(axis=None)
            if not complete or spread < _SHAPE * max(float(means.max(axis=None)), 1e-12):
                continue
            if best is None or part[x].nunique() > best.rows[x].nunique():
                values = key if isinstance(key, tuple) else (key,)
                best = Shape(part, x, dict(zip(others, values, strict=True)))
    return best


def chart(shape: Shape, column: str, sides: tuple[object, object], value: str) -> list[str]:
    """Return a chart's lines: means of both sides over ``x``, pure ASCII."""
    means = shape.rows.groupby([column, shape.x])[value].mean().unstack(0).sort_index()
    x = means.index.to_numpy(float)
    logarithmic = bool(x[0] > 0 and x[-1] / x[0] >= _SPAN)
    top = 1.0 if value.endswith("_rate") else float(means.max(axis=None)) or 1.0
    text = plot_to_string(
        xs=[x, x],
        ys=[means[side].to_numpy(float) for side in sides],
        lines=True,
        width=_WIDTH,
        height=_HEIGHT,
        y_min=0.0,
        y_max=top * 1.02,
        x_as_log=logarithmic,
        character_set="ascii",
        force_ascii_characters=_MARKS,
        color=False,
        x_gridlines=[],
        y_gridlines=[],
        interactive=False,
    )
    lines = [line.translate(_FRAME).rstrip() for line in text.splitlines()]
    legend = ", ".join(f"{mark} {side}" for mark, side in zip(_MARKS, sides, strict=True))
    scale = ", logarithmic" if logarithmic else ""
    return [f"{value} over {shape.x}{scale}; {legend}", *lines]
