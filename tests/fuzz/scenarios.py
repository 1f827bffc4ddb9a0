"""Scenarios: fields of any value and type, and combinations of values that are each accepted."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import wpbench as wb
from wpbench.bounds import FIELDS, MAX_CLOCK_NS
from wpbench.data import backends, costs
from wpbench.mm.names import Reason, texts
from wpbench.scenario import DRAINS, Scenario
from wpbench.scenario.longest import accesses, longest_ns
from wpbench.simulate import COUNTERS, plan_of
from wpbench.workloads.catalog import ORDERS, WORKLOADS

from . import check

_MOST_ACCESSES = 1_000_000  # that are simulated, with what other tasks do meanwhile
_MOST_PAGES = 1 << 18
_MOST_BYTES = 1 << 28
_TEXTS = {
    "workload": [*WORKLOADS],
    "drain": [*DRAINS],
    "backend": [*backends()],
    "order": [*ORDERS],
    "costs": [*costs()],
    "mix": ["read:1", "pageout:1 write:1", "fork:3 exit:1 read:5 write:5", "read:1000000"],
}


def anything(random: Random) -> Any:
    """Draw a value of any type."""
    kind = random.randrange(8)
    if kind < 2:
        return check.integer(random)
    if kind == 2:
        return check.number(random)
    if kind == 3:
        return check.word(random)
    return random.choice([None, True, False, [1], [], {}, {"a": 1}, b"x", np.int64(5), np.nan, 1j])


def fitting(random: Random, name: str) -> Any:
    """Draw a value that a field alone may have: at its bounds, near them, or small."""
    if name in FIELDS:
        bound = FIELDS[name]
        if not bound.whole:
            return random.choice([bound.low, bound.high, random.uniform(bound.low, bound.high)])
        top = min(int(bound.high), 1 << random.randrange(1, 63))
        return random.choice([int(bound.low), top, random.randrange(int(bound.low), top + 1)])
    return random.choice(_TEXTS.get(name, [True, False, None]))


def one(random: Random, folder: Path) -> None:
    """Draw a scenario; where it is accepted and small, simulate it: no number may have wrapped."""
    names = [name for name in Scenario.model_fields if name != "kernel"]
    fields = {name: fitting(random, name) for name in random.sample(names, random.randrange(7))}
    if random.random() < 0.6:
        fields |= {"npages": random.randrange(1, 20), "rounds": random.randrange(4)}
    if random.random() < 0.4:
        fields[random.choice([*names, "nonsense"])] = anything(random)
    scenario = check.answer(lambda: Scenario(**fields), about=fields)
    if scenario is None:
        return
    about = f"{fields}"
    assert 0 <= longest_ns(scenario) <= MAX_CLOCK_NS, about
    plan = plan_of(scenario)
    assert 0 <= int(plan.accesses()[0]) <= accesses(scenario), about
    small = scenario.npages * scenario.threads <= _MOST_PAGES and plan.bytes()[0] < _MOST_BYTES
    cpus = int(plan.columns["cpus"][0])
    others = scenario.background_insertions + scenario.background_drains
    work = accesses(scenario) * (1 + (others + (plan.columns["drain"][0] == "all-cpus")) * cpus)
    work *= scenario.npages if scenario.workload == "random" else 1
    work *= scenario.threads if longest_ns(scenario) else 1  # each clock's turn is looked for
    if not small or work > _MOST_ACCESSES or scenario.lruvecs > 64:
        return
    table = check.answer(wb.simulate, scenario, about=about)
    if table is None:
        return
    row = table.iloc[0]
    for name in COUNTERS:
        count = row[name]
        assert name == "not_paged_out" or 0 <= count < MAX_CLOCK_NS, f"{name} {count}: {about}"
    assert row.wp_faults == row.copies + row.reuses, about
    assert row.copies == sum(row[f"copy_{reason}"] for reason in texts(Reason)), about
