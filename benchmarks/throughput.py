"""Page operations per second of the reproducer, beside C doing the same work; memory.

A page operation is a read, a write, or one page of a MADV_PAGEOUT.  wpbench and C run in turn, on
fresh machines of the same size, and must give the same counts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from c_twin import compile_c, run_c, run_wpbench
from common import HEAD, Result, child, in_turn, median, row

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


def measure(quick: bool) -> Iterator[Result]:
    """Yield operations a second and ratios to C by size and order; memory."""
    cached = []
    with tempfile.TemporaryDirectory() as folder:
        library = compile_c(folder)
        for exponent in (10, 12) if quick else range(10, 27, 2):
            # Large machines take a minute a pair when shuffled: memory is what they measure.
            pairs = 1 if quick else 7 if exponent <= 18 else 3 if exponent <= 24 else 1
            for order, accesses in ORDERS.items():
                for kernel in ("patch1", "patch2") if exponent <= 18 else ("patch2",):
                    scenario = wb.Scenario(kernel=kernel, order=accesses, npages=1 << exponent)
                    name = f"{kernel}/{order}/2^{exponent}"
                    rounds = max(1, (1 << 18 if quick else 1 << 23) >> exponent)
                    speeds, ratios = _beside_c(library, scenario, rounds, pairs)
                    yield median(f"throughput/{name}", speeds, "Mops/s/core")
                    if ratios:
                        yield median(f"c-ratio/{name}", ratios, "time/C")
                    if exponent <= IN_CACHE:
                        cached += ratios
    if cached:
        yield median("c-ratio/in-cache", cached, "time/C", "<= 1.15")
    exponent = 16 if quick else 26
    config = wb.Scenario(npages=1 << exponent).machine_config()
    yield median(f"memory/page/2^{exponent}", [machine_bytes(config) / 2**exponent], "bytes/page")
    peak = child(PEAK.format(exponent=exponent))["peak_gib"]
    yield median(f"memory/peak/2^{exponent}", [peak], "GiB", "< 1.5")


def _beside_c(
    library: Any, scenario: wb.Scenario, rounds: int, pairs: int
) -> tuple[list[float], list[float]]:
    """Return million operations a second of each run, and its time by C's."""
    counts: list[list[int]] = []

    def wpbench() -> float:
        seconds, counted = run_wpbench(scenario, rounds)
        counts.append(counted)
        return seconds

    def c() -> float:
        seconds, counted = run_c(library, scenario, rounds)
        counts.append(counted)
        return seconds

    run_wpbench(scenario.model_copy(update={"npages": 2}), 1)  # load the compiled code
    if library is None:
        seconds, ratios = [wpbench() for _ in range(pairs)], []
    else:
        seconds, _, ratios = in_turn(pairs, wpbench, c)
    if any(counted != counts[0] for counted in counts):
        raise SystemExit(f"wpbench and C disagree: {counts}")
    return [3e-6 * scenario.npages * rounds / s for s in seconds], ratios


if __name__ == "__main__":
    print(HEAD)
    for result in measure(quick="--quick" in sys.argv[1:]):
        print(row(result), flush=True)
