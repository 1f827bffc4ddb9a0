"""do_swap_page(): a fault on a swapped-out page (mm/memory.c)."""

from . import readahead
from .page import Page
from .wp import do_wp_page


def do_swap_page(m, cpu, mm, v, write):
    """Return "minor" or "major"."""
    pte = mm.ptes[v]
    slot = pte.slot
    before = m.drains_swapin, m.drains_readahead
    major = False
    page = readahead.swap_cache_get(m, mm, v, slot)
    if page is None:
        major = True
        if m.synchronous_io and m.rules.sync_swapin == "swapcache":
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

    if write:
        _drain(m, cpu, page)
    dirty = _map(m, cpu, mm, v, pte, page, write)
    if write and not dirty:
        dirty = do_wp_page(m, cpu, mm, v) == "reuse"
    if dirty:
        m.drains_swapin_reused += m.drains_swapin - before[0]
        m.drains_readahead_reused += m.drains_readahead - before[1]
    return "major" if major else "minor"


def _bypass(m, cpu, v, slot):
    """SWP_SYNCHRONOUS_IO and nobody else wants the slot: never in the swap cache."""
    page = Page(m, f"page {v}")
    page.get("fault")
    readahead.workingset_refault(m, page, m.swap.slots[slot].shadow)
    readahead.enter_lru(m, cpu, page)
    m.device.read_page(cpu, page, wait=True)
    return page


def _drain(m, cpu, page):
    """Before the references of a page that is to be written are looked at."""
    wanted = {"never": False, "if-swapcache": page.swapcache, "if-not-lru": True}
    if wanted[m.rules.swapin_drain] and not page.ksm and not page.lru:
        m.fault_drain("drains_swapin", cpu, lambda: m.vecs.lru_add_drain(cpu))


def _map(m, cpu, mm, v, pte, page, write):
    """Map the page; return whether it was mapped writable for this write."""
    rules = m.rules
    slot = pte.slot
    swapcache = page.swapcache
    exclusive = not page.ksm and (
        not swapcache or (pte.exclusive and not (page.writeback and m.device.stable_writes))
    )
    may_write = exclusive
    if rules.sole_owner_writable == "reuse-swap-page" and write and not exclusive:
        may_write = m.swap.reuse_swap_page(page)  # up to v5.17: references are not asked
    if rules.free_swap_before_mapping:
        _free_swap(m, slot, page, write, write, exclusive, swapcache)
    if rules.sole_owner_writable == "if-count-1" and not page.ksm and page.page_count() == 1:
        may_write = True
    dirty = may_write and write
    page.exclusive = page.exclusive or may_write
    mm.map(v, page, ("fault",), may_write and (write or rules.writable_on_read), dirty)
    if rules.swapin_activates:
        m.vecs.activate(cpu, page)
    if not rules.free_swap_before_mapping:
        # The fault that has mapped a page writable is no write fault any more.
        _free_swap(m, slot, page, write, write and not dirty, exclusive, swapcache)
    return dirty


def _free_swap(m, slot, page, write, write_flag, exclusive, swapcache):
    """swap_free(), then folio_free_swap() if should_try_to_free_swap()."""
    m.swap.free(slot)
    if not swapcache:
        return
    rule = m.rules.free_swap_on_write if write else m.rules.free_swap_on_read
    wanted = {
        "if-full": (),
        "if-full-or-sync": ("sync",),
        "if-count-2": ("alone",),
        "sync-or-count-2": ("sync", "alone"),
        "sync-or-exclusive": ("sync", "exclusive"),
    }[rule]
    true = {
        "sync": m.synchronous_io,
        "alone": write_flag and not page.ksm and page.page_count() == 2,
        "exclusive": exclusive,
    }
    if m.swap.full() or any(true[name] for name in wanted):
        m.swap.free_swap(page)
