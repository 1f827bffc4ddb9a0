"""What a test looks at: a plain snapshot to compare with another model, and the invariants."""

from collections import Counter

FLAGS = (
    "lru",
    "swapcache",
    "writeback",
    "reclaim",
    "dirty",
    "active",
    "swapbacked",
    "exclusive",
    "referenced",
    "ksm",
)


def orphans(m):
    """Pages alive that no process can reach: no PTE, and no swap PTE through the swap cache."""
    return [
        page
        for page in m.pages
        if not page.mapcount()
        and page.label != "foreign"
        and not (page.swapcache and m.swap.count(page.slot))
    ]


def snapshot(m):
    child = m.mms.get("child")
    return {
        "parent": [_pte(pte) for pte in m.mm.ptes],
        "child": [_pte(pte) for pte in child.ptes] if child else None,
        "pagevecs": {at: len(vec) for at, vec in m.vecs.vecs.items()},
        "slots": len(m.swap.slots),
        "orphans": len(orphans(m)),
        "now": m.now,
    }


def _pte(pte):
    seen = {
        "pte": pte.kind,
        "writable": pte.writable,
        "pte_dirty": pte.dirty,
        "swap_exclusive": pte.exclusive,
    }
    if pte.kind == "present":
        page = pte.page
        holders = []
        for holder, n in page.holders.items():
            # Not a slot's number: another model may number them otherwise.
            holders += [holder if holder[0] in ("vec", "pte") else holder[:1]] * n
        seen["holders"] = sorted(holders)
        for flag in FLAGS:
            seen[flag] = bool(getattr(page, flag))
    return seen


def check(m):
    """Assert that every reference belongs to somebody who knows of it, and that nobody is lost."""
    claims = {page: Counter() for page in m.pages}
    for page, holder in _claims(m):
        assert page in claims, f"{holder} holds {page.label}, which is freed"
        claims[page][holder] += 1
    for page, holders in claims.items():
        assert holders == page.holders, f"{page.label}: {page.holders}, but claimed {holders}"
        _check_flags(m, page)
    _check_slots(m)
    for vec in m.vecs.vecs.values():
        assert len(vec) < m.vecs.capacity
        assert not vec or not m.vecs.disabled
    return True


def _claims(m):
    """(page, holder) of whoever keeps a page in a table of his own."""
    for mm in m.mms.values():
        for v, pte in enumerate(mm.ptes):
            if pte.kind == "present":
                yield pte.page, ("pte", mm.name, v)
    for slot, entry in m.swap.slots.items():
        if entry.page is not None:
            yield entry.page, ("swapcache", slot)
    for (kind, cpu), vec in m.vecs.vecs.items():
        for page in vec:
            yield page, ("vec", kind, cpu)
    for page in m.isolated.values():
        yield page, ("iso",)
    for kind, by_page in m.gups.items():
        for pages in by_page.values():
            for page in pages:
                yield page, (kind,)
    for page in m.gathered or ():
        yield page, ("gather", "child")
    for page in m.pages:
        if page.label == "foreign" and page.held("foreign"):
            yield page, ("foreign",)


def _check_flags(m, page):
    off_list = [kind for kind, _ in page.vectors() if kind == "lru_add" or m.vecs.clears_lru]
    assert page.page_count() > 0
    assert len(off_list) <= 1, f"{page.label} is in two lru_add vectors"
    assert page.lru != bool(off_list or page.held("iso"))
    assert page.swapcache or not page.writeback
    assert not page.exclusive or page.mapcount() <= 1
    assert not (page.exclusive and page.swapcache and m.swap.count(page.slot))


def _check_slots(m):
    swap_ptes = Counter(pte.slot for mm in m.mms.values() for pte in mm.ptes if pte.kind == "swap")
    assert not swap_ptes.keys() - m.swap.slots.keys()
    for slot, entry in m.swap.slots.items():
        assert entry.count == swap_ptes[slot]
        assert entry.count or entry.page is not None, f"slot {slot} is leaked"
        assert entry.page is None or entry.page.slot == slot
