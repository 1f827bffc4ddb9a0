"""Memory that another thread fills, write-protected (mm/userfaultfd.c, v6.1)."""

from __future__ import annotations

import numpy as np

from ..jit.compile import kernel
from . import layout as L
from .anon import new_anon_page
from .device import tick
from .machine import Machine
from .names import Change, Cost


@kernel
def uffd_copy(m: Machine, cpu: int, at: int) -> int:
    """Fill PTE ``at`` by UFFDIO_COPY in write-protect mode and lift the protection again.

    The page waits in the lru_add of the CPU that called; the PTE stays read-only up to v6.1
    (``mfill_atomic_install_pte()``), and becomes writable from v6.2 on (MM_CP_TRY_CHANGE_WRITABLE).
    """
    if np.int64(m.pte[at]) != L.PTE_NONE:
        return 0
    tick(m, cpu, Cost.FAULT_ENTRY)
    writable = L.PTE_WRITE if m.uffd_unprotect_writable else 0
    return new_anon_page(m, cpu, at, writable, Change.UFFD)
