"""The numbers that a state of the workbench asks for, as a table, as HTML and in words."""

from __future__ import annotations

import html
import math
from typing import Any

import pandas as pd

from ..data import cost_facts
from ..mm.names import Reason, texts
from ..scenario import Scenario
from ..scenario.kernels import row_of
from ..scenario.rules import DO_WP_PAGE
from ..simulate import simulate
from ..workloads.catalog import facts_of
from .numbers_table import numbers_table
from .state import State


def answer(state: State) -> pd.DataFrame:
    """Return the two rows of ``simulate()``, of kernel A and of B, with the column ``arm``.

    Raises
    ------
    ScenarioError
        If no scenario can be what the state says, or if it would take too long.
    SimulationError
        If a run cannot be finished.
    """
    state.check()
    table = simulate([state.off, state.on])
    return table.assign(arm=names(state))


def names(state: State) -> list[str]:
    """Return what the two scenarios are called, in figures and tables; no two the same."""
    off, on = (_name(scenario) for scenario in (state.off, state.on))
    if state.is_the_patch:
        return [f"{off} (off)", on.replace(state.kernel, f"{state.kernel} (on)", 1)]
    return [off, on] if off != on else [f"{off} (A)", f"{on} (B)"]


def _name(scenario: Scenario) -> str:
    drain = f", drain {scenario.drain}" if scenario.drain else ""
    rules = f", {scenario.rules}" if scenario.rules else ""
    return f"{scenario.kernel}{drain}{rules}"


def headline(table: pd.DataFrame, shown: int) -> str:
    """Return the answer in two lines of HTML: the kernel that is looked at, then the other one."""
    rows = [row for _, row in table.iterrows()]
    looked_at, other = rows[shown], rows[1 - shown]
    gap = 100 * (other["copy_rate"] - looked_at["copy_rate"])
    more = "" if math.isnan(gap) else f", {gap:+.1f} percentage points"
    return (
        '<div class="wpbench-headline" role="status">'
        f"<p>{_said(looked_at, 'b')}</p>"
        f'<p class="wpbench-note">{_said(other, "span")}{more}. {html.escape(_basis(table))}.</p>'
        "</div>"
    )


def _said(row: Any, tag: str) -> str:
    name, faults = html.escape(str(row["arm"])), row["wp_faults"]
    if faults == 0:
        return f"<{tag}>{name}: no write-protect fault</{tag}>"
    copied, reused = (
        f"{row[part] / faults:.1%}".replace("%", " %") for part in ("copies", "reuses")
    )
    n = f"(n = {faults} write-protect faults)"
    return f"<{tag}>{name}: {copied} copied</{tag}>, {reused} reused {n}"


def numbers(table: pd.DataFrame) -> str:
    """Return the answer's numbers as a table of HTML, a column a kernel."""
    rows = [row for _, row in table.iterrows()]
    lines = [
        ("write-protect faults (n)", [f"{row['wp_faults']}" for row in rows]),
        ("copied", [_rate(row["copies"], row["wp_faults"]) for row in rows]),
        ("reused", [_rate(row["reuses"], row["wp_faults"]) for row in rows]),
        ("drains in do_wp_page()", [f"{row['drains']}" for row in rows]),
        ("pages drained", [f"{row['drained_pages']}" for row in rows]),
        ("write fault, mean (ns)", [_nanoseconds(row, "write_ns_mean") for row in rows]),
        ("write fault, 99th percentile (ns)", [_nanoseconds(row, "write_ns_p99") for row in rows]),
    ]
    return numbers_table(table["arm"], lines)


def in_words(table: pd.DataFrame) -> str:
    """Return the copies by reason in a sentence a scenario: what the figure shows."""
    said = []
    for _, row in table.iterrows():
        found = {reason: int(row[f"copy_{reason}"]) for reason in texts(Reason)}
        why = ", ".join(
            f"{reason} {n}" for reason, n in sorted(found.items(), key=lambda x: -x[1]) if n
        )
        why = f": {why}" if why else ""
        said.append(f"{row['arm']} copied {row['copies']} of {row['wp_faults']} pages{why}.")
    return " ".join(said)


def notes(state: State) -> list[str]:
    """Return what a reader of the numbers should know about this state."""
    unused: dict[str, list[str]] = {}
    for name, why in state.not_used.items():
        if name in _CONTROLLED:
            unused.setdefault(why, []).append(name)
    said = [f"not used: {', '.join(fields)} ({why})" for why, fields in unused.items()]
    scenario = state.on
    own = scenario.resolved()
    threads = int(own["threads"])
    workload = facts_of(scenario.workload)
    waits = "migration_rate" in workload.uses and not workload.background_cpu
    idle = waits and int(own["cpus"]) > threads
    if idle and not scenario.migration_rate and not scenario.spinner_threads:
        said.append("cpus: no thread migrates, so the other CPUs are idle")
    off, on = row_of(state.base), row_of(state.kernel, state.rules)
    others = [name for name in off if name not in DO_WP_PAGE and off[name] != on[name]]
    if others:
        said.append(f"rules beside do_wp_page()'s in which B differs from A: {', '.join(others)}")
    return said


# Fields with a control of their own: what is not used is said of these.
_CONTROLLED = (
    "drain", "order", "latency_ns", "threads", "migration_rate", "write_cpu", "fork_exit_before",
    "save_every",
)  # fmt: skip


def _rate(part: int, whole: int) -> str:
    if whole == 0:
        return "no write-protect fault"
    return f"{part / whole:.1%} ({part})".replace("%", " %")


def _nanoseconds(row: Any, name: str) -> str:
    untimed = math.isnan(row["write_ns_mean"])
    return "-" if untimed else f"{float(row[name]):.0f}"


def _basis(table: pd.DataFrame) -> str:
    costs = str(table["costs"].iloc[0])
    seed = int(table["seed"].iloc[0])
    times = {"none": "no clock (cost set none)"}.get(costs, f"times by {cost_set(costs)}")
    return f"Simulated, one run (seed {seed}); {times}"


def cost_set(name: str) -> str:
    """Return a cost set's name, and whether its numbers were measured."""
    if name == "icount":
        return "cost set icount, an emulated CPU"
    measured = cost_facts(name)["description"].startswith("measured:")
    return f"cost set {name}, {'measured' if measured else 'most of it assumed'}"


__all__ = ["answer", "cost_set", "headline", "in_words", "names", "notes", "numbers"]
