"""do_swap_page(): a fault on a swapped-out page (mm/memory.c)."""

from . import readahead
from .page import Page
from .wp import do_wp_page


def do_swap_page(m, cpu, mm, v, write):
    """Return "minor" or "major"."""
    pte = mm.ptes[v]
    slot = pte.slot
    major = False
    page = readahead.swap_cache_get(m, mm, v, slot)
    if page is None:
        major = True
        if m.synchronous_io and m.swapin == "v7.0":
            page = readahead.swapin_sync(m, cpu, slot)
        elif m.synchronous_io and m.swap.count(slot) == 1:
            page = _bypass(m, cpu, v, slot)
        else:
            page = readahead.swapin_readahead(m, cpu, mm, v, slot)
    if page.locked and page.swapcache:
        # folio_lock_or_retry() sleeps without the mmap lock; the fault starts again, as major.
        major = True
        m.device.wait_on_page_locked(page)
        page.put("fault")
        page = readahead.swap_cache_get(m, mm, v, slot)

    if m.swapin in ("v5.8", "v5.17"):
        dirty = _map_by_counts(m, cpu, mm, v, pte, page, write)
    else:
        dirty = _map_by_references(m, cpu, mm, v, pte, page, write)
    if write and not dirty:
        do_wp_page(m, cpu, mm, v)
    return "major" if major else "minor"


def _bypass(m, cpu, v, slot):
    """SWP_SYNCHRONOUS_IO and nobody else wants the slot: never in the swap cache."""
    page = Page(m, f"page {v}")
    page.get("fault")
    readahead.workingset_refault(m, page, m.swap.slots[slot].shadow)
    m.vecs.insert("lru_add", cpu, page)
    m.device.read_page(cpu, page, wait=True)
    return page


def _exclusive(m, pte, page, swapcache):
    """Whether a page is certainly this process's alone, by v6.1's do_swap_page()."""
    if page.ksm:
        return False
    if not swapcache:
        return True
    if pte.exclusive and not (page.writeback and m.device.stable_writes):
        return True
    return page.page_count() == 1


def _map_by_counts(m, cpu, mm, v, pte, page, write):
    """Up to v5.17: reuse_swap_page(), asked before the mapping, ignores references."""
    slot = pte.slot
    swapcache = page.swapcache
    writable = write and m.swap.reuse_swap_page(page)
    page.exclusive = writable or _exclusive(m, pte, page, swapcache)
    mm.map(v, page, ("fault",), writable, dirty=writable)
    if m.swapin == "v5.8":
        m.vecs.activate(cpu, page)  # removed by b518154e59aa (v5.9)
    m.swap.free(slot)
    if m.swap.full():
        m.swap.free_swap(page)
    return writable


def _map_by_references(m, cpu, mm, v, pte, page, write):
    """v5.18: page_count decides.  v5.19: so does the swap PTE.  v6.11: a read maps writable too."""
    swapcache = page.swapcache
    if write and swapcache and not page.ksm and not page.lru:
        m.vecs.lru_add_drain(cpu)
    if m.swapin != "v7.0":
        _free_swap_at_fault(m, pte.slot, page, write, swapcache)
    exclusive = _exclusive(m, pte, page, swapcache)
    if m.swapin == "v5.18":
        may_write = not page.ksm and (not swapcache or page.page_count() == 1)
    else:
        may_write = exclusive
    writable = may_write and (write or m.swapin in ("v6.12", "v7.0"))
    dirty = may_write and write
    page.exclusive = page.exclusive or exclusive
    slot = pte.slot
    mm.map(v, page, ("fault",), writable, dirty)
    if m.swapin == "v7.0":  # 4b34f1d82c69: once the page is mapped
        _free_swap_at_fault(m, slot, page, write, swapcache)
    return dirty


def _free_swap_at_fault(m, slot, page, write, swapcache):
    """swap_free(), then folio_free_swap() if should_try_to_free_swap()."""
    m.swap.free(slot)
    alone = write and not page.ksm and page.page_count() == 2
    always = m.swapin == "v7.0" and m.synchronous_io
    if swapcache and (always or m.swap.full() or alone):
        m.swap.free_swap(page)
