"""A report for a mailing list: plain text that claims no more than the data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..measure import compare as beside_simulation
from ..output import written
from ..plots.style import file_sha256
from ..price.result import Price
from ..scenario.kernels import OFF, ON
from ..tables import compare
from ..text import format_comparison
from ..text.layout import WIDTH
from ..text.mail import mail
from . import known
from . import sections as text
from .cases import CASE, named
from .chart import chart, shape_of
from .copies import copies_lines, copies_table
from .figures import Figure, draw_figures
from .opening import opening
from .replays import REAL_PROGRAMS, replay_lines
from .source import MEASURED, SIMULATED, Source, command_of, load
from .times import account_lines, price_lines, prices, scenario_of

MOST = 24  # scenarios listed
INTRODUCTION = {
    SIMULATED: "A write-protect fault of an anonymous page ends in a reuse or in a copy. What is "
    "simulated follows a program fault by fault by the rules of a kernel: who holds a page "
    "(pagevecs, swap cache, writeback), what do_wp_page() tests. Off and on run the same program, "
    "over the same random numbers.",
    MEASURED: "A write-protect fault of an anonymous page ends in a reuse or in a copy. The counts "
    "are a kernel's.",
}


@dataclass(frozen=True)
class Report:
    """A report; ``str()`` of it is the mail's text.

    Attributes
    ----------
    title
        Of its subject.
    sections
        Heading -> lines.
    rows
        The runs that it is about, ``case`` in front.
    comparison
        The table of ``wb.compare()``, with a row for each case.
    copies
        Copies and drains per 100 writes, a row a case: the table that is printed.
    prices
        A ``Price`` of the cases with a clock, ``case`` in front; None where no time means anything.
    figures
        Those that were drawn.
    """

    title: str
    sections: dict[str, list[str]]
    rows: pd.DataFrame
    comparison: pd.DataFrame
    copies: pd.DataFrame
    prices: Price | None
    figures: list[Figure] = field(default_factory=list)

    @property
    def answer(self) -> str:
        """Its first lines: the question, and the answer in plain words."""
        return "\n".join(self.sections[""])

    def __str__(self) -> str:
        blocks = []
        for heading, lines in self.sections.items():
            head = [heading, "-" * len(heading)] if heading else []
            blocks.append("\n".join([*head, *lines]))
        whole = "\n\n".join(blocks) + "\n"
        return whole.encode("ascii", "backslashreplace").decode()

    __repr__ = __str__

    def mbox(self, path: str | Path, subject: str | None = None, **headers: Any) -> Path:
        """Write it as a mail that ``git send-email`` takes.

        Parameters
        ----------
        path
            The file.
        subject
            None for the report's title.
        headers
            ``to``, ``cc`` (lists), ``sender``, ``date``, ``in_reply_to``: see
            ``wpbench.text.mail``.

        Raises
        ------
        WpbenchError
            For an address, date or message id that is none.
        """
        made = mail(str(self), subject or self.title, **headers)
        with written(path) as file:
            file.write(made)
        return Path(path)


def report(
    table: Any,
    question: str | None = None,
    *,
    column: str = "kernel",
    base: Any = OFF,
    other: Any = ON,
    value: str = "copy_rate",
    where: Mapping[str, Any] | None = None,
    title: str | None = None,
    seeds: int | None = None,
    figures: str | Path | None = None,
    most: int = MOST,
) -> Report:
    """Return a report for a mailing list: off against on, in plain text of 72 columns.

    Parameters
    ----------
    table
        A table of ``simulate()``, ``sweep()`` or ``measure.run()``; a grid, which is simulated; or
        the path of a store, a Parquet or CSV file, a grid file, the name of a shipped grid.
    question
        The question; None for the grid file's.
    column, base, other
        The column, and the two values of it that are compared: ``base`` is off, ``other`` is on.
    value
        A column of numbers: ``copy_rate``.
    where
        Rows to take: column -> value or list of values.
    title
        Subject of the mail; None for the grid file's.
    seeds
        Replications of a grid; None for the grid file's own, or 1.
    figures
        A folder: figures are drawn there, with their data, and listed.
    most
        The number of scenarios listed.  If there are more, those that differ most are listed.

    Returns
    -------
    Report
        ``print()`` it, or use ``.answer``, ``.rows``, ``.copies``, ``.comparison``, ``.prices``.

    Raises
    ------
    TableError, WpbenchError
        If there is no such table, or it lacks the columns or one of the sides.

    Examples
    --------
    >>> import wpbench as wb
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[8, 64], rounds=10))
    >>> report = wb.report(table, question="How many pages are copied?")
    >>> max(map(len, str(report).splitlines())) <= 72
    True
    >>> print(str(report).splitlines()[0])
    How many pages are copied?
    """
    source = load(table, seeds, (base, other) if column == "kernel" else ())
    both, notes = named(source, column, base, other, where)
    rows = text.counted(both)
    # A rate is compared between the same scenarios on both sides; the case stands for a scenario.
    comparison = compare(rows, column, base, other, value, by=[CASE])
    listed, hidden = _most(comparison, most)
    shown = rows[rows[CASE].isin(listed[CASE])]
    kind = source.kind
    copies, per = copies_table(source, shown, column, base, other)
    timed = text.priced(both)
    price = prices(timed[timed[CASE].isin(timed[CASE].unique()[:most])], column, base, other)
    sections: dict[str, list[str]] = {}
    asked = question or source.parameters.get("question") or ""
    costs = text.kind_of_costs(timed["costs"].unique().tolist()) if len(timed) else ""
    answer = opening(copies, per, price, costs, base, other, kind)
    sections[""] = [*(text.fill(asked, "") if asked else []), *text.fill(answer)]
    table_lines = copies_lines(copies, per, base, other, kind)
    if hidden:
        table_lines += text.fill(f"{hidden} more scenarios, which differ less, are not listed.")
    sections[f"Copies per 100 {per} ({kind})"] = table_lines
    shape = shape_of(rows, column, value)
    if shape is not None:
        lines = chart(shape, column, (base, other), value)
        sections[f"Shape ({kind})"] = [*text.fill(shape.what), *lines]
    if value != "copy_rate":
        sections[f"Off against on ({kind})"] = _compared(listed, kind)
    if price is not None:
        sections[f"At what price (simulated, {costs})"] = _price(price, timed, base, other)
    elif len(timed):
        sections["At what price"] = text.fill(
            "Not drawn here: that takes two kernels and shipped workloads, and no more than some "
            "seconds. wpbench price does."
        )
    left = f"Copies that {other} leaves, by reason ({kind}, all runs)"
    sections[left] = text.reasons(shown, column, base, other)
    if kind == SIMULATED:
        sections["Real programs (measured)"] = known.real_lines()
        sections[REAL_PROGRAMS] = replay_lines()
    sections["What was simulated, what was measured"] = [
        *text.fill(INTRODUCTION[kind], ""),
        *text.setup(source, both, column, base, other),
        *text.fill(*notes),
        "",
        *_held_against(source, both, column),
    ]
    if kind == SIMULATED:
        sections["What is not known, and would decide it"] = known.unknown_lines(both)
    assumed = text.assumed(both) if source.kind != MEASURED else []
    if assumed:
        sections["Assumed (nobody published these)"] = assumed
    options = {
        "question": question,
        "title": title,
        "column": column if column != "kernel" else None,
        "base": base if base != OFF else None,
        "other": other if other != ON else None,
        "value": value if value != "copy_rate" else None,
        "where": [f"{k}={_values(v)}" for k, v in (where or {}).items()] or None,
        "most": most if most != MOST else None,
    }
    sections["To make this again"] = _again(source, options)
    drawn: list[Figure] = []
    if figures:
        drawn, why = draw_figures(source, shape, column, value, Path(figures))
        sections["Figures"] = _figure_list(drawn) if drawn else text.fill(f"None was drawn: {why}.")
    name = title or source.parameters.get("title") or "wpbench: off against on"
    return Report(name, sections, both, comparison, copies, price, drawn)


def _values(value: Any) -> str:
    return ",".join(map(str, value if isinstance(value, list | tuple) else [value]))


def _most(comparison: pd.DataFrame, most: int) -> tuple[pd.DataFrame, int]:
    """Return the cases that differ most, in their order, and how many are left."""
    if len(comparison) <= most:
        return comparison, 0
    size = comparison["difference"].abs().fillna(np.inf)
    keep = size.sort_values(ascending=False, kind="stable").index[:most]
    listed = comparison.loc[sorted(keep)]
    listed.attrs = comparison.attrs
    return listed, len(comparison) - most


def _price(found: Price, timed: pd.DataFrame, base: Any, other: Any) -> list[str]:
    """Return the totals, the account of the case that changes most, and what was published."""
    cpu = found.table[found.table["measure"] == "cpu"]
    size = (cpu["on"] / cpu["off"] - 1).abs().to_numpy()
    case = str(cpu[CASE].iloc[int(size.argmax())])
    row = timed[(timed[CASE] == case) & (timed["kernel"] == other)].iloc[0].to_dict()
    lines = price_lines(found, base, other)
    if size.max() > 0:
        lines += ["", *account_lines(scenario_of(row), case, base, other)]
    return [*lines, "", *known.spawn_lines(list(dict.fromkeys(timed["costs"])))]


def _compared(comparison: pd.DataFrame, kind: str) -> list[str]:
    """Return a comparison's lines; the version stands in the setup already."""
    bare = comparison.copy(deep=False)
    bare.attrs = {"comparison": comparison.attrs["comparison"]}
    lines = format_comparison(bare, kind=kind).splitlines()
    return [line.removeprefix(f"{CASE}=") for line in lines]


