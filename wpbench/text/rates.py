"""The central table as text for a terminal or a mail: plain ASCII, 72 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..scenario.kernels import OFF, ON
from ..tables.decision import TOO_FEW
from ..tables.rates import PATCH_DRAIN, bare, blocks_of, chosen, joined, lines_of
from .layout import WIDTH, paragraph

_LABEL = 17  # of a line's name, two blanks before it
_CELL = 4
_SIGNS = {"fewer": "fewer", "more": "more", "same": "same", "~": "~"}
_FEW_RUNS = {"too few runs": "few"}  # a column where there are such


def percent(rate: float) -> str:
    """Return a share as a whole per cent: ``<1`` and ``>99`` where it is not quite 0 or 100."""
    if math.isnan(rate):
        return "-"
    if 0 < rate < 0.01:
        return "<1"
    if 0.99 < rate < 1:
        return ">99"
    return f"{100 * rate:.0f}"


def _cells(rows: pd.DataFrame, x: str, values: list[Any], width: int) -> str:
    by_x = dict(zip(rows[x], rows["copy_rate_mean"], strict=True))
    texts = [percent(by_x[value]) if value in by_x else "" for value in values]
    return "".join(text.rjust(width) for text in texts)


def _lines(rows: pd.DataFrame, x: str, values: list[Any], width: int) -> list[str]:
    """Return a block's lines; policies that do the same share one."""
    names: dict[str, list[str]] = {}
    for (kernel, drain), name in lines_of(rows).items():
        own = rows[(rows["kernel"] == kernel) & (rows["drain"] == drain)]
        names.setdefault(_cells(own, x, values, width), []).append(name)
    lines = []
    for cells, who in names.items():
        *first, last = paragraph(", ".join(who), _LABEL - 2).splitlines() or [""]
        lines += [f"  {text}" for text in first]
        lines.append(f"  {last}".ljust(_LABEL) + cells)
    return [line.rstrip() for line in lines]


def _number(value: Any) -> str:
    return f"{value:g}"


def format_rates(made: pd.DataFrame, *, title: str = "") -> str:
    """Return the central table as text: copies in per cent of the write-protect faults.

    Parameters
    ----------
    made
        From ``rates()``.
    title
        The first line.

    Returns
    -------
    str
        A block for each backend and each combination of other fields that vary, a line for each
        drain policy (policies with equal cells share it), and a column for each of at most eleven
        values of ``attrs["rates"]["x"]``.
        Pure ASCII, 72 columns, no trailing blanks.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on, rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], cpus=[1, 2], rounds=5), seeds=2)
    >>> made = rates(table, x="cpus")
    >>> text = wb.text.format_rates(made, title="Two CPUs")
    >>> print(text.splitlines()[0])
    Two CPUs
    """
    made = bare(made)
    about = made.attrs["rates"]
    x = about["x"]
    everything = sorted(made[x].unique())
    size = max(_CELL, 1 + max(len(_number(value)) for value in everything))
    values = chosen(everything, (WIDTH - _LABEL) // size)
    head = [title] if title else []
    head.append("simulated: copies in % of the write-protect faults; the rest are reused")
    text = "\n".join(paragraph(line) for line in (*head, _caption(made, about)))
    shared = None
    for common, backends, rows in blocks_of(made):
        if common != shared or shared is None:
            heading = x.ljust(_LABEL) + "".join(_number(v).rjust(size) for v in values)
            text += f"\n\n{paragraph(common)}\n{heading}" if common else f"\n\n{heading}"
            shared = common
        names = ", ".join(backends)
        text += f"\n{names}\n" if names else "\n"
        text += "\n".join(_lines(rows, x, values, size))
    if len(values) < len(everything):
        text += f"\n\n{x}: {len(values)} of {len(everything)} values are shown"
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).encode("ascii", "backslashreplace").decode() + "\n"


def _caption(made: pd.DataFrame, about: Mapping[str, Any]) -> str:
    sentences = [interval_note(made)]
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


def interval_note(made: pd.DataFrame) -> str:
    """Return how many runs a mean is of, and how wide its 95 % interval is at most."""
    low, high = int(made["n"].min()), int(made["n"].max())
    n = f"n = {low}" if low == high else f"n = {low} to {high}"
    if high < 2:
        return f"{n} run each: no interval."
    half = 50 * (made["copy_rate_high"] - made["copy_rate_low"])
    still = int((made["copy_rate_distinct"] == 1).sum())
    return (
        f"Means of {n} runs (random streams) each; 95% t intervals between runs: at most "
        f"+-{half.max():.1f} points, +-{half.median():.1f} in the middle; {still} of {len(made)} "
        "have no spread."
    )


def _span(rate: pd.Series) -> str:
    low, high = percent(rate.min()), percent(rate.max())
    return low if low == high else f"{low}..{high}"


