"""Each rule is a switch of its own: what switching just that one changes.  Both models."""

import pytest
import states
from states import ASYNC, SOON, WINDOW_1, formerly_shared, swapped, written

import wpbench as wb
from wpbench.scenario import RULES
from wpbench.scenario.rules import OWN_FIELDS


def on(state, model, options):
    """Return a machine of states.py that has these options."""
    return state(lambda n, **more: model(n, **(more | options)), options["kernel"])


def once_shared(model, options):
    """Swap a page out, let a child come and go: its entry is not exclusive."""
    return formerly_shared(swapped(model, **options))


def after(m, *accesses):
    """Do ``(what, cpu, page)`` one after the other; return the last outcome."""
    return [getattr(m, what)(*where) for what, *where in accesses][-1]


def hit(model, options, cpu=0):
    """Return a machine whose page 0 is in the swap cache, its write ended, and in a lru_add."""
    m = written(model, **options, **ASYNC)
    m.pageout(cpu, 0, 1)
    m.wait(SOON)
    return m


# -- what a rule changes: each returns what it saw of a machine with these options ----------
def reuse_exclusive(model, options):
    m = written(model, **options)
    m.dontneed(0, 0, 1)
    m.uffd_copy(0, 0)
    m.gup_get(0)
    return m.write(0, 0)


def first_test(model, options):
    """A GUP reference; the swap cache; lru_add, the swap cache and another vector; lru_add, GUP."""
    seen = []
    for state in (states.gup, states.in_swap_cache, states.in_rotate, states.in_lru_add):
        m = on(state, model, options)
        if state is states.in_rotate:
            m.isolate(0, 0)
            m.putback(0, 0)
        if state is states.in_lru_add:
            m.gup_get(0)
        seen.append((m.write(0, 0), m.drains))
    return seen


def drain(model, options):
    """Page 1 in lru_add; page 0 in activate, where batches leave PageLRU; and from elsewhere."""
    m = written(model, 3, **options)
    m.dontneed(0, 1, 2)
    m.write(0, 1)
    m.write(0, 2)
    for _ in range(2):
        m.mark_page_accessed(0, 0)
    formerly_shared(m)
    outcomes = [m.write(0, 1)]
    left = m.waiting("lru_add", 0), m.waiting("activate", 0)
    outcomes.append(m.write(0, 0))
    other = on(states.in_lru_add, model, options)
    return outcomes, left, m.drains, other.write(1, 0), other.drains


def frees_swap_after_copy(model, options):
    m = on(states.in_rotate, model, options)
    assert m.write(0, 0) == "copy"
    m.lru_add_drain_all()
    return m.slots_used


def pins_unshare(model, options):
    m = formerly_shared(written(model, **options))
    m.process_vm_readv(0, 0)
    return m.page(0).exclusive, m.writable(0), m.wp_faults


def swp_exclusive(model, options):
    return swapped(model, **options).swap_exclusive(0)


def sync_swapin(model, options):
    m = once_shared(model, options)
    m.read(0, 0)
    return m.page(0).exclusive


def swapin_drain(model, options):
    """Past the swap cache, and through it."""
    m, through = swapped(model, **options), swapped(model, **options, **WINDOW_1)
    return [after(each, ("write", 0, 0)) and each.waiting("lru_add", 0) for each in (m, through)]


def free_swap_on_read(model, options):
    m = swapped(model, **options)
    m.read(0, 0)
    return m.page(0).swapcache


def free_swap_on_write(model, options):
    """An exclusive page of an asynchronous device, and of a synchronous one."""
    m, synchronous = hit(model, options), swapped(model, **options)
    return [after(each, ("write", 0, 0)) and each.page(0).swapcache for each in (m, synchronous)]


def sole_owner_writable(model, options):
    """An only reference left, and one in another CPU's lru_add."""
    m = formerly_shared(hit(model, options))
    remote = formerly_shared(hit(model, options, cpu=1))
    return [after(each, ("write", 0, 0)) and each.wp_faults for each in (m, remote)]


