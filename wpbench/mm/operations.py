"""What the machine can do, by name and unchecked: what shipped workloads call as ``mm``.

A page, CPU or process that is not there is not noticed here; ``wpbench.mm``, which is what a
workload of one's own calls, looks before it calls these.
"""

from ..jit.compile import link
from .ahead import AHEAD, look_ahead, prefetch_page, prefetch_pte
from .background import background, insert_foreign_page, munmap_foreign
from .chance import below, chance, next_u64, uniform
from .clock import cool, idle_until, spend
from .fault import is_mapped, read, read_inline, resident, sleep_until, write, write_inline
from .fork import exit_flush, exit_process, exit_zap, fork
from .gup import (
    gup_get,
    gup_put,
    lock_page,
    mark_page_accessed,
    pin_user_page,
    process_vm_readv,
    unlock_page,
    unpin_user_page,
    vmsplice_page,
)
from .ksm import ksm_merge
from .machine import Machine, reset_counters
from .madvise import madvise_cold, madvise_dontneed, madvise_free, madvise_pageout
from .migrate import collapse_fails, isolate, migrate_page, move_to_lru, putback
from .page import page_count, page_mapcount
from .pagevec import lru_add_drain, lru_add_drain_all, lru_cache_disable, lru_cache_enable
from .sched import (
    enqueue,
    maybe_end_slice,
    maybe_migrate,
    migrate_thread,
    next_thread,
    start_thread,
)
from .tlb import flush_tlb, run_off, run_on
from .userfaultfd import uffd_copy
from .vmscan import shrink_inactive_list

__all__ = [
    "AHEAD",
    "Machine",
    "background",
    "below",
    "chance",
    "collapse_fails",
    "cool",
    "enqueue",
    "exit_flush",
    "exit_process",
    "exit_zap",
    "flush_tlb",
    "fork",
    "gup_get",
    "gup_put",
    "idle_until",
    "insert_foreign_page",
    "is_mapped",
    "isolate",
    "ksm_merge",
    "link",
    "lock_page",
    "look_ahead",
    "lru_add_drain",
    "lru_add_drain_all",
    "lru_cache_disable",
    "lru_cache_enable",
    "madvise_cold",
    "madvise_dontneed",
    "madvise_free",
    "madvise_pageout",
    "mark_page_accessed",
    "maybe_end_slice",
    "maybe_migrate",
    "migrate_page",
    "migrate_thread",
    "move_to_lru",
    "munmap_foreign",
    "next_thread",
    "next_u64",
    "page_count",
    "page_mapcount",
    "pin_user_page",
    "prefetch_page",
    "prefetch_pte",
    "process_vm_readv",
    "putback",
    "read",
    "read_inline",
    "reset_counters",
    "resident",
    "run_off",
    "run_on",
    "shrink_inactive_list",
    "sleep_until",
    "spend",
    "start_thread",
    "uffd_copy",
    "uniform",
    "unlock_page",
    "unpin_user_page",
    "vmsplice_page",
    "write",
    "write_inline",
]