def format_answer(
    both: pd.DataFrame | None, made: pd.DataFrame, per_access: pd.DataFrame | None = None
) -> str:
    """Return in words how often the drain helps, and where.

    Parameters
    ----------
    both
        From ``off_and_on()``.
    made
        From ``rates()``; used for the answer if ``both`` is None.
    per_access
        From ``off_and_on(value="copies_per_access")``: the drain may change the number of
        faults, and so the number of copies although their share stays the same.

    Returns
    -------
    str
        At most 72 columns.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on, rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], cpus=[1, 2], rounds=5), seeds=2)
    >>> made = rates(table, x="cpus")
    >>> text = wb.text.format_answer(off_and_on(table, x="cpus"), made)
    >>> max(map(len, text.splitlines())) <= 72
    True
    """
    if both is None:
        return _spans(bare(made))
    both = bare(both)
    text = [_how_often(both)]
    named = both.assign(kernel=ON, drain=PATCH_DRAIN, on_mean=both["other"], off_mean=both["base"])
    signs = _SIGNS | (_FEW_RUNS if TOO_FEW in set(both["verdict"]) else {})
    head = f"\n{'':26}{'off -> on':20}"
    head += "".join(word.rjust(_width(word, signs)) for word in signs.values())
    text.append(head)
    shared = ""
    for common, backends, rows in blocks_of(named):
        known = rows.dropna(subset=["base", "other"])
        if common != shared:
            text.append(paragraph(f"{common}:"))
            shared = common
        change = f"{_span(known['base'])} -> {_span(known['other'])}" if len(known) else "no fault"
        *first, last = paragraph(", ".join(backends), 22).splitlines() or [""]
        text += [f"  {line}" for line in first]
        text.append(f"  {last:24}{change:20}{_signs(known, signs)}".rstrip())
    text += ["", paragraph(_extremes(both))]
    if per_access is not None:
        count = _verdicts(per_access).value_counts()
        few = f"; too few runs to say in {count['too few runs']}" if "too few runs" in count else ""
        text.append(
            paragraph(
                "Counted per access, not per fault (a page that waits in a pagevec is not paged "
                "out, so that a drain can make more faults), there are fewer copies in "
                f"{count.get('fewer', 0)}, more in {count.get('more', 0)} of "
                f"{len(per_access)}{few}."
            )
        )
    return "\n".join(text) + "\n"


def _verdicts(both: pd.DataFrame) -> pd.Series:
    """Return of each scenario what ``compare()`` decided, in words for copies."""
    named = {"lower": "fewer", "higher": "more", TOO_FEW: "too few runs", "no pair": "no fault"}
    return both["verdict"].replace(named)


def _signs(rows: pd.DataFrame, signs: Mapping[str, str]) -> str:
    count = _verdicts(rows).value_counts()
    return "".join(
        str(count.get(name, 0) or "-").rjust(_width(word, signs)) for name, word in signs.items()
    )


def _width(word: str, signs: Mapping[str, str]) -> int:
    """Return how wide a sign's column is: of four or of five the line has 72 columns."""
    return 6 if len(signs) == len(_SIGNS) else max(5, len(word) + 1)


def _how_often(both: pd.DataFrame) -> str:
    count = _verdicts(both).value_counts()
    about = both.attrs["rates"]
    fields = joined(name for name in about["axes"] if name not in ("kernel", "drain"))
    parts = [f"fewer copies in {count.get('fewer', 0)} of {len(both)} scenarios"]
    named = {"more": "more", "same": "the same number", "~": "no difference shown (~)"}
    named |= {"too few runs": "too few runs to say", "no fault": "no fault to compare"}
    parts += [f"{words} in {count[name]}" for name, words in named.items() if name in count]
    low, high = int(both["n"].min()), int(both["n"].max())
    pairs = f"{low}" if low == high else f"{low} to {high}"
    random = int((both["distinct"] > 1).sum())
    rule = f"A difference counts where the 95% t interval of its mean, over {pairs} pairs of runs, "
    rule += f"leaves 0 out, as in wb.compare(); of the {random} with a spread about "
    rule += f"{0.05 * random:.0f} would by chance alone."
    return paragraph(
        f"Draining the local pagevecs ({ON}, {PATCH_DRAIN}), beside the patch off ({OFF}): "
        f"{joined(parts)}. A scenario is a value of {fields}. {rule if high > 1 else ''} Below: "
        "copies in % of the write-protect faults, off -> on, least..most over "
        f"{about['x']}; and in how many scenarios."
    )


def _extremes(both: pd.DataFrame) -> str:
    if "backend" not in both:
        points = round(-100 * float(both["difference"].mean()))
        return f"On average over these, of 100 faults {_fewer(points)} are copies."
    saved = -both.groupby("backend", sort=False)["difference"].mean().dropna()
    if saved.empty:
        return "There was no write-protect fault to compare."
    rounded = (100 * saved).round().astype(int) + 0
    most, least = rounded.max(), rounded.min()
    best = joined(str(name) for name in rounded.index[rounded == most])
    worst = joined(str(name) for name in rounded.index[rounded == least])
    words = f"On average over these, of 100 faults {_fewer(most)} are copies on {best}"
    return f"{words}, {_fewer(least)} on {worst}." if most != least else f"{words}."


def _fewer(points: int) -> str:
    return f"{points} fewer" if points > 0 else f"{-points} more" if points < 0 else "no fewer"


def _spans(made: pd.DataFrame) -> str:
    lines = ["Copies in % of the write-protect faults, least..most:", ""]
    for (kernel, drain), name in lines_of(made).items():
        rows = made[(made["kernel"] == kernel) & (made["drain"] == drain)]
        known = rows["copy_rate_mean"].dropna()
        lines.append(f"  {name:24}{_span(known) if len(known) else 'no fault'}")
    return "\n".join(lines) + "\n"
