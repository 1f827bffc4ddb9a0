"""The program that the simulated workload ``random`` runs, drawn without running it.

Same scenario, seed and replication: the same operations, by the same random stream.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...jit.compile import JIT_DISABLED, jitted
from ...mm.machine import Machine
from ...scenario import Scenario
from ...simulate import plan_of
from ...workloads.params import params
from ...workloads.random_program import draw_operation


@jitted
def _draw(m: Machine, op: Any, arg: Any, n: Any) -> None:
    """Draw ``rounds`` operations as ``random_program()`` does, for a machine that runs none."""
    p = params(m)
    for i in range(p.rounds):
        op[i], arg[i], n[i] = draw_operation(m, p)


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