def _held_against(source: Source, rows: pd.DataFrame, column: str) -> list[str]:
    if source.kind != MEASURED:
        return text.agreement(source, rows)
    return [*text.rates(rows, column), "", *_simulation_of(rows)]


def _simulation_of(rows: pd.DataFrame) -> list[str]:
    """Return a measured table's rows beside their simulation, those that differ."""
    if "accesses" not in rows:
        return text.fill("The table has no column accesses, and was not simulated beside.")
    both = beside_simulation(rows)
    off = both[~both["within"].astype(bool)]
    lines = text.fill(
        f"Simulated beside it: in {len(both) - len(off)} of {len(both)} rows the simulated rate "
        "lies in the interval of the measured one."
    )
    for row in off.head(MOST).to_dict("records"):
        named_by = [row[n] for n in ("backend", "kernel", "npages", "order") if n in row]
        lines += text.hang(
            f"differs: {' '.join(map(str, named_by))}: measured {row['rate_measured']:.4f} "
            f"[{row['rate_low']:.4f}, {row['rate_high']:.4f}], simulated "
            f"{row['rate_simulated']:.4f}"
        )
    if len(off) > MOST:
        lines.append(f"and {len(off) - MOST} rows more")
    return lines


def _again(source: Source, options: Mapping[str, Any]) -> list[str]:
    """Return the one command that makes the report again, or why there is none."""
    command = command_of(source, options)
    commit = source.made.get("software", {}).get("commit")
    if command is None:
        return text.fill(
            "No single command: the scenarios come from a list, a store or a measurement, not from "
            "a grid."
        )
    lines = _shell(command)
    if commit is None:
        return lines
    if commit.endswith("-dirty"):
        return lines + text.fill(f"(the sources were edited after commit {commit[:12]})")
    return [
        f"  git checkout {commit} && make env && \\",
        "  PATH=$PWD/.venv/bin:$PATH && \\",
        *lines,
    ]


