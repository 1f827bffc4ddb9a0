"""Run a program of reads, writes, madvise(), migrations and forks, and write down each outcome."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ...errors import MeasureError
from . import crew, loops
from .bench import COUNTED, FLUSHED_PAGES, OUT_COLUMNS, Bench
from .facts import vmstat
from .memory import Memory
from .oracle import Oracle

OPS = ("read", "write", "pageout", "cold", "free", "migrate", "fork", "exit")


def told(memory: Memory, oracle: Oracle, cpus: Sequence[int], **numbers: int) -> dict[str, int]:
    """Return what every bench is told, with ``numbers`` on top."""
    fixed = {
        "pagemap": oracle.pagemap,
        "kpageflags": oracle.kpageflags,
        "kpagecount": oracle.kpagecount,
        "frames": int(oracle.frames),
        "nops": 0,
        "rounds": 0,
        "order": 0,
        "delay_ns": 0,
        "read_cpu": 0,
        "write_cpu": 0,
        "child_cpu": 0,
        "nmasks": len(cpus),
        "parent": os.getpid(),
        "drained": memory.region(1),
        "own": memory.region(1),
        "flushed": memory.shared(FLUSHED_PAGES * 512).ctypes.data,
        "samples": 0,
    }
    return fixed | numbers


def run_random(
    plan: dict[str, Any], oracle: str = "auto", cpus: Sequence[int] | None = None
) -> dict[str, Any]:
    """Run a program on the running kernel, and return its rows and counts.

    Parameters
    ----------
    plan
        ``npages``; ``cpus``; ``op``, ``arg``, ``n``: the operations (``OPS``), page or CPU, pages.
    oracle
        As in ``Oracle``.
    cpus
        The CPUs to use, None for those that this process may use.

    Returns
    -------
    dict
        ``rows``: a list for each operation: t_ns, outcome, resident (1 for a fork or exit with
        nothing to do), the four flags; -1 is blank.  ``counts``: of the whole program, the first
        touches included.  ``frames``, ``flags``: what the oracle could see.  ``cpu_ids``.
    """
    cpus = cpus or crew.allowed_cpus()
    forks = OPS.index("fork") in plan["op"]
    needed = plan["cpus"] + int(forks)
    if needed > len(cpus):
        child = ", and the forked child sleeps on one of its own" if forks else ""
        raise MeasureError(
            f"cpus: the program uses {plan['cpus']}{child}, this process may use {len(cpus)}"
        )
    npages, nops = plan["npages"], len(plan["op"])
    with Oracle(oracle) as eye, Memory() as memory:
        bench = Bench(
            memory,
            told(
                memory,
                eye,
                cpus,
                base=memory.region(npages),
                npages=npages,
                nops=nops,
                child_cpu=plan["cpus"] if forks else 0,
            ),
            {
                "op": plan["op"],
                "arg": plan["arg"],
                "n": plan["n"],
                "out": nops * OUT_COLUMNS,
                "sample": 0,
                "entries": npages,
                "mask": crew.masks(cpus),
            },
        )
        before = vmstat()
        crew.run([(loops.run_program, bench)])
        after = vmstat()
        counts = {name: getattr(bench, name) for name in COUNTED}
        counts["accesses"] += npages
        counts["minor_faults"] += npages
        return {
            "rows": bench.out[: nops * OUT_COLUMNS].reshape(nops, OUT_COLUMNS).tolist(),
            "counts": counts,
            "frames": eye.frames,
            "flags": eye.kpageflags >= 0,
            "oracle": eye.reason,
            "cpu_ids": cpus[: plan["cpus"]],
            "times": {},
            "vmstat": {name: after[name] - value for name, value in before.items()},
            "wall_ns": bench.wall_ns,
        }
