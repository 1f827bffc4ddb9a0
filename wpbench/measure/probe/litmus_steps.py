"""The operations of a litmus program on the kernel, one by one."""

from __future__ import annotations

import mmap

from ...workloads.litmus_ops import NR_SEEN, Op
from .bench import FLUSHED_PAGES, MASK_WORDS
from .compiled import step
from .libc import (
    CLOCK_MONOTONIC,
    MADV_COLD,
    MADV_FREE,
    MADV_PAGEOUT,
    PROT_READ,
    PROT_WRITE,
    RUSAGE_THREAD,
    SIGKILL,
    c_clock_gettime,
    c_clone,
    c_errno_location,
    c_getrusage,
    c_kill,
    c_madvise,
    c_mmap,
    c_mprotect,
    c_munmap,
    c_sched_setaffinity,
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
    FAILED_PAGEMAP,
    FAILED_PIPE,
    FAILED_READV,
    FAILED_VMSPLICE,
    FAILED_WAIT,
    STACK,
    SYS_PREAD64,
    SYS_PROCESS_VM_READV,
    SYS_READ,
    SYS_VMSPLICE,
    SYS_WAIT4,
    LitmusRow,
)
from .steps import (
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
WALL = 0x40000000  # __WALL
MADV_DONTNEED, MADV_NOHUGEPAGE = 4, 15
MAP_PRIVATE_FIXED = 0x02 | 0x20 | 0x10  # and anonymous
MASK_BYTES = 8 * MASK_WORDS
YIELDS = 100_000  # to wait for a child of the same priority


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
def renew(b: LitmusRow, at: int, old: int, size: int) -> None:
    """Unmap a region and map a new one in its place."""
    if c_munmap(at, old):
        fail(b, FAILED_MUNMAP)
    if c_mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE_FIXED, -1, 0) != at:
        fail(b, FAILED_MMAP)
    c_madvise(at, size, MADV_NOHUGEPAGE)  # fails only where there is no THP


@step
def renew_other(b: LitmusRow) -> None:
    """Unmap the other region and map a new one in its place."""
    renew(b, b.other, b.other_size, b.other_size)
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
    if op == Op.PAGEOUT:
        advice = MADV_PAGEOUT
    elif op == Op.COLD:
        advice = MADV_COLD
    elif op == Op.FREE:
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
    if op == Op.READ:
        for page in range(first, first + n):
            b.seen[i * NR_SEEN + read(b, page)] += 1
    elif op == Op.WRITE:
        for page in range(first, first + n):
            b.seen[i * NR_SEEN + write(b, page, 1 + i % 100)] += 1
    elif Op.PAGEOUT <= op <= Op.DONTNEED:
        advise(b, op, first, n)
    elif op == Op.ACCESS:
        for page in range(first, first + n):
            access(b, page)
    elif op == Op.GET:
        for page in range(first, first + n):
            get(b, page)
    elif op == Op.LRU:
        b.seen[i * NR_SEEN] = pages_with(b, KPF_LRU, first, n)
    elif op == Op.ACTIVE:
        b.seen[i * NR_SEEN] = pages_with(b, KPF_ACTIVE, first, n)
    elif op == Op.SWAPCACHE:
        b.seen[i * NR_SEEN] = pages_with(b, KPF_SWAPCACHE, first, n)
    else:
        b.seen[i * NR_SEEN] = mapped(b, first, n)


@step
def begin_program(b: LitmusRow) -> None:
    """Make the state in which a program begins: nothing touched, empty pagevecs, CPU 0."""
    b.started_ns = now(b)
    b.operation_ns = b.started_ns
    b.disturbed = 0
    b.cpu = 0
    old = b.sizes[b.program - 1] if b.program else b.sizes[0]
    renew(b, b.base, old, b.sizes[b.program])
    renew_other(b)
    drain_all(b)


@step
def end_program(b: LitmusRow) -> None:
    """Let go of what a program may hold still: the child and the pages in the pipe."""
    b.rests[b.program] = b.disturbed
    if b.child:
        exit_child(b, 0)
    put(b)


@step
def run_program(b: LitmusRow) -> None:
    """Run the operations of a program one by one."""
    for i in range(b.begin[b.program], b.begin[b.program + 1]):
        b.line = i
        b.operation_ns = now(b)
        if b.operation_ns - b.started_ns > b.deadline_ns:
            b.late = 1
            return
        op = b.op[i]
        arg = b.arg[i]
        if op <= Op.MAPPED:
            run_on_pages(b, i, op, arg, b.n[i])
        elif op == Op.ON:
            b.cpu = arg
            set_cpu(b, 0, arg)
            flush_tlb(b)
        elif op == Op.EXIT:
            exit_child(b, arg)
        elif op == Op.TOUCH:
            touch(b, arg)
        elif op == Op.DRAIN:
            drain_all(b)
        elif op == Op.MUNMAP:
            renew_other(b)
        elif op == Op.FORK:
            fork(b)
        elif op == Op.PUT:
            put(b)
        if b.failed:
            return
