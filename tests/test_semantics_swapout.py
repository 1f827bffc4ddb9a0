"""Semantics 3: MADV_PAGEOUT, writeback and its end.  Both models."""

import pytest
from states import (
    ASYNC,
    BY_MAPCOUNT,
    EXCLUSIVE,
    KERNELS,
    SLOW,
    SOON,
    rule,
    sized,
    swapped,
    written,
)


@pytest.mark.nojit
@pytest.mark.parametrize("backend", ["zram", "brd", "pmem", "zswap"])
def test_pageout_to_a_synchronous_device_frees_the_page(model, backend):
    """Semantics 3, steps 12a and 13."""
    m = swapped(model, 20, backend=backend)
    assert (m.pswpout, m.slots_used, m.pages_used) == (20, 20, 0)
    assert m.resident(0, 20) == 0
    m.check()


@sized(*range(1, 33), 45, 46)
def test_pages_under_writeback_are_put_back_by_lru_add(model, n):
    """Semantics 3, step 14: the put-backs that fill the pagevec flush it."""
    m = swapped(model, n, **SLOW)
    for v in range(n):
        page = m.page(v)
        flushed = v < n - n % 15
        assert page.holders == (("swapcache",) if flushed else ("lru_add", "swapcache"))
        assert page.lru == flushed
        assert page.writeback
        assert page.reclaim
        assert not page.dirty
        assert not page.active
    assert m.waiting("lru_add", 0) == n % 15
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
class TestSecondPageout:
    """semantics 3, the table of what a second MADV_PAGEOUT does to a page."""

    def test_only_read_since(self, model, kernel):
        """Slot kept, nothing written, freed at once."""
        m = swapped(model, kernel=kernel, **ASYNC)
        m.wait(SOON)
        slot = m.slot_of(0)
        assert m.read(0, 0) == "minor"
        assert m.pageout(0, 0, 1) == 0
        assert (m.pswpout, m.pages_used, m.slots_used) == (1, 0, 1)
        assert m.slot_of(0) == slot
        assert m.read(0, 0) == "major"
        m.check()

    def test_written_to_while_under_writeback(self, model, kernel):
        """Written once more, to the same slot, where the page was reused."""
        m = swapped(model, kernel=kernel, **ASYNC)
        slot = m.slot_of(0)
        m.read(0, 0)
        reused = m.write(0, 0) != "copy"
        assert reused == (kernel in BY_MAPCOUNT or kernel in EXCLUSIVE)
        m.wait(SOON)
        assert m.pageout(0, 0, 1) == 0
        assert m.pswpout == 2
        assert (m.slot_of(0) == slot) == reused
        assert m.slots_used == (1 if reused else 2)  # the other is an orphan's
        m.check()

    def test_under_writeback_and_mapped(self, model, kernel):
        """It stays mapped; 11.8: at the end it is rotated."""
        m = swapped(model, kernel=kernel, **ASYNC)
        m.read(0, 0)
        assert not m.page(0).reclaim
        assert m.pageout(0, 0, 1) == 1
        page = m.page(0)
        assert page.reclaim
        assert page.active
        assert page.holders == ("lru_add", "pte", "swapcache")
        assert m.pswpout == 1
        assert m.read(0, 0) == "hit"
        m.lru_add_drain(0)
        m.wait(SOON)
        assert m.page(0).holders == ("pte", "rotate", "swapcache")
        assert m.waiting("rotate", 0) == 1
        m.check()

    def test_in_another_cpus_lru_add(self, model, kernel):
        m = swapped(model, kernel=kernel)
        m.read(1, 0)
        assert m.pageout(0, 0, 1) == 1
        assert m.read(0, 0) == "hit"
        assert m.pswpout == 1
        m.check()

    def test_isolated(self, model, kernel):
        m = written(model, kernel=kernel)
        m.isolate(1, 0)
        assert m.pageout(0, 0, 1) == 1
        assert (m.write(0, 0), m.pswpout, m.slots_used) == ("hit", 0, 0)
        m.check()

    def test_with_one_more_reference(self, model, kernel):
        """Unmapped and in the swap cache, but not written; comes back by a minor fault."""
        m = written(model, kernel=kernel)
        m.gup_get(0)
        assert m.pageout(0, 0, 1) == 0
        page = m.page(0)
        assert page.holders == ("gup", "lru_add", "swapcache")
        assert page.dirty
        assert not page.writeback
        assert m.pswpout == 0
        assert m.read(0, 0) == "minor"
        assert m.pswpin == 0
        m.check()

    def test_in_another_cpus_activate(self, model, kernel):
        """The same; where batches clear PageLRU it is skipped."""
        m = written(model, kernel=kernel)
        if m.page(0).active:
            m.cold(0, 0, 1)
            m.lru_add_drain(0)
        m.mark_page_accessed(1, 0)
        m.mark_page_accessed(1, 0)
        skipped = rule(kernel, "batch_clears_lru")
        assert m.pageout(0, 0, 1) == skipped
        assert m.page(0).swapcache != skipped
        assert m.pswpout == 0
        m.check()

    def test_swapped_out(self, model, kernel):
        m = swapped(model, kernel=kernel)
        assert m.pageout(0, 0, 1) == 0
        assert (m.pswpout, m.slots_used) == (1, 1)

    def test_orphan(self, model, kernel):
        """No PTE leads to it."""
        m = swapped(model, kernel=kernel, **ASYNC)
        m.fork(0)
        m.exit(1)  # so that no kernel takes the page for exclusive
        m.read(0, 0)
        orphans = int(m.write(0, 0) == "copy")
        assert orphans == (kernel not in BY_MAPCOUNT)
        m.wait(SOON)
        m.lru_add_drain_all()
        assert m.nr_orphans() == orphans
        m.pageout(0, 0, 1)
        m.wait(SOON)
        assert m.nr_orphans() == orphans
        assert m.slots_used == 1 + orphans
        m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
