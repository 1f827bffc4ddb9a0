"""Semantics since v6.12: references, drains and copies up to v7.3, in closed form.  Both models.

The specification is docs/semantics-2026.md.
"""

import pytest
import states
from states import ASYNC, WINDOW_1, formerly_shared, rule, sized, swapped, told, written

G5X, G6, G7 = "v6.18", "v7.2", "v7.3"
OF_2026 = (G5X, "v7.0", G6, G7)
BATCH = 31
SIZES = (1, 7, 8, 30, 31, 32, 46, 62, 63)


# -- semantics-2026 3.4: references after a read fault -----------------------------------
@pytest.mark.nojit
@pytest.mark.parametrize("kernel", OF_2026)
def test_read_from_a_synchronous_device(model, kernel):
    """semantics-2026 3.4, rows 1 and 2.

    Whoever's the slot is, PTE and lru_add; with a sharer the swap cache, too.
    """
    m = swapped(model, 2, kernel=kernel, pagevec=BATCH)
    assert m.read(0, 0) == "major"
    assert (m.page(0).holders, m.page(0).lru) == (("lru_add", "pte"), False)
    assert m.pswpin == 1
    m.fork(0)
    assert m.read(0, 1) == "major"
    if kernel == G5X:  # by readahead, which drains
        assert (m.page(1).holders, m.page(1).lru) == (("pte", "swapcache"), True)
    else:
        assert (m.page(1).holders, m.page(1).lru) == (("lru_add", "pte", "swapcache"), False)
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", OF_2026)
def test_read_with_a_window_of_1(model, kernel):
    """semantics-2026 3.4, row 3."""
    m = swapped(model, kernel=kernel, pagevec=BATCH, **WINDOW_1)
    assert m.read(0, 0) == "major"
    assert (m.page(0).holders, m.page(0).lru) == (("lru_add", "pte", "swapcache"), False)
    assert m.drains_readahead == 0


@sized(8, 30, 31, 32, 40, 62, 70, small=(8, 32))
@pytest.mark.parametrize("kernel", OF_2026)
def test_read_with_readahead(model, kernel, n):
    """semantics-2026 3.4, rows 4 and 5.

    v7.3 leaves the last pages, mod 31, in lru_add, and off the LRU.
    """
    m = swapped(model, n, kernel=kernel, pagevec=BATCH, backend="zswap")
    m.read(0, 0)
    ahead = [v for v in range(1, n) if m.page(v) is not None]
    assert ahead
    waits = kernel == G7
    for v in ahead:
        assert m.page(v).holders == (("lru_add", "swapcache") if waits else ("swapcache",))
        assert m.page(v).lru != waits
    for v in range(1, n):
        m.read(0, v)
    assert m.pswpin == n
    left = n % BATCH if waits else 0
    for v in range(n):
        others = ("lru_add", "pte", "swapcache") if v >= n - left else ("pte", "swapcache")
        assert (m.page(v).holders, m.page(v).lru) == (others, v < n - left)
    assert m.drains_readahead == (0 if waits else m.drains_readahead_nonempty)
    m.check()


# -- semantics-2026 3.5: drains of a direct write to a swapped-out page ------------------
@sized(1, 7, 30, 31, 100, 512, small=(1, 7, 31))
@pytest.mark.parametrize("device", ["synchronous", "window 1", "readahead"])
def test_drains_of_direct_writes(model, n, device):
    options = {"synchronous": {}, "window 1": WINDOW_1, "readahead": {"backend": "zswap"}}[device]
    for kernel in ("v5.17", "v5.18", "exclusive", "v6.12", *OF_2026):
        drains = n if rule(kernel, "swapin_drain") == "if-not-lru" else 0
        if device == "window 1":
            drains = n if rule(kernel, "swapin_drain") != "never" else 0
        m = written(model, n, kernel=kernel, pagevec=rule(kernel, "pagevec"), **options)
        for _ in range(2):
            before = m.drains_swapin
            m.pageout(0, 0, n)
            assert {m.write(0, v) for v in range(n)} <= {"major", "minor"}
            if device != "readahead":
                assert m.drains_swapin - before == drains
            elif kernel == G7:
                assert m.drains_swapin == m.drains_readahead == 0
            else:  # window 1 comes up now and then, unless nobody reads ahead again
                assert m.drains_swapin - before <= 1
        if device != "readahead":
            assert m.drains_swapin_nonempty == m.drains_swapin_reused == 2 * drains
        assert (m.wp_faults, m.drains, m.pswpin) == (0, 0, 2 * n)
        m.check()


