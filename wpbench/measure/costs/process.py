"""The process that measures costs: it disturbs nothing that it measures (as litmus_loops.py).

Where it may, it runs as a real-time task: nothing else puts pages into its CPU's pagevecs while a
pattern is visited.  It rests after each round, so that other tasks wait for milliseconds only.
"""

from __future__ import annotations

from ..probe.bench import FLUSHED_PAGES
from ..probe.compiled import entry, loop, part, step
from ..probe.libc import (
    CLOCK_MONOTONIC,
    MADV_COLD,
    MADV_FREE,
    MADV_PAGEOUT,
    c_clock_gettime,
    c_exit,
    c_getpid,
    c_madvise,
    c_sched_setscheduler,
    c_syscall,
    load_byte,
    store_byte,
)
from ..probe.litmus_loops import AT_FDCWD, SCHED_FIFO, dies_with, run_starter, start
from ..probe.litmus_row import (
    FAILED_MADVISE,
    FAILED_OPEN,
    SYS_NANOSLEEP,
    SYS_OPENAT,
    SYS_PPOLL,
)
from ..probe.litmus_steps import MADV_DONTNEED, PAGE, drain_all, fail, flush_tlb, now, reap, set_cpu
from ..probe.steps import (
    NSEC_PER_SEC,
    OP_COLD,
    OP_EXIT,
    OP_FORK,
    OP_FREE,
    OP_MIGRATE,
    OP_PAGEOUT,
    OP_READ,
    OP_WRITE,
)
from .children import begin_child, end_child
from .elsewhere import GAP_NS, GAPS
from .patterns import visit
from .states import begin_counting, drain_here, keep, one_fault
from .told import KEPT, REGION, CostRow
from .visits import touch

MADV_DONTFORK = 10
REST_NS = 1_000_000  # after each round
RIVAL_ROUNDS = 500  # some tens of milliseconds; a visit takes one
row_at = CostRow.at


def _child(address: int) -> int:
    """Sleep: the forked child."""
    b = row_at(address)
    dies_with(b.process)
    b.asleep = 1
    while b.asleep:
        c_syscall(SYS_PPOLL, 0, 0, 0, 0, 0, 0)
    return 0


@step
def thread_time(b: CostRow, thread: int) -> int:
    """Return the time, by words of this thread's own."""
    c_clock_gettime(CLOCK_MONOTONIC, b.spin_at + 16 * thread)
    return b.spin[2 * thread] * NSEC_PER_SEC + b.spin[2 * thread + 1]


def _thread(address: int) -> int:
    """Spin on a CPU of its own, and note when nothing ran there for a while."""
    b = row_at(address)
    thread = b.thread
    dies_with(b.process)
    set_cpu(b, 0, thread + 1)
    last = thread_time(b, thread)
    b.threads = thread + 1
    while not b.stop_threads:
        time = thread_time(b, thread)
        if time - last > GAP_NS:
            if thread == 0 and b.gaps[0] < GAPS:
                b.gap[b.gaps[0]] = time - last
            b.gaps[thread] += 1
        last = time
    c_exit(0)
    return 0


def _rival(address: int) -> int:
    """Fill and drain the pagevec of a CPU of its own, in an address space of its own.

    It ends by itself: a real-time task that did not would lock out whatever must run on that CPU.
    """
    b = row_at(address)
    thread = b.thread
    dies_with(b.process)
    set_cpu(b, 0, thread + 1)
    b.threads = thread + 1
    for _ in range(RIVAL_ROUNDS):
        if b.stop_threads or b.failed:
            break
        if c_madvise(b.base, PAGE * REGION, MADV_DONTNEED):
            fail(b, FAILED_MADVISE)
        touch(b, 0, b.many - 1)
        drain_here(b)
        b.rounds_of[thread] += 1
    c_exit(0)
    return 0


