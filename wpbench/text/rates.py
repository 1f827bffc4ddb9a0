"""The central table as text for a terminal or a mail: plain ASCII, 72 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..scenario.kernels import OFF, ON
from ..tables.decision import TOO_FEW
from ..tables.off_on import DOUBTFUL, blocks_of_both, headline
from ..tables.rates import PATCH_DRAIN, bare, blocks_of, chosen, lines_of
from .layout import WIDTH, paragraph

_LABEL = 17  # of a line's name, two blanks before it
_CELL = 4
UNITS = {
    "copies_per_work": "copies per 100 {per} of the same program",
    "copy_rate": "copies in % of the write-protect faults",
    "reuse_rate": "reuses in % of the write-protect faults",
    "copies_per_access": "copies per 100 accesses",
}


def percent(rate: float) -> str:
    """Return a share as a whole per cent: ``<1`` and ``>99`` where it is not quite 0 or 100."""
    if math.isnan(rate):
        return "-"
    if 0 < rate < 0.01:
        return "<1"
    if 0.99 < rate < 1:
        return ">99"
    return f"{100 * rate:.0f}"


def _cells(rows: pd.DataFrame, value: str, x: str, values: list[Any], width: int) -> str:
    by_x = dict(zip(rows[x], rows[f"{value}_mean"], strict=True))
    texts = [percent(by_x[one]) if one in by_x else "" for one in values]
    return "".join(text.rjust(width) for text in texts)


def _lines(rows: pd.DataFrame, value: str, x: str, values: list[Any], width: int) -> list[str]:
    """Return a block's lines, one a policy; a line that another one has already said names it."""
    said: dict[str, str] = {}
    lines = []
    for (kernel, drain), name in lines_of(rows).items():
        own = rows[(rows["kernel"] == kernel) & (rows["drain"] == drain)]
        cells = _cells(own, value, x, values, width)
        shown = f"  as {said[cells]}" if cells in said else cells
        said.setdefault(cells, name)
        lines.append(f"{f'  {name}':{_LABEL}}{shown}".rstrip())
    return lines


def _number(value: Any) -> str:
    return f"{value:g}"


