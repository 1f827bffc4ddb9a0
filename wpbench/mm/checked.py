"""The machine's operations for a workload of one's own: looked at before they are done.

Each is its namesake in ``operations``.  A page, CPU or process that is not there, and what is
impossible (to fork twice, to give back what was not taken), ends the run; so does an operation
after the run has failed or was stopped.  Where an operation is inlined the tests are, too.
"""

from __future__ import annotations

import numpy as np

from . import layout as L
from . import operations as ops
from .checks import (
    check_child,
    check_cpu,
    check_exiting,
    check_fork,
    check_held,
    check_number,
    check_page,
    check_range,
    check_started,
    check_thread,
    need,
    operation,
)
from .machine import Machine
from .refusals import Call, Refusal


@operation
def background(m: Machine) -> None:
    need(m, True, Call.BACKGROUND, 0, 0, 0)
    ops.background(m)


@operation
def below(m: Machine, bound: int) -> int:
    check_number(m, Call.BELOW, bound, 1, 1 << 32, Refusal.NO_BOUND)
    return ops.below(m, bound)


@operation
def chance(m: Machine, ppm: int) -> bool:
    check_number(m, Call.CHANCE, ppm, 0, 1_000_000, Refusal.NO_PROBABILITY)
    return ops.chance(m, ppm)


@operation
def collapse_fails(m: Machine, cpu: int, first: int, n: int) -> int:
    check_cpu(m, Call.COLLAPSE_FAILS, cpu)
    check_range(m, Call.COLLAPSE_FAILS, first, n)
    return ops.collapse_fails(m, cpu, first, n)


@operation
def enqueue(m: Machine, thread: int) -> None:
    check_thread(m, Call.ENQUEUE, thread)
    need(m, m.nr_runnable < m.threads, Call.ENQUEUE, Refusal.QUEUE_FULL, thread, m.threads)
    ops.enqueue(m, thread)


@operation
def exit_flush(m: Machine, cpu: int, process: int) -> None:
    check_cpu(m, Call.EXIT_FLUSH, cpu)
    check_exiting(m, Call.EXIT_FLUSH, process)
    ops.exit_flush(m, cpu, process)


@operation
def exit_process(m: Machine, cpu: int, process: int) -> None:
    check_cpu(m, Call.EXIT_PROCESS, cpu)
    check_child(m, Call.EXIT_PROCESS, process)
    ops.exit_process(m, cpu, process)


@operation
def exit_zap(m: Machine, cpu: int, process: int) -> None:
    check_cpu(m, Call.EXIT_ZAP, cpu)
    check_child(m, Call.EXIT_ZAP, process)
    ops.exit_zap(m, cpu, process)


@operation
def flush_tlb(m: Machine, cpu: int) -> None:
    check_cpu(m, Call.FLUSH_TLB, cpu)
    ops.flush_tlb(m, cpu)


@operation
def fork(m: Machine, cpu: int, parent: int, child: int) -> None:
    check_cpu(m, Call.FORK, cpu)
    check_fork(m, Call.FORK, parent, child)
    ops.fork(m, cpu, parent, child)


@operation
def gup_get(m: Machine, at: int) -> int:
    check_page(m, Call.GUP_GET, at)
    return ops.gup_get(m, at)


@operation
def gup_put(m: Machine, page: int) -> None:
    check_held(m, Call.GUP_PUT, page, L.MASK_GUP)
    ops.gup_put(m, page)


@operation
def idle_until(m: Machine, cpu: int, time: int) -> None:
    check_cpu(m, Call.IDLE_UNTIL, cpu)
    check_number(m, Call.IDLE_UNTIL, time, 0, L.MAX_NS, Refusal.NO_TIME)
    ops.idle_until(m, cpu, time)


@operation
def insert_foreign_page(m: Machine, cpu: int) -> None:
    check_cpu(m, Call.INSERT_FOREIGN_PAGE, cpu)
    ops.insert_foreign_page(m, cpu)


@operation
def is_mapped(m: Machine, at: int) -> bool:
    check_page(m, Call.IS_MAPPED, at)
    return ops.is_mapped(m, at)


@operation
def isolate(m: Machine, at: int) -> int:
    check_page(m, Call.ISOLATE, at)
    return ops.isolate(m, at)


@operation
def ksm_merge(m: Machine, cpu: int, at: int, other_at: int) -> int:
    check_cpu(m, Call.KSM_MERGE, cpu)
    check_page(m, Call.KSM_MERGE, at)
    check_page(m, Call.KSM_MERGE, other_at)
    return ops.ksm_merge(m, cpu, at, other_at)


