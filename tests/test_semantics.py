"""Semantics 5 and 6: what do_wp_page() makes of a page, and what its copy leaves.  Both models.

The specification from which the twin was written is docs/semantics.md; docstrings here and in the
other files test_semantics_*.py name its section.
"""

import pytest
import states
from models import Jitted
from states import (
    ASYNC,
    BY_MAPCOUNT,
    EXCLUSIVE,
    KERNELS,
    MAP_WRITABLE,
    ONE_REFERENCE,
    SLOW,
    SOON,
    STRICT,
    formerly_shared,
    rule,
    swapped,
    told,
    written,
)

# -- semantics 5.2: what a page's holders make of a write --------------------------------
# A column is of a first test, or of PageAnonExclusive's kernels.
FIRST_TESTS = ("mapcount", "1", "1+sc", "3", "1+sc+not-lru", "none")
COLUMNS = ("v5.8", "v5.17", "patch1", "patch2", "patch2-rfc2", "patch2-always", "exclusive")
# row: (state, page_count, PageLRU, CPU that writes, Reuse or Copy for each of COLUMNS, drains of
# the patch, label)
ROWS = {
    "1": (states.plain, 1, True, 0, "RRRRRRR", 0, None),
    "2": (states.in_lru_add, 2, False, 0, "RCCRRRR", 1, "PAGEVEC_LOCAL"),
    "3": (states.in_lru_add, 2, False, 1, "RCCCCCC", 1, "PAGEVEC_REMOTE"),
    "4": (states.in_swap_cache, 2, True, 0, "RCRRRRR", 0, "SWAPCACHE"),
    "5": (states.in_swap_cache_and_lru_add, 3, False, 0, "RCCRRRR", 1, "PAGEVEC_LOCAL"),
    "6": (states.in_swap_cache_and_lru_add, 3, False, 1, "RCCCCCC", 1, "PAGEVEC_REMOTE"),
    "7": (states.under_writeback, 2, True, 0, "RCCCCCC", 0, "WRITEBACK"),
    "8": (states.under_writeback_and_in_lru_add, 3, False, 0, "RCCCCCC", 1, "WRITEBACK"),
    "9": (states.with_swap_pte, 2, True, 0, "CCCCCCC", 0, "SWAPCOUNT"),
    "10": (states.in_rotate, 3, True, 0, "RCCCCRC", 0, "ROTATE"),
    "10, remote": (states.in_rotate, 3, True, 1, "RCCCCCC", 0, "ROTATE"),
    "11, activate": (states.in_activate, 2, True, 0, "RCCCCRC", 0, "ACTIVATE"),
    "11, activate, remote": (states.in_activate, 2, True, 1, "RCCCCCC", 0, "ACTIVATE"),
    "11, deactivate": (states.in_deactivate, 2, True, 0, "RCCCCRC", 0, "DEACTIVATE"),
    "11, lazyfree": (states.in_lazyfree, 2, True, 0, "RCCCCRC", 0, "LAZYFREE"),
    "12": (states.isolated, 2, False, 0, "RCCCCCC", 1, "ISOLATED"),
    "12, swap cache": (states.isolated_in_swap_cache, 3, False, 0, "RCCCCCC", 1, "ISOLATED"),
    "13": (states.second_pte, 2, True, 0, "CCCCCCC", 0, "SHARED_PTE"),
    "14": (states.gup, 2, True, 0, "RCCCCCC", 0, "GUP"),
    "15": (states.pinned_and_exclusive, 1025, True, 0, "RCCCCCR", 0, "GUP"),
    "16": (states.locked, 1, True, 0, "RCCCCCC", 0, "TRYLOCK"),
    "17": (states.ksm, 2, True, 0, "CCCCCCC", 0, "KSM"),
    "18": (states.lagging, 2, True, 0, "RCCCCCC", 0, "LAGGING_REF"),
}


def label_of(row, kernel, label, model):
    """Return the label of a row's copy; row 8 is the one in which the models differ."""
    return "PAGEVEC_LOCAL" if row == "8" and kernel in STRICT and model is Jitted else label


