"""What the checks of arguments cost a workload of one's own: the same program without them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
from common import Result, cpu_seconds, in_turn, median

import wpbench as wb
from wpbench import mm as checked
from wpbench.mm import operations as unchecked
from wpbench.simulate import plan_of
from wpbench.simulate.own import OwnWorkload


def reproducer(mm: Any) -> Any:
    """Return a program of the three operations that most do: page out, read a page, write it."""

    @numba.njit
    def own(m, p):  # type: ignore[no-untyped-def]
        for v in range(p.npages):
            mm.write(m, 0, v)
        for _ in range(p.rounds):
            mm.madvise_pageout(m, 0, 0, p.npages)
            for v in range(p.npages):
                mm.read(m, 0, v)
                mm.write(m, 1, v)

    return own


def hits(mm: Any) -> Any:
    """Return a program of writes that do not fault: they do the least that an access can."""

    @numba.njit
    def own(m, p):  # type: ignore[no-untyped-def]
        for _ in range(p.rounds):
            for v in range(p.npages):
                mm.write(m, 0, v)

    return own


def hits_inline(mm: Any) -> Any:
    """Return the same, with the write inlined."""

    @numba.njit
    def own(m, p):  # type: ignore[no-untyped-def]
        for _ in range(p.rounds):
            for v in range(p.npages):
                mm.write_inline(m, 0, v)

    return own


def seconds(workload: OwnWorkload, scenario: wb.Scenario) -> float:
    """Return the CPU time of one run."""
    m = plan_of(scenario).machine(0)
    return cpu_seconds(lambda: workload(m))


def measure(quick: bool) -> Iterator[Result]:
    """Yield ratios of time with checks to time without."""
    pairs, rounds = (1, 20) if quick else (25, 1000)
    cases = {
        "reproducer": (reproducer, rounds, "<= 1.05"),
        "hits": (hits, 10 * rounds, "<= 1.05"),
        "hits-inline": (hits_inline, 10 * rounds, None),
    }
    for name, (program, some, wanted) in cases.items():
        scenario = wb.Scenario(kernel="patch2", npages=1024, cpus=2, rounds=some)
        sides = [OwnWorkload(program(mm)) for mm in (checked, unchecked)]
        for side in sides:  # compile
            seconds(side, scenario.model_copy(update={"rounds": 1}))
        _, _, ratios = in_turn(
            pairs,
            lambda s=sides[0], c=scenario: seconds(s, c),
            lambda s=sides[1], c=scenario: seconds(s, c),
        )
        yield median(f"checks/{name}", ratios, "with/without", wanted)