@operation
def lock_page(m: Machine, at: int) -> int:
    check_page(m, Call.LOCK_PAGE, at)
    return ops.lock_page(m, at)


@operation
def lru_add_drain(m: Machine, cpu: int) -> None:
    check_cpu(m, Call.LRU_ADD_DRAIN, cpu)
    ops.lru_add_drain(m, cpu)


@operation
def lru_add_drain_all(m: Machine) -> None:
    need(m, True, Call.LRU_ADD_DRAIN_ALL, 0, 0, 0)
    ops.lru_add_drain_all(m)


@operation
def lru_cache_disable(m: Machine) -> None:
    need(m, True, Call.LRU_CACHE_DISABLE, 0, 0, 0)
    ops.lru_cache_disable(m)


@operation
def lru_cache_enable(m: Machine) -> None:
    need(m, m.lru_cache_disabled > 0, Call.LRU_CACHE_ENABLE, Refusal.NOT_DISABLED, 0, 0)
    ops.lru_cache_enable(m)


@operation
def madvise_cold(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, Call.MADVISE_COLD, cpu)
    check_range(m, Call.MADVISE_COLD, first, n)
    ops.madvise_cold(m, cpu, first, n)


@operation
def madvise_dontneed(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, Call.MADVISE_DONTNEED, cpu)
    check_range(m, Call.MADVISE_DONTNEED, first, n)
    ops.madvise_dontneed(m, cpu, first, n)


@operation
def madvise_free(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, Call.MADVISE_FREE, cpu)
    check_range(m, Call.MADVISE_FREE, first, n)
    ops.madvise_free(m, cpu, first, n)


@operation
def madvise_pageout(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, Call.MADVISE_PAGEOUT, cpu)
    check_range(m, Call.MADVISE_PAGEOUT, first, n)
    ops.madvise_pageout(m, cpu, first, n)


@operation
def mark_page_accessed(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.MARK_PAGE_ACCESSED, cpu)
    check_page(m, Call.MARK_PAGE_ACCESSED, at)
    return ops.mark_page_accessed(m, cpu, at)


@operation
def maybe_end_slice(m: Machine, thread: int, slice_ns: int, cpus: int) -> None:
    check_thread(m, Call.MAYBE_END_SLICE, thread)
    check_started(m, Call.MAYBE_END_SLICE, thread)
    check_number(m, Call.MAYBE_END_SLICE, slice_ns, 0, 1 << 32, Refusal.NO_TIME)
    check_number(m, Call.MAYBE_END_SLICE, cpus, 1, m.usable_cpus, Refusal.NO_CPUS)
    ops.maybe_end_slice(m, thread, slice_ns, cpus)


@operation
def maybe_migrate(m: Machine, thread: int, ppm: int, cpus: int) -> None:
    check_thread(m, Call.MAYBE_MIGRATE, thread)
    check_started(m, Call.MAYBE_MIGRATE, thread)
    check_number(m, Call.MAYBE_MIGRATE, ppm, 0, 1_000_000, Refusal.NO_PROBABILITY)
    check_number(m, Call.MAYBE_MIGRATE, cpus, 1, m.usable_cpus, Refusal.NO_CPUS)
    ops.maybe_migrate(m, thread, ppm, cpus)


@operation
def migrate_page(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.MIGRATE_PAGE, cpu)
    check_page(m, Call.MIGRATE_PAGE, at)
    return ops.migrate_page(m, cpu, at)


@operation
def migrate_thread(m: Machine, thread: int, cpu: int) -> None:
    check_thread(m, Call.MIGRATE_THREAD, thread)
    check_started(m, Call.MIGRATE_THREAD, thread)
    check_cpu(m, Call.MIGRATE_THREAD, cpu)
    ops.migrate_thread(m, thread, cpu)


@operation
def move_to_lru(m: Machine, page: int) -> None:
    check_held(m, Call.MOVE_TO_LRU, page, L.HELD_ISOLATED)
    ops.move_to_lru(m, page)


@operation
def munmap_foreign(m: Machine, cpu: int) -> None:
    check_cpu(m, Call.MUNMAP_FOREIGN, cpu)
    ops.munmap_foreign(m, cpu)


@operation
def next_thread(m: Machine) -> int:
    need(m, True, Call.NEXT_THREAD, 0, 0, 0)
    return ops.next_thread(m)


@operation
def next_u64(m: Machine) -> np.uint64:
    need(m, True, Call.NEXT_U64, 0, 0, 0)
    return ops.next_u64(m)


@operation
def pin_user_page(m: Machine, at: int) -> int:
    check_page(m, Call.PIN_USER_PAGE, at)
    return ops.pin_user_page(m, at)