def _shell(command: str) -> list[str]:
    """Return a shell command as lines of at most 72 columns, continued by a backslash."""
    lines, line = [], "  "
    for word in shlex.split(command):
        quoted = word if word == "&&" else shlex.quote(word)
        if len(line) + len(quoted) + 3 > WIDTH and line.strip():
            lines.append(line + " \\")
            line = "    "
        if len(line) + len(quoted) + 2 > WIDTH:
            # Parts of a word stand at the beginning of their lines: the shell joins them.
            *parts, quoted = _parts(word)
            lines += [f"{line.rstrip()} \\", *(f"{part}\\" for part in parts)]
            line = quoted
        else:
            line += quoted if not line.strip() else f" {quoted}"
    return [*lines, line]


def _parts(word: str) -> list[str]:
    """Return a word in quoted parts that are each shorter than a line."""
    parts, part = [], ""
    for letter in word:
        if len(shlex.quote(part + letter)) > WIDTH - 2:
            parts.append(shlex.quote(part))
            part = ""
        part += letter
    return [*parts, shlex.quote(part)]


def _figure_list(figures: Sequence[Figure]) -> list[str]:
    lines = []
    for figure in figures:
        lines += text.hang(f"{figure.files[0].stem}: {figure.caption}")
        for file in figure.files:
            size = file.stat().st_size
            lines += [f"  {file.name}, {size} bytes, sha256", f"    {file_sha256(file)}"]
        lines.append("")
    return lines + text.fill(
        "Each file says how it was made (wpbench provenance FILE), and can be made again (wpbench "
        "rerun FILE)."
    )
