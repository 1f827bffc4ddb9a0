"""A report's sections: lines of plain ASCII, at most 72 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..data import backends, cost_facts, facts, is_cost_file
from ..mm.names import Reason, texts
from ..scenario.kernels import rows as kernel_rows
from ..tables import rate_interval
from ..text.layout import WIDTH, aligned, broken, hanging
from .cases import CASE
from .mechanisms import in_use
from .source import Source

_COMPARED_COSTS = ("none", "icount")  # the sets that count; the others are there for times
# The steps of data/costs.toml that a write-protect fault takes itself.
WRITE_STEPS = (
    "fault_decision",
    "drain",
    "copy_insert",
    "exclusive_return",
    "reuse_return",
    "copy_return",
    "copy_free_swap",
    "lru_hold",
    "lru_hold_page",
    "tlb_ipi",
    "tlb_ipi_cpu",
)


def fill(*lines: str) -> list[str]:
    """Return prose as lines of at most 72 columns."""
    return [part for line in lines for part in broken(line)]


def hang(*lines: str) -> list[str]:
    """Return lines of at most 72 columns, indented from the second on."""
    return [part.rstrip() for line in lines for part in hanging(line).split("\n")]


def table_of(names: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines, headings first; a name that is too long stands above its numbers."""
    width = sum(max(map(len, column)) + 2 for column in columns)
    if max(map(len, names)) + width <= WIDTH:
        return aligned([["", *names], *columns], 1)
    head, *rows = aligned([[""] * (len(names) + 1), *columns], 1)
    lines = [head]
    for name, row in zip(names, rows, strict=True):
        lines += [*hang(name), row]
    return lines


def setup(source: Source, rows: pd.DataFrame, column: str, base: Any, other: Any) -> list[str]:
    """Return the three lines: what was run, what is compared, with which version."""
    runs = len(rows)
    scenarios = rows[CASE].nunique()
    faults = int(rows["wp_faults"].sum())
    each = rows.groupby([CASE, column], sort=False).size()
    seeds = f"{each.min()}" if each.min() == each.max() else f"{each.min()} to {each.max()}"
    made = source.made
    software = made.get("software", {})
    commit = software.get("commit")
    version = (
        f"wpbench {software['version']}, {f'commit {commit}, ' if commit else ''}"
        f"data {made.get('data', 'unknown')}"
        if software
        else "version unknown: the table carries no provenance"
    )
    sides = f"off: {_side(column, base)}; on: {_side(column, other)}"
    if column != "kernel":
        kernels = rows["kernel"].unique()
        of = f", kernel {kernels[0]}" if len(kernels) == 1 else ""
        sides = f"{column}: {base} beside {other}{of}"
    what = "scenario" if scenarios == 1 else "scenarios"
    replications = "run" if seeds == "1" else "runs"
    return hang(
        f"{source.kind}: {scenarios} {what}, {seeds} {replications} a side, {runs} in all, "
        f"{faults} faults",
        sides,
        version,
    )


def _side(column: str, name: Any) -> str:
    if column == "kernel" and name in kernel_rows():
        note = kernel_rows()[name].note
        if note.startswith("commit "):
            return f"{name}, {note.split(',')[0].split(':')[0]}"
    return str(name)


def reasons(rows: pd.DataFrame, column: str, base: Any, other: Any) -> list[str]:
    """Return the copies that ``other`` leaves, by reason, of each case that has any."""
    names = [f"copy_{name}" for name in texts(Reason) if f"copy_{name}" in rows]
    if not names:
        return ["not told apart in this table"]
    sums = rows.groupby([CASE, column], sort=False)[names].sum()
    lines: list[str] = []
    seen: list[str] = []
    without = 0
    label = max(len(name) for name in texts(Reason))
    size = max(len(str(int(sums.to_numpy().max()))), len(str(base)), len(str(other)))
    for case in rows[CASE].drop_duplicates():
        here = sums.loc[case]
        found = [n for n in names if other in here.index and here[n][other] > 0]
        without += not found
        if not found:
            continue
        lines += hang(case)
        for name in found:
            off, on = (int(here[name].get(side, 0)) for side in (base, other))
            reason = name.removeprefix("copy_")
            lines.append(f"  {reason:{label}}  {off:>{size}}  {on:>{size}}")
            seen.append(reason)
    if not seen:
        return [f"{other} leaves none"]
    lines.insert(0, f"  {'':{label}}  {base!s:>{size}}  {other!s:>{size}}")
    if without:
        lines.append(f"({without} more, of which {other} leaves none)")
    lines.append("")
    lines += [
        line
        for reason in dict.fromkeys(seen)
        for line in hang(f"{reason}: {Reason.named(reason).why}")
    ]
    return lines


