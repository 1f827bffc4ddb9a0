"""Page operations per second of the reproducer, beside C doing the same work; memory.

A page operation is a read, a write, or one page of a MADV_PAGEOUT.  wpbench, its code made for the
configuration alone, C, and C with the same prefetches run in turn, in memory that stays mapped, and
must give the same counts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from c_twin import Twins, compile_c
from common import HEAD, Result, child, median, row

import wpbench as wb
from wpbench.scenario.model import machine_bytes

ORDERS = {"sequential": "read-write", "shuffled": "read-write-shuffled"}
IN_CACHE = 14  # up to 2**14 pages a machine fits into a core's own cache
PEAK = """
import json, sys
from pathlib import Path
import wpbench as wb
table = wb.simulate(wb.Scenario(npages=1 << {exponent}, rounds=1))
assert table["pswpin"].item() == 1 << {exponent}
# Not ru_maxrss: that is inherited from the process that started this one.
status = Path("/proc/self/status").read_text()
kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({{"peak_gib": int(kib) / 2**20}}))
"""


def _ratios(some: list[float], others: list[float]) -> list[float]:
    return [a / b for a, b in zip(some, others, strict=True)]


def _wanted(order: str, exponent: int) -> str | None:
    """Return what is promised of the time by C's."""
    if order == "shuffled":
        return "<= 0.35" if 20 <= exponent <= 24 else None
    return "<= 0.8" if exponent == 22 else None


def measure(quick: bool) -> Iterator[Result]:
    """Yield operations a second and ratios to C by size and order; memory."""
    cached = []
    with tempfile.TemporaryDirectory() as folder:
        libraries = compile_c(folder)
        for exponent in (10,) if quick else range(10, 27, 2):
            # Large machines take a minute a turn when shuffled: memory is what they measure.
            turns = 1 if quick else 7 if exponent <= 18 else 3 if exponent <= 24 else 1
            for order, accesses in ORDERS.items():
                for kernel in ("patch1", "patch2") if exponent <= 18 else ("patch2",):
                    scenario = wb.Scenario(kernel=kernel, order=accesses, npages=1 << exponent)
                    name = f"{kernel}/{order}/2^{exponent}"
                    rounds = max(1, (1 << 18 if quick else 1 << 23) >> exponent)
                    times = _in_turn(libraries, scenario, rounds, turns)
                    operations = 3e-6 * scenario.npages * rounds
                    speeds = [operations / seconds for seconds in times["wpbench"]]
                    yield median(f"throughput/{name}", speeds, "Mops/s/core")
                    for kind in libraries:
                        ratios = _ratios(times["wpbench"], times[kind])
                        wanted = _wanted(order, exponent) if kind == "c" else None
                        yield median(f"{kind}-ratio/{name}", ratios, "time/C", wanted)
                        if kind == "c" and exponent <= IN_CACHE:
                            cached += ratios
                    if libraries:
                        ratios = _ratios(times["specialised"], times["c"])
                        wanted = "<= 0.9" if kernel == "patch2" else None
                        yield median(f"specialised-ratio/{name}", ratios, "time/C", wanted)
    if cached:
        yield median("c-ratio/in-cache", cached, "time/C", "<= 1.05")
    exponent = 16 if quick else 26
    config = wb.Scenario(npages=1 << exponent).machine_config()
    yield median(f"memory/page/2^{exponent}", [machine_bytes(config) / 2**exponent], "bytes/page")
    peak = child(PEAK.format(exponent=exponent))["peak_gib"]
    yield median(f"memory/peak/2^{exponent}", [peak], "GiB", "< 1.5")


def _in_turn(
    libraries: dict[str, Any], scenario: wb.Scenario, rounds: int, turns: int
) -> dict[str, list[float]]:
    """Return the seconds of each turn of wpbench and of each kind of C."""
    twins = Twins(scenario)
    sides = {"wpbench": twins.wpbench, "specialised": twins.specialised}
    for kind, library in libraries.items():
        sides[kind] = lambda some, library=library: twins.c(library, some)
    for side in sides.values():  # loads the compiled code, and touches the memory
        side(1)
    times: dict[str, list[float]] = {name: [] for name in sides}
    counts = []
    for turn in range(turns):
        for name in list(sides) if turn % 2 else reversed(sides):
            seconds, counted = sides[name](rounds)
            times[name].append(seconds)
            counts.append(counted)
    if any(counted != counts[0] for counted in counts):
        raise SystemExit(f"wpbench and C disagree: {counts}")
    return times


if __name__ == "__main__":
    print(HEAD)
    for result in measure(quick="--quick" in sys.argv[1:]):
        print(row(result), flush=True)
