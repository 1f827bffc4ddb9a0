"""The program that the simulated workload ``random`` runs, drawn without running it.

Same scenario, seed and replication: the same operations, by the same random stream.
"""

from __future__ import annotations

import numpy as np

from ...jit.compile import JIT_DISABLED
from ...scenario import Scenario
from ...simulate import plan_of
from ...workloads.drawn import draw_operations


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
        draw_operations(m, *columns.values())
    return {name: column.tolist() for name, column in columns.items()}


__all__ = ["draw"]
