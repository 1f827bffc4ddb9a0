"""Semantics 8: how many pages a loop copies, in closed form.  Both models."""

import pytest
from models import Twin
from states import (
    ASYNC,
    BY_MAPCOUNT,
    EXCLUSIVE,
    KERNELS,
    MAP_WRITABLE,
    NEVER,
    ONE_REFERENCE,
    SOON,
    STRICT,
    WINDOW_1,
    rule,
    sized,
    swapped,
    written,
)

SIZES = (*range(1, 34), 45, 46, 64)
FEW = (1, 2, 7, 8, 9, 14, 15, 16, 22, 23, 29, 30, 31, 32, 45, 46)


def loop(m, n, batch=False, cpu=0, before=lambda _v: None, between=lambda _v: None):
    """Run one round of the reproducer; return its copies and drains.

    MADV_PAGEOUT and the reads are CPU 0's, the writes ``cpu``'s.  ``before(v)`` is called before
    page v is read, ``between(v)`` after it.
    """
    copies, drains = sum(m.copies.values()), m.drains
    m.pageout(0, 0, n)
    for v in range(n):
        before(v)
        m.read(0, v)
        between(v)
        if not batch:
            m.write(cpu, v)
    if batch:
        for v in range(n):
            m.write(cpu, v)
    m.check()
    return sum(m.copies.values()) - copies, m.drains - drains


def at_first(m, ns=SOON):
    """Let all I/O complete before the first page is read."""
    return lambda v: m.wait(ns) if v == 0 else None


def asynchronous(model, n, kernel, **options):
    return written(model, n, kernel=kernel, **({"cpus": 2} | ASYNC | options))


@sized(*SIZES)
@pytest.mark.parametrize("capacity", [14, 15, 31])
def test_synchronous_loop(model, n, capacity):
    """Semantics 8.1."""
    wanted = n if capacity % 2 == 0 else n - n // ((capacity + 1) // 2)
    for kernel in ("v5.17", "patch1"):
        m = written(model, n, kernel=kernel, pagevec=capacity)
        assert [loop(m, n) for _ in range(3)] == [(wanted, 0)] * 3
    for kernel in ("patch2", "patch2-rfc2"):
        m = written(model, n, kernel=kernel, pagevec=capacity)
        assert [loop(m, n) for _ in range(3)] == [(0, n)] * 3
        assert m.pswpin == 3 * n
    for kernel in ("v5.8", "exclusive", "v6.12", "v7.0", "v7.3"):
        m = written(model, n, kernel=kernel, pagevec=capacity)
        assert loop(m, n) == (0, 0)
        assert m.wp_faults == (0 if kernel in MAP_WRITABLE else n)


@pytest.mark.parametrize("kernel", KERNELS)
def test_pagevec_of_each_kernel(kernel):
    """Semantics 2.1: 15 from v4.16, 31 from v6.9."""
    assert rule(kernel, "pagevec") == (31 if kernel in ("v6.9", *MAP_WRITABLE) else 15)


@sized(*SIZES)
def test_synchronous_batch(model, n):
    """Semantics 8.1, read all and then write all."""
    for capacity in (15, 31):
        r = n % capacity
        for kernel in ("v5.17", "patch1"):
            m = written(model, n, kernel=kernel, pagevec=capacity)
            assert loop(m, n, batch=True) == (min(r, capacity - r), 0)
        m = written(model, n, pagevec=capacity)
        assert loop(m, n, batch=True) == (0, r > 0)


@sized(*FEW)
def test_reader_and_writer_on_different_cpus(model, n):
    """Semantics 8.1: rows 2 and 3; the patch drains in vain."""
    for kernel in ("v5.8", "v5.17", "patch1", "patch2", "patch2-rfc2", "exclusive", "v6.12"):
        one_by_one, batch = n - n // 15, n % 15
        if kernel == "v5.8" or kernel in EXCLUSIVE:
            one_by_one = batch = 0
        drains = kernel.startswith("patch2")
        m = written(model, n, kernel=kernel)
        assert loop(m, n, cpu=1) == (one_by_one, drains * one_by_one)
        assert set(m.copies) <= {"PAGEVEC_REMOTE"}
        m = written(model, n, kernel=kernel)
        assert loop(m, n, cpu=1, batch=True) == (batch, drains * batch)


