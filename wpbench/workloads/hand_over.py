"""One thread reads a page back from swap, another writes it.

Named in the patch's discussion (message 7a18f74f-9dc2-f23d-4f1c-c7a9217f8317@redhat.com) as a case
in which draining the local pagevecs cannot help.
"""

from __future__ import annotations

from .. import mm
from .._jit import workload
from ..mm.machine import Machine
from .params import params
from .reproducer import page_out


@workload
def hand_over(m: Machine) -> None:
    """Let ``threads`` pairs of threads share a region each: one pages out and reads, one writes.

    Pair k reads on CPU 2k and writes on CPU 2k + 1, modulo ``cpus``.  All run at the same time:
    every reader takes a step, then every writer.
    """
    p = params(m)
    for k in range(p.threads):
        for v in range(k * p.npages, (k + 1) * p.npages):
            mm.write(m, 2 * k % p.cpus, v)
    mm.reset_counters(m)
    for _ in range(p.rounds):
        for k in range(p.threads):
            page_out(m, p, 2 * k % p.cpus, k * p.npages)
        for v in range(p.npages):
            for k in range(p.threads):
                mm.read(m, 2 * k % p.cpus, k * p.npages + v)
            for k in range(p.threads):
                mm.write(m, (2 * k + 1) % p.cpus, k * p.npages + v)
