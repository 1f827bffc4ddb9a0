"""The numbers that a state of the workbench asks for, as a table, as HTML and in words."""

from __future__ import annotations

import html
import math
from typing import Any

import pandas as pd

from ..data import cost_facts
from ..mm.names import Reason, texts
from ..scenario.kernels import OFF, ON, row_of
from ..scenario.rules import DO_WP_PAGE
from ..simulate import simulate
from ..workloads.catalog import facts_of
from .state import State


def answer(state: State) -> pd.DataFrame:
    """Return the two rows of ``simulate()``, patch off and on, with the column ``arm``.

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
    """Return what the two scenarios are called, in figures and tables."""
    on = state.on
    drain = f", drain {on.drain}" if on.drain else ""
    return [f"{OFF} (off)", f"{state.kernel}{' (on)' if state.kernel == ON else ''}{drain}"]


def numbers(table: pd.DataFrame, shown: int) -> str:
    """Return the answer's numbers as HTML: those of one scenario in a line, both in a table."""
    rows = [row for _, row in table.iterrows()]
    lines = [
        ("copied", [_rate(row["copies"], row["wp_faults"]) for row in rows]),
        ("reused", [_rate(row["reuses"], row["wp_faults"]) for row in rows]),
        ("write-protect faults (n)", [f"{row['wp_faults']}" for row in rows]),
        ("drains by do_wp_page()", [f"{row['drains']}" for row in rows]),
        ("pages they drained", [f"{row['drained_pages']}" for row in rows]),
        ("time per write fault, mean", [_nanoseconds(row["write_ns_mean"]) for row in rows]),
        ("... of 99 % of them, up to", [_quantile(row) for row in rows]),
    ]
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table["arm"])
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for name, cells in lines
    )
    return (
        f'<p class="wpbench-headline">{_headline(rows[shown])}</p>'
        f'<table class="wpbench-numbers"><caption>{html.escape(_basis(table))}</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _headline(row: Any) -> str:
    name = html.escape(str(row["arm"]))
    if row["wp_faults"] == 0:
        return f"{name}: no write-protect fault"
    copied, reused = (f"{row[part] / row['wp_faults']:.1%}" for part in ("copies", "reuses"))
    return (
        f"{name}: <b>{copied.replace('%', ' %')}</b> copied, {reused.replace('%', ' %')} reused, "
        f"of {row['wp_faults']} write-protect faults"
    )


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
    off, on = row_of(OFF), row_of(state.kernel)
    others = [name for name in off if name not in DO_WP_PAGE and off[name] != on[name]]
    if others:
        said.append(f"rules beside do_wp_page()'s that differ from {OFF}'s: {', '.join(others)}")
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


def _nanoseconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f} ns"


def _quantile(row: Any) -> str:
    untimed = math.isnan(row["write_ns_mean"])
    return "-" if untimed else _nanoseconds(float(row["write_ns_p99"]))


def _basis(table: pd.DataFrame) -> str:
    costs = str(table["costs"].iloc[0])
    seed = int(table["seed"].iloc[0])
    measured = cost_facts(costs)["description"].startswith("measured:")
    known = "measured" if measured else "most of it assumed (data/costs.toml)"
    times = {
        "none": "no times: costs is none",
        "icount": "times of the emulated CPU of kernel-measurements/",
    }.get(costs, f"times by cost set {costs}, {known}")
    return f"simulated, one run (seed {seed}); {times}"


__all__ = ["answer", "in_words", "names", "notes", "numbers"]
