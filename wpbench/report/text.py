"""A report's sections: lines of plain ASCII, at most 72 columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ..data import backends, facts
from ..mm import layout as L
from ..scenario import DECISIONS
from ..stats import rate_interval
from ..stats.text import WIDTH, aligned, wrap
from .agreement import in_use
from .cases import CASE
from .source import Source

_COMPARED_COSTS = ("none", "icount")  # the sets that count; the others are there for times
# What made the kernel give up, for a reader who does not know the columns copy_<reason>.
MEANING = {
    "ksm": "a KSM page",
    "gup": "a reference of get_user_pages()",
    "shared_pte": "another process maps it",
    "lagging_ref": "a reference that is about to be dropped (mmu_gather)",
    "swapcount": "another process has it swapped out",
    "isolated": "isolated by reclaim, compaction or migration",
    "pagevec_remote": "it waits in another CPU's pagevec",
    "rotate": "it waits in lru_rotate",
    "activate": "it waits in activate_page",
    "deactivate": "it waits in lru_deactivate (MADV_COLD)",
    "lazyfree": "it waits in lru_lazyfree (MADV_FREE)",
    "pagevec_local": "it waits in this CPU's pagevec",
    "stable_wb": "under writeback to a device that needs stable pages",
    "writeback": "under writeback, it cannot leave the swap cache",
    "swapcache": "it is in the swap cache",
    "trylock": "somebody holds the page lock",
}
_SAME = "the same"


def fill(lines: Iterable[str]) -> list[str]:
    """Return lines of at most 72 columns, in ASCII."""
    return [
        part.rstrip()
        for line in lines
        for part in (wrap(line) if len(line) > WIDTH else line).split("\n")
    ]


def table_of(names: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines, headings first; a name that is too long stands above its numbers."""
    width = sum(max(map(len, column)) + 2 for column in columns)
    if max(map(len, names)) + width <= WIDTH:
        return aligned([["", *names], *columns], 1)
    head, *rows = aligned([[""] * (len(names) + 1), *columns], 1)
    lines = [head]
    for name, row in zip(names, rows, strict=True):
        lines += [*fill([name]), row]
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
    sides = f"{column}: off is {_side(column, base)}; on is {_side(column, other)}"
    if column != "decision":
        sides = f"{column}: {base} beside {other}"
    what = "scenario" if scenarios == 1 else "scenarios"
    replications = "run" if seeds == "1" else "runs"
    return fill(
        [
            f"{source.kind}: {scenarios} {what}, {seeds} {replications} a side, {runs} in all, "
            f"{faults} faults",
            sides,
            version,
        ]
    )


def _side(column: str, name: Any) -> str:
    if column == "decision" and name in DECISIONS:
        source = DECISIONS[name].source
        if source.startswith("commit "):
            return f"{name} ({source.split(',')[0]})"
    return str(name)


def counts(rows: pd.DataFrame, column: str, base: Any, other: Any) -> list[str]:
    """Return write-protect faults, copies and drains, summed over the runs of each case."""
    has_drains = "drains" in rows
    names = ["wp_faults", "copies", *(["drains"] if has_drains else [])]
    sums = rows.groupby([CASE, column], sort=False)[names].sum(min_count=1).unstack(column)
    order = rows[CASE].drop_duplicates()
    sums = sums.loc[order]
    columns = [
        ["faults", *_integers(sums, "wp_faults", base)],
        ["copies", *_integers(sums, "copies", base)],
        ["faults", *_integers(sums, "wp_faults", other)],
        ["copies", *_integers(sums, "copies", other)],
    ]
    if has_drains:
        columns.append(["drains", *_integers(sums, "drains", other)])
        columns.append(["per saved", *_per_saved(sums, base, other)])
    width = max(len(str(base)), max(map(len, columns[0])) + max(map(len, columns[1])) + 2)
    body = table_of([str(name) for name in order], columns)
    start = len(body[0]) - sum(max(map(len, c)) + 2 for c in columns) + 2
    over = " " * start + str(base).ljust(width + 2) + str(other)
    lines = [over.rstrip(), *body]
    if has_drains:
        lines += ["", *fill([f"per saved: calls of lru_add_drain() by do_wp_page() with {other}, "
                             "for each copy less; - where it saves none"])]
    return lines


def _integers(sums: pd.DataFrame, name: str, side: Any) -> list[str]:
    if (name, side) not in sums:
        return ["-"] * len(sums)
    return ["-" if pd.isna(n) else str(int(n)) for n in sums[name, side]]


def _per_saved(sums: pd.DataFrame, base: Any, other: Any) -> list[str]:
    if ("copies", base) not in sums or ("copies", other) not in sums:
        return ["-"] * len(sums)
    saved = sums["copies", base] - sums["copies", other]
    drains = sums["drains", other]
    return [
        f"{d / s:.2f}" if s > 0 and not pd.isna(d) else "-"
        for s, d in zip(saved, drains, strict=True)
    ]


