"""Threads that do nothing but fault in new memory: will-it-scale's page_fault, for the LRU's price.

The case of LKP's report on batches of 31 pages (commit 9cecde80aae0): all threads put pages on the
LRU, and the threads of a node share one lru_lock.
"""

from __future__ import annotations

from ..jit.compile import workload
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.machine import Machine
from .params import params


@workload
def page_fault(m: Machine) -> None:
    """Let each thread write ``npages`` new pages of its own, drop them, and begin again."""
    p = params(m)
    for k in range(p.threads):
        mm.start_thread(m, k, k % p.cpus)
    mm.reset_counters(m)
    k = mm.next_thread(m) if p.rounds else -1
    while k >= 0:
        row = k * L.NR_TH
        cpu = m.thread[row + L.TH_CPU]
        i = m.thread[row + L.TH_INDEX]
        if i < p.npages:
            mm.write(m, cpu, k * p.npages + i)
            m.thread[row + L.TH_INDEX] = i + 1
            mm.enqueue(m, k)
        else:
            mm.madvise_dontneed(m, cpu, k * p.npages, p.npages)
            m.thread[row + L.TH_INDEX] = 0
            m.thread[row + L.TH_AUX] += 1
            if m.thread[row + L.TH_AUX] < p.rounds:
                mm.enqueue(m, k)
        k = mm.next_thread(m)
