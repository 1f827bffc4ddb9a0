"""The program that the simulated workload ``random`` runs, drawn without running it.

Same scenario, seed and replication: the same operations, by the same random stream.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._jit import JIT_DISABLED, jitted
from ..mm.chance import below
from ..mm.machine import Machine
from ..scenario import Scenario
from ..simulate import plan_of
from ..workloads.params import params
from ..workloads.replay import (
    OP_COLD,
    OP_EXIT,
    OP_FORK,
    OP_FREE,
    OP_MIGRATE,
    OP_PAGEOUT,
    OP_READ,
    OP_WRITE,
)


@jitted
def _draw(m: Machine, op: Any, arg: Any, n: Any) -> None:
    """Draw ``rounds`` operations as ``random_program()`` does, for a machine that runs none."""
    p = params(m)
    writes = p.mix_read + p.mix_write
    pageouts = writes + p.mix_pageout
    colds = pageouts + p.mix_cold
    migrations = colds + p.mix_migrate
    forks = migrations + p.mix_fork
    exits = forks + p.mix_exit
    total = exits + p.mix_free
    for i in range(p.rounds):
        dice = below(m, total)
        if dice < writes:
            op[i] = OP_READ if dice < p.mix_read else OP_WRITE
            arg[i] = below(m, p.npages)
        elif colds <= dice < migrations:
            op[i] = OP_MIGRATE
            arg[i] = below(m, p.cpus)
        elif migrations <= dice < exits:
            op[i] = OP_FORK if dice < forks else OP_EXIT
        else:
            op[i] = OP_PAGEOUT if dice < pageouts else OP_COLD if dice < colds else OP_FREE
            arg[i] = below(m, p.npages)
            n[i] = 1 + below(m, p.npages - arg[i])


def draw(scenario: Scenario, replication: int = 0) -> dict[str, list[int]]:
    """Return the operations of a scenario with the workload ``random``.

    Returns
    -------
    dict
        ``op`` (an index into ``workloads.replay.OPS``), ``arg`` (page or CPU) and ``n`` (pages of
        a madvise()), a number for each operation.
    """
    m = plan_of(scenario, replication + 1).machine(replication)
    columns = {name: np.zeros(scenario.rounds, np.int64) for name in ("op", "arg", "n")}
    # uint64 is meant to wrap around; only the interpreter warns of it.
    with np.errstate(over="ignore") if JIT_DISABLED else np.errstate():
        _draw(m, *columns.values())
    return {name: column.tolist() for name, column in columns.items()}


__all__ = ["draw"]
