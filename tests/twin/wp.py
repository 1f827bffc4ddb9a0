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


def unshare(m, cpu, mm, v):
    """FAULT_FLAG_UNSHARE: the same fault, for a page that is about to be pinned, not written."""
    page = mm.ptes[v].page
    m.wp_faults += 1
    if can_reuse(m, cpu, page):
        m.reuses += 1
        page.exclusive = True
    else:
        m.copies[label(m, cpu, page)] += 1
        wp_page_copy(m, cpu, mm, v, unshared=True)


def can_reuse(m, cpu, page):
    rules = m.rules
    if rules.reuse_exclusive and page.exclusive:
        return True
    if rules.first_test == "mapcount":
        return _by_mapcount(m, page)
    if page.ksm or page.page_count() > _allowed(rules.first_test, page):
        return False
    drains = m.drains
    explained = drain(m, cpu, page)
    reuse = _lock_free_swap_recheck(m, page, explained)
    if reuse:
        m.drains_reused += m.drains - drains
    return reuse


def _allowed(test, page):
    """Return the references up to which the first test lets a page pass."""
    return {
        "1": 1,  # 09854ba94c6a (v5.9)
        "1+sc": 1 + page.swapcache,  # 53a05ad9f21d
        "3": 3,  # d4c470970d45 (v5.18)
        "1+sc+not-lru": 1 + page.swapcache + (not page.lru),  # RFC v2; v7.3
        "none": float("inf"),
    }[test]


def _by_mapcount(m, page):
    """Count PTEs and swap PTEs; sleep for the page lock rather than give up (v5.8)."""
    if page.ksm:
        if page.swapcache or page.page_count() != 1:
            return False
        page.ksm = False  # reuse_ksm_page()
        return True
    return m.swap.reuse_swap_page(page)


def _lock_free_swap_recheck(m, page, explained):
    """Test again, now with ``explained`` references of which the drain policy knows better."""
    if page.page_count() > 1 + page.swapcache + explained:
        return False
    if page.locked:
        return False
    m.swap.free_swap(page)
    return page.page_count() == 1 + explained


def drain(m, cpu, page):
    """Follow the policy; return how many references need not go, because it has seen whose."""
    policy = m.rules.drain
    waits_here = page in m.vecs.vecs["lru_add", cpu]
    if policy == "peek":
        return int(not page.lru and waits_here and page.page_count() == 2 + page.swapcache)
    if policy == "if-in-lru-add":
        wanted = waits_here
    else:
        wanted = policy == "always" or (policy != "never" and not page.lru)
    if not wanted:
        return 0
    how = {
        "lru-add-only": lambda: m.vecs.flush("lru_add", cpu),
        "this-page": lambda: m.vecs.take_out(page, cpu),
        "all-cpus": m.vecs.lru_add_drain_all,
    }.get(policy, lambda: m.vecs.lru_add_drain(cpu))
    m.fault_drain("drains", cpu, how)
    return 0


def label(m, cpu, page):
    """Why: the first of LABELS that is true of the page at this moment (semantics 5.2)."""
    vectors = page.vectors()
    kinds = {kind for kind, _ in vectors}
    swapcount = page.swapcache and m.swap.count(page.slot) > 0
    if m.rules.first_test == "mapcount":  # references are no reason there
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


def wp_page_copy(m, cpu, mm, v, unshared=False):
    """Enter the new page into the local lru_add, which may flush the old one's reference."""
    old = mm.ptes[v].page  # None: the zero page
    if old is not None:
        old.get("fault")
    m.spend(m.costs["copy_insert"])  # the copying; a write-back may end meanwhile
    m.new_anon_page(cpu, mm, v, writable=not unshared, dirty=not unshared)
    if old is not None:
        old.put("pte", mm.name, v)
        if m.rules.frees_swap_after_copy:
            m.swap.free_swap_cache(old)
        old.put("fault")