@pytest.mark.nojit
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_outcome_table(model, row, kernel):
    """Semantics 5.2, and its row 10' (v6.11: every batch clears PageLRU)."""
    state, references, lru, cpu, outcomes, drains, label = ROWS[row]
    column = -1 if kernel in EXCLUSIVE else FIRST_TESTS.index(rule(kernel, "first_test"))
    wanted = {"R": "reuse", "C": "copy"}[outcomes[column]]
    if row == "15" and rule(kernel, "uffd_unprotect_writable"):
        wanted = "hit"
    if rule(kernel, "batch_clears_lru") and row.startswith(("10", "11")):
        lru, drains = False, 1
        wanted = "reuse" if cpu == 0 else "copy"
    m = state(model, kernel)
    page = m.page(0)
    # v5.8 activates what it swaps in, which is one reference more.
    activated = page.holders.count("activate") if "activate" not in row else 0
    assert activated == 0 or rule(kernel, "swapin_activates")
    assert page.count - activated == references
    assert page.lru == lru
    if kernel in EXCLUSIVE:
        assert page.exclusive == (row == "15")
    outcome, labels = told(m, m.write, cpu, 0)
    assert outcome == wanted
    assert labels == ({label_of(row, kernel, label, model): 1} if outcome == "copy" else {})
    if rule(kernel, "drain") == "if-not-lru":
        assert m.drains == drains
    elif rule(kernel, "drain") == "never":
        assert m.drains == 0


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("writeback", [False, True])
def test_stable_writes(model, kernel, writeback):
    """Semantics 5.2, rows 4 and 7, on a device that needs stable pages."""
    m = states.in_swap_cache(model, kernel, writeback, stable_writes=True)
    outcome, labels = told(m, m.write, 0, 0)
    if not writeback:
        assert outcome == ("copy" if kernel in ONE_REFERENCE else "reuse")
    else:
        assert (outcome, labels) == (
            "copy",
            {"STABLE_WB" if kernel in BY_MAPCOUNT else "WRITEBACK": 1},
        )


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("holder", ["lru_add", "remote", "gup", "locked", "isolated", "writeback"])
def test_an_exclusive_page_is_reused_whoever_holds_it(model, kernel, holder):
    """Semantics 5.1, step a; semantics 5.2, rows 14 to 16."""
    if holder == "writeback":
        m = swapped(model, kernel=kernel, **SLOW)
        m.read(0, 0)
    else:
        m = states.exclusive(model, kernel)
        if holder in ("lru_add", "remote"):
            m.dontneed(0, 0, 1)
            m.uffd_copy(int(holder == "remote"), 0)
        elif holder == "gup":
            m.gup_get(0)
        elif holder == "locked":
            m.lock_page(0)
        else:
            m.isolate(0, 0)
    outcome, _ = told(m, m.write, 0, 0)
    if kernel in EXCLUSIVE:
        at_once = rule(kernel, "uffd_unprotect_writable")
        if holder == "writeback":
            at_once = kernel in MAP_WRITABLE
        assert outcome == ("hit" if at_once else "reuse")
        assert m.drains == 0
    elif kernel not in BY_MAPCOUNT:
        drained = holder == "lru_add" and kernel not in STRICT
        assert outcome == ("reuse" if drained else "copy")


# -- semantics 5.1: the order of the tests -----------------------------------------------
@pytest.mark.nojit
def test_rfc_v2_gives_up_where_the_drain_would_remove_two_references(model):
    """Semantics 5.1, G3 and G3b: in lru_add, and left over in another local vector from before."""
    for kernel, wanted, drains in (
        ("patch2", ("reuse", {}), 1),
        ("patch2-rfc2", ("copy", {"ACTIVATE": 1}), 0),
    ):
        m = states.in_activate(model, kernel)
        m.isolate(0, 0)
        m.putback(0, 0)
        assert m.page(0).holders == ("activate", "lru_add", "pte")
        assert not m.page(0).lru
        assert told(m, m.write, 0, 0) == wanted
        assert m.drains == drains


@pytest.mark.nojit
def test_rfc_v2_gives_up_without_a_drain(model):
    """Semantics 5.1, G3 and G3b: three references, none of them the swap cache's."""
    for kernel, drains in (("patch2", 1), ("patch2-rfc2", 0)):
        m = states.in_lru_add(model, kernel)
        m.gup_get(0)
        assert told(m, m.write, 0, 0) == ("copy", {"GUP": 1})
        assert m.drains == drains


