"""A litmus program on the simulated machine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .. import mm
from ..errors import LitmusError
from ..mm.names import Error
from ..scenario import Scenario
from ..scenario.rules import NO_OVERRIDES, OWN_FIELDS, Overrides, Value
from ..workloads.litmus import run_litmus
from ..workloads.litmus_ops import NR_SEEN
from .parse import Program


@lru_cache(maxsize=4096)
def _config(
    kernel: str, rules: Overrides, own: tuple[Value | None, Value | None], pages: int, cpus: int
) -> Any:
    drain, pagevec = own
    scenario = Scenario(
        workload=run_litmus,
        kernel=kernel,
        rules=rules,
        drain=drain,
        pagevec=pagevec,
        backend="zram",
        npages=pages,
        cpus=cpus,
    )
    return scenario.machine_config()


def _machine_for(kernel: str, rules: Mapping[str, Value], program: Program) -> Any:
    """Return a fresh machine of a kernel, with room for what a program can hold.

    Raises ``ScenarioError`` for a name that is no kernel's.
    """
    overrides = Overrides({name: rules[name] for name in rules if name not in OWN_FIELDS})
    own = (rules.get("drain"), rules.get("pagevec"))
    config = dict(_config(kernel, overrides, own, program.pages, program.cpus))
    # A page that `get` holds stays when its PTE has another one; its slot can stay with it.
    config["nphys"] += program.held
    config["nslots"] += program.held
    if not program.swap:
        config["swap_total"] = 0
    return mm.Machine(config)


def simulate(program: Program, kernel: str, rules: Mapping[str, Value] = NO_OVERRIDES) -> list[str]:
    """Run a program on the simulated machine; return the outcome's lines.

    Parameters
    ----------
    program, kernel
        What, and by whose rules.
    rules
        Rules that are otherwise than that kernel's; ``drain`` and ``pagevec`` too.

    Raises
    ------
    LitmusError
        For a program that the machine cannot represent.
    ScenarioError
        For no kernel's name, or a rule or value that there is not.
    """
    m = _machine_for(kernel, rules, program)
    rows = np.array([(o.op, o.arg, o.n) for o in program.operations], np.int64)
    op, arg, n = (np.ascontiguousarray(column) for column in rows.T)
    held = np.zeros(program.held, np.int64)
    seen = np.zeros((len(rows), NR_SEEN), np.int64)
    run_litmus(m, op, arg, n, held, seen)
    if m.error:
        raise LitmusError(f"{program.file}: {Error.text_of(m.error)}")
    return program.outcome(seen)
