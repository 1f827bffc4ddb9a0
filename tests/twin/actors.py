"""Whoever else takes references: fork, KSM, userfaultfd, migration, GUP, other tasks."""

from .madvise import putback_lru_page, tlb_flush, zap
from .page import Mm, Page, Pte
from .wp import unshare


# -- fork ------------------------------------------------------------------------------
def fork(m, cpu):
    """copy_page_range() (v6.1): each page and slot gets one more holder, all is read-only."""
    if "child" in m.mms:
        return "ignored"
    parent, child = m.mm, Mm("child", m.npages)
    child.ra_previous, child.ra_window, child.ra_hits = (
        parent.ra_previous,
        parent.ra_window,
        parent.ra_hits,
    )
    m.mms["child"] = child
    for v, pte in enumerate(parent.ptes):
        if pte.kind == "zero":
            child.ptes[v] = Pte("zero")
        elif pte.kind == "swap":
            m.swap.duplicate(pte.slot)
            pte.exclusive = False
            child.ptes[v] = Pte("swap", slot=pte.slot)
        elif pte.kind == "present":
            page = pte.page
            if m.rules.copies_pinned_at_fork and page.maybe_dma_pinned():
                # copy_present_page(): the pinned one stays the parent's
                m.new_anon_page(cpu, child, v)
                continue
            page.exclusive = False
            page.get("fault")
            pte.writable = False
            child.map(v, page, ("fault",), writable=False, dirty=pte.dirty)
    return "done"


def exit_zap(m):
    m.gathered = zap(m, m.mms["child"], range(m.npages))


def exit_flush(m, cpu):
    gathered, m.gathered = m.gathered, None
    tlb_flush(m, cpu, m.mms["child"], gathered)
    del m.mms["child"]


# -- LRU isolation ---------------------------------------------------------------------
def isolate(m, v):
    """isolate_lru_page() by somebody who lets the page mapped."""
    pte = m.mm.ptes[v]
    if pte.kind != "present" or not pte.page.lru or v in m.isolated:
        return False
    pte.page.lru = False
    pte.page.get("iso")
    m.isolated[v] = pte.page
    return True


def putback(m, cpu, v):
    if v not in m.isolated:
        return False
    putback_lru_page(m, cpu, m.isolated.pop(v))
    return True


def move_to_lru(m, v):
    """Reclaim's way back: straight to a list, no pagevec (move_folios_to_lru())."""
    if v not in m.isolated:
        return False
    page = m.isolated.pop(v)
    page.lru = True
    page.put("iso")
    return True


def collapse_fails(m, cpu, first, n):
    """Khugepaged isolates what it can explain (is_refcount_suitable()), then puts all back."""
    m.vecs.lru_add_drain_all()
    taken = []
    for pte in m.mm.ptes[first : first + n]:
        page = pte.page
        if pte.kind != "present" or not page.lru or page.locked:
            break
        if page.page_count() != page.mapcount() + page.swapcache:
            break
        page.lru = False
        page.get("iso")
        taken.append(page)
    for page in taken:
        putback_lru_page(m, cpu, page)
    return len(taken)


# -- the page lock ---------------------------------------------------------------------
def lock_page(m, v):
    """Somebody else's page lock, without his reference, so that TRYLOCK can be seen alone."""
    pte = m.mm.ptes[v]
    if pte.kind != "present" or pte.page.locked or v in m.locked:
        return False
    pte.page.locked = True
    m.locked[v] = pte.page
    return True


def unlock_page(m, v):
    if v not in m.locked:
        return False
    m.locked.pop(v).locked = False
    return True


# -- GUP -------------------------------------------------------------------------------
def gup(m, v, kind):
    pte = m.mm.ptes[v]
    if pte.kind != "present":
        return False
    if kind == "pin" and m.rules.pins_unshare and not pte.page.exclusive:
        return False  # the kernel would unshare it first: process_vm_readv()
    pte.page.get(kind)
    m.gups[kind].setdefault(v, []).append(pte.page)
    return True


def ungup(m, v, kind):
    if not m.gups[kind].get(v):
        return False
    m.gups[kind][v].pop().put(kind)
    return True


