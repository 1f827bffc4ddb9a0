"""References and locks that other code takes for a while: get_user_pages(), the page lock.

What takes a PTE, ``at``, returns the page, or 0 where none is mapped (or the zero page).
"""

from __future__ import annotations

import numpy as np

from ..jit.compile import inline, kernel
from . import layout as L
from .fault import read
from .machine import Machine
from .names import Change, Error
from .page import fail, mapped_page, store_or_free
from .pagevec import activate_page, in_lru_add
from .watch import note
from .wp import do_wp_page_unshare


@kernel
def gup_get(m: Machine, at: int) -> int:
    """Take a FOLL_GET reference to the page of PTE ``at``."""
    page = mapped_page(m, at)
    if page == 0:
        return 0
    if m.page[page] & L.MASK_GUP == L.MASK_GUP:
        fail(m, Error.FIELD_OVERFLOW)
        return 0
    m.page[page] += L.ONE_GUP
    note(m, Change.GUP, 0)
    return page


@kernel
def gup_put(m: Machine, page: int) -> None:
    """Drop a FOLL_GET reference."""
    if m.page[page] & L.MASK_GUP == 0:
        fail(m, Error.BAD_OPERATION)
        return
    store_or_free(m, page, m.page[page] - L.ONE_GUP)
    note(m, Change.PUT, 0)


@kernel
def pin_user_page(m: Machine, at: int) -> int:
    """Take a FOLL_PIN reference, worth GUP_PIN_COUNTING_BIAS.

    Since v5.19 only of a page that is PageAnonExclusive: the kernel first makes any other one so,
    by a fault.
    """
    page = mapped_page(m, at)
    if page == 0:
        return 0
    if m.pins_unshare and not m.page[page] & L.PG_ANON_EXCLUSIVE:
        return 0
    if m.page[page] & L.MASK_PIN == L.MASK_PIN:
        fail(m, Error.FIELD_OVERFLOW)
        return 0
    m.page[page] += L.ONE_PIN
    note(m, Change.GUP, 0)
    return page


@kernel
def unpin_user_page(m: Machine, page: int) -> None:
    """Drop a FOLL_PIN reference."""
    if m.page[page] & L.MASK_PIN == 0:
        fail(m, Error.BAD_OPERATION)
        return
    store_or_free(m, page, m.page[page] - L.ONE_PIN)
    note(m, Change.PUT, 0)


@kernel
def mark_page_accessed(m: Machine, cpu: int, at: int) -> int:
    """Note an access (GUP with FOLL_TOUCH): the second one activates (``folio_mark_accessed()``).

    On an LRU list, the page goes through ``activate`` of this CPU; in this CPU's lru_add it is just
    marked; in another's, nothing happens.
    """
    page = mapped_page(m, at)
    if page == 0:
        return 0
    word = m.page[page]
    if not word & L.PG_REFERENCED:
        m.page[page] = word | L.PG_REFERENCED
    elif not word & L.PG_ACTIVE:
        if not m.activate_batch:
            return page  # MGLRU counts references, and moves nothing (folio_inc_refs())
        if word & L.PG_LRU:
            activate_page(m, cpu, page)
        elif in_lru_add(m, cpu, page):
            m.page[page] |= L.PG_ACTIVE
        m.page[page] &= ~L.PG_REFERENCED
        m.nonresident_age += 1  # workingset_activation()
    note(m, Change.ACCESSED, cpu)
    return page


@inline
def gup_must_unshare(m: Machine, at: int) -> bool:
    """Must the page of PTE ``at`` become exclusive before an R/O pin (``gup_must_unshare()``)?"""
    page = mapped_page(m, at)
    if page == 0 or np.int64(m.pte[at]) & L.PTE_WRITE or not m.pins_unshare:
        return False
    return m.page[page] & L.PG_ANON_EXCLUSIVE == 0


@kernel
def process_vm_readv(m: Machine, cpu: int, at: int) -> None:
    """Read the page of PTE ``at`` through ``pin_user_pages_remote()``: FOLL_PIN and FOLL_TOUCH.

    A page that is not mapped is faulted in by a read; since v5.19 one that is not exclusive is
    unshared (``faultin_page()``).  The pin is dropped as soon as the bytes are copied.
    """
    if np.int64(m.pte[at]) & L.PTE_PRESENT == 0:
        read(m, cpu, at)
    if gup_must_unshare(m, at):
        do_wp_page_unshare(m, cpu, at)
    page = pin_user_page(m, at)
    if page != 0:
        mark_page_accessed(m, cpu, at)
        unpin_user_page(m, page)


@kernel
def vmsplice_page(m: Machine, cpu: int, at: int) -> int:
    """Take a FOLL_GET reference to the page of PTE ``at``, as ``vmsplice()`` into a pipe does.

    ``get_user_pages_fast()`` marks a mapped page referenced; one that is not mapped is faulted in
    by a read and touched on the slow way (FOLL_TOUCH).
    """
    if np.int64(m.pte[at]) & L.PTE_PRESENT == 0:
        read(m, cpu, at)
        mark_page_accessed(m, cpu, at)
    elif mapped_page(m, at) != 0:
        m.page[mapped_page(m, at)] |= L.PG_REFERENCED  # gup_fast_pte_range()
    return gup_get(m, at)


@kernel
def lock_page(m: Machine, at: int) -> int:
    """Let somebody else hold the page lock, and no reference."""
    page = mapped_page(m, at)
    if page == 0 or m.page[page] & L.PG_LOCKED:
        return 0
    m.page[page] |= L.PG_LOCKED
    note(m, Change.LOCK, 0)
    return page


@kernel
def unlock_page(m: Machine, page: int) -> None:
    """Let go of the page lock."""
    m.page[page] &= ~L.PG_LOCKED
    note(m, Change.UNLOCK, 0)
