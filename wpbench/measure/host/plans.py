"""From scenarios to plans: plain numbers that a measuring process is told."""

from __future__ import annotations

from typing import Any

from ...bounds import MAX_PAGES
from ...errors import MeasureError, accepted
from ...scenario import Scenario
from ...scenario.columns import parse_mix
from ...workloads.catalog import facts_of
from ...workloads.reproducer import ORDERS, shuffle_mask, shuffle_shift, shuffled
from .draw import draw

WORKLOADS = ("reproducer", "random")
# What can be measured without swap: nothing is paged out.
NO_SWAP_MIX = "read:40 write:40 migrate:4 fork:2 exit:3"
# What a kernel is, and not what is asked of it; a scenario's value counts where it was given.
KERNEL_FIELDS = ("kernel", "rules", "drain", "pagevec")


def check(scenario: Scenario) -> None:
    """Refuse a workload that only the simulator knows.

    Raises
    ------
    MeasureError
        Names the field and what is accepted.
    """
    if scenario.workload not in WORKLOADS:
        name = getattr(scenario.workload, "__name__", scenario.workload)
        raise MeasureError(accepted("workload", name, WORKLOADS))


def without_swap(scenario: Scenario) -> Scenario:
    """Return a scenario that pages nothing out: a random program whose mix was left open.

    Any other is returned as it is.
    """
    if not facts_of(scenario.workload).by_mix or "mix" in scenario.model_fields_set:
        return scenario
    return replaced(scenario, mix=NO_SWAP_MIX)


def replaced(scenario: Scenario, **fields: Any) -> Scenario:
    """Return a scenario with other fields, those left open still open."""
    given = {name: getattr(scenario, name) for name in scenario.model_fields_set}
    return Scenario(**(given | fields))


def pages_out(scenario: Scenario) -> bool:
    """Does a scenario page anything out?"""
    return bool(not facts_of(scenario.workload).by_mix or parse_mix(scenario.mix)["pageout"] > 0)


def plan(scenario: Scenario, replication: int = 0) -> dict[str, Any]:
    """Return what ``agent.execute()`` is told of one run."""
    fields = scenario.resolved()
    common = {
        "workload": scenario.workload,
        "npages": scenario.npages,
        "cpus": fields["cpus"],
        "pages": scenario.npages * scenario.threads,
        "pages_out": pages_out(scenario),
    }
    if facts_of(scenario.workload).by_mix:
        return common | draw(scenario, replication)
    sequence = None
    if fields["order"] == "read-write-shuffled":
        sequence = shuffled_pages(scenario.npages)
    names = ("rounds", "threads", "spinner_threads", "read_cpu", "delay_ns", "fork_exit_before")
    return (
        common
        | {name: getattr(scenario, name) for name in names}
        | {
            "write_cpu": fields["write_cpu"],
            "order": ORDERS.index(fields["order"]),
            "sequence": sequence,
        }
    )


def shuffled_pages(n: int) -> list[int]:
    """Return the fixed order in which the reproducer takes ``n`` pages when they are shuffled."""
    permute, mask_of, shift_of = (
        getattr(function, "py_func", function)
        for function in (shuffled, shuffle_mask, shuffle_shift)
    )
    mask = mask_of(n)
    shift = shift_of(mask)
    return [permute(i, n, mask, shift) for i in range(n)]


def as_measured(scenario: Scenario, facts: dict[str, Any]) -> Scenario:
    """Return a scenario as the kernel that ran it has it, for the simulator.

    Parameters
    ----------
    scenario
        What was asked; kernel, rules, drain and pagevec count where they were given.
    facts
        ``environment()`` of the kernel.
    """
    swap = facts["swap_pages"]
    fields: dict[str, Any] = {
        "kernel": facts["kernel"],
        "backend": "zram" if facts["backend"] == "none" else facts["backend"],
        "page_cluster": min(5, facts["page_cluster"] or 0),
        "pmd_offset": 0,
        "latency_ns": None,
        "costs": None,
    }
    if swap:
        fields["swap_pages"] = min(MAX_PAGES, swap)
    given = {name: getattr(scenario, name) for name in KERNEL_FIELDS}
    fields |= {
        name: value
        for name, value in given.items()
        if name in scenario.model_fields_set and value is not None
    }
    return replaced(scenario, **fields)
