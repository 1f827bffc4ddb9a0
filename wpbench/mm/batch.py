"""Many machines, one after the other, in the same memory, without the interpreter."""

from __future__ import annotations

from typing import Any

from .._jit import JIT_DISABLED, jitted
from . import layout as L
from .clock import settle
from .machine import COUNTERS_AT, FAR, HEADER_WORDS, INDEX, NR_COUNTED, boot

if not JIT_DISABLED:
    from .._pointer import call
    from .machine import machine_at

NR_FAR = len(FAR)
PAGE_AT = INDEX["page"]
ERROR_AT = INDEX["error"]


@jitted
def run_many(
    headers: Any, seeds: Any, arena: Any, workload: int, counted: Any, errors: Any, stop: Any
) -> None:
    """Build each machine in ``arena``, run the workload on it, and write down what it counted.

    Parameters
    ----------
    headers
        int64[n, HEADER_WORDS] from ``machine.headers()``.
    seeds
        int64[n], states of the random streams.
    arena
        int64, as many words as the largest machine needs.
    workload
        Address of a C function of one machine.
    counted, errors
        int64[n, NR_COUNTED] and int64[n] out: ``layout.COUNTER_NAMES``, and ``layout.ERRORS``.
    stop
        uint8[1]; as soon as it is not 0, the machines that are left are not run (error -1).
    """
    base = arena.ctypes.data
    for i in range(seeds.size):
        if stop[0]:
            errors[i] = L.ERR_STOPPED
            continue
        for k in range(HEADER_WORDS):
            arena[k] = headers[i, k]
        for k in range(HEADER_WORDS, headers[i, PAGE_AT]):
            arena[k] = 0
        for k in range(NR_FAR):
            arena[k] = base + 8 * headers[i, k]
        m = machine_at(base)
        boot(m, seeds[i])
        call(workload, m)
        settle(m)
        for k in range(NR_COUNTED):
            counted[i, k] = arena[COUNTERS_AT + k]
        errors[i] = arena[ERROR_AT]
