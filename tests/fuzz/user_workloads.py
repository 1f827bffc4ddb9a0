"""Programs of random operations, now and then with an argument that is not there.

One workload is compiled for all: it draws its operations from the scenario's seed.
"""

from pathlib import Path
from random import Random

import numba

import wpbench as wb
from wpbench import mm
from wpbench.mm.invariants import INVARIANTS, broken_invariant
from wpbench.simulate import run

FAR = 1 << 40


@numba.njit
def wrong(m, low, high):
    """Draw a number outside low..high: just beside it, or far away."""
    dice = mm.below(m, 4)
    if dice == 0:
        return low - 1
    if dice == 1:
        return high + 1
    return low - 1 - mm.below(m, 1 << 31) if dice == 2 else high + 1 + FAR * mm.below(m, 1 << 20)


@numba.njit
def access(m, op, cpu, at):
    if op == 0:
        mm.read(m, cpu, at)
    elif op == 1:
        mm.write(m, cpu, at)
    elif op == 2:
        mm.uffd_copy(m, cpu, at)
    elif op == 3:
        mm.migrate_page(m, cpu, at)
    else:
        mm.mark_page_accessed(m, cpu, at)


@numba.njit
def advise(m, op, cpu, first, n):
    if op == 0:
        mm.madvise_pageout(m, cpu, first, n)
    elif op == 1:
        mm.madvise_cold(m, cpu, first, n)
    elif op == 2:
        mm.madvise_free(m, cpu, first, n)
    elif op == 3:
        mm.madvise_dontneed(m, cpu, first, n)
    else:
        mm.collapse_fails(m, cpu, first, n)


@numba.njit
def processes(m, op, cpu, process):
    if op == 0:
        mm.fork(m, cpu, 0, process)
    elif op == 1:
        mm.exit_zap(m, cpu, process)
    elif op == 2:
        mm.exit_flush(m, cpu, process)
    else:
        mm.exit_process(m, cpu, process)


@numba.njit
def others(m, op, cpu, at, other):
    """Take a page for a while, and give it back; or merge two."""
    if op == 0:
        page = mm.gup_get(m, at)
        mm.write(m, cpu, other)
        if page:
            mm.gup_put(m, page)
    elif op == 1:
        page = mm.pin_user_page(m, at)
        mm.read(m, cpu, other)
        if page:
            mm.unpin_user_page(m, page)
    elif op == 2:
        page = mm.isolate(m, at)
        if page:
            mm.putback(m, cpu, page)
    elif op == 3:
        mm.ksm_merge(m, cpu, at, other)
    else:
        m.batch[0] = at
        mm.shrink_inactive_list(m, cpu, 1)


@numba.njit
def lists(m, op, cpu):
    if op == 0:
        mm.lru_add_drain(m, cpu)
    elif op == 1:
        mm.lru_add_drain_all(m)
    elif op == 2:
        mm.insert_foreign_page(m, cpu)
    else:
        mm.lru_cache_disable(m)
        mm.lru_cache_enable(m)


@numba.njit
def program(m, p):
    """Do ``rounds`` operations; in one run of two, one has an argument that is not there."""
    forked = 0
    cpus = p.cpus
    bad_round = mm.below(m, 2 * p.rounds)
    for i in range(p.rounds):
        cpus = max(cpus, p.cpus + (1 if forked else 0))  # a child's stays
        cpu = mm.below(m, cpus)
        pages = p.npages * (2 if forked == 1 else 1)
        at = mm.below(m, pages)
        n = mm.below(m, p.npages - at % p.npages + 1)
        process = 1
        kind = mm.below(m, 5)
        bad = i == bad_round
        if bad:
            which = mm.below(m, 2)
            if which == 0:
                cpu = wrong(m, 0, cpus - 1)
            elif kind in (0, 3):
                at = wrong(m, 0, pages - 1)
            elif kind == 1:
                n = wrong(m, 0, p.npages - at % p.npages)
            elif kind == 2:
                process = wrong(m, 1, 1)
            else:
                bad = False
        if kind == 0:
            access(m, mm.below(m, 5), cpu, at)
        elif kind == 1:
            advise(m, mm.below(m, 5), cpu, at, n)
        elif kind == 2:
            # 0: no child, 1: a child, 2: it is exiting
            op = 0 if forked == 0 else 2 if forked == 2 else 1 + 2 * mm.below(m, 2)
            processes(m, op, cpu, process)
            forked = 1 if op == 0 else 2 if op == 1 else 0
        elif kind == 3:
            op = mm.below(m, 5)
            if bad and op == 4:
                op = 0
            if (bad and op == 2 and cpu < 0) or (bad and op == 2 and cpu >= cpus):
                bad = False  # where nothing was isolated, no CPU is named
            others(m, op, cpu, at, mm.below(m, pages))
        else:
            op = mm.below(m, 4)
            if op in (1, 3):
                bad = False
            lists(m, op, cpu)
        if bad:
            raise AssertionError("not refused")


def one(random: Random, folder: Path) -> None:
    """Run one program: it succeeds and the invariants hold, or it is refused in one line."""
    scenario = wb.Scenario(
        workload=program,
        npages=random.choice([1, 2, 7, 16, 64]),
        rounds=random.choice([1, 10, 100, 1000]),
        cpus=random.choice([1, 2, 5]),
        seed=random.randrange(1 << 40),
        kernel=random.choice(wb.kernels().kernel.tolist()),
        backend=random.choice(sorted(wb.backends())),
        swap_pages=random.choice([None, 1, 20]),
    )
    told = f"user_workloads: {scenario!r}"
    try:
        m = run(scenario)
    except wb.SimulationError as error:
        text = str(error)
        assert "\n" not in text, told
        assert text.startswith(("mm.", "a page has more holders", "the simulated machine")), (
            told + text
        )
        return
    broken = broken_invariant(m)
    assert not broken, f"{told}: does not hold: {INVARIANTS[broken]}"