def process_vm_readv(m, cpu, v):
    """A page that is not mapped is read first; FOLL_PIN, FOLL_TOUCH, and at once let go."""
    if not m.mm.ptes[v].mapped:
        m.read(cpu, v)
    pte = m.mm.ptes[v]
    if pte.kind != "present":
        return  # the zero page
    if m.rules.pins_unshare and not pte.writable and not pte.page.exclusive:
        unshare(m, cpu, m.mm, v)  # gup_must_unshare()
    m.mark_page_accessed(cpu, v)


# -- KSM -------------------------------------------------------------------------------
def ksm_merge(m, cpu, v, w):
    """try_to_merge_two_pages() (mm/ksm.c v6.1), with both write_protect_page() tests made first."""
    ptes = m.mm.ptes[v], m.mm.ptes[w]
    if v == w or any(pte.kind != "present" for pte in ptes):
        return False
    page, other = ptes[0].page, ptes[1].page
    if page is other or other.ksm or page.locked or other.locked:
        return False
    for each in (page, other):
        if each.page_count() != each.mapcount() + each.swapcache:
            return False
    if not page.ksm:
        if ptes[0].dirty:
            page.dirty = True
        page.exclusive = False
        ptes[0].writable = ptes[0].dirty = False
        page.ksm = True
        m.nonresident_age += m.vecs.mark_page_accessed(cpu, page)
        page.dirty = True
    other.get("fault")
    if ptes[1].dirty:
        other.dirty = True
    other.exclusive = False
    page.get("fault")
    m.mm.map(w, page, ("fault",), writable=False, dirty=False)
    other.put("pte", m.mm.name, w)
    if not other.mapcount():
        m.swap.free_swap(other)
    other.put("fault")
    return True


# -- userfaultfd -----------------------------------------------------------------------
def uffd_copy(m, cpu, v):
    """UFFDIO_COPY write-protected, then un-protected: mfill_atomic_install_pte() (v6.1)."""
    if m.mm.ptes[v].kind != "none":
        return False
    m.new_anon_page(cpu, m.mm, v, writable=m.rules.uffd_unprotect_writable)
    return True


# -- migration -------------------------------------------------------------------------
def migrate_page(m, cpu, v):
    """Compaction moves one page: mm/migrate.c."""
    pte = m.mm.ptes[v]
    if pte.kind != "present" or not pte.page.lru or pte.page.locked or pte.page.writeback:
        return False
    old = pte.page
    old.lru = False
    old.get("iso")
    if old.page_count() != 1 + old.mapcount() + old.swapcache:
        putback_lru_page(m, cpu, old)  # folio_migrate_mapping() found a reference it cannot explain
        return False
    new = Page(m, old.label)
    new.get("new")
    for flag in ("active", "referenced", "swapbacked", "dirty", "reclaim", "ksm", "exclusive"):
        setattr(new, flag, getattr(old, flag))
    old.active = False
    mapped = [holder[1:] for holder in old.holders if holder[0] == "pte"]
    for name, u in mapped:  # try_to_migrate(): the dirty PTE's mark moves to the page
        new.dirty = new.dirty or m.mms[name].ptes[u].dirty
    if old.swapcache:
        slot = old.slot
        entry = m.swap.slots[slot]
        entry.page, new.slot, old.slot = new, slot, None
        new.get("swapcache", slot)
        old.put("swapcache", slot)
    before_ptes = m.rules.drains_on_migrate
    if before_ptes:  # so that the references are right when the PTEs appear
        m.vecs.insert("lru_add", cpu, new)
        m.vecs.lru_add_drain(cpu)
    for name, u in mapped:
        there = m.mms[name].ptes[u]
        new.get("pte", name, u)
        there.page = new
        old.put("pte", name, u)
    if not before_ptes:
        m.vecs.insert("lru_add", cpu, new)
    old.put("iso")
    new.put("new")
    return True


def munmap_foreign(m, cpu):
    """Another region of the program goes: unmap_region(), then the flush of its mmu_gather."""
    if m.rules.gather_drains:
        m.vecs.lru_add_drain(cpu)
    for page in [page for page in m.pages if page.held("foreign")]:
        page.put("foreign")


def foreign_insert(m, cpu):
    page = Page(m, "foreign")
    page.get("foreign")
    m.vecs.insert("lru_add", cpu, page)
