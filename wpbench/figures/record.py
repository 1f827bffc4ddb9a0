"""A figure drawn by a function's name, so that its files say how to draw it again."""

from __future__ import annotations

import html
import inspect
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd
from PIL import Image

from .. import plots
from ..data import data_dir
from ..errors import TableError, WpbenchError, accepted
from ..plots.style import csv_sha256, figure, file_sha256, save
from ..provenance.read import check_record
from ..scenario.kernel_table import with_present_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png", ".parquet", ".csv")
COMMANDS = ("simulate", "sweep")  # whose tables can be made again


def kinds() -> dict[str, Callable[..., Axes]]:
    """Return the plot functions by name: those of ``wb.plots`` that draw a table on an Axes."""
    functions = {name: getattr(plots, name) for name in plots.__all__}
    return {
        name: f
        for name, f in functions.items()
        if inspect.isfunction(f) and list(inspect.signature(f).parameters)[:2] == ["table", "ax"]
    }


def chosen(table: pd.DataFrame, where: Mapping[str, Any] | None, name: str = "where") -> Any:
    """Return the rows with given values: ``{"backend": "zram", "npages": [1, 8]}``."""
    rows = table
    for column, value in (where or {}).items():
        if column not in table:
            raise TableError(accepted(name, column, table.columns))
        values = list(value) if isinstance(value, list | tuple) else [value]
        try:
            rows = rows[rows[column].isin(values)]
        except TypeError:
            raise TableError(
                accepted(f"{name}: {column}", value, ["a value, or a list of them"])
            ) from None
        if rows.empty:
            raise TableError(accepted(f"{name}: {column}", value, table[column].unique().tolist()))
    return rows.reset_index(drop=True)


def _option(value: Any) -> Any:
    """Return what a plot function is given: of ``{"file": ...}`` the rows of a kernel's table."""
    if not (isinstance(value, Mapping) and "file" in value):
        return value
    folder = data_dir() / "kernel-measurements"
    known = [path.name for path in sorted(folder.glob("*.csv"))]
    if value["file"] not in known:
        raise TableError(accepted("file", value["file"], known))
    measured = with_present_names(pd.read_csv(folder / value["file"]))
    where = value.get("where") or {}  # a figure of wpbench 0.1 says decision
    return chosen(measured, {"kernel" if n == "decision" else n: v for n, v in where.items()})


def draw(
    kind: str,
    table: pd.DataFrame,
    stem: str | Path,
    *,
    caption: str,
    title: str | None = None,
    where: Mapping[str, Any] | None = None,
    size: tuple[float, float] = (7.0, 4.2),
    **options: Any,
) -> list[Path]:
    """Draw a figure and write it with its data and its origin, for ``rerun()``.

    Parameters
    ----------
    kind
        The name of a plot function of ``wb.plots``: ``copy_rate``, ``mean_over``.
    table
        From ``simulate()`` or ``sweep()``, with all its rows; ``where`` chooses among them.
    stem
        The files: ``stem.svg``, ``.png``, ``.csv``, ``.parquet``.
    caption
        A sentence for the list of figures and the files' metadata.
    title
        Above it.
    where
        Rows to draw: column -> value or list of values.
    size
        Inches.
    options
        The function's own, in plain JSON types; a table of data/kernel-measurements is
        ``{"file": "reproducer_sync.csv", "where": {...}}``.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    TableError
        For an unknown kind, column, file or option, and if no row is left.

    Examples
    --------
    >>> import wpbench as wb
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 8], rounds=5))
    >>> files = wb.figures.draw("mean_over", table, "own", caption="Copies over pages", x="npages")
    >>> [file.name for file in files]
    ['own.svg', 'own.png', 'own.csv', 'own.parquet']
    """
    functions = kinds()
    if kind not in functions:
        raise TableError(accepted("kind", kind, functions))
    known = list(inspect.signature(functions[kind]).parameters)[2:]
    for name in options:
        if name not in known:
            raise TableError(accepted(f"option of {kind}", name, known or ["none"]))
    try:
        json.dumps(options)
    except TypeError as error:
        raise TableError(f"options: {error}; accepted: plain JSON types") from None
    rows = chosen(table, where)
    fig, ax = figure(*size)
    functions[kind](rows, ax, **{name: _option(value) for name, value in options.items()})
    if title is not None:
        ax.set_title(title, fontsize=10)
    how = {
        "kind": kind,
        "title": title,
        "where": dict(where or {}),
        "size": list(size),
        "options": options,
        "matplotlib": mpl.__version__,
    }
    return save(fig, stem, rows, caption=caption, drawn=how)