@pytest.mark.nojit
def test_rfc_v2_allows_one_reference_more_only_where_pagelru_is_clear(model):
    """Semantics 5.1, G3b, step b: so not even an unconditional drain is reached."""
    for kernel, wanted, drains in (
        ("patch2", ("reuse", {}), 1),
        ("patch2-rfc2", ("copy", {"ACTIVATE": 1}), 0),
    ):
        m = written(model, kernel=kernel, drain="always")
        formerly_shared(m)
        m.mark_page_accessed(0, 0)
        m.mark_page_accessed(0, 0)
        assert told(m, m.write, 0, 0) == wanted
        assert m.drains == drains


@pytest.mark.nojit
def test_more_than_three_references_are_not_drained(model):
    """Semantics 5.1, step b: four, of which a drain would take two."""
    for kernel, wanted, drains in (
        ("patch2", ("copy", {"ROTATE": 1}), 0),
        ("exclusive", ("copy", {"ROTATE": 1}), 0),
        ("patch2-rfc2", ("copy", {"ROTATE": 1}), 0),
        ("patch2-always", ("reuse", {}), 1),
    ):
        m = states.in_rotate(model, kernel)
        m.isolate(0, 0)
        m.putback(0, 0)
        assert m.page(0).holders == ("lru_add", "pte", "rotate", "swapcache")
        assert told(m, m.write, 0, 0) == wanted
        assert m.drains == drains


@pytest.mark.nojit
def test_a_failed_trylock_has_paid_for_the_drain(model):
    """Semantics 5.1: the lock comes after the drain."""
    for kernel, label, drains in (
        ("v5.17", "PAGEVEC_LOCAL", 0),
        ("patch1", "PAGEVEC_LOCAL", 0),
        ("patch2", "TRYLOCK", 1),
        ("exclusive", "TRYLOCK", 1),
    ):
        m = states.in_lru_add(model, kernel)
        m.lock_page(0)
        assert told(m, m.write, 0, 0) == ("copy", {label: 1})
        assert m.drains == drains


@pytest.mark.nojit
def test_one_drain_cleans_the_whole_cpu(model):
    """Semantics 5.2, last paragraph."""
    m = written(model, 3)
    m.dontneed(0, 0, 1)
    m.write(0, 0)
    for v in (1, 1, 2, 2):
        m.mark_page_accessed(0, v)
    formerly_shared(m)
    assert [m.page(v).count for v in range(3)] == [2, 2, 2]
    assert told(m, m.write, 0, 0) == ("reuse", {})
    assert [m.page(v).count for v in range(3)] == [1, 1, 1]
    assert [m.write(0, v) for v in (1, 2)] == ["reuse", "reuse"]
    assert m.drains == 1


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("policy", "local", "remote", "left", "drains"),
    [
        ("never", "copy", "copy", 3, (0, 0)),  # a copy's page joins the two that nobody drained
        ("if-not-lru", "reuse", "copy", 0, (1, 1)),
        ("always", "reuse", "copy", 0, (1, 1)),
        ("lru-add-only", "reuse", "copy", 0, (1, 1)),
        ("this-page", "reuse", "copy", 1, (1, 1)),
        ("all-cpus", "reuse", "reuse", 0, (1, 1)),
        ("if-in-lru-add", "reuse", "copy", 0, (1, 0)),
        ("peek", "reuse", "copy", 2, (0, 0)),
    ],
)
def test_drain_policies(model, policy, local, remote, left, drains):
    for cpu, wanted in ((0, local), (1, remote)):
        m = model(2, cpus=2, drain=policy)
        m.write(0, 0)
        m.write(0, 1)
        formerly_shared(m)
        outcome, labels = told(m, m.write, cpu, 0)
        assert outcome == wanted
        label = "PAGEVEC_REMOTE" if cpu else "PAGEVEC_LOCAL"
        assert labels == ({label: 1} if outcome == "copy" else {})
        assert m.drains == drains[cpu]
        assert m.drains_reused == (drains[cpu] and wanted == "reuse")
        if cpu == 0:
            assert m.waiting("lru_add", 0) == left


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("policy", "kept", "drains"),
    [
        ("never", ["activate", "lru_add"], 0),
        ("if-not-lru", [], 1),
        ("always", [], 2),
        ("lru-add-only", ["activate"], 1),
        ("this-page", ["activate"], 1),
        ("all-cpus", [], 1),
        ("if-in-lru-add", [], 1),
        ("peek", ["activate", "lru_add"], 0),
    ],
)
def test_what_a_drain_policy_leaves_in_the_other_vectors(model, policy, kept, drains):
    """Page 1, then page 0, which is PageLRU and in activate unless a drain has been there."""
    m = written(model, 2, drain=policy)
    m.dontneed(0, 1, 1)
    m.mark_page_accessed(0, 0)
    m.write(0, 1)
    m.mark_page_accessed(0, 0)
    formerly_shared(m)
    m.write(0, 1)
    assert [kind for kind in ("activate", "lru_add") if m.waiting(kind, 0)] == kept
    assert m.write(0, 0) == ("copy" if "activate" in kept else "reuse")
    assert m.drains == drains
    m.check()