def agreement(source: Source, rows: pd.DataFrame) -> list[str]:
    """Return how far the mechanisms in use agree with a kernel, and which were never compared."""
    used = in_use(rows)
    under = [m for m in used if m.percent is not None and m.percent < 100]
    whole = [m for m in used if m.percent == 100]
    never = [m for m in used if m.percent is None]
    lines = []
    if source.kind == "simulated":
        lines += fill(
            "But for the real programs no number above was measured. Of the simulator's parts in "
            "use, a kernel's counts and traces"
        )
    for title, some in (("agree wholly with", whole), ("agree in part with", under)):
        if some:
            lines.append(title)
        for m in some:
            lines += _item(f"{m.what}: {m.percent:g} %; {m.compared}")
    if never:
        lines.append("were never compared with")
        for m in never:
            lines += _item(f"{m.what} ({m.source})")
    lines += fill("Sources: data/agreement.toml, data/differences.toml.")
    return lines


def _item(text: str) -> list[str]:
    first, *more = hanging(text, WIDTH - 4).split("\n")
    return [f"  - {first}", *(f"    {line.strip()}" for line in more)]


def assumed(rows: pd.DataFrame) -> list[str]:
    """Return the numbers that nobody published: of the cost sets and the backends in use.

    Those that were derived from published ones are not among them.
    """
    lines = []
    for name in rows["costs"].drop_duplicates() if "costs" in rows else ():
        table = cost_set(name)
        steps = _assumed({key: table[key] for key in WRITE_STEPS if key in table})
        others = len(_assumed(table)) - len(steps)
        if steps:
            lines += _item(
                f"costs {name}, ns (low to high), the steps of a write: {', '.join(steps)}; and "
                f"{others} more around it (data/costs.toml)"
            )
    for name in rows["backend"].drop_duplicates() if "backend" in rows else ():
        if name not in backends():
            continue
        timed = bool((rows.loc[rows["backend"] == name, "costs"] != "none").any())
        steps = _assumed(facts("backends")[name]) if timed else []
        if steps:
            lines += _item(f"backend {name}: {', '.join(steps)}")
    return lines


def cost_set(name: str) -> Mapping[str, Any]:
    """Return the facts of a cost set, none for a name that is not there."""
    return cost_facts(name) if name in facts("costs") or is_cost_file(name) else {}


def kind_of_costs(names: Sequence[str]) -> str:
    """Return what most steps of a write are in some cost sets: ``assumed costs``, ``measured``."""
    measured = []
    for name in names:
        facts_of = [cost_set(name)[step] for step in WRITE_STEPS if step in cost_set(name)]
        share = sum(fact["source"].startswith("measured") for fact in facts_of)
        measured.append(2 * share > len(facts_of) > 0)
    if all(measured):
        return "mostly measured costs"
    return "assumed and measured costs" if any(measured) else "assumed costs"


def _assumed(table: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} {fact['value']:g} ({fact['low']:g} to {fact['high']:g})"
        for key, fact in table.items()
        if isinstance(fact, dict) and fact["source"].startswith("assumed") and "low" in fact
    ]


def priced(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose times mean something: simulated, of another cost set than icount's."""
    if not {"costs", "accesses", "cpu_ns"} <= set(rows):
        return rows.iloc[:0]
    return rows[~rows["costs"].isin(_COMPARED_COSTS)]


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows for counts: those without a clock or with icount's, all if there are none."""
    if "costs" not in rows:
        return rows
    plain = rows[rows["costs"].isin(_COMPARED_COSTS)]
    return plain if len(plain) else rows


def rates(rows: pd.DataFrame, column: str) -> list[str]:
    """Return a measured table's copy rates with Wilson's intervals, a line a row."""
    known = rows[rows["copies"].notna()]
    low, high = rate_interval(known["copies"].astype(float), known["wp_faults"].astype(float))
    labels = [f"{case}, {side}" for case, side in zip(known[CASE], known[column], strict=True)]
    columns = [
        ["faults", *(str(int(n)) for n in known["wp_faults"])],
        ["copies", *(str(int(n)) for n in known["copies"])],
        ["copy rate", *(_rate(x) for x in known["copy_rate"])],
        ["[low, high]", *(f"[{_rate(a)}, {_rate(b)}]" for a, b in zip(low, high, strict=True))],
    ]
    return [
        *table_of(labels, columns),
        "",
        *hang(
            "[low, high]: Wilson's 95% interval, as if faults were independent; they are not "
            "quite, so it is rather too narrow"
        ),
    ]


def _rate(value: Any) -> str:
    return "-" if pd.isna(value) or math.isnan(value) else f"{value:.4f}"
