"""Semantics 2: per-CPU pagevecs, who waits there and who flushes them.  Both models."""

import pytest
import states
from states import ASYNC, SOON, written


@pytest.mark.nojit
@pytest.mark.parametrize("capacity", [2, 14, 15, 31])
def test_the_insertion_that_fills_a_pagevec_flushes_it(model, capacity):
    """Semantics 2.2: this vector only, the page just inserted with the others."""
    m = written(model, capacity + 1, pagevec=capacity)
    m.dontneed(0, 0, capacity)
    m.mark_page_accessed(0, capacity)
    m.mark_page_accessed(0, capacity)
    for v in range(capacity - 1):
        m.write(0, v)
        assert (m.page(v).count, m.page(v).lru) == (2, False)
    assert (m.waiting("lru_add", 0), m.waiting("activate", 0)) == (capacity - 1, 1)
    m.write(0, capacity - 1)
    assert [(m.page(v).count, m.page(v).lru) for v in range(capacity)] == [(1, True)] * capacity
    assert (m.waiting("lru_add", 0), m.waiting("activate", 0)) == (0, 1)
    m.check()


@pytest.mark.nojit
def test_lru_add_drain_flushes_every_kind_of_one_cpu(model):
    """Semantics 2.3."""
    m = written(model, 6, **ASYNC)
    m.pageout(0, 0, 2)
    m.lru_add_drain(0)
    m.wait(SOON)  # page 0 and 1 are rotated
    m.free(1, 2, 1)
    for cpu, v in ((0, 3), (1, 4)):
        m.mark_page_accessed(cpu, v)
        m.mark_page_accessed(cpu, v)
    m.foreign_insert(0)
    m.foreign_insert(1)
    kinds = ("lru_add", "rotate", "lazyfree", "activate")
    assert [m.waiting(kind, 0) for kind in kinds] == [1, 2, 0, 1]
    m.lru_add_drain(0)
    assert [m.waiting(kind, 0) for kind in kinds] == [0, 0, 0, 0]
    assert [m.waiting(kind, 1) for kind in kinds] == [1, 0, 1, 1]
    assert (m.page(3).active, m.page(4).active, m.page(2).swapbacked) == (True, False, True)
    m.lru_add_drain_all()
    assert [m.waiting(kind, 1) for kind in kinds] == [0, 0, 0, 0]
    assert (m.page(4).active, m.page(2).swapbacked) == (True, False)
    m.check()


@pytest.mark.nojit
def test_a_flush_drops_the_reference_of_a_page_that_has_left_the_lru(model):
    """Semantics 1: an entry without PageLRU stays what it was."""
    m = states.in_activate(model, "patch2")
    m.isolate(0, 0)
    assert m.page(0).holders == ("activate", "iso", "pte")
    m.lru_add_drain(0)
    assert m.page(0).holders == ("iso", "pte")
    assert not m.page(0).active
    m.check()


# What is done on CPU 0 -> does that drain it?
DRAINERS = {
    "pageout": (lambda m: m.pageout(0, 0, 1), True),
    "cold": (lambda m: m.cold(0, 0, 1), True),
    "free": (lambda m: m.free(0, 0, 1), True),
    "dontneed": (lambda m: m.dontneed(0, 0, 1), True),
    "exit": (lambda m: (m.fork(1), m.exit(0)), True),
    "half an exit": (lambda m: (m.fork(1), m.exit_zap(0)), True),
    "migration": (lambda m: m.migrate_page(0, 0), True),
    "fork": (lambda m: m.fork(0), False),
    "read": (lambda m: m.read(0, 0), False),
    "read fault": (lambda m: m.read(0, 1), False),
    "write fault": (lambda m: m.write(0, 1), False),
    "first write": (lambda m: m.write(0, 3), False),
    "accessed": (lambda m: m.mark_page_accessed(0, 0), False),
    "userfaultfd": (lambda m: m.uffd_copy(0, 3), False),
    "merge": (lambda m: m.ksm_merge(0, 0, 2), False),
    "isolate": (lambda m: (m.isolate(0, 0), m.putback(0, 0)), False),
}


@pytest.mark.nojit
@pytest.mark.parametrize("operation", DRAINERS)
def test_who_drains_the_local_cpu(model, operation):
    """Semantics 2.4: page 1 is in zram, page 3 was never touched."""
    do, drains = DRAINERS[operation]
    m = written(model, 4)
    m.dontneed(0, 3, 1)
    m.pageout(0, 1, 1)
    m.foreign_insert(0)
    m.foreign_insert(1)
    do(m)
    assert (m.waiting("lru_add", 0) == 0) == drains
    assert m.waiting("lru_add", 1) == 1
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("gathered", [0, 1])
def test_a_tlb_flush_drains_if_it_has_gathered_a_page(model, gathered):
    """Semantics 2.4: tlb_batch_pages_flush() passes over a batch of no pages."""
    m = written(model, 2)
    m.pageout(0, 0, 2 - gathered)
    m.fork(0)
    m.exit_zap(0)
    m.foreign_insert(1)
    m.exit_flush(1)
    assert (m.waiting("lru_add", 1) == 0) == bool(gathered)
    m.check()


@pytest.mark.nojit
def test_lru_cache_disable_nests(model):
    """Semantics 2.3: no pagevec holds a page until the last lru_cache_enable()."""
    m = written(model, 3)
    m.foreign_insert(1)
    m.lru_cache_disable()
    assert m.waiting("lru_add", 1) == 0
    m.lru_cache_disable()
    m.lru_cache_enable()
    m.dontneed(0, 0, 3)
    m.write(0, 0)
    assert (m.page(0).holders, m.page(0).lru) == (("pte",), True)
    m.mark_page_accessed(0, 0)
    m.mark_page_accessed(0, 0)
    assert (m.page(0).holders, m.page(0).active) == (("pte",), True)
    m.lru_cache_enable()
    m.write(0, 1)
    assert (m.page(1).holders, m.page(1).lru) == (("lru_add", "pte"), False)
    m.check()
