"""What the time of a program went to, and what else it took: an account that adds up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ScenarioError
from ..mm import layout as L
from ..provenance.record import provenance
from ..scenario import Scenario
from ..scenario.plain import described
from ..simulate import run
from .tally import DRAINS, check_per

# What an account names: its steps (layout.SPENT), and the counters of the events that take them.
# Of the zero page there is no decision, but a copy.
ITEMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "decision": (("fault_decision", "fault_first"), ("wp_faults",)),
    "drain": (("drain", "drain_all_cpu"), DRAINS),
    "copy": (("copy_insert", "copy_return", "copy_free_swap"), ("copies", "zero_copies")),
    "reuse": (("reuse_return", "exclusive_return"), ("reuses",)),
    "lru_lock": (("lru_hold", "lru_hold_page", "lru_lock_wait"), ("lru_lock_taken",)),
    "TLB flush": (("tlb_ipi", "tlb_ipi_cpu", "tlb_ipi_receive"), ("tlb_flushes",)),
    "swap-in": (("swapin_return", "fault_entry", "device_read"), ("pswpin",)),
    "page-out": (
        (
            "madvise_entry",
            "madvise_finish",
            "madvise_return",
            "slot_refill",
            "shrink_new",
            "shrink_rewrite",
            "shrink_other",
            "dispatch_new",
            "dispatch_rewrite",
            "complete_request",
            "complete_page",
            "device_write",
        ),
        ("pswpout",),
    ),
    "program": (("access",), ("accesses",)),
}
OTHER = "other"
# Beside the time: what is counted, and in what.
SIDE_EFFECTS = {
    "pages paged out": "pswpout",
    "pages swapped in": "pswpin",
    "dead pages in lru_add": "lru_add_dead",
    "orphans at the end": "orphans",
}


def _machines(scenarios: Scenario | Iterable[Scenario], replication: int, what: str) -> Any:
    """Yield each scenario's fields, and its machine after the run."""
    found = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    if not found:
        raise ScenarioError(f"{what} needs at least one scenario")
    for scenario in found:
        fields = scenario.resolved()
        if fields["costs"] == "none":
            raise ScenarioError(
                "costs: 'none' takes no time; accepted: a cost set with steps that do, "
                "such as 'server'"
            )
        yield fields, run(scenario, replication)


def _joined(
    parts: list[tuple[dict[str, Any], pd.DataFrame]], command: str, scenarios: Any, more: Any
) -> pd.DataFrame:
    """Return the parts as one table, each scenario's fields in front, with its provenance."""
    made = []
    for fields, part in parts:
        for at, (name, value) in enumerate(fields.items()):
            part.insert(at, name, value)
        made.append(part)
    table = pd.concat(made, ignore_index=True)
    asked = pd.DataFrame([fields for fields, _ in parts])
    table.attrs["wpbench"] = provenance(command, described(scenarios, asked, 1) | more)
    return table


def budget(scenarios: Scenario | Iterable[Scenario], replication: int = 0) -> pd.DataFrame:
    """Return the time of the CPUs by step, a row for each scenario and step.

    Parameters
    ----------
    scenarios
        With a clock: ``costs`` other than ``none``.
    replication
        Number of the random stream, from 0.

    Returns
    -------
    DataFrame
        The scenario's parameters; ``step``, a cost of data/costs.toml (``device_read`` and
        ``device_write`` are the backend's ``read_ns`` and ``write_ns``), ``lru_lock_wait`` or
        ``idle``; ``ns``, of all CPUs together; ``share`` of all but the idle time (NaN for
        ``idle``); ``ns_per_access``.  The steps add up to the clocks.

    Raises
    ------
    ScenarioError
        For a scenario without a clock.

    Examples
    --------
    >>> import wpbench as wb
    >>> spent = wb.budget(wb.Scenario(npages=8, rounds=10, costs="server"))
    >>> spent.set_index("step")["share"].nlargest(2).round(2).to_dict()
    {'device_write': 0.55, 'shrink_new': 0.14}
    """
    parts = []
    for fields, m in _machines(scenarios, replication, "budget()"):
        spent = np.array(m.spent, np.int64)
        busy = spent.sum() - spent[L.SPENT_IDLE]
        share = np.where(np.arange(len(spent)) == L.SPENT_IDLE, np.nan, spent / busy)
        part = pd.DataFrame({"step": L.SPENT, "ns": spent, "share": share})
        part["ns_per_access"] = part["ns"] / max(1, int(m.accesses))
        parts.append((fields, part))
    return _joined(parts, "budget", scenarios, {"replication": replication})