def read_again(model, options):
    m = swapped(model, **options)
    m.read(0, 0)
    return m.page(0), m.writable(0)


def readahead_drains(model, options):
    m = swapped(model, **options, backend="zswap")
    m.read(0, 0)
    return m.page(0).lru, m.drains_readahead


def swapin_activates(model, options):
    m = hit(model, options)
    m.lru_add_drain_all()
    m.read(0, 0)
    return m.waiting("activate", 0)


def zswap_load_exclusive(model, options):
    m = swapped(model, **options, **WINDOW_1)
    m.read(0, 0)
    dirty = m.page(0).dirty
    m.pageout(0, 0, 1)
    return dirty, m.pswpout


def batch_clears_lru(model, options):
    m = written(model, **options)
    for _ in range(2):
        m.mark_page_accessed(0, 0)
    return m.page(0).lru


def waits_after(do):
    def observe(model, options):
        m = written(model, 2, **options)
        m.fork(0)
        m.foreign_insert(1)
        do(m)
        return m.waiting("lru_add", 1)

    return observe


def drains_on_migrate(model, options):
    m = written(model, **options)
    m.migrate_page(0, 0)
    return m.page(0).holders


def activate_batch(model, options):
    m = written(model, **options)
    for _ in range(2):
        m.mark_page_accessed(0, 0)
    return m.waiting("activate", 0), m.page(0).referenced


def cold_queues_inactive(model, options):
    m = written(model, **options)
    m.cold(0, 0, 1)
    return m.waiting("deactivate", 0)


def new_pages_active(model, options):
    return written(model, **options).page(0).active


def refaults_activate(model, options):
    m = swapped(model, **options)
    m.read(0, 0)
    return m.page(0).active


def lazyfree_extra_ref(model, options):
    m = written(model, **options)
    m.free(0, 0, 1)
    m.lru_add_drain(0)
    m.gup_get(0)
    m.pageout(0, 0, 1)
    return m.kind(0), m.page(0) and m.page(0).swapbacked


def pinned_not_swapped(model, options):
    m = written(model, **options)
    m.pin(0)
    m.pageout(0, 0, 1)
    return m.kind(0), m.slots_used


def copies_pinned_at_fork(model, options):
    m = written(model, **options)
    m.pin(0)
    m.fork(0)
    return m.page(0).holders


def uffd_unprotect_writable(model, options):
    m = model(1, **options)
    m.uffd_copy(0, 0)
    return m.writable(0)


