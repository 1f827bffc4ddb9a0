"""The steps of the loops that run on the kernel: an access, madvise(), fork, a look at a page.

Whatever they write to is shared memory or a stack page that is written before it matters: a page
fault of their own would put a page into the very pagevec that is measured.
"""

from __future__ import annotations

import mmap

from .bench import (
    FAILED_AFFINITY,
    FAILED_COLD,
    FAILED_FORK,
    FAILED_KPAGEFLAGS,
    FAILED_MPROTECT,
    FAILED_PAGEMAP,
    FAILED_WAIT,
    FLUSHED_PAGES,
    MASK_WORDS,
    Bench,
)
from .compiled import step
from .libc import (
    CLOCK_MONOTONIC,
    MADV_COLD,
    PR_SET_PDEATHSIG,
    PROT_READ,
    PROT_WRITE,
    RUSAGE_THREAD,
    SIGKILL,
    c_clock_gettime,
    c_errno_location,
    c_exit,
    c_fork,
    c_getppid,
    c_getrusage,
    c_kill,
    c_madvise,
    c_mprotect,
    c_pause,
    c_prctl,
    c_pread,
    c_sched_setaffinity,
    c_usleep,
    c_waitpid,
    load_byte,
    load_int,
    store_byte,
)

PAGE = mmap.PAGESIZE
NSEC_PER_SEC = 1_000_000_000
WNOHANG = 1
MINFLT, MAJFLT = 8, 9  # words of struct rusage
PFN = (1 << 55) - 1  # of a pagemap entry; its bit 63 says present: a negative number
# Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h).
KPF_LRU, KPF_ACTIVE, KPF_WRITEBACK, KPF_SWAPCACHE, KPF_ZERO_PAGE = 5, 6, 8, 13, 24
MAPPED_UNKNOWN = -1

# As in a trace (wpbench/workloads/replay.py), and the outcomes of texts(Outcome).
(OP_READ, OP_WRITE, OP_PAGEOUT, OP_COLD, OP_FREE, OP_MIGRATE, OP_FORK, OP_EXIT) = range(8)
(HIT, MINOR, MAJOR, REUSE, COPY, WP_FAULT) = range(6)  # WP_FAULT: reuse or copy, nobody knows
(READ_WRITE, READ_WRITE_SHUFFLED, READ_ALL_WRITE_ALL) = range(3)
BLANK = -1


@step
def fail(b: Bench, call: int) -> None:
    """Note which call failed and why; the first failure counts."""
    if not b.failed:
        b.errno = load_int(c_errno_location())
        b.failed = call
    b.stop = 1


@step
def now(b: Bench) -> int:
    """Return the time in nanoseconds."""
    c_clock_gettime(CLOCK_MONOTONIC, b.time_at)
    return b.time[0] * NSEC_PER_SEC + b.time[1]