def format_rates(made: pd.DataFrame, *, title: str = "", value: str = "copies_per_work") -> str:
    """Return all drain policies as text: a block for each backend and whatever else varies.

    Parameters
    ----------
    made
        From ``rates()``.
    title
        Stands first.
    value
        ``copies_per_work``, or another value of ``rates()`` that is a share, such as ``copy_rate``.

    Returns
    -------
    str
        In a block a line a drain policy, in the order of ``lines_of()`` (one that equals another
        says so); a column a value of ``attrs["rates"]["x"]``, at most eleven of them.  Pure ASCII,
        72 columns, no trailing blanks.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> print(wb.text.format_rates(rates(table), title="One CPU").splitlines()[-1])
      on                  0   0
    """
    made = bare(made)
    about = made.attrs["rates"]
    x = about["x"]
    everything = sorted(made[x].unique())
    size = max(_CELL, 1 + max(len(_number(one)) for one in everything))
    values = chosen(everything, (WIDTH - _LABEL) // size)
    head = [title] if title else []
    head.append(f"simulated: {UNITS.get(value, value).format(**about)}")
    text = "\n".join(paragraph(line) for line in (*head, _caption(made, about, value)))
    shared = None
    for common, backends, rows in blocks_of(made):
        if common != shared or shared is None:
            heading = x.ljust(_LABEL) + "".join(_number(v).rjust(size) for v in values)
            text += f"\n\n{paragraph(common)}\n{heading}" if common else f"\n\n{heading}"
            shared = common
        names = ", ".join(backends)
        text += f"\n{names}\n" if names else "\n"
        text += "\n".join(_lines(rows, value, x, values, size))
    if len(values) < len(everything):
        text += f"\n\n{x}: {len(values)} of {len(everything)} values are shown"
    return _plain(text)


def _plain(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).encode("ascii", "backslashreplace").decode() + "\n"


def _caption(made: pd.DataFrame, about: Mapping[str, Any], value: str) -> str:
    sentences = [interval_note(made, value)]
    kernels = set(made["kernel"])
    if OFF in kernels:
        sentences.append(f"off: the patch off ({OFF}).")
    if ON in kernels and len(made.loc[made["kernel"] == ON, "drain"].unique()) > 1:
        sentences.append(f"The others: {ON} by what it drains; {PATCH_DRAIN} is the patch.")
    elif ON in kernels:
        sentences.append(f"on: the patch on ({ON}).")
    if about["failed"]:
        sentences.append(f"{about['failed']} runs failed and are left out.")
    return " ".join(sentences)


def interval_note(made: pd.DataFrame, value: str = "copy_rate") -> str:
    """Return how many runs a mean is of, and how wide its 95 % interval is at most."""
    low, high = int(made["n"].min()), int(made["n"].max())
    n = f"n = {low}" if low == high else f"n = {low} to {high}"
    if high < 2:
        return f"{n} run each: no interval."
    half = 50 * (made[f"{value}_high"] - made[f"{value}_low"])
    still = int((made[f"{value}_distinct"] == 1).sum())
    return (
        f"Means of {n} runs (random streams) each; 95% t intervals between runs: at most "
        f"+-{half.max():.1f} points, +-{half.median():.1f} in the middle; {still} of {len(made)} "
        "have no spread."
    )


def _span(rate: pd.Series) -> str:
    low, high = percent(rate.min()), percent(rate.max())
    return low if low == high else f"{low}..{high}"


def format_answer(both: pd.DataFrame | None, made: pd.DataFrame) -> str:
    """Return in about five lines where the patch saves copies, where it adds some, and what else.

    Parameters
    ----------
    both
        From ``off_and_on()``, of totals.
    made
        From ``rates()``: where ``both`` is None, it says how the kernels lie.

    Returns
    -------
    str
        ``headline()`` as text: pure ASCII, 72 columns.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on, rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> made, both = rates(table), off_and_on(table)
    >>> print(wb.text.format_answer(both, made).splitlines()[2])
     copies saved    100 -> 0    npages 1
    """
    if both is None:
        return _spans(bare(made))
    about = both.attrs["rates"]
    lines = [
        paragraph(
            f"simulated, per 100 {about['per']} of the same program, where it is most: the patch "
            f"off ({OFF}) -> on ({ON}, {PATCH_DRAIN})"
        )
    ]
    for row in headline(both, made).to_dict("records"):
        change = f"{_short(row['off'])} -> {_short(row['on'])}"
        lines.append(paragraph(f" {row['what']:16}{change:12}{row['where']}", rest=" " * 29))
    if len(lines) == 1:
        lines.append("  no write-protect fault: there is nothing to compare")
    return _plain("\n".join(lines))


def _short(value: float) -> str:
    return f"{value:.0f}" if value == 0 or abs(value) >= 9.95 else f"{value:.1f}"


def format_off_and_on(both: pd.DataFrame) -> str:
    """Return copies with the patch off and on, as text: a line a backend, a column a value of x.

    Parameters
    ----------
    both
        From ``off_and_on()``, of a share such as ``copies_per_work``.

    Returns
    -------
    str
        As many values of ``attrs["rates"]["x"]`` as fit, the first and the last among them.
        Backends with equal numbers share a line.  Pure ASCII, 72 columns.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> print(wb.text.format_off_and_on(off_and_on(table)).splitlines()[-1].strip())
    100 -> 0  88 -> 0
    """
    about = both.attrs["rates"]
    x = about["x"]
    everything = sorted(both[x].unique())
    parts = [
        (common, "  " + ", ".join(backends), {row[x]: _change(row) for row in _records(rows)})
        for common, backends, rows in blocks_of_both(both)
    ]
    label = min(_LABEL, max(len(x), *(len(name) for _, name, _ in parts)))
    size = 2 + max(len(cell) for *_, cells in parts for cell in cells.values())
    values = chosen(everything, (WIDTH - label) // size)
    title = UNITS[about["value"]].format(**about)
    lines = [
        paragraph(
            f"{title}, off -> on ({DOUBTFUL}: no difference is shown, by the 95% t interval "
            "between runs, or for too few of them)"
        ),
        "",
        x.ljust(label) + "".join(_number(value).rjust(size) for value in values),
    ]
    shared = ""
    for common, name, cells in parts:
        if common != shared:
            lines.append(paragraph(common))
            shared = common
        *above, last = [name, ""] if len(name) > label else [name]
        shown = "".join(cells.get(value, "").rjust(size) for value in values)
        lines += [*above, f"{last:{label}}{shown}"]
    if len(values) < len(everything):
        lines += ["", f"{x}: {len(values)} of {len(everything)} values are shown"]
    return _plain("\n".join(lines))


def _records(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    return rows.to_dict("records")


def _change(row: Mapping[Any, Any]) -> str:
    """Return off -> on of one scenario, marked where no difference is shown."""
    if math.isnan(row["difference"]):
        return "-"
    mark = DOUBTFUL if row["verdict"] in (DOUBTFUL, TOO_FEW) else ""
    return f"{percent(row['base'])} -> {percent(row['other'])}{mark}"


def _spans(made: pd.DataFrame) -> str:
    about = made.attrs["rates"]
    lines = [f"simulated: {UNITS['copies_per_work'].format(**about)}, least..most:"]
    for (kernel, drain), name in lines_of(made).items():
        rows = made[(made["kernel"] == kernel) & (made["drain"] == drain)]
        known = rows["copies_per_work_mean"].dropna()
        lines.append(f"  {name:24}{_span(known) if len(known) else 'no run'}")
    return _plain("\n".join(lines))