# -- semantics 6: wp_page_copy() ---------------------------------------------------------
@pytest.mark.nojit
def test_a_copied_page_lives_until_its_pagevec_is_flushed(model):
    """Semantics 6, step 5 and the first note: the copy's own insertion may be what flushes it."""
    for others, pages in ((0, 2), (13, 1)):
        m = states.in_lru_add(model, "v5.17")
        for _ in range(others):
            m.foreign_insert(0)
        assert told(m, m.write, 0, 0) == ("copy", {"PAGEVEC_LOCAL": 1})
        assert m.pages_used == pages
        assert m.page(0).holders == (("lru_add", "pte") if pages == 2 else ("pte",))
        m.lru_add_drain(0)
        assert m.pages_used == 1
        m.check()


@pytest.mark.nojit
def test_a_copied_page_leaves_the_swap_cache_since_v5_14(model):
    """Semantics 6, step 8: f4c4a3f48480; before, it stays as an orphan."""
    for frees, left in ((True, 0), (False, 1)):
        m = states.in_swap_cache(model, "v5.9", rules={"frees_swap_after_copy": frees})
        assert told(m, m.write, 0, 0) == ("copy", {"SWAPCACHE": 1})
        assert (m.slots_used, m.nr_orphans()) == (left, left)
        m.check()


@pytest.mark.nojit
@pytest.mark.parametrize("kernel", ["v5.17", "patch1", "patch2", "patch2-rfc2"])
def test_a_page_copied_under_writeback_becomes_an_orphan(model, kernel):
    """Semantics 6, second note: a slot and a page each, writeback's end notwithstanding."""
    n = 20
    m = swapped(model, n, kernel=kernel, **ASYNC)
    for v in range(n):
        m.read(0, v)
        assert m.write(0, v) == "copy"
    for _ in range(2):
        m.lru_add_drain_all()
        assert (m.slots_used, m.nr_orphans(), m.pages_used) == (n, n, 2 * n)
        m.wait(SOON)
        m.check()


@pytest.mark.nojit
def test_an_orphan_makes_room_where_swap_is_more_than_half_full():
    """Semantics 6, second note.

    The scan for a slot comes by it; the twin's slots never go round.
    """
    m = swapped(Jitted, 4, swap_pages=11, **ASYNC)
    for v in range(4):
        m.read(0, v)
        m.write(0, v)
    m.wait(SOON)
    m.lru_add_drain_all()
    assert (m.slots_used, m.nr_orphans()) == (4, 4)
    m.pageout(0, 0, 4)  # 8 of 11
    m.wait(SOON)
    assert (m.slots_used, m.nr_orphans()) == (8, 4)
    m.dontneed(0, 0, 4)
    for v in range(4):
        m.write(0, v)
    m.pageout(0, 0, 4)  # the last three slots, then the first: an orphan's, 7 of 11 in use
    assert m.resident(0, 4) == 0
    m.lru_add_drain_all()
    assert (m.slots_used, m.nr_orphans()) == (7, 3)
    m.check()
