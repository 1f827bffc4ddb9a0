"""The machine's operations for a workload of one's own: looked at before they are done.

Each is its namesake in ``operations``.  A page, CPU or process that is not there, and what is
impossible (to fork twice, to give back what was not taken), ends the run; so does an operation
after the run has failed or was stopped.  Where an operation is inlined the tests are, too.
"""

from __future__ import annotations

import numpy as np

from . import layout as L
from . import operations as ops
from . import refusals as R
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


@operation
def background(m: Machine) -> None:
    need(m, True, R.BACKGROUND, 0, 0, 0)
    ops.background(m)


@operation
def below(m: Machine, bound: int) -> int:
    check_number(m, R.BELOW, bound, 1, 1 << 32, R.NO_BOUND)
    return ops.below(m, bound)


@operation
def chance(m: Machine, ppm: int) -> bool:
    check_number(m, R.CHANCE, ppm, 0, 1_000_000, R.NO_PROBABILITY)
    return ops.chance(m, ppm)


@operation
def collapse_fails(m: Machine, cpu: int, first: int, n: int) -> int:
    check_cpu(m, R.COLLAPSE_FAILS, cpu)
    check_range(m, R.COLLAPSE_FAILS, first, n)
    return ops.collapse_fails(m, cpu, first, n)


@operation
def enqueue(m: Machine, thread: int) -> None:
    check_thread(m, R.ENQUEUE, thread)
    need(m, m.nr_runnable < m.threads, R.ENQUEUE, R.QUEUE_FULL, thread, m.threads)
    ops.enqueue(m, thread)


@operation
def exit_flush(m: Machine, cpu: int, process: int) -> None:
    check_cpu(m, R.EXIT_FLUSH, cpu)
    check_exiting(m, R.EXIT_FLUSH, process)
    ops.exit_flush(m, cpu, process)


@operation
def exit_process(m: Machine, cpu: int, process: int) -> None:
    check_cpu(m, R.EXIT_PROCESS, cpu)
    check_child(m, R.EXIT_PROCESS, process)
    ops.exit_process(m, cpu, process)


@operation
def exit_zap(m: Machine, cpu: int, process: int) -> None:
    check_cpu(m, R.EXIT_ZAP, cpu)
    check_child(m, R.EXIT_ZAP, process)
    ops.exit_zap(m, cpu, process)


@operation
def flush_tlb(m: Machine, cpu: int) -> None:
    check_cpu(m, R.FLUSH_TLB, cpu)
    ops.flush_tlb(m, cpu)


@operation
def fork(m: Machine, cpu: int, parent: int, child: int) -> None:
    check_cpu(m, R.FORK, cpu)
    check_fork(m, R.FORK, parent, child)
    ops.fork(m, cpu, parent, child)


@operation
def gup_get(m: Machine, at: int) -> int:
    check_page(m, R.GUP_GET, at)
    return ops.gup_get(m, at)


@operation
def gup_put(m: Machine, page: int) -> None:
    check_held(m, R.GUP_PUT, page, L.MASK_GUP)
    ops.gup_put(m, page)


@operation
def idle_until(m: Machine, cpu: int, time: int) -> None:
    check_cpu(m, R.IDLE_UNTIL, cpu)
    check_number(m, R.IDLE_UNTIL, time, 0, L.MAX_NS, R.NO_TIME)
    ops.idle_until(m, cpu, time)


@operation
def insert_foreign_page(m: Machine, cpu: int) -> None:
    check_cpu(m, R.INSERT_FOREIGN_PAGE, cpu)
    ops.insert_foreign_page(m, cpu)


@operation
def is_mapped(m: Machine, at: int) -> bool:
    check_page(m, R.IS_MAPPED, at)
    return ops.is_mapped(m, at)


@operation
def isolate(m: Machine, at: int) -> int:
    check_page(m, R.ISOLATE, at)
    return ops.isolate(m, at)


@operation
def ksm_merge(m: Machine, cpu: int, at: int, other_at: int) -> int:
    check_cpu(m, R.KSM_MERGE, cpu)
    check_page(m, R.KSM_MERGE, at)
    check_page(m, R.KSM_MERGE, other_at)
    return ops.ksm_merge(m, cpu, at, other_at)


@operation
def lock_page(m: Machine, at: int) -> int:
    check_page(m, R.LOCK_PAGE, at)
    return ops.lock_page(m, at)


