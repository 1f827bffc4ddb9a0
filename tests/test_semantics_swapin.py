"""Semantics 4: do_swap_page() and readahead.  Both models."""

import pytest
from states import (
    ASYNC,
    EXCLUSIVE,
    KERNELS,
    MAP_WRITABLE,
    SLOW,
    SOON,
    WINDOW_1,
    forked,
    formerly_shared,
    rule,
    swapped,
    told,
    written,
)


def past_the_swap_cache(model, kernel, **options):
    return swapped(model, kernel=kernel, **options)


def past_the_swap_cache_filling(model, kernel, **options):
    m = swapped(model, kernel=kernel, **options)
    for _ in range(14):
        m.foreign_insert(0)
    return m


def hit(model, kernel, local=True, drained=False):
    m = written(model, kernel=kernel, **ASYNC)
    m.pageout(0 if local else 1, 0, 1)
    m.wait(SOON)
    if drained:
        m.lru_add_drain(0)
    return m


def hit_in_rotate(model, kernel):
    m = swapped(model, kernel=kernel, **ASYNC)
    m.lru_add_drain(0)
    m.wait(SOON)
    return m


# name -> (state, fault, holders beside the PTE, PageLRU)
READS = {
    "past the swap cache": (past_the_swap_cache, "major", ("lru_add",), False),
    "past it, filling lru_add": (past_the_swap_cache_filling, "major", (), True),
    "readahead, window 1": (
        lambda model, d: past_the_swap_cache(model, d, **WINDOW_1),
        "major",
        ("lru_add", "swapcache"),
        False,
    ),
    "readahead, window 1, filling": (
        lambda model, d: past_the_swap_cache_filling(model, d, **WINDOW_1),
        "major",
        ("swapcache",),
        True,
    ),
    "readahead, window 8": (
        lambda model, d: past_the_swap_cache(model, d, backend="zswap"),
        "major",
        ("swapcache",),
        True,
    ),
    "hit, in the local lru_add": (hit, "minor", ("lru_add", "swapcache"), False),
    "hit, in a remote lru_add": (
        lambda model, d: hit(model, d, local=False),
        "minor",
        ("lru_add", "swapcache"),
        False,
    ),
    "hit, on the LRU": (
        lambda model, d: hit(model, d, drained=True),
        "minor",
        ("swapcache",),
        True,
    ),
    "hit, in a rotate vector": (hit_in_rotate, "minor", ("rotate", "swapcache"), True),
}


@pytest.mark.nojit
@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_references_after_a_read_fault(model, path, kernel):
    """Semantics 4.2."""
    state, fault, others, lru = READS[path]
    m = state(model, kernel)
    assert m.swap_exclusive(0) == (kernel in EXCLUSIVE)
    assert m.read(0, 0) == fault
    page = m.page(0)
    if path == "readahead, window 8" and not rule(kernel, "readahead_drains"):
        others, lru = ("lru_add", *others), False
    if rule(kernel, "swapin_activates") and lru:
        others = (*others, "activate")
    if rule(kernel, "batch_clears_lru") and "rotate" in others:
        lru = False
    assert page.holders == tuple(sorted(("pte", *others)))
    assert page.count == len(page.holders)
    assert page.lru == lru
    assert m.writable(0) == (kernel in MAP_WRITABLE)
    assert not m.pte_dirty(0)
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("writeback", "swap_pages"), [(False, 1), (False, 2), (True, 1)])
def test_swap_more_than_half_full(model, kernel, writeback, swap_pages):
    """Semantics 4.2: then try_to_free_swap() takes the swap cache's reference at the read fault."""
    m = written(model, kernel=kernel, swap_pages=swap_pages, **ASYNC)
    m.pageout(0, 0, 1)
    if not writeback:
        m.wait(SOON)
    assert m.read(0, 0) == "minor"
    freed = swap_pages == 1 and not writeback
    assert m.page(0).holders == (("lru_add", "pte") if freed else ("lru_add", "pte", "swapcache"))
    assert m.slots_used == (0 if freed else 1)
    m.check()


