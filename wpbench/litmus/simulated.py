"""A litmus program on the simulated machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import mm
from ..errors import LitmusError
from ..mm import layout as L
from ..scenario import Scenario
from ..workloads.litmus import run_litmus
from ..workloads.litmus_ops import NR_SEEN
from .parse import Program


def _machine_for(kernel: str, program: Program) -> Any:
    """Return a fresh machine of a kernel, with room for what a program can hold.

    Raises ``ScenarioError`` for a name that is no kernel's.
    """
    scenario = Scenario(
        workload=run_litmus,
        kernel=kernel,
        backend="zram",
        npages=program.pages,
        cpus=program.cpus,
    )
    config = scenario.machine_config()
    # A page that `get` holds stays when its PTE has another one; its slot can stay with it.
    config["nphys"] += program.held
    config["nslots"] += program.held
    if not program.swap:
        config["swap_total"] = 0
    return mm.Machine(config)


def simulate(program: Program, kernel: str) -> list[str]:
    """Run a program on the simulated machine; return the outcome's lines."""
    m = _machine_for(kernel, program)
    rows = np.array([(o.op, o.arg, o.n) for o in program.operations], np.int64)
    op, arg, n = (np.ascontiguousarray(column) for column in rows.T)
    held = np.zeros(program.held, np.int64)
    seen = np.zeros((len(rows), NR_SEEN), np.int64)
    run_litmus(m, op, arg, n, held, seen)
    if m.error:
        raise LitmusError(f"{program.file}: {L.ERRORS[m.error]}")
    return program.outcome(seen)
