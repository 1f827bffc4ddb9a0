"""Memory that one thread fills write-protected and another writes: where it was first seen.

Message FFA0057D-1A17-4DF4-9550-A8CDEE9E0CE0@gmail.com (Nadav Amit, userfaultfd on v5.13); in the
form in which data/kernel-measurements/userfaultfd.csv ran it.
"""

from __future__ import annotations

from ..jit.compile import workload
from ..mm import operations as mm
from ..mm.machine import Machine
from .fast_forward import rounds_left
from .params import params
from .reproducer import move

ORDERS = ("copy-write", "copy-all-write-all")
COPY_WRITE = 0


@workload
def userfaultfd(m: Machine) -> None:
    """Empty the memory, fill it on ``fill_cpu`` by UFFDIO_COPY, write it on ``write_cpu``.

    The protection is lifted before the write, which so finds a PTE that is just read-only.
    """
    p = params(m)
    left = p.rounds
    while left > 0 and not m.error:  # failed or stopped
        mm.madvise_dontneed(m, p.fill_cpu, 0, p.npages)
        mm.lru_add_drain_all(m)
        for v in range(p.npages):
            mm.uffd_copy(m, p.fill_cpu, v)
            if p.order == COPY_WRITE:
                move(m, p.fill_cpu, p.write_cpu)
                mm.write(m, p.write_cpu, v)
                move(m, p.write_cpu, p.fill_cpu)
        if p.order != COPY_WRITE:
            move(m, p.fill_cpu, p.write_cpu)
            for v in range(p.npages):
                mm.look_ahead(m, v, p.npages)
                mm.write(m, p.write_cpu, v)
            move(m, p.write_cpu, p.fill_cpu)
        left = rounds_left(m, left - 1)
