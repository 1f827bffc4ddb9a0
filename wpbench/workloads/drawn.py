"""The operations of the workload ``random``, drawn for a machine that runs none of them."""

from __future__ import annotations

from ..jit.compile import Words, jitted
from ..mm.machine import Machine
from .params import params
from .random_program import draw_operation


@jitted
def draw_operations(m: Machine, op: Words, arg: Words, n: Words) -> None:
    """Draw ``rounds`` operations as ``random_program()`` does."""
    p = params(m)
    for i in range(p.rounds):
        op[i], arg[i], n[i] = draw_operation(m, p)