@pytest.mark.nojit
def test_readahead_window_halves_while_nothing_is_hit(model):
    """Semantics 4.3: 8, 4, 2, 1; a window above 1 ends with lru_add_drain()."""
    m = swapped(model, backend="zswap")
    drained = []
    for _ in range(6):
        m.foreign_insert(0)
        m.read(0, 0)
        drained.append(m.waiting("lru_add", 0) == 0)
        m.pageout(0, 0, 1)
    assert drained == [True, True, True, False, False, False]
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("pmd_offset", "read"),
    [(0, [6, 7, 8, 9, 10, 11, 12, 13]), (502, [6, 7, 8, 9]), (504, [8, 9, 10, 11, 12, 13])],
)
def test_readahead_stops_at_the_page_table(model, pmd_offset, read):
    """Semantics 4.3, 11.1 and 11.2: the centred window; what it read is hit by minor faults."""
    m = swapped(model, 20, backend="zswap", pmd_offset=pmd_offset)
    assert m.read(0, 9) == "major"
    assert [v for v in range(20) if m.page(v)] == read
    assert m.pswpin == len(read)
    for v in read:
        marked = v != 9
        assert m.page(v).reclaim == marked  # PG_readahead is the same bit
        assert m.read(0, v) == ("minor" if marked else "hit")
        assert not m.page(v).reclaim
    m.check()


@pytest.mark.nojit
def test_cluster_readahead_with_a_rotational_device(model):
    """Semantics 4.3: the aligned block of slots around the fault's."""
    m = swapped(model, 20, backend="zswap", rotational=True)
    assert m.read(0, 9) == "major"
    block = m.slot_of(9) // 8
    assert [v for v in range(20) if m.page(v)] == [
        v for v in range(20) if m.slot_of(v) // 8 == block
    ]
    m.check()


def on_lru(m):
    m.lru_add_drain_all()
    return m


def under_writeback(model, kernel, **options):
    return on_lru(swapped(model, kernel=kernel, **options, **SLOW))


# page -> (state, then for each do_swap_page() what holds the page afterwards beside its PTE; or the
# label of the copy that do_wp_page() made; or "reuse", if it did that and nothing else holds it)
SWAPINS = ("v5.8", "v5.17", "v5.18", "v6.1", "v6.12", "v7.0", "v7.3")
OLD, V6, NEW = "v5.8 v5.17", "v6.1 v6.12", "v6.1 v6.12 v7.0 v7.3"
DIRECT = {
    "past the swap cache": (
        past_the_swap_cache,
        {f"{OLD} v5.18 {V6} v7.3": "lru_add", "v7.0": ""},
    ),
    "clean": (
        lambda model, d: hit(model, d, drained=True),
        {f"{OLD} v5.18 {V6} v7.3": "", "v7.0": "swapcache"},
    ),
    "clean, in the local lru_add": (
        hit,
        {f"{OLD} v7.3": "lru_add", f"v5.18 {V6}": "", "v7.0": "swapcache"},
    ),
    "clean, in a remote lru_add": (
        lambda model, d: hit(model, d, local=False),
        {
            f"{OLD} v7.3": "lru_add",
            "v5.18": "PAGEVEC_REMOTE",
            f"{V6} v7.0": "lru_add swapcache",
        },
    ),
    "clean, in a rotate vector": (
        hit_in_rotate,
        {f"{OLD} v7.3": "rotate", "v5.18": "ROTATE", f"{V6} v7.0": "rotate swapcache"},
    ),
    "under writeback": (
        under_writeback,
        {OLD: "swapcache", "v5.18": "WRITEBACK", NEW: "swapcache"},
    ),
    "under writeback, stable": (
        lambda model, d: under_writeback(model, d, stable_writes=True),
        {"v5.8": "STABLE_WB", f"v5.17 v5.18 {NEW}": "WRITEBACK"},
    ),
    "shared with a swap PTE": (
        lambda model, d: forked(past_the_swap_cache(model, d)),
        {f"{OLD} v5.18 {NEW}": "SWAPCOUNT"},
    ),
    "shared, in the swap cache": (
        lambda model, d: forked(hit(model, d, drained=True)),
        {f"{OLD} v5.18 {NEW}": "SWAPCOUNT"},
    ),
    "once shared, past the swap cache": (
        lambda model, d: formerly_shared(past_the_swap_cache(model, d)),
        {f"{OLD} v5.18 {V6}": "lru_add", "v7.0 v7.3": "reuse"},
    ),
    "once shared, clean": (
        lambda model, d: formerly_shared(hit(model, d)),
        {OLD: "lru_add", f"v5.18 {V6}": "", "v7.0 v7.3": "reuse"},
    ),
    "once shared, in a remote lru_add": (
        lambda model, d: formerly_shared(hit(model, d, local=False)),
        {OLD: "lru_add", f"v5.18 {NEW}": "PAGEVEC_REMOTE"},
    ),
    "once shared, under writeback": (
        lambda model, d: formerly_shared(under_writeback(model, d)),
        {OLD: "swapcache", f"v5.18 {NEW}": "WRITEBACK"},
    ),
}


