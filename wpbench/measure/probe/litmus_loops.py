"""Litmus programs on the kernel, by a process that disturbs nothing that it measures.

It is cloned for a few programs, and all that it writes to is shared memory: its stack, its tables.
So neither its own birth nor a fork leaves a page of it write-protected, and no page fault of its
own puts a page into a pagevec.  It calls nothing of libc that can wait (see ``c_syscall``).  Where
it may, it runs as a real-time task, and one spinner of a lower priority on each CPU keeps all other
tasks off, for the milliseconds that the programs take.
"""

from __future__ import annotations

from .bench import FLUSHED_PAGES
from .compiled import entry, loop, step
from .libc import (
    CLOCK_MONOTONIC,
    PR_SET_PDEATHSIG,
    SIGKILL,
    c_clock_gettime,
    c_clone,
    c_exit,
    c_getpid,
    c_getppid,
    c_kill,
    c_prctl,
    c_sched_setscheduler,
    c_syscall,
    load_byte,
    store_byte,
)
from .litmus_row import (
    FAILED_CLONE,
    FAILED_OPEN,
    FAILED_SPINNER,
    STACK,
    SYS_NANOSLEEP,
    SYS_OPENAT,
    SYS_PPOLL,
    SYS_RT_SIGPROCMASK,
    SYS_WAIT4,
    LitmusRow,
)
from .litmus_steps import (
    PAGE,
    SIGCHLD,
    WALL,
    begin_program,
    end_program,
    exit_child,
    fail,
    now,
    reap,
    run_program,
    set_cpu,
)
from .steps import NSEC_PER_SEC

CLONE_VM = 0x100
SCHED_FIFO = 1
AT_FDCWD = -100
NAPS, NAP_NS = 50_000, 20_000  # to wait for a spinner
STALL_NS, REST_NS = 50_000_000, 1_000_000
row_at = LitmusRow.at


@step
def nap(b: LitmusRow) -> None:
    """Sleep a little."""
    b.pause[0] = 0
    b.pause[1] = NAP_NS
    c_syscall(SYS_NANOSLEEP, b.pause_at, 0, 0, 0, 0, 0)


@step
def start_spinners(b: LitmusRow) -> None:
    """Keep all other tasks off the CPUs, where this process may."""
    b.priority[0] = 2
    if c_sched_setscheduler(0, SCHED_FIFO, b.priority_at):
        return
    for cpu in range(b.nmasks):
        b.spinner = cpu
        top = b.stack + (4 + cpu) * STACK
        if c_clone(b.spin_entry, top, CLONE_VM | SIGCHLD, b.address) < 0:
            fail(b, FAILED_CLONE)
            return
        for _ in range(NAPS):
            if b.spinning != cpu:
                break
            nap(b)
        if b.spinning == cpu:
            fail(b, FAILED_SPINNER)
            return


@step
def dies_with(parent: int) -> None:
    """Let this process not outlive its parent, however that ends."""
    c_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if c_getppid() != parent:
        c_exit(1)


def _child(address: int) -> int:
    """Sleep: the forked child."""
    b = row_at(address)
    dies_with(b.process)
    b.asleep = 1
    while b.asleep:
        c_syscall(SYS_PPOLL, 0, 0, 0, 0, 0, 0)
    return 0


def _spinner(address: int) -> int:
    """Only run, on one CPU; end the program that waits for too long.

    An operation that takes very long may wait for a lock of a task that is kept off: fork() and
    exit() take those of every mapped file.  Then the spinner rests, and this is written down.
    """
    b = row_at(address)
    cpu = b.spinner
    dies_with(b.process)
    set_cpu(b, 0, cpu)
    b.priority[0] = 1
    c_sched_setscheduler(0, SCHED_FIFO, b.priority_at)
    b.spinning = cpu + 1
    while not b.stop:
        c_clock_gettime(CLOCK_MONOTONIC, b.spin_at + 16 * cpu)
        time = b.spin[2 * cpu] * NSEC_PER_SEC + b.spin[2 * cpu + 1]
        if time - b.started_ns > b.deadline_ns:
            b.late = 1
            c_kill(b.process, SIGKILL)
            c_exit(1)
        if time - b.operation_ns > STALL_NS:
            b.disturbed = 1
            c_syscall(SYS_NANOSLEEP, b.rest_at, 0, 0, 0, 0, 0)
    c_exit(0)
    return 0


def _main(address: int) -> int:
    """Run the programs: the measuring process."""
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
    store_byte(b.buffer, 1)
    b.rest[1] = REST_NS
    b.started_ns = now(b)
    b.operation_ns = b.started_ns
    start_spinners(b)
    set_cpu(b, 0, 0)
    while not b.failed and not b.late and b.program < b.nprograms:
        begin_program(b)
        run_program(b)
        end_program(b)
        b.program += 1
    if b.child:
        exit_child(b, 0)
    b.stop = 1
    while reap(b, -1) > 0:
        pass
    b.done = 1
    c_exit(0)
    return 0


@step
def start(b: LitmusRow) -> None:
    """Clone the measuring process, wait for its end, and end: all that a starter does."""
    b.signals[0] = -1
    c_syscall(SYS_RT_SIGPROCMASK, 2, b.signals_at, 0, 8, 0, 0)
    dies_with(b.parent)
    b.starter = c_getpid()
    pid = c_clone(b.main_entry, b.stack + STACK, SIGCHLD, b.address)
    if pid < 0:
        fail(b, FAILED_CLONE)
    else:
        reap(b, pid)
    c_exit(0)


@step
def run_starter(b: LitmusRow) -> None:
    """Clone the starter and wait for its end; a signal ends the measuring process at once."""
    pid = c_clone(b.starter_entry, b.stack + 3 * STACK, CLONE_VM | SIGCHLD, b.address)
    if pid < 0:
        fail(b, FAILED_CLONE)
        return
    while c_syscall(SYS_WAIT4, pid, 0, WALL, 0, 0, 0) != pid:
        b.stop = 1  # where the measuring process has not begun yet, it sees this
        if b.process:
            c_kill(b.process, SIGKILL)


def _starter(address: int) -> int:
    """Clone the measuring process and wait for its end.

    It shares the memory of the Python process, and so it has lost that one's restartable sequence
    (``rseq_fork()``), into which the kernel writes, in private memory, whenever a task gets a CPU.
    """
    b = row_at(address)
    start(b)
    return 0


child_entry = entry(_child)
spin_entry = entry(_spinner)
main_entry = entry(_main)
starter_entry = entry(_starter)


@loop
def run(b: LitmusRow) -> None:
    """Run the programs in a process of its own and wait for its end; a signal ends it at once.

    The starter is waited for, and it waits for the measuring process.
    """
    run_starter(b)
