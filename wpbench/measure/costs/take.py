"""Take the costs: visit the patterns, block by block, until their medians hold still."""

from __future__ import annotations

import time

import numpy as np

from ...errors import MeasureError, accepted
from ...provenance.record import provenance
from ...scenario.kernels import row_of
from ..probe.facts import environment, hardware, tracing
from .predict import PROGRAMS, Program, Run, compared, run_program
from .result import Costs
from .session import COMPRESSES, SAME, Block, Session, Slot, touch_memory, united
from .timings import CLOCK, REUSE, timings, unsteady

BLOCK_S = 2.5
FEWEST_BLOCKS = 3
RUNS = 2  # of each program after a block
DRAINS = 5  # numbers of pages that wait, from one to as many as a pagevec holds but one


def slots(pagevec: int, cpus: int, swap: bool) -> tuple[list[Slot], list[Slot]]:
    """Return the patterns that a machine can be asked for: of one CPU, and of several.

    A process that has run on another CPU is another one: its TLB flushes take longer.

    Parameters
    ----------
    pagevec
        Entries of the kernel's pagevecs.
    cpus
        CPUs that may be used.
    swap
        May pages be paged out?
    """
    waiting = sorted({round(k) for k in np.linspace(1, pagevec - 2, DRAINS)})
    alone = [CLOCK, Slot("hit"), REUSE, Slot("reuse-first"), Slot("copy"), Slot("copy-first")]
    alone += [Slot("zero"), Slot("touch")]
    alone += [Slot("drain", k) for k in waiting]
    alone += [Slot("madvise", k) for k in (0, *waiting)]
    if swap:
        alone += [Slot("pageout", 4), Slot("pageout", 32), Slot("pageout", 32, COMPRESSES)]
        alone += [Slot("swapin", 0, SAME), Slot("swapin", 0, COMPRESSES)]
    if cpus < 2:
        return alone, []
    others = [Slot("vain", k) for k in (0, 1)]
    for threads in sorted({1, cpus - 1}):
        others += [Slot("interrupted", threads), Slot("lost", threads), Slot("contended", threads)]
    return alone, others


def costs(
    zram: str | None = None, *, swap: bool = False, seconds: float = 20.0, predict: bool = False
) -> Costs:
    """Measure the times of the steps of faults on the running kernel, as a cost set.

    Parameters
    ----------
    zram
        Size of a zram device for the patterns that swap, such as ``"64M"``, for the time of the
        measurement; None: those patterns are left out, and their steps are assumed.
    swap
        Page out to the swap that the system has, in place of a zram device of its own: zswap, or
        zram, brd or pmem that is set up.  A disk cannot be timed so.
    seconds
        The longest time for the patterns; it ends sooner if they hold still.
    predict
        Also run programs between the blocks of patterns, and compare the times of their
        write-protect faults with those of a simulation with the new set.

    Returns
    -------
    Costs
        ``facts``, the set; ``write("my.toml")`` makes a file of it, which is accepted wherever a
        cost set's name is.  ``timings``: the time of each pattern; ``unsteady``: those that did
        not hold still; ``predictions``.

    Raises
    ------
    MeasureError
        If the kernel or this user does not permit it.

    Examples
    --------
    >>> import wpbench as wb  # doctest: +SKIP
    >>> wb.measure.costs("64M").write("my.toml")  # doctest: +SKIP
    """
    if type(seconds) not in (int, float) or not 1 <= seconds <= 3600:
        raise MeasureError(accepted("seconds", seconds, ["a number from 1 to 3600"]))
    facts = environment()
    row = row_of(facts["kernel"])
    with Session(zram, swap=swap) as session:
        if not session.verified and session.device:
            raise MeasureError(f"costs: {session.device}: {session.reason}")
        pagevec = int(row["pagevec"])
        wanted = slots(pagevec, len(session.cpus), bool(session.device))
        programs = [p for p in PROGRAMS if p.fits(len(session.cpus), facts["kernel"])]
        traced = tracing()
        blocks, runs = _blocks(session, wanted, pagevec, seconds, programs if predict else [])
        found = timings(blocks)
        if REUSE not in found:
            raise MeasureError(
                f"costs: no row of pattern {REUSE.name} had the state that it is about: "
                f"{_dropped(blocks)}"
            )
        made = Costs(
            found,
            unsteady=unsteady(found),
            lacking=[slot.name for slot in (*wanted[0], *wanted[1]) if slot not in found],
            realtime=all(block.realtime for block in blocks),
            unverified=session.reason,
            environment=facts | hardware() | {"tracing": sorted({*traced, *tracing()})},
            device=session.device,
        )
    made.provenance = provenance("measure costs", {"zram": zram, "swap": swap, "seconds": seconds})
    if predict:
        made.predictions = compared(made, runs, facts["kernel"])
    return made


def _dropped(blocks: list[Block]) -> str:
    reasons = blocks[0].dropped[REUSE]
    return ", ".join(f"{reason} {nr}" for reason, nr in reasons.items()) or "nothing was timed"


def _blocks(
    session: Session,
    wanted: tuple[list[Slot], list[Slot]],
    pagevec: int,
    seconds: float,
    programs: list[Program],
) -> tuple[list[Block], list[Run]]:
    """Visit the patterns, and run the programs between, until they hold still or time is over.

    They hold still when the last three blocks are alike; those before are left out then: something
    else went on.  If they never do, all are returned.
    """
    length = min(BLOCK_S, seconds / FEWEST_BLOCKS)
    end = time.monotonic() + seconds
    for part in filter(None, wanted):
        session.visit(part, 0.01, pagevec=pagevec)  # whatever is done once
    blocks: list[Block] = []
    runs: list[list[Run]] = []
    while len(blocks) < FEWEST_BLOCKS or time.monotonic() + length < end:
        touch_memory()
        parts = [
            session.visit(part, share * length, pagevec=pagevec)
            for part, share in zip(wanted, (0.8, 0.2), strict=True)
            if part
        ]
        blocks.append(united(parts))
        clock = float(np.median(blocks[-1].samples[CLOCK]))
        first = RUNS * (len(blocks) - 1)
        runs.append(
            [run_program(session, p, first + i, clock) for i in range(RUNS) for p in programs]
        )
        if len(blocks) < FEWEST_BLOCKS:
            continue
        found = timings(blocks[-FEWEST_BLOCKS:])
        if REUSE in found and not unsteady(found):
            blocks, runs = blocks[-FEWEST_BLOCKS:], runs[-FEWEST_BLOCKS:]
            break
    return blocks, [run for of_block in runs for run in of_block]


__all__ = ["costs", "slots"]
