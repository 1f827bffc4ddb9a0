"""Run the reproducer on the running kernel: page out, read a page, write it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

from ...errors import MeasureError
from . import crew, loops
from .bench import COUNTED, Bench
from .facts import vmstat
from .memory import Memory
from .oracle import Oracle
from .random_program import told

SAMPLES = 1 << 16  # single times of write-protect faults kept for each thread, from the first on


def _quantiles(samples: list[int]) -> tuple[float, float]:
    if len(samples) < 2:
        return float(samples[0]), float(samples[0])
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _times(benches: list[Bench], clock_ns: float) -> dict[str, float]:
    """Return the times of accesses, nanoseconds, one pair of clock readings included."""
    reads = sum(bench.reads for bench in benches)
    writes = sum(bench.writes for bench in benches)
    if not reads or not writes:
        return {}
    found = {
        "read_ns_mean": sum(bench.read_ns for bench in benches) / reads,
        "any_write_ns_mean": sum(bench.any_write_ns for bench in benches) / writes,
        "clock_ns": clock_ns,
    }
    faults = sum(bench.wp_faults for bench in benches)
    if not faults:
        return found
    samples: list[int] = []
    for bench in benches:
        samples += bench.sample[: min(bench.wp_faults, bench.samples)].tolist()
    median, high = _quantiles(samples)
    return found | {
        "write_ns_mean": sum(bench.write_ns for bench in benches) / faults,
        "write_ns_p50": median,
        "write_ns_p99": high,
    }


def _check_cpus(plan: dict[str, Any], allowed: int) -> None:
    last = max(plan["read_cpu"], plan["write_cpu"])
    needed = max(plan["cpus"], last + 1)
    extra = "" if not plan["spinner_threads"] else f" and {plan['spinner_threads']} for spinners"
    if needed + plan["spinner_threads"] > allowed:
        raise MeasureError(
            f"cpus: the scenario uses {needed}{extra}, this process may use {allowed}"
        )
    if plan["fork_exit_before"] and needed >= allowed:
        raise MeasureError(
            f"fork_exit_before: the child needs a CPU of its own beside {needed}, this process "
            f"may use {allowed}"
        )


def run_reproducer(
    plan: dict[str, Any], oracle: str = "auto", cpus: Sequence[int] | None = None
) -> dict[str, Any]:
    """Run the reproducer, and return its counts and times.

    Parameters
    ----------
    plan
        ``npages``, ``rounds``, ``threads``, ``spinner_threads``, ``read_cpu``, ``write_cpu``,
        ``cpus``, ``delay_ns``, ``fork_exit_before``; ``order``, an index into
        ``workloads.reproducer.ORDERS``; ``sequence``, the pages' order where it is shuffled.
    oracle
        As in ``Oracle``.
    cpus
        The CPUs to use, None for those that this process may use.

    Returns
    -------
    dict
        ``counts``, summed over the threads; ``times``, empty with the oracle on: it lies between
        the read and the write and would be in them; ``vmstat``, the whole system's counters over
        the rounds; ``wall_ns``; ``frames``, ``flags``: what the oracle could see; ``cpu_ids``.
    """
    cpus = cpus or crew.allowed_cpus()
    _check_cpus(plan, len(cpus))
    used = plan["cpus"]
    with Oracle(oracle) as eye, Memory() as memory:

        def bench(**numbers: int) -> Bench:
            npages = numbers.get("npages", 0)
            return Bench(
                memory,
                told(memory, eye, cpus, **numbers) | ({} if eye.frames else {"pagemap": -1}),
                {
                    "op": 0,
                    "arg": plan["sequence"] or 0,
                    "n": 0,
                    "out": 0,
                    "sample": numbers.get("samples", 0),
                    "entries": npages,
                    "mask": crew.masks(cpus),
                },
            )

        threads = [
            bench(
                base=memory.region(plan["npages"]),
                npages=plan["npages"],
                rounds=plan["rounds"],
                order=plan["order"],
                delay_ns=plan["delay_ns"],
                read_cpu=(plan["read_cpu"] + k) % used,
                write_cpu=(plan["write_cpu"] + k) % used,
                child_cpu=used % len(cpus),
                samples=min(SAMPLES, plan["rounds"] * plan["npages"]),
            )
            for k in range(plan["threads"])
        ]
        spinners = [
            bench(base=memory.region(1), npages=1, read_cpu=used + k)
            for k in range(plan["spinner_threads"])
        ]
        crew.run([(loops.drain_every_cpu, threads[0])])
        for thread in threads:
            crew.run([(loops.touch, thread)])
        if plan["fork_exit_before"]:
            crew.run([(loops.fork_and_exit, threads[0])])
        clock_ns = loops.clock_cost(threads[0]) / 1000
        measured = _run_rounds(threads, spinners)
        counts = {name: sum(getattr(b, name) for b in threads) for name in COUNTED}
        return {
            "counts": counts,
            "times": {} if eye.frames else _times(threads, clock_ns),
            "vmstat": measured,
            "wall_ns": max(b.wall_ns for b in threads),
            "frames": eye.frames,
            "flags": eye.kpageflags >= 0,
            "oracle": eye.reason,
            "cpu_ids": cpus[:used],
        }


def _run_rounds(threads: list[Bench], spinners: list[Bench]) -> dict[str, int]:
    """Run all threads at once; return what the system's counters gained."""
    before: dict[str, int] = {}

    def begin() -> None:
        everybody = [*threads, *spinners]
        while not all(bench.ready or bench.failed for bench in everybody):
            time.sleep(0.001)
        before.update(vmstat())
        for bench in threads:
            bench.go = 1

    crew.run(
        [(loops.run_reproducer, bench) for bench in threads],
        helpers=[(loops.spin, bench) for bench in spinners],
        begin=begin,
    )
    return {name: value - before[name] for name, value in vmstat().items() if name in before}