def reasons(rows: pd.DataFrame, column: str, base: Any, other: Any) -> list[str]:
    """Return the copies by reason, of each case that has any, and what the reasons mean."""
    names = [f"copy_{name}" for name in L.REASONS if f"copy_{name}" in rows]
    if not names:
        return ["not told apart in this table"]
    sums = rows.groupby([CASE, column], sort=False)[names].sum().unstack(column).fillna(0)
    lines, seen, without = [], [], 0
    label = max(len(name) for name in L.REASONS)
    size = max(len(str(int(sums.to_numpy().max()))), len(str(base)), len(str(other)))
    for case in rows[CASE].drop_duplicates():
        found = [n for n in names if sums.loc[case, n].sum() > 0]
        without += not found
        if not found:
            continue
        lines += fill([case])
        for name in found:
            off, on = (int(sums.loc[case].get((name, side), 0)) for side in (base, other))
            reason = name.removeprefix("copy_")
            lines.append(f"  {reason:{label}}  {off:>{size}}  {on:>{size}}")
            seen.append(reason)
    if not seen:
        return ["no copy on either side"]
    lines.insert(0, f"  {'':{label}}  {base!s:>{size}}  {other!s:>{size}}")
    if without:
        lines.append(f"({without} more without a copy on either side)")
    lines.append("")
    lines += [
        line
        for reason in dict.fromkeys(seen)
        for line in fill([f"{reason}: {MEANING[reason]}"])
    ]
    return lines


def verdicts(comparison: pd.DataFrame, value: str, kind: str) -> str:
    """Return in words in how many cases the value falls, stays, rises."""
    found = comparison["verdict"].value_counts()
    n = len(comparison)
    words = {
        "lower": "is lower",
        "same": "is the same",
        "higher": "is higher",
        "~": "shows no difference",
        "untested": "was not tested (one run)",
    }
    parts = [f"{words[v]} in {found[v]}" for v in words if v in found]
    rest = n - sum(int(found[v]) for v in words if v in found)
    if rest:
        parts.append(f"cannot be compared in {rest}")
    other = comparison.attrs["comparison"]["other"]
    return f"With {other} the {kind} {value} {', '.join(parts)} of {n} scenarios."


def agreement(source: Source, rows: pd.DataFrame) -> list[str]:
    """Return how far the mechanisms in use agree with a kernel, and which were never compared."""
    used = in_use(rows)
    under = [m for m in used if m.percent is not None and m.percent < 100]
    whole = [m for m in used if m.percent == 100]
    never = [m for m in used if m.percent is None]
    lines = []
    if source.kind == "simulated":
        lines += fill(["No number above was measured. What was held against a kernel:"])
    for title, some in (("agrees wholly:", whole), ("agrees in part:", under)):
        if some:
            lines.append(title)
        for m in some:
            lines += _item(f"{m.percent:g} % {m.what}: {m.compared}")
    if never:
        lines.append("never compared with a kernel:")
        for m in never:
            lines += _item(f"{m.what} ({m.source})")
    lines += fill(["Sources: data/agreement.toml, data/README.md."])
    return lines


def _item(text: str) -> list[str]:
    first, *more = wrap(text, WIDTH - 4).split("\n")
    return [f"  - {first}", *(f"    {line.strip()}" for line in more)]


def assumed(rows: pd.DataFrame) -> list[str]:
    """Return the numbers that nobody published: of the cost sets and the backends in use."""
    lines = []
    for name in rows["costs"].drop_duplicates() if "costs" in rows else ():
        steps = _assumed(facts("costs").get(name, {}))
        if steps:
            lines += _item(f"costs {name} (ns; low to high): {', '.join(steps)}")
    for name in rows["backend"].drop_duplicates() if "backend" in rows else ():
        if name not in backends():
            continue
        timed = bool((rows.loc[rows["backend"] == name, "costs"] != "none").any())
        steps = _assumed(facts("backends")[name]) if timed else []
        if steps:
            lines += _item(f"backend {name}: {', '.join(steps)}")
    return lines


def _assumed(table: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} {fact['value']:g} ({fact['low']:g} to {fact['high']:g})"
        for key, fact in table.items()
        if isinstance(fact, dict) and "assumed" in fact["source"] and "low" in fact
    ]


def priced(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose times mean something: of another cost set than icount's."""
    if "write_ns_mean" not in rows:
        return rows.iloc[:0]
    timed = rows["write_ns_mean"].notna()
    if "costs" in rows:
        timed &= ~rows["costs"].isin(_COMPARED_COSTS)
    return rows[timed]


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
    return [*table_of(labels, columns), "", *fill(["[low, high]: Wilson's 95% interval, as if "
            "faults were independent; they are not quite, so it is rather too narrow."])]


def _rate(value: Any) -> str:
    return "-" if pd.isna(value) or math.isnan(value) else f"{value:.4f}"