def _description(path: Path) -> str | None:
    """Return the text that a picture carries."""
    if path.suffix == ".svg":
        found = re.search(
            r"<dc:description>(.*?)</dc:description>", path.read_text("utf-8"), re.DOTALL
        )
        return html.unescape(found[1]) if found else None
    with Image.open(path) as image:
        return str(image.info["Description"]) if "Description" in image.info else None


def _beside(path: Path) -> dict[str, Any]:
    """Return what a file with a CSV's name says of it."""
    for suffix in (".parquet", ".svg", ".png"):
        other = path.with_suffix(suffix)
        if not other.is_file():
            continue
        found = read_provenance(other)
        recorded = found.get("figure", {}).get("csv_sha256")
        if recorded is None and suffix == ".parquet":
            recorded = csv_sha256(pd.read_parquet(other))
        if recorded != file_sha256(path):
            raise WpbenchError(
                f"{path}: is not the table that {other.name} was made with: its sha256 is "
                f"{file_sha256(path)}, recorded is {recorded}"
            )
        return found
    raise WpbenchError(
        f"{path}: a CSV file carries no provenance, and there is no {path.stem}.parquet, .svg or "
        ".png beside it"
    )


def read_provenance(path: str | Path) -> dict[str, Any]:
    """Return the origin of a file, as the file records it.

    Parameters
    ----------
    path
        An SVG, PNG or Parquet file; or a CSV file beside one of these.

    Returns
    -------
    dict
        ``attrs["wpbench"]`` of its table, and of a figure ``figure``: ``caption``, ``kind``,
        ``options``, ``where``, ``rows``, ``csv_sha256``.

    Raises
    ------
    WpbenchError
        If there is no such file, or it records no origin.

    Examples
    --------
    >>> import wpbench as wb
    >>> table = wb.simulate(wb.Scenario(npages=1, rounds=5))
    >>> table.to_parquet("one.parquet")
    >>> wb.figures.read_provenance("one.parquet")["command"]
    'simulate'
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise WpbenchError(accepted("file", str(path), SUFFIXES))
    if not path.is_file():
        raise WpbenchError(f"{path}: there is no such file")
    if path.suffix == ".csv":
        return _beside(path)
    try:
        if path.suffix == ".parquet":
            found = pd.read_parquet(path).attrs.get("wpbench")
        else:
            text = _description(path)
            found = json.loads(text) if text else None
    except Exception as error:  # whatever pandas, Pillow and json say of what is none
        text = " ".join(str(error).split())[:200]
        raise WpbenchError(f"{path}: cannot be read as {path.suffix[1:]}: {text}") from None
    return check_record(found, str(path), COMMANDS)


def describe(record: Mapping[str, Any]) -> str:
    """Return what ``read_provenance()`` found as text."""
    software = record.get("software", {})
    parameters = record.get("parameters", {})
    how = record.get("figure", {})
    lines = []
    if "caption" in how:
        lines.append(f"caption   {how['caption']}")
    if "kind" in how:
        lines.append(f"drawn by  wb.plots.{how['kind']}(), matplotlib {how['matplotlib']}")
        more = {"where": how["where"], "title": how["title"], **how["options"]}
        lines += [f"          {name}: {_short(value)}" for name, value in more.items() if value]
    if "rows" in how:
        lines.append(f"table     {how['rows']} rows, CSV sha256 {how['csv_sha256']}")
    lines.append(
        f"made by   {record.get('command', 'unknown')}, {software.get('name', '')} "
        f"{software.get('version', '')}, commit {software.get('commit') or 'unknown'}"
        + (f" ({software['no_commit']})" if software.get("no_commit") else "")
    )
    lines.append(f"model     {record.get('model')}, data {record.get('data')}")
    for fields in parameters.get("grids") or ():
        axes = ", ".join(f"{name}={_short(value)}" for name, value in fields.items())
        lines.append(f"grid      {axes}")
    if parameters.get("scenarios") is not None:
        n = len(parameters["scenarios"]) + parameters.get("left_out", 0)
        lines.append(f"scenarios {n} in a list (--json shows them)")
    if "file" in parameters:
        lines.append(f"file      {parameters['file']}: {parameters.get('title', '')}")
    if "seeds" in parameters:
        lines.append(f"seeds     {parameters['seeds']} replications a scenario")
    versions = ", ".join(f"{name} {v}" for name, v in record.get("environment", {}).items())
    lines.append(f"with      {versions}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
