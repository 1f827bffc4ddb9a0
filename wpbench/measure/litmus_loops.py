"""A litmus program on the kernel, by a process that disturbs nothing that it measures.

It is cloned for one run, and all that it writes to is shared memory: its stack, its tables.  So
neither its own birth nor a fork leaves a page of it write-protected, and no page fault of its own
puts a page into a pagevec.  It calls nothing of libc that can wait (see ``c_syscall``).  Where it
may, it runs as a real-time task, and one spinner of a lower priority on each CPU keeps all other
tasks off, for the milliseconds that a program takes.
"""

from __future__ import annotations

import mmap

from ..workloads.litmus_ops import (
    NR_SEEN,
    OP_ACCESS,
    OP_ACTIVE,
    OP_COLD,
    OP_DONTNEED,
    OP_DRAIN,
    OP_EXIT,
    OP_FORK,
    OP_FREE,
    OP_GET,
    OP_LRU,
    OP_MAPPED,
    OP_MUNMAP,
    OP_ON,
    OP_PAGEOUT,
    OP_PUT,
    OP_READ,
    OP_SWAPCACHE,
    OP_TOUCH,
    OP_WRITE,
)
from .bench import FLUSHED_PAGES, MASK_WORDS
from .compiled import entry, loop, step
from .libc import (
    CLOCK_MONOTONIC,
    MADV_COLD,
    MADV_FREE,
    MADV_PAGEOUT,
    PR_SET_PDEATHSIG,
    PROT_READ,
    PROT_WRITE,
    RUSAGE_THREAD,
    SIGKILL,
    c_clock_gettime,
    c_clone,
    c_errno_location,
    c_exit,
    c_getpid,
    c_getppid,
    c_getrusage,
    c_kill,
    c_madvise,
    c_mmap,
    c_mprotect,
    c_munmap,
    c_prctl,
    c_sched_setaffinity,
    c_sched_setscheduler,
    c_sched_yield,
    c_syscall,
    load_byte,
    load_int,
    store_byte,
)
from .litmus_row import (
    FAILED_AFFINITY,
    FAILED_CHILD,
    FAILED_CLONE,
    FAILED_KPAGEFLAGS,
    FAILED_MADVISE,
    FAILED_MMAP,
    FAILED_MPROTECT,
    FAILED_MUNMAP,
    FAILED_OPEN,
    FAILED_PAGEMAP,
    FAILED_PIPE,
    FAILED_READV,
    FAILED_SPINNER,
    FAILED_VMSPLICE,
    FAILED_WAIT,
    STACK,
    SYS_NANOSLEEP,
    SYS_OPENAT,
    SYS_PPOLL,
    SYS_PREAD64,
    SYS_PROCESS_VM_READV,
    SYS_READ,
    SYS_RT_SIGPROCMASK,
    SYS_VMSPLICE,
    SYS_WAIT4,
    LitmusRow,
)
from .loops import (
    COPY,
    HIT,
    KPF_ACTIVE,
    KPF_LRU,
    KPF_SWAPCACHE,
    MAJFLT,
    MAJOR,
    MINFLT,
    MINOR,
    NSEC_PER_SEC,
    PFN,
    REUSE,
    bit,
)

PAGE = mmap.PAGESIZE
SIGCHLD = 17
CLONE_VM = 0x100
SCHED_FIFO = 1
AT_FDCWD = -100
WALL = 0x40000000  # __WALL
MADV_DONTNEED, MADV_NOHUGEPAGE = 4, 15
MAP_PRIVATE_FIXED = 0x02 | 0x20 | 0x10  # and anonymous
MASK_BYTES = 8 * MASK_WORDS
YIELDS = 100_000  # to wait for a child of the same priority
NAPS, NAP_NS = 50_000, 20_000  # to wait for a spinner
STALL_NS, REST_NS = 50_000_000, 1_000_000
row_at = LitmusRow.at


@step
def fail(b: LitmusRow, call: int) -> None:
    """Note which call failed and why; the first failure counts."""
    if not b.failed:
        b.errno = load_int(c_errno_location())
        b.failed = call


@step
def now(b: LitmusRow) -> int:
    """Return the time in nanoseconds."""
    c_clock_gettime(CLOCK_MONOTONIC, b.time_at)
    return b.time[0] * NSEC_PER_SEC + b.time[1]


@step
def nap(b: LitmusRow) -> None:
    """Sleep a little."""
    b.pause[0] = 0
    b.pause[1] = NAP_NS
    c_syscall(SYS_NANOSLEEP, b.pause_at, 0, 0, 0, 0, 0)


@step
def reap(b: LitmusRow, pid: int) -> int:
    """Wait for a process of one's own to end."""
    return c_syscall(SYS_WAIT4, pid, b.status_at, WALL, 0, 0, 0)


