"""A report's price: totals over the same program, and what stands beside the time."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd

from ..data import backends
from ..price.accounting import ITEMS, account
from ..price.difference import has_ranges, price
from ..price.result import Price
from ..price.verdicts import NO_FAULT
from ..scenario import Scenario
from ..text.layout import WIDTH, broken
from ..workloads.catalog import WORKLOADS
from .cases import CASE, NAMELESS
from .sections import fill, hang

DRAWS, MOST_DRAWS = 16, 64
# A report may simulate so many accesses more, for the draws of the costs: some seconds.
_MOST_ACCESSES = 10**8
_SIDE = {
    "pages_out": "pages paged out",
    "pages_in": "pages swapped in",
    "dead": "dead pages in lru_add",
    "orphans": "orphans at the end, KiB",
}
_PAGE_KIB = 4


def scenario_of(row: dict[Any, Any]) -> Scenario:
    """Return the scenario of a run's row, a backend's own latency left open: it has a range."""
    fields = dict(row)
    if fields.get("latency_ns") == backends()[str(row["backend"])].get("latency_ns"):
        fields["latency_ns"] = None
    return Scenario.from_row(fields)


def prices(rows: pd.DataFrame, column: str, base: Any, other: Any) -> Price | None:
    """Return what the cases of some runs cost, off and on; None where it is not to be had.

    Parameters
    ----------
    rows
        Runs with a clock, ``case`` in front.
    column, base, other
        What is compared; a price is of two kernels.

    Returns
    -------
    Price or None
        Its table has ``case`` in front.  None for another column than ``kernel``, for workloads of
        one's own, for costs without ranges, and where the draws would take minutes.
    """
    if rows.empty or column != "kernel" or not {base, other} <= set(rows["kernel"]):
        return None
    if not set(rows["workload"]) <= set(WORKLOADS):
        return None
    on = rows[rows["kernel"] == other]
    first = on.drop_duplicates(CASE)
    seeds = int(on.groupby(CASE, sort=False).size().max())
    if 2 * float(first["accesses"].sum()) * (MOST_DRAWS + seeds) > _MOST_ACCESSES:
        return None
    scenarios = [scenario_of(row) for row in first.to_dict("records")]
    if not all(has_ranges(str(scenario.costs)) for scenario in scenarios):
        return None
    found = price(scenarios, off=base, on=other, seeds=seeds, draws=DRAWS, most_draws=MOST_DRAWS)
    cases = list(first[CASE]) * 2
    table = found.table.copy()
    table.insert(0, CASE, cases)
    table.insert(1, "costs", [s.costs for s in scenarios] * 2) if "costs" not in table else None
    table.attrs = dict(found.table.attrs)
    return Price(table, found.differences)


def change(off: float, on: float) -> str:
    """Return a change in per cent; ``same`` where there is none to the digits that are shown."""
    if f"{off:.1f}" == f"{on:.1f}":
        return "same"
    return f"{100 * (on / off - 1):+.1f}%" if off else "from 0"


def price_lines(found: Price, base: Any, other: Any) -> list[str]:
    """Return a report's lines about the price: a block a case."""
    lines = fill(
        "Totals over the same program, nanoseconds per access: a page that waits in a pagevec is "
        "not paged out, so that off and on meet different numbers of faults, and what one fault "
        "takes is no price. Cheaper in: share of draws of the costs from their ranges. Side "
        "effects, where they differ: pages per 100 accesses; dead: nobody but the pagevec holds "
        "them; orphans: nobody but a pagevec or the swap cache, at the end of the run.",
        "",
    )
    label = WIDTH - 4 * 11 + 2
    start = len(lines)
    head = f"{'':{label}}{base!s:>9}{other!s:>11}{'change':>9}{'cheaper in':>13}"
    lines.append(head.rstrip())
    times = found.table.set_index([CASE, "measure"])
    nothing = []
    programs: dict[str, list[Any]] = {}
    for case in found.table[CASE].drop_duplicates():
        both = times.loc[(case, "write")], times.loc[(case, "cpu")]
        if all(row["verdict"] in ("same", NO_FAULT) for row in both):
            nothing.append(_named(case, both[0]["costs"]))
        else:
            programs.setdefault(_program(case), []).append(both)
    for program, sets in programs.items():
        lines += hang(program)
        beside: dict[str, None] = {}
        for both in sets:
            for name, row in zip(("faulting writes", "all CPUs"), both, strict=True):
                lines += _time_lines(f"{name}, {row['costs']}", row, label)
            beside |= dict.fromkeys(_side_lines(both[0], label))
        lines += beside  # equal lines of several cost sets stand once
    if not programs:
        del lines[start - 1 :]
    if nothing:
        lines += ["", *fill(f"No difference, whatever the costs: {'; '.join(nothing)}.")]
    open_ = int((~found.table["stable"]).sum())
    if open_:
        lines += [
            "",
            *fill(
                f"{open_} of the shares were not yet stable after {MOST_DRAWS} draws: their error "
                "(+-) is what is known of them."
            ),
        ]
    return lines