# -- semantics-2026 3.2 and 3.3: swap cache and writability ------------------------------
@pytest.mark.nojit
@pytest.mark.parametrize(
    ("kernel", "kept", "after"),
    [(G5X, "", "hit"), ("v7.0", "swapcache", "hit"), (G6, "swapcache", "hit"), (G7, "", "hit")],
)
def test_exclusive_write_on_an_asynchronous_device(model, kernel, kept, after):
    """semantics-2026 3.2.

    V7.0 to v7.2 look for the write flag when it is gone, and keep the swap cache.
    """
    m = swapped(model, kernel=kernel, **ASYNC)
    m.wait(states.SOON)
    m.lru_add_drain_all()
    assert m.write(0, 0) == "minor"
    assert m.page(0).holders == ("pte", *kept.split())
    assert m.write(0, 0) == after
    assert m.slots_used == bool(kept)
    m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", OF_2026)
@pytest.mark.parametrize("cpu", [0, 1])
def test_a_page_that_was_forked_once_is_not_writable_since_v7_0(model, kernel, cpu):
    """semantics-2026 3.3.

    So a write on another CPU than the read's copies again, as the reproducer's did.
    """
    m = formerly_shared(swapped(model, kernel=kernel))
    m.read(0, 0)
    if kernel == G5X:
        assert m.writable(0)
        assert m.write(cpu, 0) == "hit"
    else:
        assert (m.writable(0), m.page(0).holders) == (False, ("lru_add", "pte"))
        wanted = ("copy", {"PAGEVEC_REMOTE": 1}) if cpu else ("reuse", {})
        assert told(m, m.write, cpu, 0) == wanted
        assert (m.drains, m.drains_nonempty, m.drains_reused) == (1, 1 - cpu, 1 - cpu)


# -- semantics-2026 4: do_wp_page() of v5.19 to v7.2 (G4 to G6) against v7.3's (G7) ------
def in_lru_add_and_stale_activate(model, kernel):
    m = states.in_activate(model, kernel)
    m.isolate(0, 0)
    m.putback(0, 0)
    return m


def with_gup(state):
    def held(model, kernel):
        m = state(model, kernel)
        assert m.gup_get(0)
        return m

    return held


def shared_in_lru_add(model, kernel):
    m = states.in_lru_add(model, kernel)
    m.fork(0)
    return m


# (state, CPU, page_count, in the swap cache, PageLRU, then outcome and drains of G4 to G6, of G7)
DECISIONS = {
    "two local references": (in_lru_add_and_stale_activate, 0, 3, 0, 0, ("reuse", 1), ("copy", 0)),
    "lru_add and GUP": (with_gup(states.in_lru_add), 0, 3, 0, 0, ("copy", 1), ("copy", 0)),
    "lru_add and a second PTE": (shared_in_lru_add, 0, 3, 0, 0, ("copy", 1), ("copy", 0)),
    "..., from another CPU": (shared_in_lru_add, 1, 3, 0, 0, ("copy", 1), ("copy", 0)),
    "on the LRU, 3": (with_gup(states.second_pte), 0, 3, 0, 1, ("copy", 0), ("copy", 0)),
    "on the LRU, 2": (states.second_pte, 0, 2, 0, 1, ("copy", 0), ("copy", 0)),
    "local lru_add": (states.in_lru_add, 0, 2, 0, 0, ("reuse", 1), ("reuse", 1)),
    "remote lru_add": (states.in_lru_add, 1, 2, 0, 0, ("copy", 1), ("copy", 1)),
    "isolated": (states.isolated, 0, 2, 0, 0, ("copy", 1), ("copy", 1)),
    "swap cache, local lru_add": (
        states.in_swap_cache_and_lru_add, 0, 3, 1, 0, ("reuse", 1), ("reuse", 1),
    ),
    "swap cache, remote lru_add": (
        states.in_swap_cache_and_lru_add, 1, 3, 1, 0, ("copy", 1), ("copy", 1),
    ),
    "swap cache, writeback": (
        states.under_writeback_and_in_lru_add, 0, 3, 1, 0, ("copy", 1), ("copy", 1),
    ),
    "swap cache, on the LRU": (states.in_swap_cache, 0, 2, 1, 1, ("reuse", 0), ("reuse", 0)),
    "swap cache, on the LRU, 3": (states.in_rotate, 0, 3, 1, 1, ("copy", 0), ("copy", 0)),
    "four": (
        with_gup(states.in_swap_cache_and_lru_add), 0, 4, 1, 0, ("copy", 0), ("copy", 0),
    ),
    "four, no swap cache": (with_gup(shared_in_lru_add), 0, 4, 0, 0, ("copy", 0), ("copy", 0)),
}  # fmt: skip