def test_pages_that_pageout_keeps_mapped(model, kernel):
    """Semantics 3, steps 2, 5 and 7: a second PTE, a locked page, a pinned one, no slot left."""
    m = written(model, 5, kernel=kernel, swap_pages=1)
    m.lock_page(0)
    assert m.pin(1)
    kept = rule(kernel, "pinned_not_swapped")
    assert m.pageout(0, 0, 2) == 1 + kept
    assert m.page(0).holders == ("lru_add", "pte")
    if kept:
        assert m.page(1).holders == ("lru_add", "pin", "pte")
    else:  # feb889fb40fa (v5.11): before, in the swap cache, but too much held to be written
        assert m.page(1).holders == ("lru_add", "pin", "swapcache")
        assert (m.slots_used, m.pswpout) == (1, 0)
        m.dontneed(0, 1, 1)
        m.unpin(1)
    assert m.pageout(0, 2, 2) == 1  # the one slot is page 2's
    assert m.page(3).holders == ("lru_add", "pte")
    assert m.page(3).active
    m.dontneed(0, 2, 1)
    assert m.slots_used == 0
    m.fork(0)
    assert m.pageout(0, 4, 1) == 1
    assert (m.slots_used, m.pswpout) == (0, 1)
    m.check()


@pytest.mark.nojit
def test_an_exclusive_pinned_page_in_the_swap_cache_stays_mapped(model):
    """Semantics 3, step 8: page_try_share_anon_rmap() fails, v5.19."""
    for kernel, resident in (("patch2", 0), ("exclusive", 1)):
        m = swapped(model, kernel=kernel, **ASYNC)
        m.wait(SOON)
        m.read(0, 0)
        assert m.pin(0)
        assert m.pageout(0, 0, 1) == resident
        assert (m.pswpout, m.page(0).active) == (1, bool(resident))
        m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_swap_cache_hit_loses_pg_reclaim(model, kernel):
    """Semantics 4.1.

    So a page touched under writeback is not rotated when that ends; another is.
    """
    m = swapped(model, 2, kernel=kernel, completion_cpu=1, **ASYNC)
    m.lru_add_drain(0)
    assert m.page(0).reclaim
    assert m.read(0, 0) == "minor"
    assert not m.page(0).reclaim
    m.lru_add_drain_all()
    m.wait(SOON)
    assert m.page(0).holders == ("pte", "swapcache")
    assert m.page(1).holders == ("rotate", "swapcache")
    assert m.page(1).lru != rule(kernel, "batch_clears_lru")
    assert (m.waiting("rotate", 0), m.waiting("rotate", 1)) == (0, 1)
    assert not m.page(0).writeback
    assert not m.page(1).writeback
    m.check()


@pytest.mark.nojit
def test_a_page_in_lru_add_is_not_rotated(model):
    """Semantics 3, completion: only what is PageLRU when writeback ends."""
    m = swapped(model, 1, **ASYNC)
    m.wait(SOON)
    assert m.page(0).holders == ("lru_add", "swapcache")
    assert not m.page(0).reclaim
    assert not m.page(0).writeback
    m.check()
