"""do_wp_page(): a write to a present page that is mapped read-only (mm/memory.c)."""

LABELS = (
    "KSM",
    "GUP",
    "SHARED_PTE",
    "LAGGING_REF",
    "SWAPCOUNT",
    "ISOLATED",
    "PAGEVEC_REMOTE",
    "ROTATE",
    "ACTIVATE",
    "DEACTIVATE",
    "LAZYFREE",
    "WRITEBACK",
    "STABLE_WB",
    "PAGEVEC_LOCAL",
    "SWAPCACHE",
    "TRYLOCK",
)


def do_wp_page(m, cpu, mm, v):
    """Return "reuse" or "copy"."""
    pte = mm.ptes[v]
    if pte.kind == "zero":
        m.zero_copies += 1
        wp_page_copy(m, cpu, mm, v)
        return "copy"
    page = pte.page
    m.wp_faults += 1
    if can_reuse(m, cpu, page):
        m.reuses += 1
        page.exclusive = True  # page_move_anon_rmap()
        pte.writable = pte.dirty = True
        return "reuse"
    m.copies[label(m, cpu, page)] += 1
    wp_page_copy(m, cpu, mm, v)
    return "copy"


def can_reuse(m, cpu, page):
    decision = m.decision
    if decision.exclusive and page.exclusive:
        return True
    return {
        "v5.8": _v5_8,
        "v5.17": _v5_17,
        "patch1": _patch1,
        "patch2": _patch2,
        "patch2-rfc2": _patch2_rfc2,
    }[decision.rule](m, cpu, page)


def _v5_8(m, cpu, page):
    """Count PTEs and swap PTEs; sleep for the page lock rather than give up."""
    if page.ksm:
        if page.swapcache or page.page_count() != 1:
            return False
        page.ksm = False  # reuse_ksm_page()
        return True
    return m.swap.reuse_swap_page(page)


def _v5_17(m, cpu, page):
    """09854ba94c6a (v5.9)."""
    if page.ksm:
        return False
    drain(m, cpu, page)
    if page.page_count() != 1:
        return False
    if page.locked:
        return False
    return page.mapcount() == 1 and page.page_count() == 1


def _patch1(m, cpu, page):
    """53a05ad9f21d."""
    if page.ksm:
        return False
    drain(m, cpu, page)
    if page.page_count() > 1 + page.swapcache:
        return False
    return _lock_free_swap_recheck(m, page)


def _patch2(m, cpu, page):
    """d4c470970d45 (v5.18), and wp_can_reuse_anon_folio() (v6.7)."""
    if page.ksm:
        return False
    if m.decision.gt3 and page.page_count() > 3:
        return False
    drain(m, cpu, page)
    if page.page_count() > 1 + page.swapcache:
        return False
    return _lock_free_swap_recheck(m, page)


def _patch2_rfc2(m, cpu, page):
    """RFC v2: the first test allows one reference for a page that is not PageLRU."""
    if page.ksm or page.page_count() > 1 + page.swapcache + (not page.lru):
        return False
    drain(m, cpu, page)
    if page.page_count() > 1 + page.swapcache:
        return False
    return _lock_free_swap_recheck(m, page)


def _lock_free_swap_recheck(m, page):
    if page.locked:
        return False
    m.swap.free_swap(page)
    return page.page_count() == 1


def drain(m, cpu, page):
    policy = m.drain
    if policy == "never" or (policy != "always" and page.lru):
        return
    m.drains += 1
    if policy == "lru-add-only":
        m.vecs.flush("lru_add", cpu)
    elif policy == "this-page":
        m.vecs.take_out(page, cpu)
    elif policy == "all-cpus":
        m.vecs.lru_add_drain_all()
    else:
        m.vecs.lru_add_drain(cpu)


def label(m, cpu, page):
    """Why: the first of LABELS that is true of the page at this moment (semantics.md 5.2)."""
    vectors = page.vectors()
    kinds = {kind for kind, _ in vectors}
    swapcount = page.swapcache and m.swap.count(page.slot) > 0
    if m.decision.rule == "v5.8":  # references are no reason there
        true = {
            "KSM": page.ksm,
            "SHARED_PTE": page.mapcount() > 1,
            "SWAPCOUNT": swapcount,
            "STABLE_WB": page.writeback,
        }
    else:
        true = {
            "KSM": page.ksm,
            "GUP": page.held("gup", "pin"),
            "SHARED_PTE": page.mapcount() > 1,
            "LAGGING_REF": page.held("gather"),
            "SWAPCOUNT": swapcount,
            "ISOLATED": page.held("iso"),
            "PAGEVEC_REMOTE": any(kind == "lru_add" and at != cpu for kind, at in vectors),
            "ROTATE": "rotate" in kinds,
            "ACTIVATE": "activate" in kinds,
            "DEACTIVATE": "deactivate" in kinds,
            "LAZYFREE": "lazyfree" in kinds,
            "WRITEBACK": page.writeback,
            "PAGEVEC_LOCAL": ("lru_add", cpu) in vectors,
            "SWAPCACHE": page.swapcache,
            "TRYLOCK": page.locked,
        }
    return next(name for name in LABELS if true.get(name))


def wp_page_copy(m, cpu, mm, v):
    """Enter the new page into the local lru_add, which may flush the old one's reference."""
    old = mm.ptes[v].page  # None: the zero page
    if old is not None:
        old.get("fault")
    m.spend(m.costs["copy_insert"])  # the copying; a write-back may end meanwhile
    m.new_anon_page(cpu, mm, v)
    if old is not None:
        old.put("pte", mm.name, v)
        if m.frees_swap_after_copy:
            m.swap.free_swap_cache(old)
        old.put("fault")
