"""From means of patterns to the steps of a cost set.

A pattern is a sum of steps (wpbench/mm: what is spent where), so a step is a difference of
patterns.  What no pattern tells apart is one cost: it stands whole in one step, and the other is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...data import cost_facts
from .session import COMPRESSES, SAME, Slot
from .timings import Timings
from .visits import WARM

Means = Mapping[Slot, float]
LIKE = "server"  # whose steps stand for those that nothing here measures, times a factor
_REUSE = ("fault_decision", "reuse_return")


@dataclass(frozen=True)
class Step:
    """How a step follows from means.

    Attributes
    ----------
    of
        The nanoseconds, from the means of the patterns and the steps before it; None where one is
        missing.
    how
        The same in words, for the source; ``{device}`` stands for what was paged out to.
    """

    of: Callable[[Means, Mapping[str, float]], float | None]
    how: str


def line(means: Means, kind: str, content: int = SAME) -> tuple[float, float] | None:
    """Return intercept and slope, by least squares, of a pattern over its number from 1 on."""
    points = [
        (slot.param, mean)
        for slot, mean in means.items()
        if slot.kind == kind and slot.param > 0 and slot.content == content
    ]
    if len(points) < 2:
        return None
    numbers, times = np.array(points, float).T
    slope, intercept = np.polyfit(numbers, times, 1)
    return float(intercept), float(slope)


def _slot(kind: str, param: int = 0, content: int = SAME) -> Callable[..., float | None]:
    return lambda means, _steps: means.get(Slot(kind, param, content))


def _slope(kind: str) -> Callable[..., float | None]:
    def slope(means: Means, _steps: Mapping[str, float]) -> float | None:
        found = line(means, kind)
        return None if found is None else found[1]

    return slope


def _in_lock(means: Means, steps: Mapping[str, float]) -> float | None:
    """Return what lru_lock is held for beside the pages: no more than the fault has for it."""
    waiting, empty = line(means, "madvise"), means.get(Slot("madvise", 0))
    faults, reuse = line(means, "drain"), steps.get("reuse_return")
    if waiting is None or empty is None or faults is None or reuse is None:
        return None
    return min(waiting[0] - empty, max(0.0, faults[0] - reuse))


def _drain(means: Means, steps: Mapping[str, float]) -> float | None:
    faults = line(means, "drain")
    if faults is None or "lru_hold" not in steps:
        return None
    return faults[0] - steps["reuse_return"] - steps["lru_hold"]


def _less(kind: str, *steps_off: str, content: int = SAME) -> Callable[..., float | None]:
    def less(means: Means, steps: Mapping[str, float]) -> float | None:
        mean = means.get(Slot(kind, content=content))
        if mean is None or not set(steps_off) <= set(steps):
            return None
        return mean - sum(steps[name] for name in steps_off)

    return less


def _first(means: Means, _steps: Mapping[str, float]) -> float | None:
    more = []
    for kind in ("reuse", "copy"):
        first, other = means.get(Slot(f"{kind}-first")), means.get(Slot(kind))
        if first is not None and other is not None:
            more.append(first - WARM * other)
    return sum(more) / len(more) if more else None


def _interrupts(means: Means, copy: float) -> list[tuple[int, float]]:
    return sorted((s.param, m - copy) for s, m in means.items() if s.kind == "interrupted")


def _ipi(means: Means, _steps: Mapping[str, float]) -> float | None:
    copy = means.get(Slot("copy"))
    found = [] if copy is None else _interrupts(means, copy)
    if not found:
        return None
    several = line(means, "interrupted")
    if several is None or copy is None:
        return found[0][1]
    return several[0] - copy if several[1] > 0 else found[-1][1]


def _ipi_cpu(means: Means, _steps: Mapping[str, float]) -> float | None:
    several = line(means, "interrupted")
    return None if several is None else several[1]


def _lost(means: Means, _steps: Mapping[str, float]) -> float | None:
    found = sorted((s.param, m) for s, m in means.items() if s.kind == "lost")
    return found[0][1] if found else None


def _pageout_call(means: Means, steps: Mapping[str, float]) -> float | None:
    found = line(means, "pageout")
    return None if found is None else found[0] - steps["madvise_entry"]


def _pageout_page(means: Means, steps: Mapping[str, float]) -> float | None:
    found = line(means, "pageout")
    if found is None or "lru_hold" not in steps:
        return None
    return found[1] - steps["lru_hold"] - steps["lru_hold_page"]


def _device_write(means: Means, _steps: Mapping[str, float]) -> float | None:
    for slot, mean in means.items():
        if slot.kind == "pageout" and slot.content == COMPRESSES:
            same = means.get(Slot("pageout", slot.param, SAME))
            return None if same is None else (mean - same) / slot.param
    return None


def _device_read(means: Means, _steps: Mapping[str, float]) -> float | None:
    same, other = (means.get(Slot("swapin", 0, content)) for content in (SAME, COMPRESSES))
    return None if same is None or other is None else other - same


_NO_SPLIT = "no pattern separates"
# In this order: a step may need those before it.
STEPS: dict[str, Step] = {
    "access": Step(_slot("hit"), "a write that does not fault"),
    "madvise_entry": Step(
        _slot("madvise", 0), "MADV_COLD on memory never touched, its empty drain and its return in"
    ),
    "fault_entry": Step(
        _slot("touch"), "the first write to a page, whole; its insertion into lru_add is in it"
    ),
    "reuse_return": Step(
        _slot("reuse"),
        "reuse of a page on the LRU after a child's exit, whole: "
        f"{_NO_SPLIT} it from fault_decision",
    ),
    "fault_first": Step(
        _first,
        f"the first {WARM} reuses after an exit, the first {WARM} copies after a fork, less {WARM} "
        "later ones: mean of the two",
    ),
    "lru_hold_page": Step(_slope("drain"), "slope of the reuse with a drain of k pages, over k"),
    "lru_hold": Step(_in_lock, "MADV_COLD with k pages waiting, its intercept, less one with none"),
    "drain": Step(
        _drain, "intercept of the reuse with a drain of k pages, less reuse_return and lru_hold"
    ),
    "copy_insert": Step(
        _slot("zero"),
        f"the first write to the zero page, whole: {_NO_SPLIT} it from fault_decision",
    ),
    "copy_return": Step(
        _less("copy", "copy_insert"), "copy with the child alive, less copy_insert"
    ),
    "tlb_ipi": Step(
        _ipi, "copy with threads of the process on other CPUs, less one without; intercept"
    ),
    "tlb_ipi_cpu": Step(_ipi_cpu, "the same, slope over the threads"),
    "tlb_ipi_receive": Step(_lost, "gap in the clock readings of a thread that is interrupted"),
    "madvise_return": Step(
        _pageout_call,
        "MADV_PAGEOUT of same-filled pages to {device}, intercept over the pages, less "
        "madvise_entry",
    ),
    "shrink_new": Step(
        _pageout_page, "the same, slope, less lru_hold and lru_hold_page; slot allocation is in it"
    ),
    "swapin_return": Step(
        _less("swapin", "fault_entry"), "read of a same-filled page from {device}, less fault_entry"
    ),
}
# What the device does for a page: a cost set has it as zram_read, zram_write, for instance.
DEVICE: dict[str, Step] = {
    "read": Step(
        _device_read, "read of a page that compresses from {device}, less a same-filled one"
    ),
    "write": Step(_device_write, "MADV_PAGEOUT of pages that compress, less same-filled ones"),
}
# Steps that are in another one, and which pattern would have to be there.
IN_OTHERS: dict[str, tuple[str, str]] = {
    "fault_decision": ("reuse_return and in copy_insert", "reuse"),
    "madvise_finish": ("madvise_return", "pageout"),
    "tlb_ipi_cpu": ("tlb_ipi: with one other CPU nothing separates them", "interrupted"),
    "slot_refill": ("shrink_new", "pageout"),
}


def steps_of(device: str) -> dict[str, Step]:
    """Return the steps that can be measured where pages go to a device; "": to none."""
    return STEPS | ({f"{device}_{name}": step for name, step in DEVICE.items()} if device else {})


def solve(means: Means, device: str) -> dict[str, float]:
    """Return the nanoseconds of the steps that follow from means; none is below 0."""
    steps: dict[str, float] = {}
    for name, step in steps_of(device).items():
        found = step.of(means, steps)
        if found is not None:
            steps[name] = max(0.0, found)
    kinds = {slot.kind for slot in means}
    for name, (_, kind) in IN_OTHERS.items():
        if kind in kinds:
            steps.setdefault(name, 0.0)
    return steps


def _source(name: str, found: Timings, device: str) -> str:
    step = steps_of(device).get(name)
    if step is not None and not (name in IN_OTHERS and step.of(_means(found), {}) is None):
        return f"measured: {step.how.format(device=device)}"
    return f"measured: in {IN_OTHERS[name][0]}"


def _means(found: Timings) -> dict[Slot, float]:
    return {slot: timing.mean for slot, timing in found.items()}


def facts(found: Timings, device: str) -> dict[str, dict[str, object]]:
    """Return a cost set: key -> value, source, and the range where there is one.

    ``device``: the backend that was paged out to, "" for none.

    A measured step's range is that of the blocks; what is not measured is that of the set
    ``server``, times what the reuse takes here by what it takes there, and says so.
    """
    steps = solve(_means(found), device)
    blocks = [
        solve({slot: timing.means[i] for slot, timing in found.items()}, device)
        for i in range(len(next(iter(found.values())).means))
    ]
    like = cost_facts(LIKE)
    factor = steps["reuse_return"] / sum(like[name]["value"] for name in _REUSE)
    made: dict[str, dict[str, object]] = {}

    def measured(name: str) -> dict[str, object]:
        fact = _measured(steps[name], [block[name] for block in blocks])
        return fact | {"source": _source(name, found, device)}

    for name, fact in like.items():
        if name in ("description", "ghz"):
            continue
        if name in steps:
            made[name] = measured(name)
            continue
        value, low, high = (round(factor * fact.get(k, fact["value"])) for k in _RANGE)
        source = f"assumed: not measured; that of the set {LIKE} times {factor:.2f}"
        if name == "exclusive_return":  # no kernel since v5.19 has many such faults, if any
            value = low = high = round(steps["reuse_return"])
            low = low // 2
            source = "assumed: not measured; as reuse_return, which has the same way in and out"
        made[name] = {"value": value, "low": low, "high": high, "source": source}
    for name in ("fault_first", *(f"{device}_{what}" for what in DEVICE)):
        if name in steps:
            made[name] = measured(name)
    return made


_RANGE = ("value", "low", "high")


def _measured(value: float, blocks: list[float]) -> dict[str, object]:
    fact: dict[str, object] = {"value": round(value)}
    lows = [round(x) for x in (*blocks, value)]
    if max(lows):
        fact |= {"low": min(lows), "high": max(lows)}
    return fact
