"""Semantics 7 and 11: others that touch a page; refaults.  Both models."""

import pytest
import states
from states import (
    ASYNC,
    BY_MAPCOUNT,
    EXCLUSIVE,
    KERNELS,
    ONE_REFERENCE,
    SOON,
    forked,
    formerly_shared,
    rule,
    swapped,
    told,
    written,
)


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
def test_fork(model, kernel):
    """Semantics 7.

    Pages and slots get a second user and are not exclusive; of a pinned page, a copy.
    """
    m = written(model, 3, kernel=kernel)
    m.pageout(0, 1, 1)
    assert m.pin(2)
    m.fork(0)
    assert m.page(0).holders == ("pte", "pte")
    assert not m.writable(0)
    assert (m.swap_count(1), m.swap_exclusive(1)) == (2, False)
    copied = rule(kernel, "copies_pinned_at_fork")
    assert m.page(2).holders == (("pin", "pte") if copied else ("pin", "pte", "pte"))
    assert (m.page(0).exclusive, m.page(2).exclusive) == (False, copied)
    assert m.write(0, 2) == ("hit" if copied else "copy")
    assert m.child_write(1, 2) == ("hit" if copied else "reuse")
    assert told(m, m.child_write, 1, 0) == ("copy", {"SHARED_PTE": 1})
    assert m.page(0).holders == ("pte",)
    assert not m.writable(0)
    assert m.write(0, 0) == "reuse"
    m.exit(1)
    assert m.swap_count(1) == 1
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_other_users_swap_pte_goes(model, kernel):
    """Semantics 7.

    The page we map stays in the swap cache; the next write takes it out (v5.17: copies).
    """
    m = forked(swapped(model, kernel=kernel))
    assert m.read(0, 0) == "major"
    assert m.swap_count(0) == 1
    m.exit(1)
    assert m.page(0).swapcache
    assert m.swap_count(0) == 0
    m.lru_add_drain_all()
    copied = kernel in ONE_REFERENCE
    assert told(m, m.write, 0, 0) == (("copy", {"SWAPCACHE": 1}) if copied else ("reuse", {}))
    assert m.slots_used == (copied and not rule(kernel, "frees_swap_after_copy"))


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
def test_between_the_childs_unmap_and_its_flush(model, kernel):
    """Semantics 7, child exit.

    The map count drops first, the reference when the batch is flushed.
    """
    m = written(model, kernel=kernel)
    m.fork(0)
    m.exit_zap(1)
    assert m.page(0).holders == ("gather", "pte")
    m.exit_flush(1)
    assert m.page(0).holders == ("pte",)
    assert told(m, m.write, 0, 0) == ("reuse", {})


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
def test_ksm(model, kernel):
    """Semantics 7.

    Any pagevec's reference prevents a merge; a merged page is read-only, not exclusive.
    """
    m = model(2, cpus=2, kernel=kernel)
    m.write(0, 0)
    m.write(1, 1)
    m.lru_add_drain(0)
    assert not m.ksm_merge(0, 0, 1)
    assert m.write(0, 0) == "hit"
    m.lru_add_drain_all()
    assert m.ksm_merge(0, 0, 1)
    page = m.page(0)
    assert page.holders == ("pte", "pte")
    assert page.ksm
    assert page.referenced
    assert m.page(1) == page
    assert not m.writable(0)
    assert not m.writable(1)
    if kernel in EXCLUSIVE:
        assert not page.exclusive
    assert m.pages_used == 1
    assert told(m, m.write, 1, 1) == ("copy", {"KSM": 1})
    # A sole user, not in the swap cache: v5.8 alone makes it an ordinary page again.
    wanted = ("reuse", {}) if kernel in BY_MAPCOUNT else ("copy", {"KSM": 1})
    assert told(m, m.write, 0, 0) == wanted
    assert not m.page(0).ksm


@pytest.mark.nojit
def test_ksm_in_the_swap_cache_is_copied_by_v5_8(model):
    """Semantics 5.1, G0, step a."""
    m = model(2, cpus=2, kernel="v5.8", **ASYNC)
    for v in (0, 1):
        m.write(0, v)
    m.pageout(0, 0, 1)
    m.wait(SOON)
    m.read(0, 0)
    m.lru_add_drain_all()
    assert m.ksm_merge(0, 0, 1)
    m.dontneed(0, 1, 1)
    assert m.page(0).holders == ("pte", "swapcache")
    assert told(m, m.write, 0, 0) == ("copy", {"KSM": 1})


