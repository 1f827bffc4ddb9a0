"""One thread reads a page back from swap, another writes it.

Named in the patch's discussion (message 7a18f74f-9dc2-f23d-4f1c-c7a9217f8317@redhat.com) as a case
in which draining the local pagevecs cannot help.
"""

from __future__ import annotations

from ..jit.compile import inline, workload
from ..mm import layout as L
from ..mm import operations as mm
from ..mm.machine import Machine
from .fast_forward import rounds_left
from .params import Params, params
from .reproducer import PAGE_OUT, READ, WRITE, next_round, page_out, steps_ahead


@inline
def _step(m: Machine, p: Params, k: int) -> bool:
    """Let pair ``k`` take its next step, on the reader's clock or the writer's."""
    row = k * L.NR_TH
    reader = 2 * k % p.cpus
    writer = (2 * k + 1) % p.cpus
    i = m.thread[row + L.TH_INDEX]
    v = k * p.npages + i
    phase = m.thread[row + L.TH_PHASE]
    if phase == PAGE_OUT:
        page_out(m, p, reader, k * p.npages)
        m.thread[row + L.TH_PHASE] = READ
        return True
    if phase == READ:
        mm.look_ahead(m, v, (k + 1) * p.npages, steps_ahead(p))
        mm.read(m, reader, v)
        m.thread[row + L.TH_PHASE] = WRITE
        # The writer can begin when the page is there.
        m.thread[row + L.TH_CPU] = writer
        mm.idle_until(m, writer, m.clock[reader])
        return True
    mm.write(m, writer, v)
    m.thread[row + L.TH_CPU] = reader
    mm.idle_until(m, reader, m.clock[writer])
    if i + 1 < p.npages:
        m.thread[row + L.TH_INDEX] = i + 1
        m.thread[row + L.TH_PHASE] = READ
        return True
    return next_round(m, p, row)


@inline
def _round_in_step(m: Machine, p: Params) -> None:
    """Run one round of all pairs without a clock: each reader takes a step, then each writer."""
    for k in range(p.threads):
        page_out(m, p, 2 * k % p.cpus, k * p.npages)
    for v in range(p.npages):
        for k in range(p.threads):
            mm.look_ahead(m, k * p.npages + v, (k + 1) * p.npages, steps_ahead(p))
            mm.read(m, 2 * k % p.cpus, k * p.npages + v)
        for k in range(p.threads):
            mm.write(m, (2 * k + 1) % p.cpus, k * p.npages + v)


@workload
def hand_over(m: Machine) -> None:
    """Let ``threads`` pairs of threads share a region each: one pages out and reads, one writes.

    Pair k reads on CPU 2k and writes on CPU 2k + 1, modulo ``cpus``.  A reader reads its next page
    when the writer has written the one before.
    """
    p = params(m)
    for k in range(p.threads):
        mm.start_thread(m, k, 2 * k % p.cpus)
        mm.run_on(m, (2 * k + 1) % p.cpus)
        for v in range(k * p.npages, (k + 1) * p.npages):
            mm.write(m, 2 * k % p.cpus, v)
    mm.reset_counters(m)
    if not m.timed:
        left = p.rounds
        while left > 0 and not m.error:  # failed or stopped
            _round_in_step(m, p)
            left = rounds_left(m, left - 1)
        return
    k = mm.next_thread(m) if p.rounds else -1
    while k >= 0:
        if _step(m, p, k):
            mm.enqueue(m, k)
        k = mm.next_thread(m)
