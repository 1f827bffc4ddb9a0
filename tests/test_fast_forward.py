"""Rounds that repeat earlier ones are skipped, and nobody could tell: against the long way."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from states import KERNELS

import wpbench as wb
from wpbench.commands.main import main
from wpbench.jit.compile import JIT_DISABLED
from wpbench.mm import layout as L
from wpbench.mm import operations as mm
from wpbench.mm.clock import settle
from wpbench.mm.invariants import INVARIANTS, broken_invariant
from wpbench.mm.names import Error
from wpbench.scenario.repeats import LEAST_ROUNDS, MOST_PAGES
from wpbench.simulate.plan import Plan, plan_of
from wpbench.simulate.runs import execute
from wpbench.workloads import fast_forward
from wpbench.workloads.fast_forward import EXACT, FIRST_LOOK, OTHERS

EXAMPLES = 8 if JIT_DISABLED else 120
COMMON: dict[str, Any] = {
    "derandomize": True,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


# -- random programs: a round of operations, again and again -------------------------------
class Program:
    """A machine, and a program whose every round depends on nothing but the machine."""

    def __init__(self, operations, kernel="patch2", backend="zram", npages=4, cpus=2, **config):
        timed = config.get("timed", 0)
        scenario = wb.Scenario(kernel=kernel, backend=backend, npages=npages)
        fields = scenario.machine_config() | {"nprocs": 2, "ncpus": cpus, "nphys": 600}
        fields |= {"nslots": 2 * npages + 1} | config
        fields["scratch_words"] = int(fast_forward.scratch_words(fields))
        self.m = mm.Machine(fields, np.full(L.NR_COSTS, 100) if timed else 0, seed=7)
        self.operations = operations
        growing = fast_forward._NR_GROWING + cpus + timed * L.NR_BINS
        self.row_at = fast_forward._NR + growing + fields["nphys"] + fields["nslots"]

    def round(self):
        m = self.m
        taken = []
        for name, number, place, n in self.operations:
            cpu = number % m.ncpus
            at = place % m.npages
            if name.startswith("madvise"):
                getattr(mm, name)(m, cpu, at, min(n, m.npages - at))
            elif name in ("child_read", "child_write"):
                if m.nr_processes == 2:
                    getattr(mm, name[6:])(m, cpu, m.npages + at)
            elif name == "fork":
                if m.nr_processes == 1:
                    mm.fork(m, cpu, 0, 1)
            elif name == "exit_process":
                if m.nr_processes == 2:
                    mm.exit_process(m, cpu, 1)
            elif name in ("lru_add_drain", "insert_foreign_page"):
                getattr(mm, name)(m, cpu)
            elif name in ("gup_get", "isolate", "lock_page"):
                page = getattr(mm, name)(m, at)
                taken += [(name, page, at)] if page else []
            elif name == "ksm_merge":
                mm.ksm_merge(m, cpu, at, n % m.npages)
            elif name == "sleep":
                mm.sleep_until(m, cpu, int(m.clock[cpu]) + 1000)
            else:
                getattr(mm, name)(m, cpu, at)
        for name, page, at in taken:
            if name == "gup_get":
                mm.gup_put(m, page)
            elif name == "isolate":
                mm.putback(m, 0, page)
            else:
                mm.unlock_page(m, at)

    def run(self, rounds, looks):
        """Run so many rounds; return how many of them were really done."""
        left, done = rounds, 0
        while left > 0 and self.m.error == Error.NONE:
            self.round()
            done += 1
            left = fast_forward._look(self.m, left - 1) if looks else left - 1
        return done

    def told(self, keeps=1):
        """Tell the machine's state, or compare it with the one told before."""
        return bool(fast_forward._tell_state(self.m, keeps))

    def row(self):
        """Return what was told last."""
        return self.m.scratch[self.row_at : int(self.m.scratch[fast_forward._AT])].tolist()

    def state(self):
        """Return all that a program could find out about its machine from now on."""
        m = self.m
        row = self.row() if self.told() else []
        grown = [m.spent.tolist(), m.clock.tolist()]
        settle(m)
        return row, grown, m.counted.tolist(), int(m.error)