@operation
def process_vm_readv(m: Machine, cpu: int, at: int) -> None:
    check_cpu(m, Call.PROCESS_VM_READV, cpu)
    check_page(m, Call.PROCESS_VM_READV, at)
    ops.process_vm_readv(m, cpu, at)


@operation
def putback(m: Machine, cpu: int, page: int) -> None:
    check_cpu(m, Call.PUTBACK, cpu)
    check_held(m, Call.PUTBACK, page, L.HELD_ISOLATED)
    ops.putback(m, cpu, page)


@operation
def read(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.READ, cpu)
    check_page(m, Call.READ, at)
    return ops.read_inline(m, cpu, at)


@operation
def read_inline(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.READ_INLINE, cpu)
    check_page(m, Call.READ_INLINE, at)
    return ops.read_inline(m, cpu, at)


@operation
def reset_counters(m: Machine) -> None:
    need(m, True, Call.RESET_COUNTERS, 0, 0, 0)
    ops.reset_counters(m)


@operation
def resident(m: Machine, first: int, n: int) -> int:
    check_range(m, Call.RESIDENT, first, n)
    return ops.resident(m, first, n)


@operation
def run_off(m: Machine, cpu: int) -> None:
    check_cpu(m, Call.RUN_OFF, cpu)
    need(m, m.running[cpu] > 0, Call.RUN_OFF, Refusal.NOT_RUNNING, cpu, 0)
    ops.run_off(m, cpu)


@operation
def run_on(m: Machine, cpu: int) -> None:
    check_cpu(m, Call.RUN_ON, cpu)
    ops.run_on(m, cpu)


@operation
def shrink_inactive_list(m: Machine, cpu: int, n: int) -> int:
    check_cpu(m, Call.SHRINK_INACTIVE_LIST, cpu)
    check_number(m, Call.SHRINK_INACTIVE_LIST, n, 0, L.PTRS_PER_PTE, Refusal.NO_BATCH)
    for i in range(n):
        check_page(m, Call.SHRINK_INACTIVE_LIST, m.batch[i])
    return ops.shrink_inactive_list(m, cpu, n)


@operation
def sleep_until(m: Machine, cpu: int, time: int) -> None:
    check_cpu(m, Call.SLEEP_UNTIL, cpu)
    check_number(m, Call.SLEEP_UNTIL, time, 0, L.MAX_NS, Refusal.NO_TIME)
    ops.sleep_until(m, cpu, time)


@operation
def spend(m: Machine, cpu: int, step: int, ns: int) -> None:
    check_cpu(m, Call.SPEND, cpu)
    check_number(m, Call.SPEND, step, 0, L.NR_SPENT - 1, Refusal.NO_STEP)
    check_number(m, Call.SPEND, ns, 0, L.MAX_NS - m.clock[cpu], Refusal.NO_TIME)
    ops.spend(m, cpu, step, ns)


@operation
def start_thread(m: Machine, thread: int, cpu: int) -> None:
    check_number(m, Call.START_THREAD, thread, 0, m.threads - 1, Refusal.NO_THREAD)
    check_cpu(m, Call.START_THREAD, cpu)
    need(m, m.nr_runnable < m.threads, Call.START_THREAD, Refusal.QUEUE_FULL, thread, m.threads)
    ops.start_thread(m, thread, cpu)


@operation
def uffd_copy(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.UFFD_COPY, cpu)
    check_page(m, Call.UFFD_COPY, at)
    return ops.uffd_copy(m, cpu, at)


@operation
def uniform(m: Machine) -> float:
    need(m, True, Call.UNIFORM, 0, 0, 0)
    return ops.uniform(m)


@operation
def unlock_page(m: Machine, page: int) -> None:
    check_held(m, Call.UNLOCK_PAGE, page, L.PG_LOCKED)
    ops.unlock_page(m, page)


@operation
def unpin_user_page(m: Machine, page: int) -> None:
    check_held(m, Call.UNPIN_USER_PAGE, page, L.MASK_PIN)
    ops.unpin_user_page(m, page)


@operation
def vmsplice_page(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.VMSPLICE_PAGE, cpu)
    check_page(m, Call.VMSPLICE_PAGE, at)
    return ops.vmsplice_page(m, cpu, at)


@operation
def write(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.WRITE, cpu)
    check_page(m, Call.WRITE, at)
    return ops.write_inline(m, cpu, at)


@operation
def write_inline(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, Call.WRITE_INLINE, cpu)
    check_page(m, Call.WRITE_INLINE, at)
    return ops.write_inline(m, cpu, at)