@pytest.mark.nojit
@pytest.mark.parametrize("page", DIRECT)
@pytest.mark.parametrize("swapin", SWAPINS)
def test_write_to_a_page_that_is_swapped_out(model, page, swapin):
    """Semantics 4.4: writable at once, or mapped read-only and do_wp_page() in the same fault."""
    state, table = DIRECT[page]
    wanted = next(after for kernels, after in table.items() if swapin in kernels.split())
    m = state(model, swapin)
    fault, labels = told(m, m.write, 0, 0)
    cold = "past" in page or page == "shared with a swap PTE"
    assert fault == ("major" if cold else "minor")
    holders = [name for name in m.page(0).holders if (swapin, name) != ("v5.8", "activate")]
    if wanted.isupper():
        assert labels == {wanted: 1}
        assert (m.wp_faults, m.reuses) == (1, 0)
        assert holders == ["lru_add", "pte"]  # of the copy
    elif wanted == "reuse":
        assert labels == {}
        assert (m.wp_faults, m.reuses) == (1, 1)
        assert holders == ["pte"]
    else:
        assert labels == {}
        assert m.wp_faults == 0
        assert holders == sorted(["pte", *wanted.split()])
    assert m.write(0, 0) == "hit"
    assert m.pte_dirty(0)


@pytest.mark.nojit
def test_g3_mid_ignores_references_at_a_direct_write(model):
    """Semantics 0 and 4.4: d4c470970d45 itself still swaps in by reuse_swap_page()."""
    names = ("swapin_drain", "free_swap_on_write", "sole_owner_writable")
    m = model(1, kernel="patch2", rules={name: rule("v5.17", name) for name in names}, **SLOW)
    m.write(0, 0)
    m.pageout(0, 0, 1)
    assert m.write(0, 0) == "minor"
    assert m.wp_faults == 0
    assert m.page(0).holders == ("lru_add", "pte", "swapcache")


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", EXCLUSIVE)
@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize("backend", ["zram", "zswap"])
def test_a_read_maps_an_exclusive_page_writable(model, kernel, writable, backend):
    """Semantics 4.2: c18160dba5ff (v6.11) is about do_swap_page(), whoever decides afterwards."""
    m = swapped(model, kernel=kernel, rules={"writable_on_read": writable}, backend=backend)
    assert m.read(0, 0) == "major"
    assert m.page(0).exclusive
    assert m.write(0, 0) == ("hit" if writable else "reuse")
    assert m.wp_faults == (not writable)
    m.check()


@pytest.mark.nojit
def test_v7_0_reads_a_synchronous_device_into_the_swap_cache(model):
    """Semantics 4.1.

    Out of it again once mapped (f1879e8a0c60, 4b34f1d82c65), so one reference too late.
    """
    m = swapped(model, 2, kernel="v7.0")
    assert m.read(0, 0) == "major"
    assert m.pswpin == 1  # no readahead
    assert m.page(0).holders == ("lru_add", "pte")
    assert (m.slots_used, m.writable(0)) == (1, True)
    m.fork(0)
    m.exit(1)  # page 1's swap PTE has lost its mark, as has page 0
    assert m.read(0, 1) == "major"
    assert m.page(1).holders == ("lru_add", "pte")
    assert (m.slots_used, m.writable(1), m.page(1).exclusive) == (0, False, False)
    assert told(m, m.write, 0, 1) == ("reuse", {})
    assert m.drains == 1


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", ["v6.12", "v7.0"])
def test_swap_slot_shared_with_a_child(model, kernel):
    """Semantics 7.

    Two users, so through the swap cache, and the first to write copies (SWAPCOUNT).
    """
    m = formerly_shared(swapped(model, kernel=kernel))
    m.read(0, 0)
    assert m.writable(0) == (kernel == "v6.12")  # past the swap cache: exclusive
    m = forked(swapped(model, kernel=kernel))
    assert m.read(0, 0) == "major"
    assert m.page(0).swapcache
    assert not m.writable(0)
    assert told(m, m.write, 0, 0) == ("copy", {"SWAPCOUNT": 1})
