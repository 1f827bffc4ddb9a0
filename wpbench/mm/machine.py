"""The machine: four tables and a row of registers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._jit import allocating, inline
from . import layout as L


class Machine(NamedTuple):
    """State of one simulated machine.  The arrays change; the scalars stay in a run.

    Few fields on purpose: numba hands every array of a tuple to every function it calls, and the
    time to compile grows with them.

    Attributes
    ----------
    pte
        uint32[npages * nprocs]; page ``v`` of process ``p`` is entry ``p * npages + v``.
    page
        int64[nphys], by page frame number; 0 is the zero page.
    slot
        uint32[nslots], by swap offset; 0 is the header.
    vec
        int32[ncpus * NR_VECS * (pagevec + 1)]: for each CPU and kind the number of entries, then
        the entries.
    reg
        int64: registers, counters, configuration, costs, clocks, the swap device's queue
        (layout.py).
    npages, ncpus, pagevec, decision, drain, bypass, async_io, timed
        As in ``layout.CONFIG``: what the hot paths ask for.
    """

    pte: Any
    page: Any
    slot: Any
    vec: Any
    reg: Any
    npages: int
    ncpus: int
    pagevec: int
    decision: int
    drain: int
    bypass: int
    async_io: int
    timed: int


@inline
def servers(m: Machine) -> int:
    """Return where in ``reg`` the device's places are: when each is free again."""
    return L.CLOCK + m.ncpus


@inline
def log_rows(m: Machine) -> int:
    """Return where in ``reg`` the fault log begins."""
    return servers(m) + m.reg[L.CFG_QUEUE_DEPTH]


@inline
def requests(m: Machine) -> int:
    """Return where in ``reg`` the requests in flight are: a heap by completion time."""
    return log_rows(m) + m.reg[L.CFG_LOG_ROWS] * L.NR_LOG


@inline
def registers_size(cfg: Any) -> int:
    """Return how many int64 the ``reg`` of a machine with this configuration row holds."""
    return (
        L.CLOCK
        + cfg[L.CFG_NCPUS - L.CFG_FIRST]
        + cfg[L.CFG_QUEUE_DEPTH - L.CFG_FIRST]
        + cfg[L.CFG_LOG_ROWS - L.CFG_FIRST] * L.NR_LOG
        + cfg[L.CFG_NREQUESTS - L.CFG_FIRST] * L.NR_RQ
    )


@allocating
def boot(cfg: Any, cost: Any, seed: int) -> Machine:
    """Return a machine with empty memory and all clocks at 0.

    Parameters
    ----------
    cfg
        int64[NR_CONFIG], the values that ``layout.CONFIG`` names.
    cost
        int64[NR_COSTS], nanoseconds of the steps that ``layout.COSTS`` names.
    seed
        State of the run's random stream.
    """
    npages = cfg[0]
    nprocs = cfg[1]
    ncpus = cfg[2]
    pagevec = cfg[3]
    reg = np.zeros(registers_size(cfg), np.int64)
    for i in range(L.NR_CONFIG):
        reg[L.CFG_FIRST + i] = cfg[i]
    for i in range(L.NR_COSTS):
        reg[L.COST_FIRST + i] = cost[i]
    reg[L.REG_NEXT_PAGE] = 1
    reg[L.REG_NEXT_SLOT] = 1
    reg[L.REG_NR_PROCESSES] = 1
    reg[L.REG_READAHEAD_HITS] = 4
    reg[L.REG_RANDOM] = seed
    for process in range(nprocs):
        reg[L.VMA + process * L.NR_VMA + L.VMA_ADDR] = -2
        reg[L.VMA + process * L.NR_VMA + L.VMA_HITS] = 4
    page = np.empty(cfg[L.CFG_NPHYS - L.CFG_FIRST], np.int64)
    page[0] = 0
    return Machine(
        np.zeros(npages * nprocs, np.uint32),
        page,
        np.zeros(cfg[L.CFG_NSLOTS - L.CFG_FIRST], np.uint32),
        np.zeros(ncpus * L.NR_VECS * (pagevec + 1), np.int32),
        reg,
        npages,
        ncpus,
        pagevec,
        cfg[4],
        cfg[5],
        cfg[6],
        cfg[7],
        cfg[8],
    )
