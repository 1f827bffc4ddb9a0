"""What the clock costs: the single-CPU reproducer with and without it, and a large machine."""

from __future__ import annotations

import time
from collections.abc import Iterator

from common import Result, cpu_seconds, in_turn, machine_of, median

import wpbench as wb
from wpbench.mm.clock import settle
from wpbench.workloads.reproducer import reproducer


def seconds(scenario: wb.Scenario) -> float:
    """Return the CPU time of a run, the clock's accounts at its end included."""
    m = machine_of(scenario)

    def work() -> None:
        reproducer(m)
        settle(m)

    return cpu_seconds(work)


def measure(quick: bool) -> Iterator[Result]:
    """Yield ratios of time with a clock to time without."""
    pairs, rounds = (1, 20) if quick else (15, 2000)
    for kernel in ("patch1", "patch2", "exclusive"):
        without = wb.Scenario(kernel=kernel, npages=512, rounds=rounds, costs="none")
        with_clock = without.model_copy(update={"costs": "haswell-kvm"})
        for scenario in (without, with_clock):  # load the compiled code
            seconds(scenario.model_copy(update={"rounds": 1}))
        _, _, ratios = in_turn(pairs, lambda s=with_clock: seconds(s), lambda s=without: seconds(s))
        yield median(f"clock/{kernel}", ratios, "with/without", "<= 1.15")
    pages = 1 << (14 if quick else 20)
    large = wb.Scenario(
        npages=pages // 1024, threads=1024, cpus=1024, rounds=2, migration_rate=0.1,
        costs="haswell-kvm",
    )  # fmt: skip
    walls = []
    for _ in range(1 if quick else 3):
        begin = time.perf_counter()
        table = wb.simulate(large)
        walls.append(time.perf_counter() - begin)
        assert table["wp_faults"].item() > 0
    yield median("clock/1024-cpus", walls, "s", "< 60")
