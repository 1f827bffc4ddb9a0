"""Machines whose pages are held in a certain way, of either model (tests/models/)."""

from collections import Counter

import pytest

from wpbench.scenario.kernels import row_of, rows


def rule(kernel, name):
    """Return the value that a kernel's row has for a rule."""
    return row_of(kernel)[name]


# A kernel for each row of data/kernels.toml; of rows with the same rules, one.
KERNELS = tuple({tuple(row_of(name).items()): name for name in rows()}.values())
NEVER = 10**12  # a latency that no test outlives
SOON = 1000
ASYNC = {"backend": "null_blk", "latency_ns": SOON}
SLOW = {"backend": "null_blk", "latency_ns": NEVER}
WINDOW_1 = {"backend": "zswap", "page_cluster": 0}  # through the swap cache without readahead


def sized(*sizes, small=(1, 7, 8, 15, 16, 22)):
    """Parametrize a test over N; the small ones run without JIT, too."""
    marks = [pytest.param(n, marks=pytest.mark.nojit) if n in small else n for n in sizes]
    return pytest.mark.parametrize("n", marks)


def kernels(**rules):
    """Return those of KERNELS whose rules have the given values."""
    return tuple(k for k in KERNELS if all(rule(k, name) == rules[name] for name in rules))


EXCLUSIVE = kernels(reuse_exclusive=True)  # PageAnonExclusive, v5.19
BY_MAPCOUNT = kernels(first_test="mapcount")
ONE_REFERENCE = kernels(first_test="1")
STRICT = ONE_REFERENCE + kernels(first_test="1+sc")  # no reference is left that a drain could drop
MAP_WRITABLE = kernels(writable_on_read=True)


def told(m, do, *arguments):
    """Do something; return its outcome and the labels of the copies that it made."""
    before = Counter(m.copies)
    outcome = do(*arguments)
    m.check()
    return outcome, dict(Counter(m.copies) - before)


# -- many pages --------------------------------------------------------------------------
def written(model, n=1, **options):
    """Return a machine whose ``n`` pages were written, and are on LRU lists."""
    m = model(n, **({"cpus": 3} | options))
    for v in range(n):
        m.write(0, v)
    m.lru_add_drain_all()
    return m


def swapped(model, n=1, **options):
    """Return a machine whose ``n`` pages went to swap by one MADV_PAGEOUT on CPU 0."""
    m = written(model, n, **options)
    m.pageout(0, 0, n)
    return m


def forked(m):
    m.fork(0)
    return m


def formerly_shared(m):
    """A child was here, and exited on the last CPU."""
    m.fork(0)
    m.exit(m.cpus - 1)
    return m


# -- page 0 ------------------------------------------------------------------------------
# Each of these returns a machine of two pages and two CPUs on which a write to page 0 is a
# write-protect fault.  Unless the name says otherwise the page is not PageAnonExclusive, is on an
# LRU list, and has no holder but its PTE.
def machine(model, kernel, **options):
    return model(2, cpus=2, kernel=kernel, **options)


def plain(model, kernel):
    m = machine(model, kernel)
    m.write(0, 0)
    m.lru_add_drain_all()
    return formerly_shared(m)


def in_lru_add(model, kernel):
    m = machine(model, kernel)
    m.write(0, 0)
    return formerly_shared(m)


def in_swap_cache(model, kernel, writeback=False, on_lru=True, **options):
    m = machine(model, kernel, **ASYNC, **options)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    if not writeback:
        m.wait(SOON)
    m.read(0, 0)
    if on_lru:
        m.lru_add_drain_all()
    return formerly_shared(m)


def in_swap_cache_and_lru_add(model, kernel):
    return in_swap_cache(model, kernel, on_lru=False)


def under_writeback(model, kernel):
    return in_swap_cache(model, kernel, writeback=True)


def under_writeback_and_in_lru_add(model, kernel):
    return in_swap_cache(model, kernel, writeback=True, on_lru=False)


def with_swap_pte(model, kernel):
    m = machine(model, kernel, **ASYNC)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    m.wait(SOON)
    m.fork(0)
    m.read(0, 0)
    m.lru_add_drain_all()
    return m


def in_rotate(model, kernel):
    m = machine(model, kernel, **ASYNC)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    m.lru_add_drain(0)
    m.wait(SOON)
    m.read(0, 0)
    return formerly_shared(m)


def in_activate(model, kernel):
    m = plain(model, kernel)
    if m.page(0).active:  # v5.8: pages begin active
        m.cold(0, 0, 1)
        m.lru_add_drain(0)
    m.mark_page_accessed(0, 0)
    m.mark_page_accessed(0, 0)
    return m


def in_deactivate(model, kernel):
    m = in_activate(model, kernel)
    m.lru_add_drain(0)
    m.cold(0, 0, 1)
    return m


def in_lazyfree(model, kernel):
    m = plain(model, kernel)
    m.free(0, 0, 1)
    return m


def isolated(model, kernel):
    m = plain(model, kernel)
    m.isolate(0, 0)
    return m


def isolated_in_swap_cache(model, kernel):
    m = in_swap_cache(model, kernel)
    m.lru_add_drain_all()  # v5.8 activates what it swaps in
    m.isolate(0, 0)
    return m


def second_pte(model, kernel):
    m = plain(model, kernel)
    m.fork(0)
    return m


def gup(model, kernel):
    m = plain(model, kernel)
    m.gup_get(0)
    return m


def exclusive(model, kernel):
    """UFFDIO_COPY maps a page of one's own read-only (userfaultfd, semantics 7)."""
    m = machine(model, kernel)
    m.uffd_copy(0, 0)
    m.lru_add_drain_all()
    return m


def pinned_and_exclusive(model, kernel):
    m = exclusive(model, kernel)
    assert m.pin(0)
    return m


def locked(model, kernel):
    m = plain(model, kernel)
    m.lock_page(0)
    return m


def ksm(model, kernel):
    m = machine(model, kernel)
    m.write(0, 0)
    m.write(0, 1)
    m.lru_add_drain_all()
    assert m.ksm_merge(0, 0, 1)
    return m


def lagging(model, kernel):
    m = plain(model, kernel)
    m.fork(0)
    m.exit_zap(1)
    return m