@st.composite
def operations(draw):
    """Draw the operations of a round, of which some are about swap."""
    names = [
        *("read", "write", "madvise_pageout") * 3,
        *("child_read", "child_write", "fork", "exit_process", "madvise_cold", "madvise_free"),
        *("madvise_dontneed", "lru_add_drain", "insert_foreign_page", "gup_get", "isolate"),
        *("lock_page", "ksm_merge", "sleep", "uffd_copy", "migrate_page", "mark_page_accessed"),
    ]
    small = st.integers(0, 3)
    one = st.tuples(st.sampled_from(names), small, st.integers(0, 5), st.integers(1, 6))
    return draw(st.lists(one, min_size=1, max_size=9))


PROGRAMS = {
    "operations": operations(),
    "kernel": st.sampled_from(KERNELS),
    "backend": st.sampled_from(["zram", "zswap", "brd"]),
    "npages": st.integers(1, 6),
    "cpus": st.integers(1, 3),
    "file_lru": st.sampled_from([0, 2, 5, 1 << 40]),
    "swap_total": st.sampled_from([1 << 20, 13, 9, 5]),
    "rotational": st.sampled_from([0, 0, 1]),
}


def both(rounds, **fields):
    """Run a program the long way and with a look; return whether rounds were skipped."""
    long, short = Program(**fields), Program(**fields)
    long.run(rounds, looks=False)
    done = short.run(rounds, looks=True)
    assert done == rounds - short.m.rounds_skipped or short.m.error != Error.NONE
    assert short.state() == long.state()
    assert INVARIANTS[broken_invariant(short.m)] == "all hold" or short.m.error != Error.NONE
    return short.m.rounds_skipped > 0


@pytest.mark.nojit
@settings(max_examples=EXAMPLES, **COMMON)
@given(st.integers(FIRST_LOOK, 2 * FIRST_LOOK), st.fixed_dictionaries(PROGRAMS))
def test_a_random_program_ends_as_the_long_way_does(rounds, fields):
    both(rounds, **fields)