@pytest.mark.nojit
@pytest.mark.parametrize("state", DECISIONS)
@pytest.mark.parametrize("kernel", ["exclusive", "v6.12", *OF_2026])
def test_first_test_of_v7_3(model, kernel, state):
    """semantics-2026 4.

    V7.3 tells by the first test alone that a page with one reference more is lost.
    """
    make, cpu, count, swapcache, lru, *wanted = DECISIONS[state]
    m = make(model, kernel)
    page = m.page(0)
    assert (page.count, page.swapcache, page.lru) == (count, swapcache, lru)
    assert not page.exclusive
    outcome, drains = wanted[kernel == G7]
    assert told(m, m.write, cpu, 0)[0] == outcome
    assert m.drains == drains


@pytest.mark.nojit
@pytest.mark.parametrize("first_test", ["3", "1+sc+not-lru"])
def test_peek_is_the_series_without_its_drains(model, first_test):
    """semantics-2026 6.

    As many copies as v7.3 for a page that one local pagevec holds, and no drain.
    """
    for state in ("local lru_add", "remote lru_add", "swap cache, local lru_add", "isolated"):
        make, cpu, *_, (outcome, _) = DECISIONS[state]
        m = make(
            lambda *args, **options: model(
                *args, **options | {"drain": "peek", "rules": {"first_test": first_test}}
            ),
            G7,
        )
        waiting = m.waiting("lru_add", 0)
        assert told(m, m.write, cpu, 0)[0] == outcome
        assert m.drains == 0
        if outcome == "reuse":
            assert m.page(0).holders == ("lru_add", "pte")
            assert m.page(0).exclusive
            assert m.waiting("lru_add", 0) == waiting


# -- semantics-2026 5.7 and 5.8: fork ----------------------------------------------------
def filled(model, n, kernel):
    """Return a machine of which CPU 0 has written ``n`` pages, r of them still in its lru_add."""
    m = model(n, cpus=3, kernel=kernel, pagevec=rule(kernel, "pagevec"))
    for v in range(n):
        m.write(0, v)
    return m


@sized(*SIZES, small=(1, 8, 31, 32))
@pytest.mark.parametrize("kernel", ["v6.13", "v6.14", *OF_2026])
def test_writes_after_the_child_has_exited(model, n, kernel):
    """semantics-2026 5.7.

    Since v6.14 pages written on A wait there for ever; a write on B copies r of them.
    """
    r = n % BATCH
    for child_cpu in (0, 2):
        drained = rule(kernel, "exit_drains") and child_cpu == 0
        for cpu, copies in ((0, 0), (1, 0 if drained else r)):
            m = filled(model, n, kernel)
            m.fork(0)
            m.exit(child_cpu)
            outcomes = [m.write(cpu, v) for v in range(n)]
            assert outcomes.count("copy") == copies == sum(m.copies.values())
            assert outcomes.count("reuse") == n - copies
            if cpu == 0:
                assert m.drains == m.drains_reused == (r > 0 and not drained)
            else:  # each in vain, and each but the first finds the copy before it
                assert (m.drains, m.drains_reused) == (copies, 0)
                assert m.drains_nonempty == max(copies - 1, 0)
                assert m.waiting("lru_add", 1) == (copies > 0)
                assert m.waiting("lru_add", 0) == (0 if drained else r)
            m.check()


@sized(*SIZES, small=(1, 8, 31, 32))
@pytest.mark.parametrize("kernel", ["exclusive", "v6.13", *OF_2026])
def test_writes_while_the_child_lives(model, n, kernel):
    """semantics-2026 5.8.

    All copy; what v7.3 saves are drains, one on A and r on B, none of which helps.
    """
    capacity = rule(kernel, "pagevec")
    r = n % capacity
    for write in ("write", "child_write"):
        for cpu in (0, 1):
            m = filled(model, n, kernel)
            m.fork(0)
            do = getattr(m, write)
            assert [do(cpu, v) for v in range(n)] == ["copy"] * n
            assert m.copies == {"SHARED_PTE": n}
            if kernel == G7:
                drains = 0
            elif cpu == 1:
                drains = r
            else:  # with a batch or more, the copies' own insertions flush the rest before
                drains = int(n < capacity)
            assert (m.drains, m.drains_reused) == (drains, 0)
            m.check()
