"""What the next accesses touch, on its way into the cache while this one is done.

An access to memory that is in no cache waits for its PTE, then for the slot or the page that the
PTE names.  Whoever knows where it will be in a few steps has them fetched meanwhile.  No number
depends on it, and a machine that fits into a core's own cache is left alone.
"""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline
from ..jit.pointer import prefetch
from . import layout as L
from .machine import Machine

AHEAD = 16  # accesses from the fetch of a page or slot to its use; of a PTE, twice as many


@inline
def prefetch_pte(m: Machine, at: int) -> None:
    """Fetch PTE ``at``, so that ``prefetch_page()`` need not wait for it later."""
    if m.large:
        prefetch(m.pte, at)


@inline
def prefetch_page(m: Machine, at: int) -> None:
    """Fetch the page that PTE ``at`` maps, or the slot where it is."""
    if m.large:
        pte = np.int64(m.pte[at])
        if pte & L.PTE_SWAP:
            prefetch(m.slot, pte >> L.SHIFT_PTE)
        else:
            prefetch(m.page, pte >> L.SHIFT_PTE)


@inline
def look_ahead(m: Machine, at: int, end: int, steps: int = AHEAD) -> None:
    """Fetch what the PTE ``steps`` after ``at`` names: for a walk through PTEs up to ``end``.

    The PTEs themselves follow one another, and the processor fetches such unasked.
    """
    prefetch_page(m, min(at + steps, end - 1))
