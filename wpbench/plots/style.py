"""What all figures have in common: styles, size, and files with the same bytes every run."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import WpbenchError
from ..output import make_folder, written

if TYPE_CHECKING:
    import pandas as pd

# Okabe and Ito's colours, told apart by most colour-blind readers; marker and line style differ
# too, so that the figure reads in grey.
STYLES: dict[str, tuple[str, Any, str]] = {
    "v5.8": ("#000000", "-", "o"),
    "v5.17": ("#D55E00", "--", "s"),
    "patch1": ("#E69F00", "-.", "^"),
    "patch2": ("#0072B2", "-", "o"),
    "patch2-rfc2": ("#56B4E9", ":", "v"),
    "patch2-always": ("#009E73", (0, (3, 1, 1, 1)), "D"),
    "exclusive": ("#CC79A7", (0, (5, 1)), "x"),
    "v6.7": ("#F0E442", (0, (3, 1)), "*"),
    "v6.9": ("#000000", (0, (1, 2)), "<"),
    "v6.11": ("#D55E00", (0, (6, 2, 1, 2)), ">"),
    "v6.12": ("#999999", ":", "P"),
    "v7.0": ("#009E73", (0, (8, 2)), "X"),
}
SALT = "wpbench"
PNG_DPI = 150
PNG_BYTES = 100_000  # what a list takes
# Dots per inch and colours (0: all) of a PNG: the first that is small enough is taken.
_TRIES = ((PNG_DPI, 0), (PNG_DPI, 64), (100, 64), (100, 16))


def styles_of(names: Iterable[Any]) -> dict[str, tuple[str, Any, str]]:
    """Return colour, line and marker of each name: ``STYLES``' own, or one that is still free."""
    wanted = list(dict.fromkeys(map(str, names)))
    others = [style for name, style in STYLES.items() if name not in wanted]
    free = itertools.cycle(others or STYLES.values())
    return {name: STYLES[name] if name in STYLES else next(free) for name in wanted}


def figure(width: float = 7.0, height: float = 4.2) -> tuple[Figure, Any]:
    """Return a new Figure with one Axes, without any pyplot state.

    Parameters
    ----------
    width, height
        Inches.

    Returns
    -------
    Figure, Axes

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> figure, axes = plots.figure(6.0, 4.0)
    >>> figure.get_size_inches().tolist()
    [6.0, 4.0]
    """
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.add_subplot()


def save(
    fig: Figure,
    stem: str | Path,
    table: pd.DataFrame | None = None,
    *,
    caption: str | None = None,
    drawn: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a figure, with its data and its origin.

    Parameters
    ----------
    fig
        The same figure gives the same bytes.
    stem
        Where to: ``stem.svg``, ``stem.png`` (150 dpi, 100 where it would be too large).
    table
        The data behind it: also ``stem.csv`` and ``stem.parquet``.  Its origin
        (``attrs["wpbench"]``) goes into the metadata of the SVG, the PNG (``Description``, JSON)
        and the Parquet file.
    caption
        A sentence about the figure, for the metadata.
    drawn
        Its arguments, so that ``rerun()`` can draw it again; ``draw()`` gives them.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    WpbenchError
        If the PNG takes more than 100 kB even with few colours; a list would not accept it.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench import plots
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 8], rounds=5))
    >>> figure, axes = plots.figure()
    >>> axes = plots.copy_rate(table, axes)
    >>> [file.name for file in plots.save(figure, "rates", table)]
    ['rates.svg', 'rates.png', 'rates.csv', 'rates.parquet']
    """
    stem = Path(stem)
    make_folder(stem.parent)
    made = dict({} if table is None else table.attrs.get("wpbench", {}))
    about: dict[str, Any] = {} if caption is None else {"caption": caption}
    about |= drawn or {}
    if table is not None and about:
        about |= {"rows": len(table), "csv_sha256": csv_sha256(table)}
    if about:
        made["figure"] = about
    text = json.dumps(made) if made else None
    contents = {".svg": _svg(fig, text), ".png": _png(fig, stem.with_suffix(".png"), text)}
    if table is not None:
        kept = table.copy(deep=False)
        kept.attrs = dict(table.attrs) | ({"wpbench": made} if made else {})
        contents |= {".csv": csv_bytes(table), ".parquet": parquet_bytes(kept)}
    for suffix, content in contents.items():
        with written(stem.with_suffix(suffix)) as file:
            file.write(content)
    return [stem.with_suffix(suffix) for suffix in contents]


def _svg(fig: Figure, text: str | None) -> bytes:
    """Return a figure as SVG."""
    made = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": SALT, "svg.fonttype": "path"}):
        metadata = {"Date": None} | ({"Description": text} if text else {})
        fig.savefig(made, format="svg", metadata=metadata)
    return made.getvalue()


def _png(fig: Figure, path: Path, text: str | None) -> bytes:
    """Return a figure as a PNG of at most 100 kB: fewer colours, then dots, where it is larger."""
    info = PngInfo()
    if text:
        info.add_text("Description", text, zip=True)
    drawn: dict[int, io.BytesIO] = {}  # at each resolution, in all colours
    for dpi, colours in _TRIES:
        if dpi not in drawn:
            drawn[dpi] = io.BytesIO()
            # To find the smallest form takes as long as to draw, and few colours need it once.
            options = {"pnginfo": info} | ({"compress_level": 0} if colours else {"optimize": True})
            fig.savefig(drawn[dpi], format="png", dpi=dpi, pil_kwargs=options)
        made = drawn[dpi]
        if colours:
            with Image.open(made) as image:
                few = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
            made = io.BytesIO()
            few.save(made, format="png", pnginfo=info, optimize=True, dpi=(dpi, dpi))
        if len(made.getvalue()) <= PNG_BYTES:
            break
    size = len(made.getvalue())
    if size > PNG_BYTES:
        raise WpbenchError(
            f"{path}: takes {size} bytes as PNG, more than {PNG_BYTES}; accepted: a smaller "
            "figure, or a table of a grid, whose provenance is shorter"
        )
    return made.getvalue()


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as the bytes of its Parquet file."""
    made = io.BytesIO()
    table.to_parquet(made)
    return made.getvalue()


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as the bytes of its CSV file."""
    return table.to_csv(index=False).encode()


def file_sha256(path: Path) -> str:
    """Return the hash of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def csv_sha256(table: pd.DataFrame) -> str:
    """Return the hash of a table's CSV file."""
    return hashlib.sha256(csv_bytes(table)).hexdigest()