@pytest.mark.nojit
def test_mark_page_accessed(model):
    """Semantics 7.

    The second call activates; in the local lru_add by a mark, in a remote one not at all.
    """
    m = model(3, cpus=2)
    m.write(0, 0)
    m.lru_add_drain(0)
    m.write(0, 1)
    m.write(1, 2)
    for v in range(3):
        m.mark_page_accessed(0, v)
        assert m.page(v).referenced
        assert not m.page(v).active
    for v in range(3):
        m.mark_page_accessed(0, v)
        assert not m.page(v).referenced
    assert [m.page(v).holders[0] for v in range(3)] == ["activate", "lru_add", "lru_add"]
    assert [m.page(v).active for v in range(3)] == [False, True, False]
    m.lru_add_drain(0)
    assert [m.page(v).active for v in range(3)] == [True, True, False]
    m.check()


@pytest.mark.nojit
def test_madv_cold(model):
    """Semantics 7, 11.11 and 11.12.

    Active pages on the LRU, mapped once; the PTE stays writable.
    """
    m = written(model, 4)
    for v in (0, 2, 3):
        m.mark_page_accessed(0, v)
        m.mark_page_accessed(0, v)
    m.lru_add_drain(0)
    m.mark_page_accessed(0, 0)
    m.isolate(0, 2)
    m.cold(0, 0, 3)
    assert [m.page(v).holders for v in range(3)] == [
        ("deactivate", "pte"),
        ("pte",),
        ("iso", "pte"),
    ]
    assert m.page(0).active
    assert not m.page(0).referenced
    m.lru_add_drain(0)
    assert [m.page(v).active for v in range(4)] == [False, False, True, True]
    assert m.write(0, 0) == "hit"
    m.fork(0)
    m.cold(0, 3, 1)
    assert m.page(3).holders == ("pte", "pte")
    m.check()


@pytest.mark.nojit
def test_madv_free(model):
    """Semantics 7, 11.13 to 11.15.

    Lazyfree vector; discarded by the next pageout unless written again.
    """
    m = written(model, 4, **ASYNC)
    m.pageout(0, 2, 2)
    m.free(0, 0, 3)
    assert m.kind(2) == "none"  # writeback holds the page and its slot a while
    assert [m.page(v).holders for v in (0, 1)] == [("lazyfree", "pte")] * 2
    assert [m.pte_dirty(v) for v in (0, 1)] == [False, False]
    assert m.write(0, 1) == "hit"  # clean, but never read-only
    assert m.pageout(0, 0, 2) == 1
    assert (m.kind(0), m.kind(1)) == ("none", "present")
    assert m.page(1).swapbacked
    assert m.page(1).active
    assert m.pageout(0, 1, 1) == 0
    assert m.kind(1) == "swap"
    assert m.pswpout == 3
    assert m.read(0, 0) == "minor"
    assert m.kind(0) == "zero"
    assert told(m, m.write, 0, 0) == ("copy", {})
    assert (m.zero_copies, m.wp_faults) == (1, 0)
    m.check()


@pytest.mark.nojit
def test_madv_free_of_a_page_in_the_swap_cache(model):
    """Semantics 7, 11.13.

    It has to leave that first, so not while others map it, or under writeback.
    """
    m = swapped(model, kernel="exclusive", **ASYNC)
    m.read(0, 0)
    assert m.write(0, 0) == "reuse"
    m.free(0, 0, 1)
    assert (m.page(0).holders, m.pte_dirty(0)) == (("pte", "swapcache"), True)
    m.wait(SOON)
    m.fork(0)
    m.free(0, 0, 1)
    assert (m.page(0).holders, m.pte_dirty(0)) == (("pte", "pte", "swapcache"), True)
    m.exit(1)
    m.lock_page(0)
    m.free(0, 0, 1)
    assert m.pte_dirty(0)
    m.unlock_page(0)
    m.free(0, 0, 1)
    assert (m.page(0).holders, m.pte_dirty(0)) == (("lazyfree", "pte"), False)
    m.check()


@pytest.mark.nojit
def test_madv_free_of_a_swapped_out_page_gives_the_slot_back(model):
    """Semantics 11.13."""
    m = swapped(model)
    m.free(0, 0, 1)
    assert (m.kind(0), m.slots_used) == ("none", 0)


