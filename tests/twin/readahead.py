"""Swap cache lookup and swapin_readahead(): mm/swap_state.c (v6.1)."""

from .page import Page

SWAP_RA_ORDER_CEILING = 5
SWAP_RA_HITS_MAX = 63


class ClusterState:
    """The global variables of cluster readahead."""

    def __init__(self):
        self.previous = 0
        self.window = 0
        self.hits = 4


def window_size(previous, offset, hits, most, previous_window):
    """__swapin_nr_pages()."""
    if not hits:
        pages = 2 if previous is not None and abs(offset - previous) == 1 else 1
    else:
        pages = 4
        while pages < hits + 2:
            pages *= 2
    return max(min(pages, most), previous_window // 2)


def swap_cache_get(m, mm, v, slot):
    """swap_cache_get_folio(): the page with a reference for the fault, or None."""
    page = m.swap.slots[slot].page
    if page is None:
        return None
    page.get("fault")
    readahead = page.reclaim
    page.reclaim = False  # one bit: a page touched under writeback is not rotated
    if not m.device.rotational:
        mm.ra_previous = v
        if readahead:
            mm.ra_hits = min(mm.ra_hits + 1, SWAP_RA_HITS_MAX)
    elif readahead:
        m.cluster_ra.hits += 1
    return page


def read_swap_cache_async(m, cpu, slot):
    """__read_swap_cache_async(): (page with a reference for the caller, newly allocated).

    A new page is in the swap cache and in lru_add, and is not read yet.
    """
    entry = m.swap.slots.get(slot)
    if entry is None:
        return None, False
    if entry.page is not None:
        entry.page.get("fault")
        return entry.page, False
    if not entry.count:
        return None, False
    page = Page(m, f"slot {slot}")
    page.get("fault")
    page.locked = True
    workingset_refault(m, page, m.swap.add_to_cache(page, slot))
    enter_lru(m, cpu, page)
    return page, True


def enter_lru(m, cpu, page):
    """folio_add_lru(), of a page that is swapped in."""
    if m.rules.swapin_inserts_at_once:
        page.lru = True
    else:
        m.vecs.insert("lru_add", cpu, page)


def workingset_refault(m, page, shadow):
    """Start active, if the page comes back soon after its eviction (since v5.9).

    Soon: since then no more pages were evicted or activated than the file LRU and the active list
    hold.
    """
    if shadow is None or not m.rules.refaults_activate:
        return
    evicted = m.nonresident_age - shadow - m.file_lru
    if evicted <= 0 or evicted <= sum(each.lru and each.active for each in m.pages):
        m.nonresident_age += 1
        page.active = True


def swapin_sync(m, cpu, slot):
    """Read one page into the swap cache, without readahead (f1879e8a0c60)."""
    page, allocated = read_swap_cache_async(m, cpu, slot)
    assert allocated
    m.device.read_page(cpu, page, wait=True)
    return page


def swapin_readahead(m, cpu, mm, v, slot):
    """Return the page with a reference for the fault; its read may still lock it."""
    if m.device.rotational:
        window, slots = _cluster_window(m, slot)
    else:
        window, slots = _vma_window(m, mm, v)
    if window > 1:
        m.device.start_plug()
        for s in slots:
            page, allocated = read_swap_cache_async(m, cpu, s)
            if page is None:
                continue
            if allocated:
                m.device.read_page(cpu, page, wait=False)
                if s != slot:
                    page.reclaim = True  # PG_readahead
            page.put("fault")
        m.device.finish_plug()
        if m.rules.readahead_drains:
            m.fault_drain("drains_readahead", cpu, lambda: m.vecs.lru_add_drain(cpu))
    page, allocated = read_swap_cache_async(m, cpu, slot)
    if allocated:
        m.device.read_page(cpu, page, wait=window == 1)
    return page


def _vma_window(m, mm, v):
    """swap_ra_info(): the slots of the neighbouring PTEs."""
    most = 1 << min(m.page_cluster, SWAP_RA_ORDER_CEILING)
    if most == 1:
        return 1, []
    previous = mm.ra_previous
    window = window_size(previous, v, mm.ra_hits, most, mm.ra_window)
    mm.ra_previous, mm.ra_window, mm.ra_hits = v, window, 0
    if previous is not None and v == previous + 1:
        first, end = v, v + window
    elif previous is not None and previous == v + 1:
        first, end = v - window + 1, v + 1
    else:
        left = (window - 1) // 2
        first, end = v - left, v + window - left
    table_first, table_end = m.page_table(v)
    near = range(max(first, table_first), min(end, table_end))
    return window, [mm.ptes[w].slot for w in near if mm.ptes[w].kind == "swap"]


def _cluster_window(m, slot):
    """swapin_nr_pages() and the aligned block around the slot."""
    most = 1 << m.page_cluster
    if most <= 1:
        return 1, []
    state = m.cluster_ra
    hits, state.hits = state.hits, 0
    window = window_size(state.previous, slot, hits, most, state.window)
    if not hits:
        state.previous = slot
    state.window = window
    first = slot & ~(window - 1)
    return window, list(range(first or 1, (slot | (window - 1)) + 1))