@step
def pagemap(b: LitmusRow, page: int) -> int:
    """Return the pagemap entry of a page of the region; negative: it is mapped."""
    at = (b.base // PAGE + page) * 8
    if c_syscall(SYS_PREAD64, b.pagemap, b.word_at, 8, at, 0, 0) != 8:
        fail(b, FAILED_PAGEMAP)
        return 0
    return b.word[0]


@step
def page_flags(b: LitmusRow, page: int) -> int:
    """Return what /proc/kpageflags has for a page of the region, 0 where none is mapped."""
    entry = pagemap(b, page)
    if entry >= 0:
        return 0
    if c_syscall(SYS_PREAD64, b.kpageflags, b.word_at, 8, (entry & PFN) * 8, 0, 0) != 8:
        fail(b, FAILED_KPAGEFLAGS)
        return 0
    return b.word[0]


@step
def set_cpu(b: LitmusRow, pid: int, cpu: int) -> None:
    """Hold a process to one CPU; of oneself, this returns there."""
    if c_sched_setaffinity(pid, MASK_BYTES, b.mask_at + MASK_BYTES * cpu):
        fail(b, FAILED_AFFINITY)


@step
def flush_tlb(b: LitmusRow) -> None:
    """Make the CPUs forget what they know of this address space (see ``loops.flush_tlb()``)."""
    size = FLUSHED_PAGES * PAGE
    if c_mprotect(b.flushed, size, PROT_READ) or c_mprotect(
        b.flushed, size, PROT_READ | PROT_WRITE
    ):
        fail(b, FAILED_MPROTECT)


@step
def drain_all(b: LitmusRow) -> None:
    """Drain the pagevecs of every CPU: a madvise() on each, about memory never touched."""
    for cpu in range(b.nmasks):
        set_cpu(b, 0, cpu)
        if c_madvise(b.drained, PAGE, MADV_COLD):
            fail(b, FAILED_MADVISE)
    set_cpu(b, 0, b.cpu)


@step
def faulted(b: LitmusRow, minor: int, major: int) -> int:
    """Return HIT, MINOR or MAJOR by the faults counted since."""
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    if b.rusage[MAJFLT] != major:
        return MAJOR
    return MINOR if b.rusage[MINFLT] != minor else HIT


@step
def read(b: LitmusRow, page: int) -> int:
    """Read a page; return HIT, MINOR or MAJOR."""
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    minor = b.rusage[MINFLT]
    major = b.rusage[MAJFLT]
    load_byte(b.base + PAGE * page)
    return faulted(b, minor, major)


@step
def write(b: LitmusRow, page: int, value: int) -> int:
    """Write to a page; return HIT, MINOR, MAJOR, REUSE or COPY."""
    before = pagemap(b, page)
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    minor = b.rusage[MINFLT]
    major = b.rusage[MAJFLT]
    store_byte(b.base + PAGE * page, value)
    kind = faulted(b, minor, major)
    if kind != MINOR or before >= 0:
        return kind
    return REUSE if pagemap(b, page) & PFN == before & PFN else COPY


@step
def fork(b: LitmusRow) -> None:
    """Fork a child, on a stack of its own, that sleeps."""
    b.asleep = 0
    pid = c_clone(b.child_entry, b.stack + 2 * STACK, SIGCHLD, b.address)
    if pid < 0:
        fail(b, FAILED_CLONE)
        return
    b.child = pid
    for _ in range(YIELDS):
        if b.asleep:
            return
        c_sched_yield()
    fail(b, FAILED_CHILD)


@step
def exit_child(b: LitmusRow, cpu: int) -> None:
    """Let the child exit on a CPU; it has, its memory included, when this returns."""
    set_cpu(b, b.child, cpu)
    c_kill(b.child, SIGKILL)
    if reap(b, b.child) < 0:
        fail(b, FAILED_WAIT)
    b.child = 0


@step
def touch(b: LitmusRow, n: int) -> None:
    """Write to new pages of the other region."""
    for _ in range(n):
        store_byte(b.other + PAGE * b.touched, 1)
        b.touched += 1


@step
def renew_other(b: LitmusRow) -> None:
    """Unmap the other region and map a new one in its place."""
    size = b.other_size
    if c_munmap(b.other, size):
        fail(b, FAILED_MUNMAP)
    if c_mmap(b.other, size, PROT_READ | PROT_WRITE, MAP_PRIVATE_FIXED, -1, 0) != b.other:
        fail(b, FAILED_MMAP)
    c_madvise(b.other, size, MADV_NOHUGEPAGE)  # fails only where there is no THP
    b.touched = 0


@step
def access(b: LitmusRow, page: int) -> None:
    """Read a byte of a page through process_vm_readv()."""
    b.iov[0] = b.buffer
    b.iov[1] = 1
    b.iov[2] = b.base + PAGE * page
    b.iov[3] = 1
    remote = b.iov_at + 16
    if c_syscall(SYS_PROCESS_VM_READV, b.process, b.iov_at, 1, remote, 1, 0) != 1:
        fail(b, FAILED_READV)


@step
def get(b: LitmusRow, page: int) -> None:
    """Put a page into the pipe by vmsplice()."""
    b.iov[0] = b.base + PAGE * page
    b.iov[1] = PAGE
    if c_syscall(SYS_VMSPLICE, b.pipe_in, b.iov_at, 1, 0, 0, 0) != PAGE:
        fail(b, FAILED_VMSPLICE)
    b.held += 1


@step
def put(b: LitmusRow) -> None:
    """Empty the pipe."""
    while b.held and not b.failed:
        if c_syscall(SYS_READ, b.pipe_out, b.buffer, PAGE, 0, 0, 0) != PAGE:
            fail(b, FAILED_PIPE)
        b.held -= 1


@step
def advise(b: LitmusRow, op: int, first: int, n: int) -> None:
    """Run a madvise() about pages of the region."""
    advice = MADV_DONTNEED
    if op == OP_PAGEOUT:
        advice = MADV_PAGEOUT
    elif op == OP_COLD:
        advice = MADV_COLD
    elif op == OP_FREE:
        advice = MADV_FREE
    if c_madvise(b.base + PAGE * first, PAGE * n, advice):
        fail(b, FAILED_MADVISE)


@step
def pages_with(b: LitmusRow, flag: int, first: int, n: int) -> int:
    """Return how many of ``n`` pages from ``first`` on are mapped and have a flag."""
    nr = 0
    for page in range(first, first + n):
        nr += bit(page_flags(b, page), flag)
    return nr


@step
def mapped(b: LitmusRow, first: int, n: int) -> int:
    """Return how many of ``n`` pages from ``first`` on are mapped."""
    nr = 0
    for page in range(first, first + n):
        nr += pagemap(b, page) < 0
    return nr


@step
def run_on_pages(b: LitmusRow, i: int, op: int, first: int, n: int) -> None:
    """Run an operation of a range of pages."""
    if op == OP_READ:
        for page in range(first, first + n):
            b.seen[i * NR_SEEN + read(b, page)] += 1
    elif op == OP_WRITE:
        for page in range(first, first + n):
            b.seen[i * NR_SEEN + write(b, page, 1 + i % 100)] += 1
    elif OP_PAGEOUT <= op <= OP_DONTNEED:
        advise(b, op, first, n)
    elif op == OP_ACCESS:
        for page in range(first, first + n):
            access(b, page)
    elif op == OP_GET:
        for page in range(first, first + n):
            get(b, page)
    elif op == OP_LRU:
        b.seen[i * NR_SEEN] = pages_with(b, KPF_LRU, first, n)
    elif op == OP_ACTIVE:
        b.seen[i * NR_SEEN] = pages_with(b, KPF_ACTIVE, first, n)
    elif op == OP_SWAPCACHE:
        b.seen[i * NR_SEEN] = pages_with(b, KPF_SWAPCACHE, first, n)
    else:
        b.seen[i * NR_SEEN] = mapped(b, first, n)


@step
def run_program(b: LitmusRow) -> None:
    """Run the operations one by one."""
    for i in range(b.nops):
        b.line = i
        b.operation_ns = now(b)
        op = b.op[i]
        arg = b.arg[i]
        if op <= OP_MAPPED:
            run_on_pages(b, i, op, arg, b.n[i])
        elif op == OP_ON:
            b.cpu = arg
            set_cpu(b, 0, arg)
            flush_tlb(b)
        elif op == OP_EXIT:
            exit_child(b, arg)
        elif op == OP_TOUCH:
            touch(b, arg)
        elif op == OP_DRAIN:
            drain_all(b)
        elif op == OP_MUNMAP:
            renew_other(b)
        elif op == OP_FORK:
            fork(b)
        elif op == OP_PUT:
            put(b)
        if b.failed:
            return


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
    """Only run, on one CPU; end the program that takes too long.

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
            c_kill(b.process, SIGKILL)
            c_exit(1)
        if time - b.operation_ns > STALL_NS:
            b.disturbed = 1
            c_syscall(SYS_NANOSLEEP, b.rest_at, 0, 0, 0, 0, 0)
    c_exit(0)
    return 0


def _main(address: int) -> int:
    """Run the program: the measuring process."""
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
    if not b.failed:
        run_program(b)
    if b.child:
        exit_child(b, 0)
    b.stop = 1
    while reap(b, -1) > 0:
        pass
    b.done = 1
    c_exit(0)
    return 0


def _starter(address: int) -> int:
    """Clone the measuring process and wait for its end.

    It shares the memory of the Python process, and so it has lost that one's restartable sequence
    (``rseq_fork()``), into which the kernel writes, in private memory, whenever a task gets a CPU.
    """
    b = row_at(address)
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
    return 0


child_entry = entry(_child)
spin_entry = entry(_spinner)
main_entry = entry(_main)
starter_entry = entry(_starter)


@loop
def run(b: LitmusRow) -> None:
    """Run the program in a process of its own and wait for its end; a signal ends it at once.

    The starter is waited for, and it waits for the measuring process.
    """
    pid = c_clone(b.starter_entry, b.stack + 3 * STACK, CLONE_VM | SIGCHLD, b.address)
    if pid < 0:
        fail(b, FAILED_CLONE)
        return
    while c_syscall(SYS_WAIT4, pid, 0, WALL, 0, 0, 0) != pid:
        b.stop = 1  # where the measuring process has not begun yet, it sees this
        if b.process:
            c_kill(b.process, SIGKILL)
