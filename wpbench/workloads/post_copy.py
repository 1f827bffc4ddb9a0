"""A guest's memory arrives by userfaultfd while its virtual CPUs run: post-copy migration.

The case in which the copies were first seen: memory filled write-protected by a handler and then
written (message FFA0057D-1A17-4DF4-9550-A8CDEE9E0CE0@gmail.com).
"""

from __future__ import annotations

import numpy as np

from ..jit.compile import workload
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.machine import Machine
from ..mm.names import Error
from .fast_forward import rounds_left
from .params import params
from .reproducer import shuffle_mask, shuffle_shift, shuffled


@workload
def post_copy(m: Machine) -> None:
    """Let ``threads`` virtual CPUs write all pages in shuffled order; a handler fills each first.

    The handler runs on ``fill_cpu``, virtual CPU k on the k-th of the others.  ``rounds`` times the
    memory is dropped and everything begins again.
    """
    p = params(m)
    for k in range(p.threads):
        other = (p.fill_cpu + 1 + k % max(1, p.cpus - 1)) % p.cpus
        mm.start_thread(m, k, other)
    mm.run_on(m, p.fill_cpu)
    mm.reset_counters(m)
    mask = shuffle_mask(p.npages)
    shift = shuffle_shift(mask)
    done = 0
    while done < p.rounds and m.error == Error.NONE:
        k = mm.next_thread(m)
        if k < 0:
            # Every virtual CPU has written its pages: the memory is dropped.
            mm.madvise_dontneed(m, p.fill_cpu, 0, p.npages)
            done = p.rounds - rounds_left(m, p.rounds - done - 1)
            if done < p.rounds:
                for t in range(p.threads):
                    m.thread[t * L.NR_TH + L.TH_INDEX] = 0
                    mm.enqueue(m, t)
            continue
        row = k * L.NR_TH
        cpu = m.thread[row + L.TH_CPU]
        i = k + m.thread[row + L.TH_INDEX] * p.threads
        if i >= p.npages:
            continue
        v = shuffled(i, p.npages, mask, shift)
        if m.large:
            then = min(i + mm.AHEAD, p.npages - 1)
            mm.prefetch_pte(m, shuffled(then, p.npages, mask, shift))
        if np.int64(m.pte[v]) == L.PTE_NONE:
            mm.idle_until(m, p.fill_cpu, m.clock[cpu])
            mm.uffd_copy(m, p.fill_cpu, v)
            mm.idle_until(m, cpu, m.clock[p.fill_cpu])
        mm.write(m, cpu, v)
        m.thread[row + L.TH_INDEX] += 1
        mm.enqueue(m, k)
