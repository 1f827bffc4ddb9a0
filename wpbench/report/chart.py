"""A chart in ASCII, where a shape says more than numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from uniplot import plot_to_string

from ..plots.mean_over import LOGARITHMIC_SPAN
from ..scenario import Scenario
from .cases import CASE, fields_of

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
POINTS = 4  # fewer are a table
_SHAPE = 0.05  # of the value's range: a line that varies less has no shape
_WIDTH, _HEIGHT = 52, 12
_MARKS = ["*", "o"]
# uniplot draws its frame in Unicode even where its points are ASCII.
_FRAME = str.maketrans("┌┐└┘─│├┤┬┴┼", "++++-|+++++")


class Shape(NamedTuple):
    """Rows that make a chart.

    Attributes
    ----------
    rows
        One scenario for each side and number of ``x``.
    x
        Column.
    what
        Their name, without the number.
    """

    rows: pd.DataFrame
    x: str
    what: str


def shape_of(rows: pd.DataFrame, column: str, value: str = "copy_rate") -> Shape | None:
    """Return the rows whose shape says most, None where there is none.

    The first number of the scenario with four values or more over which the value varies, at the
    values of the other fields that most rows have.
    """
    fields = [name for name in Scenario.model_fields if name in rows]
    names = fields_of(rows, fields, column)
    best: Shape | None = None
    largest = (0, 0.0)
    for x in (name for name in AXES if name in names):
        others = [name for name in names if name != x]
        groups = rows.groupby(others, sort=False, dropna=False) if others else [((), rows)]
        for _, part in groups:
            if part[x].nunique() < POINTS:
                continue
            lines = _means(part, x, column, value)
            whole = (
                len(lines) == rows[column].nunique() and not np.isnan(list(lines.values())).any()
            )
            if not whole:
                continue
            points = np.array(list(lines.values()))
            spread = float(np.ptp(points, axis=1).max())
            size = (points.shape[1], spread)
            if 0 < spread >= _SHAPE * np.abs(points).max() and size > largest:
                largest = size
                best = Shape(part, x, _common_name(part, x))
    return best


def _means(rows: pd.DataFrame, x: str, column: str, value: str) -> dict[object, Any]:
    """Return the means of each side over all numbers, NaN where there is no run."""
    numbers = np.sort(rows[x].unique())
    return {
        side: part.groupby(x)[value].mean().reindex(numbers).to_numpy(float)
        for side, part in rows.groupby(column, sort=False)
    }


def _common_name(rows: pd.DataFrame, x: str) -> str:
    names = rows[CASE].str.replace(rf",? ?\b{x}=[^,]*", "", regex=True).unique()
    return str(names[0]).lstrip(", ") if len(names) == 1 else ""


def chart(shape: Shape, column: str, sides: tuple[object, object], value: str) -> list[str]:
    """Return a chart's lines: means of both sides over ``x``, pure ASCII."""
    means = _means(shape.rows, shape.x, column, value)
    x = np.sort(shape.rows[shape.x].unique()).astype(float)
    logarithmic = bool(x[0] > 0 and x[-1] / x[0] >= LOGARITHMIC_SPAN)
    top = 1.0 if value.endswith("_rate") else max(float(y.max()) for y in means.values()) or 1.0
    text = plot_to_string(
        xs=[x, x],
        ys=[means[side] for side in sides],
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
