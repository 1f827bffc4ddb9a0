"""Linux's mm/, as far as a swapped-in page and a write to it are concerned.

The files follow a page: who holds it (page), the pagevecs it waits in (pagevec), its way out
(madvise, vmscan, swapfile, device), its way in (swapin), the write (wp, fault), and the others
that touch it (fork, actors).  Everything is jitted functions over the arrays of one ``Machine``.
"""

from .chance import below, chance, next_u64, uniform
from .fault import is_mapped, read, read_inline, resident, sleep_until, write, write_inline
from .fork import exit_flush, exit_process, exit_zap, fork, insert_foreign_page
from .machine import Machine, reset_counters
from .madvise import madvise_cold, madvise_dontneed, madvise_free, madvise_pageout
from .page import page_count, page_mapcount
from .pagevec import lru_add_drain, lru_add_drain_all, lru_cache_disable, lru_cache_enable

__all__ = [
    "Machine",
    "below",
    "chance",
    "exit_flush",
    "exit_process",
    "exit_zap",
    "fork",
    "insert_foreign_page",
    "is_mapped",
    "lru_add_drain",
    "lru_add_drain_all",
    "lru_cache_disable",
    "lru_cache_enable",
    "madvise_cold",
    "madvise_dontneed",
    "madvise_free",
    "madvise_pageout",
    "next_u64",
    "page_count",
    "page_mapcount",
    "read",
    "read_inline",
    "reset_counters",
    "resident",
    "sleep_until",
    "uniform",
    "write",
    "write_inline",
]
