"""What a row's state must be: looked at before and after, and broken on purpose by tests."""

from __future__ import annotations

from ..probe.compiled import part, step
from ..probe.libc import MADV_COLD, RUSAGE_THREAD, c_getrusage, c_madvise, c_syscall, store_byte
from ..probe.litmus_row import FAILED_KPAGEFLAGS, FAILED_MADVISE, SYS_PREAD64
from ..probe.litmus_steps import MADV_DONTNEED, PAGE, drain_all, fail, pagemap, set_cpu
from ..probe.steps import KPF_LRU, KPF_ZERO_PAGE, MAJFLT, MINFLT, PFN, bit
from .children import begin_child, end_child, rest
from .told import (
    BY_DRAIN,
    BY_EXIT,
    BY_FORK,
    BY_MOVE,
    BY_REST,
    BY_UNMAP,
    BY_WAITING,
    BY_WRITE,
    DRAINED,
    FRAME,
    KEPT,
    LATE,
    LRU,
    MAPPED,
    NO_FAULT,
    REASONS,
    SWAP,
    CostRow,
)

SWAPPED = 62  # a bit of a pagemap entry
ZERO_PAGE = -1  # wanted of a page before a write: it is the zero page; so many mappings else
NR_REASONS = len(REASONS)


@step
def keep(b: CostRow, slot: int, ns: int) -> None:
    """Keep a sample."""
    if b.count[slot] < b.capacity:
        b.sample[slot * b.capacity + b.count[slot]] = ns
        b.count[slot] += 1


@part
def judge(b: CostRow, slot: int, reason: int, ns: int) -> None:
    """Keep a sample, or drop it and count why; if others were let in, whatever was seen."""
    if b.late:
        b.dropped[slot * NR_REASONS + LATE] += 1
    elif reason == KEPT:
        keep(b, slot, ns)
    else:
        b.dropped[slot * NR_REASONS + reason] += 1


@step
def number_of_frame(b: CostRow, file: int, frame: int) -> int:
    """Return what /proc/kpageflags or /proc/kpagecount has for a page frame."""
    if c_syscall(SYS_PREAD64, file, b.word_at, 8, frame * 8, 0, 0) != 8:
        fail(b, FAILED_KPAGEFLAGS)
        return 0
    return b.word[0]


@part
def look(b: CostRow, page: int) -> None:
    """Write down a page's frame, flags and mappings; -1: not mapped."""
    entry = pagemap(b, page)
    b.frame[page] = entry & PFN if entry < 0 else -1
    if entry < 0 and b.frames:
        b.flags[page] = number_of_frame(b, b.kpageflags, b.frame[page])
        b.mappings[page] = number_of_frame(b, b.kpagecount, b.frame[page])


@part
def wrong_before(b: CostRow, page: int, lru: int, mappings: int) -> int:
    """Return why the state of a page that was looked at is wrong, KEPT if it is right.

    Without frame numbers only that it is mapped is seen.
    """
    if b.frame[page] < 0:
        return MAPPED
    if not b.frames:
        return KEPT
    if mappings == ZERO_PAGE:
        return KEPT if bit(b.flags[page], KPF_ZERO_PAGE) else MAPPED
    if b.mappings[page] != mappings:
        return MAPPED
    return KEPT if bit(b.flags[page], KPF_LRU) == lru else LRU


@part
def wrong_after(b: CostRow, page: int, copied: int) -> int:
    """Return why the frame behind a page is wrong after a write, KEPT if it is right."""
    entry = pagemap(b, page)
    if entry >= 0:
        return FRAME
    if not b.frames:
        return KEPT
    return KEPT if int(entry & PFN != b.frame[page]) == copied else FRAME


@part
def wrong_rest(b: CostRow, first: int, n: int) -> int:
    """Return DRAINED if one of these pages, looked at before, is not on the LRU now."""
    if not b.frames:
        return KEPT
    for page in range(first, first + n):
        if b.frame[page] < 0:
            return MAPPED
        if not bit(number_of_frame(b, b.kpageflags, b.frame[page]), KPF_LRU):
            return DRAINED
    return KEPT


@step
def begin_counting(b: CostRow) -> None:
    """Note the faults that this thread has had."""
    c_getrusage(RUSAGE_THREAD, b.rusage_at)
    b.faults = b.rusage[MINFLT]
    b.major = b.rusage[MAJFLT]


@step
def one_fault(b: CostRow, major: int) -> int:
    """Return NO_FAULT unless there was one fault since, of that kind; note the faults again."""
    minor = b.faults
    was_major = b.major
    begin_counting(b)
    right = b.faults - minor == 1 - major and b.major - was_major == major
    return KEPT if right else NO_FAULT


@part
def swapped(b: CostRow, n: int) -> int:
    """Return SWAP unless all pages of a visit are in swap."""
    for page in range(n):
        entry = pagemap(b, page)
        if entry < 0 or not bit(entry, SWAPPED):
            return SWAP
    return KEPT


@step
def drain_here(b: CostRow) -> None:
    """Drain this CPU's pagevecs: a madvise() about memory never touched."""
    if c_madvise(b.drained, PAGE, MADV_COLD):
        fail(b, FAILED_MADVISE)


@part
def spoil(b: CostRow, first: int, n: int) -> None:
    """Break the state of some pages, as a test says; nothing otherwise."""
    if b.spoil == BY_DRAIN:
        drain_all(b)
    elif b.spoil == BY_FORK and not b.child:
        begin_child(b)
    elif b.spoil == BY_EXIT:
        end_child(b)
    elif b.spoil in (BY_WRITE, BY_WAITING):
        for page in range(first, first + n):
            if b.spoil == BY_WAITING:  # new pages, which wait in the pagevec
                c_madvise(b.base + PAGE * page, PAGE, MADV_DONTNEED)
            store_byte(b.base + PAGE * page, 9)
    elif b.spoil == BY_REST:
        rest(b)
    elif b.spoil == BY_UNMAP:
        c_madvise(b.base + PAGE * first, PAGE * n, MADV_DONTNEED)


@part
def spoil_late(b: CostRow) -> None:
    """Break what a look cannot see: go to another CPU, whose pagevecs hold none of the pages."""
    if b.spoil == BY_MOVE:
        set_cpu(b, 0, b.nmasks - 1)
