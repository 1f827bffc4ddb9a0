"""How late a scenario's clock can be at most, so that no clock ever wraps.

Every time on any clock is one before it and a step's, a request's or a delay's time; each of these
is counted once.  The sum of all that a run can do is so later than any clock.  The factors below
are generous: what they refuse would take longer than anybody lives.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..data import backends, cost_facts, cost_version, device_facts, facts
from ..mm import layout as L
from ..mm.names import Cost, texts

# Steps of each kind that one access of the workload takes at most, with its share of the pageout,
# the pages that it reads ahead, those that reclaim takes for it, and full pagevecs that it flushes.
_STEPS = 256
_RECLAIMED = 2 * L.SWAP_CLUSTER_MAX
_DRAWN = 16  # times its mean: a request's time where it is drawn; in many requests never as much
_TOGETHER = 64  # CPUs whose clocks' sum a counter can have, by the same generosity
# Steps that are taken for each CPU, and those of other tasks' insertions and drains.
_EACH_CPU = ("drain_all_cpu", "tlb_ipi_cpu", "tlb_ipi_receive", "lru_hold")
_BACKGROUND = ("drain", "lru_hold", "lru_hold_page")
_RECLAIMING = ("redis", "memcached")


@lru_cache(maxsize=1024)
def _steps(costs: str, backend: str, _version: str) -> tuple[int, int, int]:
    """Return nanoseconds: of each step once, of those for each CPU, of those of other tasks."""
    device = device_facts(costs, backend)
    table = cost_facts(costs)
    found = {step: table[step] for step in texts(Cost) if step in table}
    found |= {"device_read": device["read_ns"], "device_write": device["write_ns"]}
    most = {step: int(max(fact["value"], fact.get("high", 0))) for step, fact in found.items()}
    return (
        sum(most.values()),
        sum(most.get(step, 0) for step in _EACH_CPU),
        sum(most.get(step, 0) for step in _BACKGROUND),
    )


def accesses(scenario: Any) -> int:
    """Return how many accesses a run does at most, or pages that its operations are about."""
    return int(2 * scenario.npages * scenario.threads * (scenario.rounds + 1))


def longest_ns(scenario: Any) -> int:
    """Return nanoseconds that no clock of a scenario's run exceeds."""
    device = backends()[scenario.backend]
    delays = scenario.rounds * scenario.threads * scenario.delay_ns
    costs = scenario.costs or ("none" if device["synchronous"] else "icount")
    if costs == "none":
        return int(delays)
    named = [scenario.read_cpu, scenario.write_cpu or 0, scenario.fill_cpu]
    ncpus = scenario.cpus or 2 * scenario.threads + scenario.spinner_threads + max(named) + 2
    own = not isinstance(scenario.workload, str)
    reclaimed = _RECLAIMED if own or scenario.workload in _RECLAIMING else 0
    steps, each_cpu, background = _steps(costs, scenario.backend, cost_version(costs))
    one = _STEPS * steps + 2 * (1 + reclaimed) * ncpus * each_cpu
    others = scenario.background_insertions + scenario.background_drains
    if others:
        one += ncpus * (int(others) + 2) * background
    if not device["synchronous"]:
        latency = scenario.latency_ns
        if latency is None:
            fact = facts("backends")[scenario.backend]["latency_ns"]
            latency = max(fact["value"], fact.get("high", 0))
        requests = 2 + (1 << scenario.page_cluster) + reclaimed
        one += requests * latency * (1 if device["distribution"] == "constant" else _DRAWN)
    return int(accesses(scenario) * one * max(1, ncpus // _TOGETHER) + delays)
