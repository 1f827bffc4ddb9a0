"""Many machines, one after the other, in the same memory, without the interpreter."""

from __future__ import annotations

from typing import Any

from ..jit.compile import JIT_DISABLED, Bytes, Table, Words, inline, jitted
from . import layout as L
from .clock import settle
from .machine import COUNTERS_AT, FAR, HEADER_WORDS, INDEX, NR_COUNTED, boot
from .refusals import FAILURE

if not JIT_DISABLED:
    from ..jit.pointer import call
    from .machine import machine_at

NR_FAR = len(FAR)
PAGE_AT = INDEX["page"]
ERROR_AT = INDEX["error"]
REFUSED_AT = INDEX["refused_call"]
NR_FAILURE = len(FAILURE)
SKIPPED_AT = INDEX["rounds_skipped"]
assert ("error", *list(INDEX)[REFUSED_AT : REFUSED_AT + NR_FAILURE - 1]) == FAILURE


@inline
def begin(headers: Any, seeds: Any, arena: Any, i: int) -> Any:
    """Build the i-th machine in ``arena`` and return it."""
    base = arena.ctypes.data
    for k in range(HEADER_WORDS):
        arena[k] = headers[i, k]
    for k in range(HEADER_WORDS, headers[i, PAGE_AT]):
        arena[k] = 0
    for k in range(NR_FAR):
        arena[k] = base + 8 * headers[i, k]
    m = machine_at(base)
    boot(m, seeds[i])
    return m


@inline
def note_failure(arena: Any, i: int, failed: Any) -> None:
    """Write down why the i-th run failed, if it did: the registers ``refusals.FAILURE``."""
    failed[i, 0] = arena[ERROR_AT]
    for k in range(NR_FAILURE - 1):
        failed[i, 1 + k] = arena[REFUSED_AT + k]
    failed[i, NR_FAILURE] = arena[SKIPPED_AT]


@inline
def finish(m: Any, arena: Any, i: int, counted: Any, failed: Any) -> None:
    """Write down what the i-th machine counted."""
    settle(m)
    for k in range(NR_COUNTED):
        counted[i, k] = arena[COUNTERS_AT + k]
    note_failure(arena, i, failed)


@jitted
def run_many(
    headers: Table,
    seeds: Words,
    arena: Words,
    workload: int,
    counted: Table,
    failed: Table,
    stop: Bytes,
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
    counted, failed
        int64[n, NR_COUNTED] and int64[n, NR_FAILURE + 1] out: ``layout.COUNTER_NAMES``; and
        ``refusals.FAILURE``, ``rounds_skipped``.
    stop
        uint8[1]; as soon as it is not 0, the machines that are left are not run (error -1).
    """
    for i in range(seeds.size):
        if stop[0]:
            failed[i, 0] = L.STOPPED
            continue
        m = begin(headers, seeds, arena, i)
        call(workload, m)
        finish(m, arena, i, counted, failed)