@pytest.mark.nojit
def test_put_back_by_compaction_and_by_reclaim(model):
    """Semantics 7.

    Compaction's leaves a page in its CPU's lru_add, reclaim's goes straight to a list.
    """
    for kernel, wanted in (("v5.17", "copy"), ("patch2", "copy"), ("exclusive", "copy")):
        m = states.isolated(model, kernel)
        m.putback(1, 0)
        assert m.page(0).holders == ("lru_add", "pte")
        assert m.waiting("lru_add", 1) == 1
        assert told(m, m.write, 0, 0) == (wanted, {"PAGEVEC_REMOTE": 1})
        m = states.isolated(model, kernel)
        m.move_to_lru(0)
        assert (m.page(0).holders, m.page(0).lru) == (("pte",), True)
        assert told(m, m.write, 0, 0) == ("reuse", {})


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", ["v5.17", "patch2", "exclusive"])
def test_khugepaged_gives_up(model, kernel):
    """Semantics 2.4, 7.

    All CPUs drained first; what it had isolated stays in the lru_add of its CPU.
    """
    m = written(model, 4, kernel=kernel)
    m.gup_get(2)
    formerly_shared(m)
    m.foreign_insert(0)
    assert m.collapse_fails(1, 0, 4) == 2
    assert (m.waiting("lru_add", 0), m.waiting("lru_add", 1)) == (0, 2)
    assert [m.page(v).holders for v in (0, 1, 3)] == [("lru_add", "pte")] * 2 + [("pte",)]
    assert told(m, m.write, 0, 0) == ("copy", {"PAGEVEC_REMOTE": 1})
    assert m.write(1, 1) == ("copy" if kernel == "v5.17" else "reuse")
    assert m.write(0, 3) == "reuse"


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("kernel", "before", "same", "other", "drains"),
    [
        ("v5.17", False, "copy", "copy", 0),
        ("patch1", False, "copy", "copy", 0),
        ("patch2", False, "reuse", "copy", 1),  # G3-mid
        ("patch1", True, "reuse", "reuse", 0),
        ("patch2", True, "reuse", "reuse", 0),
        ("exclusive", True, "reuse", "reuse", 0),
        ("v7.0", True, "reuse", "reuse", 0),
        ("v7.3", True, "reuse", "reuse", 0),
    ],
)
def test_migration(model, kernel, before, same, other, drains):
    """Semantics 2.4.

    V5.18 drains before the PTEs are restored; before, that CPU's lru_add keeps the page.
    """
    for cpu, wanted in ((1, same), (0, other)):
        m = model(2, cpus=3, kernel=kernel, rules={"drains_on_migrate": before})
        m.write(0, 0)
        m.lru_add_drain_all()
        m.fork(0)
        m.exit(2)
        assert m.migrate_page(1, 0)
        assert m.page(0).holders == (("pte",) if before else ("lru_add", "pte"))
        assert m.waiting("lru_add", 1) == (not before)
        assert (m.pages_used, m.writable(0)) == (1, False)
        outcome, labels = told(m, m.write, cpu, 0)
        assert outcome == wanted
        label = "PAGEVEC_LOCAL" if cpu == 1 else "PAGEVEC_REMOTE"
        assert labels == ({label: 1} if wanted == "copy" else {})
        assert m.drains == drains


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", ["v5.17", "patch2", "exclusive"])
def test_migration_of_pages_in_the_swap_cache_or_with_two_ptes(model, kernel):
    """Semantics 2.4.

    Whoever holds the old page by a name the migration knows, holds the new one.
    """
    m = swapped(model, kernel=kernel, **ASYNC)
    m.wait(SOON)
    m.read(0, 0)
    m.lru_add_drain_all()
    m.fork(0)
    assert m.page(0).holders == ("pte", "pte", "swapcache")
    slot = m.slot_of(0)
    assert m.migrate_page(0, 0)
    m.lru_add_drain(0)
    assert m.page(0).holders == ("pte", "pte", "swapcache")
    assert (m.slot_of(0), m.pages_used) == (slot, 1)
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", ["v5.17", "patch2", "exclusive"])
def test_a_migration_that_fails_puts_the_page_back(model, kernel):
    """Semantics 7: a reference nobody explains; the page ends in the migrating CPU's lru_add."""
    m = states.gup(model, kernel)
    assert not m.migrate_page(1, 0)
    assert m.page(0).holders == ("gup", "lru_add", "pte")
    assert m.waiting("lru_add", 1) == 1
    m.gup_put(0)
    assert told(m, m.write, 0, 0) == ("copy", {"PAGEVEC_REMOTE": 1})


@pytest.mark.nojit
@pytest.mark.parametrize("others", [0, 1, 13, 14, 15])
def test_other_tasks_share_the_pagevec(model, others):
    """Semantics 7: their insertions shift the phase, and what they leave alone one drain cleans."""
    m = swapped(model, kernel="v5.17")
    for _ in range(others):
        m.foreign_insert(0)
    m.read(0, 0)
    flushed = others % 15 == 14
    assert m.waiting("lru_add", 0) == (others + 1) % 15
    assert m.write(0, 0) == ("reuse" if flushed else "copy")
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize(("file_lru", "active"), [(9, False), (10, True)])
def test_a_refault_soon_after_the_eviction_starts_active(model, file_lru, active):
    """Semantics 11.4 and 11.11; MADV_COLD then has something to do."""
    for backend, page_cluster in (("zram", 3), ("zswap", 0)):
        m = swapped(model, 10, file_lru=file_lru, backend=backend, page_cluster=page_cluster)
        m.read(0, 0)
        assert m.page(0).active == active
        m.lru_add_drain(0)
        m.cold(0, 0, 1)
        assert ("deactivate" in m.page(0).holders) == active
        m.check()
