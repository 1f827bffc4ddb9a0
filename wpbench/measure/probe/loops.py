"""The loops that run on the kernel: a recorded program, the reproducer, a spinner.

They are made of the steps in steps.py, and are bound by the same rule: no page fault of their own.
"""

from __future__ import annotations

from .bench import (
    FAILED_COLD,
    FAILED_FREE,
    FAILED_PAGEOUT,
    OUT_COLUMNS,
    Bench,
)
from .compiled import loop, step
from .libc import (
    MADV_COLD,
    MADV_FREE,
    MADV_PAGEOUT,
    c_madvise,
    c_usleep,
    load_byte,
    store_byte,
)
from .steps import (
    BLANK,
    KPF_ACTIVE,
    KPF_LRU,
    KPF_SWAPCACHE,
    KPF_WRITEBACK,
    MAPPED_UNKNOWN,
    OP_COLD,
    OP_FORK,
    OP_FREE,
    OP_MIGRATE,
    OP_PAGEOUT,
    OP_READ,
    OP_WRITE,
    PAGE,
    PFN,
    READ_ALL_WRITE_ALL,
    READ_WRITE_SHUFFLED,
    bit,
    drain,
    drain_all,
    fail,
    flush_tlb,
    fork_child,
    move,
    now,
    of_frame,
    pagemap,
    read,
    reap_child,
    resident,
    settle,
    touch_all,
    write,
)


@loop
def fork_and_exit(b: Bench) -> None:
    """Fork a child and let it exit, draining the parent's CPU after each."""
    fork_child(b)
    if b.child:
        drain(b)
        reap_child(b)
        drain(b)


@step
def record_access(b: Bench, i: int, start: int) -> None:
    """Run an access of the program and write its row down."""
    page = b.arg[i]
    out = i * OUT_COLUMNS
    entry = pagemap(b, page)
    mapped = int(entry < 0)
    frame = entry & PFN if mapped and b.frames else 0
    flags = of_frame(b, b.kpageflags, frame) if frame and b.kpageflags >= 0 else 0
    b.out[out] = now(b) - start
    outcome = read(b, page) if b.op[i] == OP_READ else write(b, page, mapped, frame, flags)
    b.out[out + 1] = outcome
    # As the traces have it: a read that faults has no flags, a write to an unmapped page zeroes.
    if b.kpageflags >= 0 and (mapped or b.op[i] == OP_WRITE):
        b.out[out + 3] = bit(flags, KPF_LRU)
        b.out[out + 4] = bit(flags, KPF_ACTIVE)
        b.out[out + 5] = bit(flags, KPF_WRITEBACK)
        b.out[out + 6] = bit(flags, KPF_SWAPCACHE)


@step
def advise(b: Bench, i: int, advice: int, call: int) -> None:
    """Run a madvise() of the program."""
    if c_madvise(b.base + PAGE * b.arg[i], PAGE * b.n[i], advice):
        fail(b, call)


@step
def record_fork(b: Bench, out: int) -> None:
    """Run a fork of the program: one child at a time."""
    b.out[out + 2] = int(b.child != 0)
    if b.child:
        return
    fork_child(b)
    settle(b)
    drain(b)
    # The protocol of the recorded traces: one page enters lru_add right after this drain
    # (data/kernel-measurements/README.md, "Known limits"); replaying reckons with it.
    store_byte(b.own, 2)


@step
def record_exit(b: Bench, out: int) -> None:
    """Run an exit of the program: of the child, if there is one."""
    b.out[out + 2] = int(b.child == 0)
    if b.child:
        reap_child(b)
        drain(b)