@operation
def lru_add_drain(m: Machine, cpu: int) -> None:
    check_cpu(m, R.LRU_ADD_DRAIN, cpu)
    ops.lru_add_drain(m, cpu)


@operation
def lru_add_drain_all(m: Machine) -> None:
    need(m, True, R.LRU_ADD_DRAIN_ALL, 0, 0, 0)
    ops.lru_add_drain_all(m)


@operation
def lru_cache_disable(m: Machine) -> None:
    need(m, True, R.LRU_CACHE_DISABLE, 0, 0, 0)
    ops.lru_cache_disable(m)


@operation
def lru_cache_enable(m: Machine) -> None:
    need(m, m.lru_cache_disabled > 0, R.LRU_CACHE_ENABLE, R.NOT_DISABLED, 0, 0)
    ops.lru_cache_enable(m)


@operation
def madvise_cold(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, R.MADVISE_COLD, cpu)
    check_range(m, R.MADVISE_COLD, first, n)
    ops.madvise_cold(m, cpu, first, n)


@operation
def madvise_dontneed(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, R.MADVISE_DONTNEED, cpu)
    check_range(m, R.MADVISE_DONTNEED, first, n)
    ops.madvise_dontneed(m, cpu, first, n)


@operation
def madvise_free(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, R.MADVISE_FREE, cpu)
    check_range(m, R.MADVISE_FREE, first, n)
    ops.madvise_free(m, cpu, first, n)


@operation
def madvise_pageout(m: Machine, cpu: int, first: int, n: int) -> None:
    check_cpu(m, R.MADVISE_PAGEOUT, cpu)
    check_range(m, R.MADVISE_PAGEOUT, first, n)
    ops.madvise_pageout(m, cpu, first, n)


@operation
def mark_page_accessed(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.MARK_PAGE_ACCESSED, cpu)
    check_page(m, R.MARK_PAGE_ACCESSED, at)
    return ops.mark_page_accessed(m, cpu, at)


@operation
def maybe_end_slice(m: Machine, thread: int, slice_ns: int, cpus: int) -> None:
    check_thread(m, R.MAYBE_END_SLICE, thread)
    check_started(m, R.MAYBE_END_SLICE, thread)
    check_number(m, R.MAYBE_END_SLICE, slice_ns, 0, 1 << 32, R.NO_TIME)
    check_number(m, R.MAYBE_END_SLICE, cpus, 1, m.usable_cpus, R.NO_CPUS)
    ops.maybe_end_slice(m, thread, slice_ns, cpus)


@operation
def maybe_migrate(m: Machine, thread: int, ppm: int, cpus: int) -> None:
    check_thread(m, R.MAYBE_MIGRATE, thread)
    check_started(m, R.MAYBE_MIGRATE, thread)
    check_number(m, R.MAYBE_MIGRATE, ppm, 0, 1_000_000, R.NO_PROBABILITY)
    check_number(m, R.MAYBE_MIGRATE, cpus, 1, m.usable_cpus, R.NO_CPUS)
    ops.maybe_migrate(m, thread, ppm, cpus)


@operation
def migrate_page(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.MIGRATE_PAGE, cpu)
    check_page(m, R.MIGRATE_PAGE, at)
    return ops.migrate_page(m, cpu, at)


@operation
def migrate_thread(m: Machine, thread: int, cpu: int) -> None:
    check_thread(m, R.MIGRATE_THREAD, thread)
    check_started(m, R.MIGRATE_THREAD, thread)
    check_cpu(m, R.MIGRATE_THREAD, cpu)
    ops.migrate_thread(m, thread, cpu)


@operation
def move_to_lru(m: Machine, page: int) -> None:
    check_held(m, R.MOVE_TO_LRU, page, L.HELD_ISOLATED)
    ops.move_to_lru(m, page)


@operation
def munmap_foreign(m: Machine, cpu: int) -> None:
    check_cpu(m, R.MUNMAP_FOREIGN, cpu)
    ops.munmap_foreign(m, cpu)


@operation
def next_thread(m: Machine) -> int:
    need(m, True, R.NEXT_THREAD, 0, 0, 0)
    return ops.next_thread(m)


@operation
def next_u64(m: Machine) -> np.uint64:
    need(m, True, R.NEXT_U64, 0, 0, 0)
    return ops.next_u64(m)


@operation
def pin_user_page(m: Machine, at: int) -> int:
    check_page(m, R.PIN_USER_PAGE, at)
    return ops.pin_user_page(m, at)