@sized(1, 8, 30)
def test_direct_writes_to_a_synchronous_device(model, n):
    """Semantics 8.1: no write-protect fault in any kernel."""
    for kernel in KERNELS:
        m = swapped(model, n, kernel=kernel)
        assert [m.write(0, v) for v in range(n)] == ["major"] * n
        assert (m.wp_faults, m.pswpin) == (0, n)
        m.check()


@sized(1, 8, 30)
def test_first_round_copies_the_zero_page(model, n):
    """Semantics 8: memory never touched; no kernel is made about an anonymous page."""
    for kernel in KERNELS:
        m = model(n, kernel=kernel)
        assert loop(m, n) == (0, 0)
        assert (m.zero_copies, m.wp_faults, m.pswpout) == (n, 0, 0)


@sized(1, 8, 20)
@pytest.mark.parametrize("backend", ["zram", "zswap"])
def test_no_copies_while_the_pagevecs_are_disabled(model, n, backend):
    """Semantics 8.1."""
    for kernel in KERNELS:
        m = written(model, n, kernel=kernel, backend=backend)
        m.lru_cache_disable()
        swap_cache = kernel in ONE_REFERENCE and backend == "zswap"  # for another reason
        in_vain = n if kernel == "patch2-always" else 0
        assert loop(m, n) == (n if swap_cache else 0, in_vain)
        assert set(m.copies) <= {"SWAPCACHE"}


@sized(*SIZES)
def test_writeback_in_flight(model, n):
    """Semantics 8.2 (a)."""
    r = n % 15
    for kernel in ("v5.17", "patch1", "patch2", "patch2-rfc2"):
        m = asynchronous(model, n, kernel, latency_ns=NEVER)
        assert loop(m, n) == (n, int(n < 15) if kernel.startswith("patch2") else 0)
        early = min(r, 15 - r) if n < 15 and not kernel.startswith("patch2") else 0
        if model is Twin:
            early = 0
        labels = {"PAGEVEC_LOCAL": early, "WRITEBACK": n - early}
        assert m.copies == {name: nr for name, nr in labels.items() if nr}
        m.lru_add_drain_all()
        assert m.slots_used == m.nr_orphans() == n
    for kernel in ("v5.8", "exclusive", "v6.12"):
        m = asynchronous(model, n, kernel, latency_ns=NEVER)
        assert loop(m, n) == (0, 0)
        faults = 0 if kernel in MAP_WRITABLE else n
        assert m.wp_faults == faults
        assert loop(m, n) == (0, 0)  # still under writeback, so still mapped
        assert (m.wp_faults, m.resident(0, n)) == (faults, n)
        m = asynchronous(model, n, kernel, latency_ns=NEVER, stable_writes=True)
        assert loop(m, n)[0] == m.wp_faults == n
        assert m.copies == {"STABLE_WB" if kernel == "v5.8" else "WRITEBACK": n}


@sized(*FEW)
@pytest.mark.parametrize("capacity", [4, 15, 31])
def test_writeback_complete_before_the_first_touch(model, n, capacity):
    """Semantics 8.2 (b)."""
    r = n % capacity
    for kernel, wanted in (
        ("v5.8", (0, 0)),
        ("v5.17", (n, 0)),
        ("patch1", (min(r, capacity - r), 0)),
        ("patch2", (0, r > 0)),
        ("patch2-rfc2", (0, r > 0)),
        ("exclusive", (0, 0)),
        ("v6.12", (0, 0)),
    ):
        m = asynchronous(model, n, kernel, pagevec=capacity)
        assert [loop(m, n, before=at_first(m)) for _ in range(2)] == [wanted] * 2


def fill_rotate(m, first, nr):
    """Leave pages in CPU 1's rotate vector, which no madvise() of CPU 0 drains."""
    m.pageout(0, first, nr)
    m.lru_add_drain(0)
    m.wait(SOON)
    assert m.waiting("rotate", 1) == nr