# (rule, kernel, what is seen, values that differ there).  first_test twice: the strict ones leave
# no reference that a drain could drop (drains_fit()), and without a drain all others are "1+sc".
# free_swap_on_write twice: before the mapping, and after it.
BOTH = (False, True)
SWITCHES = [
    ("reuse_exclusive", "v5.19", reuse_exclusive, BOTH),
    ("first_test", "patch1", first_test, ("mapcount", "1", "1+sc")),
    ("first_test", "patch2", first_test, ("3", "1+sc+not-lru", "none")),
    ("drain", "patch2", drain, RULES["drain"].values),
    ("frees_swap_after_copy", "v5.19", frees_swap_after_copy, BOTH),
    ("pins_unshare", "v6.12", pins_unshare, BOTH),
    ("swp_exclusive", "v5.19", swp_exclusive, BOTH),
    ("sync_swapin", "v7.0", sync_swapin, RULES["sync_swapin"].values),
    ("swapin_drain", "v6.12", swapin_drain, RULES["swapin_drain"].values),
    ("free_swap_on_read", "v7.0", free_swap_on_read, RULES["free_swap_on_read"].values),
    ("free_swap_on_write", "v6.12", free_swap_on_write, ("if-full", "if-count-2")),
    ("free_swap_on_write", "v7.0", free_swap_on_write, RULES["free_swap_on_write"].values[1:]),
    ("free_swap_before_mapping", "v7.0", free_swap_on_write, BOTH),
    ("sole_owner_writable", "v5.18", sole_owner_writable, RULES["sole_owner_writable"].values),
    ("writable_on_read", "v5.19", read_again, BOTH),
    ("readahead_drains", "v7.3", readahead_drains, BOTH),
    ("swapin_activates", "v5.9", swapin_activates, BOTH),
    ("swapin_inserts_at_once", "patch2", read_again, BOTH),
    ("zswap_load_exclusive", "v6.12", zswap_load_exclusive, BOTH),
    ("batch_clears_lru", "v6.12", batch_clears_lru, BOTH),
    ("exit_drains", "v6.18", waits_after(lambda m: m.exit_zap(1)), BOTH),
    ("gather_drains", "v6.18", waits_after(lambda m: m.exit(1)), BOTH),
    ("gather_drains", "v6.18", waits_after(lambda m: m.dontneed(1, 0, 1)), BOTH),
    ("drains_on_migrate", "v7.3", drains_on_migrate, BOTH),
    ("activate_batch", "v7.3", activate_batch, BOTH),
    ("cold_queues_inactive", "v6.12", cold_queues_inactive, BOTH),
    ("new_pages_active", "v5.9", new_pages_active, BOTH),
    ("refaults_activate", "v5.9", refaults_activate, BOTH),
    ("lazyfree_extra_ref", "v6.18", lazyfree_extra_ref, RULES["lazyfree_extra_ref"].values),
    ("pinned_not_swapped", "v5.9", pinned_not_swapped, BOTH),
    ("copies_pinned_at_fork", "v5.9", copies_pinned_at_fork, BOTH),
    ("uffd_unprotect_writable", "v6.1", uffd_unprotect_writable, BOTH),
]


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("name", "kernel", "seen_of", "values"), SWITCHES, ids=[f"{s[0]}-{s[1]}" for s in SWITCHES]
)
def test_a_switch_of_its_own(model, name, kernel, seen_of, values):
    """No two of the values are seen alike, all other rules being the kernel's."""
    seen = []
    for value in values:
        more = {name: value} if name in OWN_FIELDS else {"rules": {name: value}}
        seen.append(seen_of(model, {"kernel": kernel, "cpus": 3} | more))
    for i, one_value in enumerate(seen):
        assert one_value not in seen[:i], (values[i], seen)


# Of these the models' pages show nothing: what a pagevec holds (test_semantics_pagevecs.py), times,
# and how often lru_lock and TLBs are asked for something.
COUNTED = {
    "pagevec": {"values": (14, 31), "column": "copies", "kernel": "v5.17"},
    "dead_filter": {
        "values": BOTH,
        "column": "lru_lock_hold_ns",
        "kernel": "v5.17",  # which copies pages that wait in lru_add
        "costs": "server",
    },
    "slot_cache": {"values": BOTH, "column": "wall_ns", "kernel": "v6.12", "costs": "icount"},
    "pageout_tlb_flushes": {
        "values": (0, 2), "column": "tlb_flushes", "kernel": "patch2", "spinner_threads": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_a_switch_that_is_seen_in_a_counter_alone(name):
    fields = dict(COUNTED[name])
    values, column = fields.pop("values"), fields.pop("column")
    fields = {"npages": 100, "rounds": 3} | fields
    seen = []
    for value in values:
        more = {name: value} if name in OWN_FIELDS else {"rules": {name: value}}
        seen.append(wb.simulate(wb.Scenario(**fields, **more))[column][0])
    assert len(set(seen)) == len(values), seen


@pytest.mark.nojit
def test_every_rule_is_switched():
    assert {name for name, *_ in SWITCHES} | set(COUNTED) == set(RULES)
    for name, rule in RULES.items():
        if rule.values:
            switched = [values for other, _, _, values in SWITCHES if other == name]
            assert {value for values in switched for value in values} == set(rule.values)
