"""What was timed, slot by slot: medians, how they spread, and whether they hold still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .session import Block, Slot
from .visits import WARM

CLOCK, REUSE = Slot("clock"), Slot("reuse")
FIRST = ("reuse-first", "copy-first")  # a row of these is WARM accesses
# The most by the least of some blocks in a row, less 1: what two measurements may differ by.
STEADY = {"interrupted": 0.3, "lost": 0.3}
STEADY_ELSE = 0.15
QUANTILES = 1000
_MIDDLES = (np.arange(QUANTILES) + 0.5) / QUANTILES


@dataclass(frozen=True)
class Timing:
    """What a slot's rows took, nanoseconds, the clock's own reading taken off.

    Attributes
    ----------
    mean
        Of all rows but the slowest thousandth, which are interrupts and time that a host took; what
        every hundredth row does for the others, such as fetching pages for an allocator, is in it.
    median, low, high
        The median and the quartiles; ``low`` to ``high`` is the interquartile range.
    p99
        What 99 per cent of the rows did not exceed.
    spread
        How the rows lie about the mean: ``QUANTILES`` of them, as evenly as they came, less the
        mean.
    n
        Rows kept.
    blocks, means
        The median, and that mean, of each block of rounds.
    dropped
        Rows whose state was wrong, by reason.
    """

    mean: float
    median: float
    low: float
    high: float
    p99: float
    spread: tuple[float, ...]
    n: int
    blocks: tuple[float, ...]
    means: tuple[float, ...]
    dropped: Mapping[str, int]


Timings = dict[Slot, Timing]


def usual_mean(rows: Any) -> float:
    """Return the mean of all rows but the slowest thousandth (and at least one)."""
    kept = np.sort(rows)[: max(1, int(len(rows) * 0.999))]
    return float(kept.mean())


def timings(blocks: Sequence[Block]) -> Timings:
    """Return the timings of each slot of which a row was kept in every block."""
    found: Timings = {}
    for slot in blocks[0].samples:
        parts = [block.samples[slot] for block in blocks]
        if not all(len(part) for part in parts):
            continue
        clocks = [float(np.median(block.samples[CLOCK])) for block in blocks]
        readings = 0 if slot == CLOCK else WARM if slot.kind in FIRST else 1
        own = [readings * clock for clock in clocks]
        rows = np.concatenate([part - clock for part, clock in zip(parts, own, strict=True)])
        low, median, high, p99 = (float(x) for x in np.percentile(rows, (25, 50, 75, 99)))
        dropped: dict[str, int] = {}
        for block in blocks:
            for reason, nr in block.dropped[slot].items():
                dropped[reason] = dropped.get(reason, 0) + nr
        taken = [part - clock for part, clock in zip(parts, own, strict=True)]
        found[slot] = Timing(
            usual_mean(rows),
            median,
            low,
            high,
            p99,
            tuple(np.quantile(rows, _MIDDLES) - usual_mean(rows)),
            len(rows),
            tuple(float(np.median(part)) for part in taken),
            tuple(usual_mean(part) for part in taken),
            dropped,
        )
    return found


def unsteady(found: Timings) -> dict[str, float]:
    """Return the patterns whose blocks differ by too much, the most by the least, and by how much.

    In their medians or means; relative to the reuse of the same block, since a clock rate that
    changes moves all of them; and the reuse itself.
    """
    moved = {REUSE: drift(found)}
    for slot, timing in found.items():
        if slot.kind in ("clock", "hit", "reuse"):
            continue
        for blocks, reuses in (
            (timing.blocks, found[REUSE].blocks),
            (timing.means, found[REUSE].means),
        ):
            shares = [own / reuse for own, reuse in zip(blocks, reuses, strict=True)]
            moved[slot] = max(moved.get(slot, 0.0), _spread(shares))
    return {
        slot.name: share
        for slot, share in moved.items()
        if share > STEADY.get(slot.kind, STEADY_ELSE)
    }


def _spread(numbers: Sequence[float]) -> float:
    return max(numbers) / min(numbers) - 1 if min(numbers) > 0 else float("inf")


def drift(found: Timings) -> float:
    """Return by which share the reuse's medians of the blocks differ, the most by the least."""
    return _spread(found[REUSE].blocks)