def account(
    scenarios: Scenario | Iterable[Scenario], *, per: str = "access", replication: int = 0
) -> pd.DataFrame:
    """Return the time of a program, split into parts that add up, and its side effects.

    The time is that of all CPUs, by access.  It is the sum of the faults (faults per access times:
    the decision, plus drains per fault times a drain, plus copies per fault times a copy, plus
    reuses per fault times a reuse), lru_lock, TLB flushes, swap-in, page-out and the program's own
    accesses.

    Parameters
    ----------
    scenarios
        With a clock: ``costs`` other than ``none``.
    per
        Everything is divided by this: ``access``, ``round``, or ``program`` for no division.
    replication
        Number of the random stream, from 0.

    Returns
    -------
    DataFrame
        A row for each item.  The scenario's parameters; ``kind``: ``time`` or ``side effect``;
        ``item``; ``events``, by ``per``; ``per_fault``, events by write-protect faults (NaN without
        a fault); ``ns_each``, nanoseconds of an event (NaN without an event); ``ns``, nanoseconds
        by ``per``, of all CPUs together, idle time excluded.  The ``ns`` of all times add up to
        ``cpu_ns``.  A side effect has events (pages) and no time of its own.  ``writes that
        faulted`` is a part of the time above (``write_ns``); its events are the faults.  The events
        of ``orphans at the end`` are pages and are not divided.

    Raises
    ------
    ScenarioError
        For a scenario without a clock, and for an unknown ``per``.

    Examples
    --------
    >>> import wpbench as wb
    >>> table = wb.account(wb.Scenario(npages=8, rounds=10, costs="server"))
    >>> time = table[table["kind"] == "time"].set_index("item")
    >>> float(time.loc["drain", "per_fault"]), float(time.loc["drain", "ns_each"])
    (1.0, 120.0)
    """
    check_per(per)
    parts = [
        (fields, _items(m, fields["rounds"], per))
        for fields, m in _machines(scenarios, replication, "account()")
    ]
    return _joined(parts, "account", scenarios, {"replication": replication, "per": per})


def _items(m: Any, rounds: int, per: str) -> pd.DataFrame:
    """Return the rows of one run."""
    spent = dict(zip(L.SPENT, np.array(m.spent, np.int64).tolist(), strict=True))
    del spent["idle"]
    work = {"access": max(1, int(m.accesses)), "round": max(1, rounds), "program": 1}[per]
    faults = int(m.wp_faults)
    rows: list[tuple[str, str, float, float]] = []
    for item, (steps, counters) in ITEMS.items():
        events = sum(int(getattr(m, counter)) for counter in counters)
        rows.append(("time", item, events, float(sum(spent.pop(step, 0) for step in steps))))
    if spent:  # a step that no item names
        rows.append(("time", OTHER, 0, float(sum(spent.values()))))
    rows.append(("part", "writes that faulted", faults, float(m.write_ns)))
    for item, counter in SIDE_EFFECTS.items():
        rows.append(("side effect", item, int(getattr(m, counter)), np.nan))
    table = pd.DataFrame(rows, columns=["kind", "item", "events", "ns"])
    table["ns_each"] = table["ns"] / table["events"].where(table["events"] > 0)
    table["per_fault"] = table["events"] / (faults or np.nan)
    divided = np.where(table["item"] == "orphans at the end", 1, work)
    table["events"] = table["events"] / divided
    table["ns"] = table["ns"] / divided
    return table[["kind", "item", "events", "per_fault", "ns_each", "ns"]]