@step
def pagemap(b: Bench, page: int) -> int:
    """Return the pagemap entry of a page of the region."""
    if c_pread(b.pagemap, b.word_at, 8, (b.base // PAGE + page) * 8) != 8:
        fail(b, FAILED_PAGEMAP)
        return 0
    return b.word[0]


@step
def of_frame(b: Bench, file: int, frame: int) -> int:
    """Return what /proc/kpageflags or /proc/kpagecount has for a page frame."""
    if c_pread(file, b.word_at, 8, frame * 8) != 8:
        fail(b, FAILED_KPAGEFLAGS)
        return 0
    return b.word[0]


@step
def bit(flags: int, number: int) -> int:
    """Return a bit of the flags, 0 or 1."""
    return (flags >> number) & 1


@step
def resident(b: Bench, first: int, n: int) -> int:
    """Return how many of ``n`` pages from ``first`` on are mapped."""
    size = 8 * n
    if c_pread(b.pagemap, b.entries_at, size, (b.base // PAGE + first) * 8) != size:
        fail(b, FAILED_PAGEMAP)
        return 0
    nr = 0
    for i in range(n):
        nr += b.entries[i] < 0
    return nr


@step
def move(b: Bench, cpu: int) -> None:
    """Go on on another CPU; sched_setaffinity() returns there."""
    if c_sched_setaffinity(0, 8 * MASK_WORDS, b.mask_at + 8 * MASK_WORDS * cpu):
        fail(b, FAILED_AFFINITY)
    b.cpu = cpu


@step
def drain(b: Bench) -> None:
    """Drain this CPU's pagevecs, and do nothing else: a madvise() on memory never touched."""
    if c_madvise(b.drained, PAGE, MADV_COLD):
        fail(b, FAILED_COLD)


@step
def flush_tlb(b: Bench) -> None:
    """Make every CPU forget what it knows of this address space.

    A CPU that still knows a page as read-only takes a fault that the page table no longer asks
    for; it would look like a reuse.
    """
    size = FLUSHED_PAGES * PAGE
    if c_mprotect(b.flushed, size, PROT_READ) or c_mprotect(
        b.flushed, size, PROT_READ | PROT_WRITE
    ):
        fail(b, FAILED_MPROTECT)


@step
def mapcount(b: Bench, frame: int) -> int:
    """Return how often a page is mapped, 0 where it cannot be seen."""
    return of_frame(b, b.kpagecount, frame) if frame and b.kpagecount >= 0 else 0


@step
def likely_reason(b: Bench, flags: int, mappings: int) -> None:
    """Count what the page looked like just before a write that copied it."""
    if mappings > 1:
        b.likely_shared_pte += 1
    elif bit(flags, KPF_WRITEBACK):
        b.likely_writeback += 1
    elif not bit(flags, KPF_LRU):
        b.likely_pagevec += 1
    elif bit(flags, KPF_SWAPCACHE):
        b.likely_swapcache += 1
    else:
        b.likely_extra_ref += 1


@step
def count_swapin(b: Bench, major: bool) -> int:
    """Count a fault on a page that was not mapped; return its outcome."""
    if major:
        b.major_faults += 1
        return MAJOR
    b.minor_faults += 1
    return MINOR


@step
def read(b: Bench, page: int) -> int:
    """Read a page; return HIT, MINOR or MAJOR."""
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    minor = b.rusage[MINFLT]
    major = b.rusage[MAJFLT]
    start = now(b)
    load_byte(b.base + PAGE * page)
    b.read_ns += now(b) - start
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    b.accesses += 1
    b.reads += 1
    if b.rusage[MAJFLT] != major:
        return count_swapin(b, True)
    if b.rusage[MINFLT] != minor:
        return count_swapin(b, False)
    return HIT


@step
def count_wp_fault(b: Bench, took: int) -> None:
    """Count a write that met a write-protect fault, and what it took."""
    b.write_ns += took
    if b.wp_faults < b.samples:
        b.sample[b.wp_faults] = took
    b.wp_faults += 1


@step
def write(b: Bench, page: int, mapped: int, frame: int, flags: int) -> int:
    """Write to a page; return HIT, MINOR, MAJOR, REUSE, COPY or WP_FAULT.

    ``mapped``, ``frame`` and ``flags`` are what the oracle saw before it; with the oracle off it
    is taken for mapped: it was read just before.
    """
    mappings = mapcount(b, frame)
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    minor = b.rusage[MINFLT]
    major = b.rusage[MAJFLT]
    start = now(b)
    store_byte(b.base + PAGE * page, b.accesses)
    took = now(b) - start
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    b.accesses += 1
    b.any_write_ns += took
    b.writes += 1
    if b.rusage[MAJFLT] != major:
        return count_swapin(b, True)
    if b.rusage[MINFLT] == minor:
        return HIT
    if mapped == 0:
        return count_swapin(b, False)
    if not b.frames:
        count_wp_fault(b, took)
        return WP_FAULT
    if pagemap(b, page) & PFN == frame:
        count_wp_fault(b, took)
        b.reuses += 1
        return REUSE
    if bit(flags, KPF_ZERO_PAGE):
        b.zero_copies += 1
        return COPY
    count_wp_fault(b, took)
    b.copies += 1
    likely_reason(b, flags, mappings)
    return COPY


@step
def fork_child(b: Bench) -> None:
    """Fork a child that keeps the whole memory mapped and sleeps on a CPU of its own."""
    b.asleep = 0
    pid = c_fork()
    if pid == 0:
        # It must not outlive its parent, however that ends.
        c_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        if c_getppid() != b.parent:
            c_exit(1)
        if c_sched_setaffinity(0, 8 * MASK_WORDS, b.mask_at + 8 * MASK_WORDS * b.child_cpu):
            c_exit(1)
        b.asleep = 1
        while True:
            c_pause()
    if pid < 0:
        fail(b, FAILED_FORK)
        return
    b.child = pid
    while not b.asleep:
        if c_waitpid(pid, b.status_at, WNOHANG):
            b.child = 0
            fail(b, FAILED_FORK)
            return
        c_usleep(20)


@step
def reap_child(b: Bench) -> None:
    """Let the child exit; it has, its memory included, when this returns."""
    c_kill(b.child, SIGKILL)
    if c_waitpid(b.child, b.status_at, 0) < 0:
        fail(b, FAILED_WAIT)
    b.child = 0


@step
def settle(b: Bench) -> None:
    """Copy, now, the pages of this thread that a fork made copy-on-write: its stack."""
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    now(b)
    pagemap(b, 0)


@step
def drain_all(b: Bench) -> None:
    """Drain the pagevecs of every CPU, then stay on the reading one."""
    store_byte(b.own, 1)
    for page in range(FLUSHED_PAGES):
        store_byte(b.flushed + PAGE * page, 1)
    for cpu in range(b.nmasks):
        move(b, cpu)
        drain(b)
    move(b, b.read_cpu)


@step
def touch_all(b: Bench) -> None:
    """Write every page once, so that memory exists."""
    for page in range(b.npages):
        store_byte(b.base + PAGE * page, 1)