@loop
def run_program(b: Bench) -> None:
    """Run the operations ``op``, ``arg``, ``n`` and write down, in ``out``, what each did.

    Before the first one every CPU's pagevecs are drained and every page is written once, on CPU 0.
    """
    drain_all(b)
    touch_all(b)
    start = now(b)
    for i in range(b.nops):
        if b.stop:
            break
        op = b.op[i]
        out = i * OUT_COLUMNS
        for column in range(OUT_COLUMNS):
            b.out[out + column] = BLANK
        if op <= OP_WRITE:
            record_access(b, i, start)
            b.done += 1
            continue
        b.out[out] = now(b) - start
        if op == OP_PAGEOUT:
            advise(b, i, MADV_PAGEOUT, FAILED_PAGEOUT)
            b.out[out + 2] = resident(b, b.arg[i], b.n[i])
        elif op == OP_COLD:
            advise(b, i, MADV_COLD, FAILED_COLD)
        elif op == OP_FREE:
            advise(b, i, MADV_FREE, FAILED_FREE)
        elif op == OP_MIGRATE:
            move(b, b.arg[i])
            flush_tlb(b)
        elif op == OP_FORK:
            record_fork(b, out)
        else:
            record_exit(b, out)
        b.done += 1
    b.wall_ns = now(b) - start
    if b.child:
        reap_child(b)


@step
def look_and_write(b: Bench, page: int) -> None:
    """Write to a page, with the oracle's look at it before."""
    if b.pagemap < 0:
        write(b, page, MAPPED_UNKNOWN, 0, 0)
        return
    entry = pagemap(b, page)
    mapped = int(entry < 0)
    frame = entry & PFN if mapped and b.frames else 0
    flags = of_frame(b, b.kpageflags, frame) if frame and b.kpageflags >= 0 else 0
    write(b, page, mapped, frame, flags)


@step
def wait_until(b: Bench, time: int) -> None:
    """Wait, busily, until a time."""
    while now(b) < time and not b.stop:
        pass


@step
def run_round(b: Bench) -> None:
    """Run one round of the reproducer."""
    if c_madvise(b.base, PAGE * b.npages, MADV_PAGEOUT):
        fail(b, FAILED_PAGEOUT)
    if b.pagemap >= 0:
        b.not_paged_out += resident(b, 0, b.npages)
    if b.delay_ns:
        wait_until(b, now(b) + b.delay_ns)
    moves = b.read_cpu != b.write_cpu
    if b.order == READ_ALL_WRITE_ALL:
        for page in range(b.npages):
            read(b, page)
        if moves:
            move(b, b.write_cpu)
        for page in range(b.npages):
            look_and_write(b, page)
        if moves:
            move(b, b.read_cpu)
        return
    for i in range(b.npages):
        if b.stop:
            return
        page = b.arg[i] if b.order == READ_WRITE_SHUFFLED else i
        read(b, page)
        if moves:
            move(b, b.write_cpu)
        look_and_write(b, page)
        if moves:
            move(b, b.read_cpu)


@loop
def drain_every_cpu(b: Bench) -> None:
    """Drain the pagevecs of every CPU, before anything is touched."""
    drain_all(b)


@loop
def touch(b: Bench) -> None:
    """Write every page once, on the reading CPU, so that memory exists."""
    move(b, b.read_cpu)
    touch_all(b)


@loop
def run_reproducer(b: Bench) -> None:
    """Page the region out, read and write every page, ``rounds`` times."""
    move(b, b.read_cpu)
    b.ready = 1
    while not b.go:
        c_usleep(50)
    start = now(b)
    for _ in range(b.rounds):
        if b.stop:
            break
        run_round(b)
        b.done += 1
    b.wall_ns = now(b) - start


@loop
def spin(b: Bench) -> None:
    """Only run, on a CPU of its own, until told to stop."""
    move(b, b.read_cpu)
    b.ready = 1
    while not load_byte(b.stop_at):
        pass


@loop
def clock_cost(b: Bench) -> int:
    """Return what an access takes that does nothing, nanoseconds times 1000."""
    start = now(b)
    for _ in range(1000):
        now(b)
    return now(b) - start