@pytest.mark.nojit
@settings(max_examples=EXAMPLES // 4, **COMMON)
@given(
    st.integers(FIRST_LOOK, 2 * FIRST_LOOK),
    st.fixed_dictionaries(PROGRAMS | {"cpus": st.just(1), "timed": st.just(1)}),
)
def test_so_does_one_with_a_clock_on_the_only_cpu(rounds, fields):
    both(rounds, **fields)


@pytest.mark.nojit
def test_where_random_numbers_are_drawn_no_round_is_skipped():
    drawn = Program([("read", 0, 0, 0)])
    for left in range(2 * FIRST_LOOK, 0, -1):
        drawn.round()
        with np.errstate(over="ignore"):
            mm.next_u64(drawn.m)
        assert fast_forward._look(drawn.m, left) == left


# -- what is told of a state -----------------------------------------------------------------
@pytest.mark.nojit
def test_each_register_is_told_or_said_not_to_matter():
    assert sorted(EXACT + OTHERS) == sorted(L.REGISTERS)


def rich():
    """Return a machine with shadows, full pagevecs, a child, and pages in the swap cache."""
    program = Program(
        [
            *(("write", v % 2, v, 0) for v in range(6)),
            *(("lru_add_drain", cpu, 0, 0) for cpu in (0, 1)),
            ("madvise_pageout", 0, 0, 3),
            ("read", 1, 0, 0),
            ("fork", 0, 0, 0),
            ("madvise_pageout", 0, 3, 1),
            ("insert_foreign_page", 0, 0, 0),
            ("write", 1, 5, 0),
        ],
        kernel="v6.1", backend="zswap", npages=6, file_lru=5, page_cluster=0,
    )  # fmt: skip
    program.round()
    return program


def words_of(m):
    """Yield what of a machine decides its future: table, place, and a value to put there."""
    for name in EXACT:
        yield m.registers, L.REGISTERS.index(name), int(getattr(m, name)) + 1
    for table in (m.thread, m.running, m.vma):
        for i in range(len(table)):
            yield table, i, int(table[i]) + 1
    for vec in range(0, len(m.vec), m.pagevec + 1):
        nr = int(m.vec[vec])
        yield m.vec, vec, nr + 1
        for i in range(vec + 1, vec + 1 + nr):
            yield m.vec, i, int(m.vec[i]) ^ 1
    for at in range(len(m.pte)):
        for bit in (L.PTE_WRITE, L.PTE_DIRTY, 1 << L.SHIFT_PTE):
            yield m.pte, at, int(m.pte[at]) ^ bit
    live = [p for p in range(1, int(m.next_page)) if int(m.page[p]) & L.MASK_HOLDERS]
    for page in live:
        word = int(m.page[page])
        for bit in range(L.SHIFT_SLOT + (1 if word & L.PG_SWAPCACHE else 0)):
            yield m.page, page, word ^ 1 << bit
    for slot in range(1, m.nslots):
        entry = int(m.slot[slot])
        if entry & L.MASK_SLOT_STATE:
            yield m.slot, slot, entry ^ 1
            yield m.slot, slot, entry ^ 1 << L.SHIFT_SLOT_PAGE


@pytest.mark.nojit
def test_whatever_decides_the_future_is_told():
    program = rich()
    m = program.m
    assert {"shadow", "page"} == {
        "shadow" if entry & L.SLOT_SHADOW else "page" for entry in m.slot.tolist() if entry
    }
    assert m.vec.max() > 1
    assert m.nr_processes == 2
    assert program.told(keeps=1)
    assert program.told(keeps=0)
    seen = 0
    for table, i, value in words_of(m):
        old = int(table[i])
        table[i] = value
        assert not program.told(keeps=0), (seen, i, old, value)
        table[i] = old
        seen += 1
    assert program.told(keeps=0)
    assert seen > 200


@pytest.mark.nojit
@pytest.mark.parametrize("fields", [{}, {"rotational": 1}, {"swap_total": 4}], ids=str)
def test_pages_have_no_numbers_and_slots_where_none_matters(fields):
    rows = []
    for order in ([0, 1], [1, 0]):
        program = Program([], npages=2, **fields)
        m = program.m
        for v in order:
            mm.write(m, 0, v)
        mm.lru_add_drain(m, 0)
        assert program.told()
        rows.append(program.row())
        for v in order:
            mm.madvise_pageout(m, 0, v, 1)
        assert program.told()
        rows.append(program.row())
    assert rows[0] == rows[2]
    assert (rows[1] == rows[3]) == (fields == {})


# -- scenarios -------------------------------------------------------------------------------
def counted(scenario, **watching):
    """Return what a scenario's run counts, and how many of its rounds were skipped."""
    columns = plan_of(scenario).columns
    skipped = np.zeros(1, np.int64)
    found, errors = execute(Plan(columns, 1, **watching), 1, skipped=skipped)
    assert errors.tolist() == [""]
    return found[0].tolist(), int(skipped[0])


MOST = 40
CPU = st.integers(0, 2)
ANY = {
    "kernel": st.sampled_from(KERNELS),
    "backend": st.sampled_from(["zram", "zswap", "brd"]),
    "npages": st.integers(1, MOST),
    "rounds": st.integers(LEAST_ROUNDS, LEAST_ROUNDS + 400),
    "cpus": st.just(3),
    "swap_pages": st.sampled_from([None, None, MOST, MOST // 2]),
    "page_cluster": st.integers(0, 5),
}
SCENARIOS = st.one_of(
    st.fixed_dictionaries(
        ANY
        | {
            "order": st.sampled_from(["read-write", "read-write-shuffled", "read-all-write-all"]),
            "read_cpu": CPU,
            "write_cpu": CPU,
            "threads": st.integers(1, 3),
            "spinner_threads": st.integers(0, 2),
            "fork_exit_before": st.booleans(),
            "delay_ns": st.sampled_from([0, 1000]),
        }
    ),
    st.fixed_dictionaries(
        ANY | {"workload": st.just("hand-over"), "threads": CPU.map(lambda n: n + 1)}
    ),
    st.fixed_dictionaries(
        ANY
        | {
            "workload": st.just("userfaultfd"),
            "order": st.sampled_from(["copy-write", "copy-all-write-all"]),
            "fill_cpu": CPU,
            "write_cpu": CPU,
        }
    ),
    st.fixed_dictionaries(
        ANY | {"workload": st.just("post-copy"), "fill_cpu": CPU, "threads": st.integers(1, 3)}
    ),
    st.fixed_dictionaries(
        ANY | {"workload": st.just("fork-write"), "read_cpu": CPU, "write_cpu": CPU}
    ),
    st.fixed_dictionaries(
        ANY
        | {
            "workload": st.just("swap-write"),
            "order": st.sampled_from(["write", "fork-read-write"]),
            "read_cpu": CPU,
            "write_cpu": CPU,
        }
    ),
)


@settings(max_examples=EXAMPLES // 3, **COMMON)
@given(SCENARIOS)
def test_a_scenario_counts_the_same_as_the_long_way(fields):
    scenario = wb.Scenario(**fields)
    short, skipped = counted(scenario)
    long, none = counted(scenario, scratch_words=0)
    assert short == long
    assert 0 == none <= skipped


@pytest.mark.parametrize("kernel", ["v5.17", "patch2", "exclusive"])
def test_a_clock_on_the_only_cpu_goes_on_as_well(kernel):
    scenario = wb.Scenario(kernel=kernel, npages=2, rounds=1500, cpus=1, costs="server")
    short, skipped = counted(scenario)
    assert skipped > 1000
    assert short == counted(scenario, scratch_words=0)[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"npages": 2},
        {"kernel": "patch1", "npages": 7, "write_cpu": 1},
        {"threads": 4, "cpus": 4, "npages": 20},
        {"workload": "hand-over", "npages": 9},
        {"workload": "userfaultfd", "write_cpu": 1, "npages": 5},
        {"workload": "post-copy", "npages": 40, "threads": 2},
        {"workload": "fork-write", "npages": 30},
        {"workload": "swap-write", "npages": 30, "order": "fork-read-write"},
        {"backend": "zswap", "npages": 100},
    ],
    ids=str,
)
def test_a_billion_rounds_are_a_thousand_a_million_times(fields):
    """A period is at most 30 rounds there: what both do after their first ones is the same."""
    few, many, more = (
        wb.simulate(wb.Scenario(**fields, rounds=n)) for n in (1024, 1024 + 60, 1024 + 60 * 10**7)
    )
    for name in ("accesses", "copies", "reuses", "drains", "pswpin", "pswpout", "wp_faults"):
        period = int(many[name][0]) - int(few[name][0])
        assert int(more[name][0]) == int(few[name][0]) + 10**7 * period
    record = more.attrs["wpbench"]["fast_forward"]
    assert record["rounds"] - record["skipped"] < 600
    assert record["done_whole"] == {}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"migration_rate": 0.1, "cpus": 2}, "random numbers decide"),
        ({"background_drains": 0.1}, "random numbers decide"),
        ({"workload": "random"}, "random numbers decide"),
        ({"workload": "redis"}, "random numbers decide"),
        ({"workload": "page-fault"}, "its workload does not say where a round ends"),
        ({"costs": "server", "cpus": 2}, "clocks decide"),
        ({"costs": "server", "threads": 2, "cpus": 1}, "clocks decide"),
        ({"backend": "nvme"}, "clocks decide"),
        ({"rounds": LEAST_ROUNDS - 1}, None),
    ],
)
def test_where_it_does_not_apply_the_table_says_why(fields, why):
    table = wb.simulate(wb.Scenario(**({"npages": 1, "rounds": LEAST_ROUNDS} | fields)))
    record = table.attrs["wpbench"].get("fast_forward")
    if why is None:
        assert record is None
    else:
        assert record == {"rounds": LEAST_ROUNDS, "skipped": 0, "done_whole": {why: 1}}


@pytest.mark.nojit
def test_what_is_large_or_watched_is_done_whole():
    scenario = wb.Scenario(npages=MOST_PAGES + 1, rounds=LEAST_ROUNDS)
    assert scenario.machine_config()["scratch_words"] == 0
    small = wb.Scenario(npages=1, rounds=LEAST_ROUNDS)
    assert small.machine_config()["scratch_words"] > 0
    assert small.machine_config(log_rows=1)["scratch_words"] == 0
    assert len(wb.faults(small)) == wb.simulate(small).wp_faults[0]


def test_the_command_line_says_what_was_skipped(capsys):
    line = "run --npages 1 --cpus 2 --rounds 3,1024,5000 --migration-rate 0,0.5"
    assert main(line.split()) == 0
    said = capsys.readouterr().out.splitlines()[-2:]
    assert said[0].startswith("fast-forward: 5")
    assert said[0].endswith(
        "of 12048 rounds repeat earlier ones and were skipped; the counts are exact"
    )
    assert said[1] == "fast-forward: not in 2 runs: random numbers decide"