@part
def run_patterns(b: CostRow) -> None:
    """Visit every slot's pattern in turn until the time is over."""
    start = now(b)
    while not b.failed and not b.stop and now(b) - start < b.for_ns:
        for slot in range(b.nslots):
            b.slot = slot
            visit(b, slot)
            if b.failed:
                return
        b.rounds += 1
        c_syscall(SYS_NANOSLEEP, b.rest_at, 0, 0, 0, 0, 0)


@step
def advise(b: CostRow, i: int, advice: int) -> None:
    """Run a madvise() of the program."""
    if c_madvise(b.base + PAGE * b.arg[i], PAGE * b.n[i], advice):
        fail(b, FAILED_MADVISE)


@step
def write_of_program(b: CostRow, page: int) -> None:
    """Write to a page; what it took is a sample if it met a minor fault."""
    begin_counting(b)
    start = now(b)
    store_byte(b.base + PAGE * page, 3)
    took = now(b) - start
    if one_fault(b, 0) == KEPT:
        b.wp_faults += 1
        keep(b, 0, took)


@part
def run_program(b: CostRow) -> None:
    """Run a random program (workloads/random_program.py); the oracle looks at nothing."""
    if b.moves:
        drain_all(b)
    else:
        drain_here(b)
    for page in range(b.npages):
        store_byte(b.base + PAGE * page, 1)
    for i in range(b.nops):
        op = b.op[i]
        arg = b.arg[i]
        if op == OP_READ:
            load_byte(b.base + PAGE * arg)
        elif op == OP_WRITE:
            write_of_program(b, arg)
        elif op == OP_PAGEOUT:
            advise(b, i, MADV_PAGEOUT)
        elif op == OP_COLD:
            advise(b, i, MADV_COLD)
        elif op == OP_FREE:
            advise(b, i, MADV_FREE)
        elif op == OP_MIGRATE:
            b.cpu = arg
            set_cpu(b, 0, arg)
            flush_tlb(b)
        elif op == OP_FORK and not b.child:
            begin_child(b)
            drain_here(b)
        elif op == OP_EXIT and b.child:
            end_child(b)
            drain_here(b)
        if b.failed:
            return


def _main(address: int) -> int:
    """Measure: visit the patterns, or run a program."""
    b = row_at(address)
    dies_with(b.starter)
    b.process = c_getpid()
    if b.stop:
        c_exit(1)
    b.pagemap = c_syscall(SYS_OPENAT, AT_FDCWD, b.path_at, 0, 0, 0, 0)
    if b.pagemap < 0:
        fail(b, FAILED_OPEN)
    # Each page of the shared memory is mapped now, not between two readings of a counter.
    for at in range(b.stack, b.stacks_end, PAGE):
        load_byte(at)
    for page in range(FLUSHED_PAGES):
        store_byte(b.flushed + PAGE * page, 1)
    b.rest[1] = REST_NS
    b.priority[0] = 2
    b.realtime = int(c_sched_setscheduler(0, SCHED_FIFO, b.priority_at) == 0)
    set_cpu(b, 0, 0)
    for i in range(0, b.nspared, 2):  # fails for what cannot be spared: it is copied then
        c_madvise(b.spared[i], b.spared[i + 1], MADV_DONTFORK)
    if not b.failed:
        if b.nops:
            run_program(b)
        else:
            run_patterns(b)
    end_child(b)
    b.stop_threads = 1
    while reap(b, -1) > 0:
        pass
    b.done = 1
    c_exit(0)
    return 0


def _starter(address: int) -> int:
    """Clone the measuring process and wait for its end (as in litmus_loops).

    It is born on CPU 0: a process that ever ran on another CPU flushes its TLB with care for that
    one, which takes longer, until the kernel forgets it.
    """
    b = row_at(address)
    set_cpu(b, 0, 0)
    start(b)
    return 0


child_entry = entry(_child)
thread_entry = entry(_thread)
rival_entry = entry(_rival)
main_entry = entry(_main)
starter_entry = entry(_starter)


@loop
def run(b: CostRow) -> None:
    """Measure in a process of its own and wait for its end; a signal ends it at once."""
    run_starter(b)
