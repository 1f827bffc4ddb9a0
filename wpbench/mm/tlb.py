"""TLB flushes: whom they must interrupt (arch/x86/mm/tlb.c)."""

from __future__ import annotations

from ..jit.compile import inline, kernel
from .clock import spend
from .machine import Machine
from .names import Cost


@kernel
def run_on(m: Machine, cpu: int) -> None:
    """Let one more thread of the process run on a CPU."""
    if m.running[cpu] == 0:
        m.nr_running += 1
    m.running[cpu] += 1


@kernel
def run_off(m: Machine, cpu: int) -> None:
    """Take a thread of the process off a CPU."""
    m.running[cpu] -= 1
    if m.running[cpu] == 0:
        m.nr_running -= 1


@kernel
def _interrupt_others(m: Machine, cpu: int, others: int) -> None:
    spend(m, cpu, Cost.TLB_IPI, m.cost[Cost.TLB_IPI])
    spend(m, cpu, Cost.TLB_IPI_CPU, others * m.cost[Cost.TLB_IPI_CPU])
    if m.cost[Cost.TLB_IPI_RECEIVE] == 0:
        return
    for other in range(m.ncpus):
        if m.running[other] and other != cpu:
            spend(m, other, Cost.TLB_IPI_RECEIVE, m.cost[Cost.TLB_IPI_RECEIVE])


@inline
def flush_tlb(m: Machine, cpu: int) -> None:
    """Flush the process's TLB entries; every other CPU that runs it is interrupted."""
    others = m.nr_running
    if others and m.running[cpu]:
        others -= 1
    if others == 0:
        return
    m.tlb_flushes += 1
    m.tlb_ipis += others
    if m.timed:
        _interrupt_others(m, cpu, others)