@sized(1, 3, 4, 8, 14, 15, 16, 22, 29, 30, 31, 44, 45)
@pytest.mark.parametrize(
    ("capacity", "held"), [(4, 0), (4, 1), (4, 2), (4, 3), (15, 0), (15, 1), (15, 7), (15, 14)]
)
def test_completions_on_another_cpu_with_pages_in_its_rotate_vector(model, n, capacity, held):
    """Semantics 8.2 (c)."""
    r = n % capacity
    kept = held if n >= capacity else 0
    for kernel, wanted in (
        ("v5.17", n),
        ("patch1", kept + max(0, min(r, capacity - r - kept))),
        ("patch2", kept),
        ("exclusive", 0),
    ):
        m = asynchronous(model, n + held, kernel, pagevec=capacity, completion_cpu=1)
        fill_rotate(m, n, held)
        # The pages that "exclusive" keeps are not written again while the vector holds them.
        for _ in range(1 if kernel == "exclusive" else 3):
            assert loop(m, n, before=at_first(m))[0] == wanted
            assert m.waiting("rotate", 1) == held


BURSTS = [(4, n) for n in range(1, 14)] + [(15, n) for n in (1, 7, 14, 15, 16, 22, 30, 31)]


def burst(capacity, n, m, read):
    """Semantics 8.2 (d), 11.9: copies of the patch, all writes ending just before page m's access.

    ``read`` is the number of pages read but not written to by then, 0 or 1.
    """
    r = n % capacity
    q = n - r
    tail_on_lru = r == 0 or m >= capacity - r or m > q
    return m + max((n if tail_on_lru else q) - m - read, 0) % capacity


def all_bursts(model, capacity, n, hook):
    """Let all writes end at one page's read or write, each page in turn; return the copies."""
    copies = []
    for at in range(n):
        m = asynchronous(model, n, "patch2", pagevec=capacity)
        end = {hook: lambda v, m=m, at=at: m.wait(SOON) if v == at else None}
        copies.append(loop(m, n, **end)[0])
    return copies


@pytest.mark.parametrize(("capacity", "n"), BURSTS)
def test_completions_as_one_burst_before_a_read(model, capacity, n):
    """Semantics 8.2 (d)."""
    wanted = [burst(capacity, n, at, 0) for at in range(n)]
    assert all_bursts(model, capacity, n, "before") == wanted


@pytest.mark.parametrize(("capacity", "n"), BURSTS)
def test_completions_as_one_burst_between_a_read_and_its_write(model, capacity, n):
    """Semantics 8.2 (d) as 11.9 has it: page m has lost PG_reclaim, so one page less is rotated."""
    wanted = [burst(capacity, n, at, 1) for at in range(n)]
    assert all_bursts(model, capacity, n, "between") == wanted


@pytest.mark.parametrize("kernel", KERNELS)
def test_completion_between_the_read_and_the_write_of_the_only_page(model, kernel):
    """Semantics 8.2 (e)."""
    m = asynchronous(model, 1, kernel)
    copies, drains = loop(m, 1, between=lambda _v: m.wait(SOON))
    assert copies == (kernel in STRICT)
    assert drains == (kernel not in (*STRICT, *BY_MAPCOUNT, *EXCLUSIVE))
    assert m.waiting("rotate", 0) == 0


@sized(34, 39, 44, small=(34,))
@pytest.mark.parametrize("held", [0, 3])
def test_writeback_that_ends_before_the_page_is_put_back(model, n, held):
    """Semantics 8.2 (f): as (b), whatever the rotate vector held.

    Requests of a page each: the plug is dispatched when page 32 comes, and its pages are still
    isolated when their writes end.  The rest is dispatched at the end and is in lru_add then.
    """
    r = n % 15
    options = {"completion_cpu": 1, "request_pages": 1, "reclaim_ns": 10}
    for kernel, fast, slow in (
        ("v5.8", 0, 0),
        ("v5.17", n, n),
        ("patch1", min(r, 15 - r), held + max(0, min(r, 15 - r - held))),
        ("patch2", 0, held),
        ("exclusive", 0, 0),
    ):
        for latency_ns, wanted in ((5, fast), (SOON, slow)):
            m = asynchronous(model, n + held, kernel, latency_ns=latency_ns, **options)
            fill_rotate(m, n, held)
            assert loop(m, n, before=at_first(m))[0] == wanted, (kernel, latency_ns)