@operation
def process_vm_readv(m: Machine, cpu: int, at: int) -> None:
    check_cpu(m, R.PROCESS_VM_READV, cpu)
    check_page(m, R.PROCESS_VM_READV, at)
    ops.process_vm_readv(m, cpu, at)


@operation
def putback(m: Machine, cpu: int, page: int) -> None:
    check_cpu(m, R.PUTBACK, cpu)
    check_held(m, R.PUTBACK, page, L.HELD_ISOLATED)
    ops.putback(m, cpu, page)


@operation
def read(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.READ, cpu)
    check_page(m, R.READ, at)
    return ops.read(m, cpu, at)


@operation
def read_inline(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.READ_INLINE, cpu)
    check_page(m, R.READ_INLINE, at)
    return ops.read_inline(m, cpu, at)


@operation
def reset_counters(m: Machine) -> None:
    need(m, True, R.RESET_COUNTERS, 0, 0, 0)
    ops.reset_counters(m)


@operation
def resident(m: Machine, first: int, n: int) -> int:
    check_range(m, R.RESIDENT, first, n)
    return ops.resident(m, first, n)


@operation
def run_off(m: Machine, cpu: int) -> None:
    check_cpu(m, R.RUN_OFF, cpu)
    need(m, m.running[cpu] > 0, R.RUN_OFF, R.NOT_RUNNING, cpu, 0)
    ops.run_off(m, cpu)


@operation
def run_on(m: Machine, cpu: int) -> None:
    check_cpu(m, R.RUN_ON, cpu)
    ops.run_on(m, cpu)


@operation
def shrink_inactive_list(m: Machine, cpu: int, n: int) -> int:
    check_cpu(m, R.SHRINK_INACTIVE_LIST, cpu)
    check_number(m, R.SHRINK_INACTIVE_LIST, n, 0, L.PTRS_PER_PTE, R.NO_BATCH)
    for i in range(n):
        check_page(m, R.SHRINK_INACTIVE_LIST, m.batch[i])
    return ops.shrink_inactive_list(m, cpu, n)


@operation
def sleep_until(m: Machine, cpu: int, time: int) -> None:
    check_cpu(m, R.SLEEP_UNTIL, cpu)
    check_number(m, R.SLEEP_UNTIL, time, 0, L.MAX_NS, R.NO_TIME)
    ops.sleep_until(m, cpu, time)


@operation
def spend(m: Machine, cpu: int, step: int, ns: int) -> None:
    check_cpu(m, R.SPEND, cpu)
    check_number(m, R.SPEND, step, 0, L.NR_SPENT - 1, R.NO_STEP)
    check_number(m, R.SPEND, ns, 0, L.MAX_NS - m.clock[cpu], R.NO_TIME)
    ops.spend(m, cpu, step, ns)


@operation
def start_thread(m: Machine, thread: int, cpu: int) -> None:
    check_number(m, R.START_THREAD, thread, 0, m.threads - 1, R.NO_THREAD)
    check_cpu(m, R.START_THREAD, cpu)
    need(m, m.nr_runnable < m.threads, R.START_THREAD, R.QUEUE_FULL, thread, m.threads)
    ops.start_thread(m, thread, cpu)


@operation
def uffd_copy(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.UFFD_COPY, cpu)
    check_page(m, R.UFFD_COPY, at)
    return ops.uffd_copy(m, cpu, at)


@operation
def uniform(m: Machine) -> float:
    need(m, True, R.UNIFORM, 0, 0, 0)
    return ops.uniform(m)


@operation
def unlock_page(m: Machine, page: int) -> None:
    check_held(m, R.UNLOCK_PAGE, page, L.PG_LOCKED)
    ops.unlock_page(m, page)


@operation
def unpin_user_page(m: Machine, page: int) -> None:
    check_held(m, R.UNPIN_USER_PAGE, page, L.MASK_PIN)
    ops.unpin_user_page(m, page)


@operation
def vmsplice_page(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.VMSPLICE_PAGE, cpu)
    check_page(m, R.VMSPLICE_PAGE, at)
    return ops.vmsplice_page(m, cpu, at)


@operation
def write(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.WRITE, cpu)
    check_page(m, R.WRITE, at)
    return ops.write(m, cpu, at)


@operation
def write_inline(m: Machine, cpu: int, at: int) -> int:
    check_cpu(m, R.WRITE_INLINE, cpu)
    check_page(m, R.WRITE_INLINE, at)
    return ops.write_inline(m, cpu, at)
