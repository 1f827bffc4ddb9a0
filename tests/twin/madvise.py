"""madvise(): mm/madvise.c and the part of mm/vmscan.c behind MADV_PAGEOUT (v6.1)."""


def pageout(m, cpu, first, n):
    m.vecs.lru_add_drain(cpu)
    m.device.start_plug()
    for group in _by_page_table(m, first, n):
        isolated = []
        for v in group:
            pte = m.mm.ptes[v]
            if pte.kind != "present":
                continue
            page = pte.page
            if not page.lru or page.mapcount() != 1:
                continue
            page.referenced = False
            page.lru = False
            page.get("iso")
            isolated.append((v, page))
        _reclaim_pages(m, cpu, isolated)
    m.device.finish_plug()
    return m.resident(first, n)


def _by_page_table(m, first, n):
    groups = {}
    for v in range(first, first + n):
        groups.setdefault(m.page_table(v), []).append(v)
    return groups.values()


def _reclaim_pages(m, cpu, isolated):
    """shrink_folio_list() over one page table's pages, then the kept ones go back by lru_add."""
    kept = []
    for _v, page in isolated:
        page.active = False
        if not _shrink(m, cpu, page):
            kept.append(page)
    for page in kept:
        putback_lru_page(m, cpu, page)


def putback_lru_page(m, cpu, page):
    """folio_putback_lru(): first into lru_add, then the isolation's reference goes."""
    m.vecs.insert("lru_add", cpu, page)
    page.put("iso")


def _shrink(m, cpu, page):
    """Return True if the page was freed: the isolation's reference, the last one, is gone."""
    before = (page.swapcache, page.slot)
    if page.locked:
        return _keep(m)
    if page.writeback:
        page.reclaim = True
        return _activate(m, page)
    if page.swapbacked and not page.swapcache:
        if m.rules.pinned_not_swapped and page.maybe_dma_pinned():
            return _keep(m)
        slot = m.swap.allocate(cpu)
        if slot is None:
            return _activate(m, page)
        m.swap.add_to_cache(page, slot)
        page.dirty = True
    if page.mapcount() and not _try_to_unmap(m, page):
        return _activate(m, page)
    if page.dirty:
        if page.page_count() != 2:  # pageout(): isolation and swap cache, nobody else
            return _keep(m)
        page.dirty = False
        page.reclaim = True  # before the I/O
        m.spend(m.costs["pageout_rewrite" if before[0] else "pageout_new"])
        m.device.write_page(cpu, page)
        if not page.writeback:
            page.reclaim = False
        if page.writeback or page.dirty:
            return False
    else:
        m.spend(m.costs["pageout_kept"])
    if not page.swapbacked:  # lazyfree: nothing to keep
        if page.page_count() != 1:
            return False
        page.put("iso")
        return True
    if page.page_count() != 2:  # __remove_mapping()
        return False
    m.swap.delete_from_cache(page, shadow=m.nonresident_age)
    m.nonresident_age += 1
    page.put("iso")
    return True


def _keep(m):
    m.spend(m.costs["pageout_kept"])
    return False


def _activate(m, page):
    """activate_locked."""
    if page.swapcache and m.swap.full():
        m.swap.free_swap(page)
    page.active = True
    return _keep(m)


def _try_to_unmap(m, page):
    """try_to_unmap_one() on the only PTE (MADV_PAGEOUT skips pages with several)."""
    ((_, name, v),) = [holder for holder in page.holders if holder[0] == "pte"]
    mm = m.mms[name]
    pte = mm.ptes[v]
    if not page.swapbacked:
        if pte.dirty:
            page.dirty = True
        held = page.page_count() != 1 + page.mapcount()
        if page.dirty or (held and m.rules.lazyfree_extra_ref == "swapbacked"):
            page.swapbacked = True
            return False
        if held and m.rules.lazyfree_extra_ref == "keep":
            return False
        mm.ptes[v] = type(pte)()
    else:
        # page_try_share_anon_rmap(), of the same commit as do_wp_page()'s test
        if m.rules.reuse_exclusive and page.exclusive and page.maybe_dma_pinned():
            return False
        if pte.dirty:
            page.dirty = True
        m.swap.duplicate(page.slot)
        exclusive = m.rules.swp_exclusive and page.exclusive
        mm.ptes[v] = type(pte)("swap", slot=page.slot, exclusive=exclusive)
    page.exclusive = False
    page.put("pte", name, v)
    return True


def cold(m, cpu, first, n):
    m.vecs.lru_add_drain(cpu)
    for v in range(first, first + n):
        pte = m.mm.ptes[v]
        if pte.kind != "present" or not pte.page.lru or pte.page.mapcount() != 1:
            continue
        pte.page.referenced = False
        m.vecs.deactivate(cpu, pte.page)


def free(m, cpu, first, n):
    m.vecs.lru_add_drain(cpu)
    for v in range(first, first + n):
        pte = m.mm.ptes[v]
        if pte.kind == "swap":
            m.mm.ptes[v] = type(pte)()
            m.swap.free_swap_and_cache(pte.slot)
        if pte.kind != "present":
            continue
        page = pte.page
        if page.swapcache or page.dirty:
            if page.locked or page.mapcount() != 1:
                continue
            if page.swapcache and not m.swap.free_swap(page):
                continue
            page.dirty = False
        pte.dirty = False
        m.vecs.mark_lazyfree(cpu, page)


def dontneed(m, cpu, first, n):
    if m.rules.gather_drains:
        m.vecs.lru_add_drain(cpu)
    gathered = zap(m, m.mm, range(first, first + n))
    tlb_flush(m, cpu, m.mm, gathered)


def zap(m, mm, where):
    """zap_pte_range(): the mapping goes at once, the reference waits in the mmu_gather."""
    gathered = []
    for v in where:
        pte = mm.ptes[v]
        mm.ptes[v] = type(pte)()
        if pte.kind == "present":
            pte.page.pass_on(("pte", mm.name, v), ("gather", mm.name))
            gathered.append(pte.page)
        elif pte.kind == "swap":
            m.swap.free_swap_and_cache(pte.slot)
    return gathered


def tlb_flush(m, cpu, mm, gathered):
    """free_pages_and_swap_cache()."""
    if gathered and m.rules.gather_drains:
        m.vecs.lru_add_drain(cpu)
    for page in gathered:
        m.swap.free_swap_cache(page)
    for page in gathered:
        page.put("gather", mm.name)