@sized(*FEW)
def test_half_full_swap_frees_the_swap_cache_at_the_read(model, n):
    """Semantics 8.2 (g): v5.17 does as on a synchronous device, all pages read first."""
    r = n % 15
    for kernel, wanted in (
        ("v5.8", (0, 0)),
        ("v5.17", (min(r, 15 - r), 0)),
        ("patch1", (min(r, 15 - r), 0)),
        ("patch2", (0, r > 0)),
        ("exclusive", (0, 0)),
        ("v6.12", (0, 0)),
    ):
        # More than half of swap is used by pages that are not touched again.
        m = asynchronous(model, 2 * n + 2, kernel, swap_pages=2 * n + 2)
        m.pageout(0, n, n + 2)
        m.wait(SOON)
        m.lru_add_drain_all()
        assert [loop(m, n, before=at_first(m)) for _ in range(2)] == [wanted] * 2
        assert m.slots_used == n + 2


@sized(*FEW)
@pytest.mark.parametrize("capacity", [14, 15, 31])
def test_zswap_without_readahead(model, n, capacity):
    """Semantics 8.2 (h), window 1.

    Three references, PageLRU clear, until an insertion fills lru_add.
    """
    early = n if capacity % 2 == 0 else n - n // ((capacity + 1) // 2)
    for kernel, wanted in (
        ("v5.8", (0, 0)),
        ("v5.17", (n, 0)),
        ("patch1", (early, 0)),
        ("patch2", (0, n)),
        ("exclusive", (0, 0)),
        ("v7.0", (0, 0)),
    ):
        m = written(model, n, kernel=kernel, pagevec=capacity, **WINDOW_1)
        assert [loop(m, n) for _ in range(2)] == [wanted] * 2
        assert (m.pswpin, m.pswpout) == (2 * n, 2 * n)


@sized(*FEW)
def test_zswap_with_readahead(model, n):
    """Semantics 8.2 (h), window above 1.

    Two references, PageLRU; one page alone reads ahead but thrice.
    """
    for kernel, wanted in (
        ("v5.8", (0, 0)),
        ("v5.17", (n, 0)),
        ("patch1", (0, 0)),
        ("patch2", (0, 0)),
        ("exclusive", (0, 0)),
        ("v7.0", (0, 0)),
    ):
        m = written(model, n, kernel=kernel, backend="zswap")
        assert [loop(m, n) for _ in range(3)] == [wanted] * 3
        assert m.pswpin == 3 * n
        if n == 1:
            alone = {"patch1": (1, 0), "patch2": (0, 1)}.get(kernel, wanted)
            assert loop(m, n) == alone


@sized(1, 7, 8, 14, 15, 16, 22, 30, 31, 46, 62, 63)
def test_fork_pattern(model, n):
    """Semantics 8.3.

    The last pages keep their references if the child exits elsewhere; v6.14: always.
    """
    for kernel in KERNELS:
        capacity = rule(kernel, "pagevec")
        r = n % capacity
        early = kernel in STRICT
        for child_cpu, cpu, wanted in (
            (0, 0, 0),
            (1, 0, min(r, capacity - r) if early else 0),
            (0, 1, 0 if rule(kernel, "exit_drains") else r),
            (
                1,
                1,
                0 if kernel in BY_MAPCOUNT else r,
            ),  # in the lru_add of CPU 0, which nobody drains
        ):
            m = model(n, cpus=2, kernel=kernel, pagevec=capacity)
            for v in range(n):
                m.write(0, v)
            m.fork(0)
            m.exit(child_cpu)
            for v in range(n):
                m.write(cpu, v)
            assert sum(m.copies.values()) == wanted, (kernel, child_cpu, cpu)
            m.check()


@sized(*FEW)
def test_userfaultfd(model, n):
    """Semantics 7.

    Filled on CPU 0, then written, on the same CPU or another; every C-th page is flushed.
    """
    r = n % 15
    for kernel in KERNELS:
        one = min(r, 15 - r) if kernel in STRICT else 0
        other = 0 if kernel in BY_MAPCOUNT or kernel in EXCLUSIVE else r
        at_once = rule(kernel, "uffd_unprotect_writable")
        for cpu, wanted in ((0, one), (1, other)):
            m = model(n, cpus=2, kernel=kernel)
            for v in range(n):
                assert m.uffd_copy(0, v)
                assert m.writable(v) == at_once
            assert [m.page(v).count for v in range(n)] == [1] * (n - r) + [2] * r
            outcomes = [m.write(cpu, v) for v in range(n)]
            assert outcomes.count("copy") == wanted, (kernel, cpu)
            assert outcomes.count("hit" if at_once else "reuse") == n - wanted
            assert set(m.copies) <= {"PAGEVEC_REMOTE" if cpu else "PAGEVEC_LOCAL"}
            m.check()