def _program(case: str) -> str:
    """Return what a case is called without its cost set."""
    return re.sub(r",? ?\bcosts=[^,]*", "", case).lstrip(", ") or NAMELESS


def _named(case: str, costs: str) -> str:
    """Return a case with its cost set, if it does not have that in its name already."""
    return case if "costs=" in case else f"{case}, costs={costs}"


def _side_lines(row: Any, label: int) -> list[str]:
    """Return the side effects in which off and on differ."""
    lines = []
    for name, words in _SIDE.items():
        factor = _PAGE_KIB if name == "orphans" else 100
        off, on = (factor * row[f"{name}_{side}"] for side in ("off", "on"))
        if f"{off:.1f}" != f"{on:.1f}":
            numbers = f"{off:9.1f}{on:11.1f}{change(off, on):>9}"
            lines.append(f"  {words:{label - 2}}{numbers}".rstrip())
    return lines


def _time_lines(name: str, row: Any, label: int) -> list[str]:
    """Return a line of the price: totals, their change, the share of draws in which on wins.

    A name that is too long stands above.
    """
    share = ""
    if row["verdict"] not in ("same", NO_FAULT):
        share = f"{100 * row['wins']:.0f}%"
        if row["error"]:
            share += f" +-{100 * row['error']:.0f}"
    numbers = f"{row['off']:9.1f}{row['on']:11.1f}{change(row['off'], row['on']):>9}{share:>13}"
    *above, last = broken(name, label - 2, long_words=True)
    return [*(f"  {line}" for line in above), f"  {last:{label - 2}}{numbers}".rstrip()]


def account_lines(scenario: Scenario, case: str, base: Any, other: Any) -> list[str]:
    """Return one case's account: faults times what each takes, up to the clock of everybody."""
    sides = []
    for name in (base, other):
        given = {n: getattr(scenario, n) for n in scenario.model_fields_set} | {"kernel": name}
        if name == base:  # what is only the other side's, as in price()
            given.pop("drain", None)
            given.pop("rules", None)
        table = account(Scenario(**given))
        sides.append(table.set_index("item"))
    lines = hang(f"The account of one of them, {case}: ns per access, one run")
    lines.append("")
    lines.append(f"{'':14}{'per 100 faults':>16}{'ns each':>16}{'ns per access':>16}")
    lines.append(f"{'':14}" + "".join(f"{n!s:>8}" for n in (base, other) * 3) + f"{'diff':>8}")
    faults = [100 * float(side["events"].to_dict()["decision"]) for side in sides]
    total = [0.0, 0.0]
    for item in ITEMS:
        off, on = (side.loc[item].to_dict() for side in sides)
        total = [total[0] + off["ns"], total[1] + on["ns"]]
        if not off["ns"] and not on["ns"]:
            continue
        cells = [_cell(100 * side["per_fault"]) for side in (off, on)]
        cells += [_cell(side["ns_each"]) for side in (off, on)]
        cells += [f"{side['ns']:.1f}" for side in (off, on)]
        lines.append(
            f"{item:14}"
            + "".join(f"{text:>8}" for text in cells)
            + f"{on['ns'] - off['ns']:>+8.1f}"
        )
    lines.append(f"{'the clock':46}{total[0]:8.1f}{total[1]:8.1f}{total[1] - total[0]:>+8.1f}")
    lines += [
        "",
        *fill(
            f"Write-protect faults per 100 accesses: {base} {faults[0]:.1f}, {other} "
            f"{faults[1]:.1f}. Faults, times how many of an item a fault has, times what each "
            "takes, is its time per access."
        ),
    ]
    return lines


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f}"
