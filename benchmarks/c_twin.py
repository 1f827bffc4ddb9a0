"""reproducer.c, compiled and run: the same work over the same state as wpbench's machine."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from common import machine_of

import wpbench as wb
from wpbench.mm import layout as L
from wpbench.mm.machine import HEADER_WORDS, boot
from wpbench.simulate.long_runs import LongRuns
from wpbench.workloads.params import Params
from wpbench.workloads.reproducer import reproducer

TABLES = ("pte", "page", "slot", "vec", "running")
COUNTERS = (
    "wp_faults", "reuses", "exclusive_reuses", "copies", "drains", "drained_pages",
    "drains_nonempty", "drains_reused", "early_gt3", "lru_add_flushed", "lru_add_dead", "pswpin",
    "pswpout", "rewrites", "not_paged_out", "accesses", "major_faults", "minor_faults",
)  # fmt: skip
CONFIGURATION = (
    "npages", "ncpus", "pagevec", "first_test", "reuse_exclusive", "drain", "bypass", "async_io",
    "timed", "nphys", "nslots", "swap_total", "swp_exclusive", "refaults_activate", "file_lru",
    "swapin_activates", "swapin_inserts_at_once", "writable_on_read", "pinned_not_swapped",
    "slot_cache", "frees_swap_after_copy", "new_active", "pageout_tlb_flushes", "pmd_offset",
    "large", "plain",
)  # fmt: skip
STATE = (
    "free_page", "next_page", "next_slot", "slots_used", "disabled", "nonresident_age",
    "nr_running", "rare",
)  # fmt: skip
# Columns of the comparison, and how each is compiled.
KINDS = {"c": (), "c-prefetch": ("-DPREFETCH",)}
ROUNDS_AT = Params._fields.index("rounds")


class CMachine(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_void_p) for name in TABLES]
        + [(name, ctypes.c_int64) for name in (*CONFIGURATION, *STATE, *COUNTERS)]
        + [("reason", ctypes.c_int64 * 16), ("seen", ctypes.c_int64 * 8)]
        + [(name, ctypes.c_int64) for name in ("last_reason", "last_word")]
        + [("free", ctypes.c_int64 * L.NR_FREE)]
    )


def compile_c(folder: str | Path) -> dict[str, Any]:
    """Return reproducer.c as libraries, by kind; none where there is no gcc."""
    if shutil.which("gcc") is None:
        return {}
    source = Path(__file__).with_name("reproducer.c")
    libraries = {}
    for kind, options in KINDS.items():
        library = Path(folder) / f"{kind}.so"
        command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", *options]
        subprocess.run([*command, str(source), "-o", str(library)], check=True)
        libraries[kind] = ctypes.CDLL(str(library))
    return libraries


class Twins:
    """A scenario's machine, and C's, each in memory that stays mapped from run to run.

    A run begins with the memory as it is at the start of a simulation.  Its time is that of the
    rounds after a first one.
    """

    def __init__(self, scenario: wb.Scenario) -> None:
        self._machine = machine_of(scenario)
        self._header = self._machine.memory[:HEADER_WORDS].copy()
        self._shuffle = ctypes.c_int64(int(scenario.order == "read-write-shuffled"))
        self._long_runs = LongRuns(long=1)  # its code stays as long as it does
        self._tables = {name: np.zeros_like(getattr(self._machine, name)) for name in TABLES}

    def wpbench(self, rounds: int) -> tuple[float, list[int]]:
        """Return the CPU seconds of so many rounds, and what they counted."""
        return self._timed(reproducer, rounds)

    def specialised(self, rounds: int) -> tuple[float, list[int]]:
        """Return the same of code made for this configuration alone, as a long sweep has it."""
        return self._timed(self._own_code, rounds)

    @cached_property
    def _own_code(self) -> Callable[[Any], None]:
        headers = self._header.reshape(1, HEADER_WORDS)
        address = self._long_runs.address(reproducer, headers, accesses=1)
        assert address != reproducer.address, "nothing was made"
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
        return lambda m: function(m.address)

    def _timed(self, program: Callable[[Any], None], rounds: int) -> tuple[float, list[int]]:
        m = self._machine
        seconds, counts = [], []
        for some in (1, rounds + 1):
            m.memory[:] = 0
            m.memory[:HEADER_WORDS] = self._header
            m.param[ROUNDS_AT] = some
            boot(m, 0)
            start = time.thread_time()
            program(m)
            seconds.append(time.thread_time() - start)
            counts.append([int(getattr(m, name)) for name in COUNTERS])
        return seconds[1] - seconds[0], [b - a for a, b in zip(*counts, strict=True)]

    def c(self, library: Any, rounds: int) -> tuple[float, list[int]]:
        """Return the same of a library."""
        m = CMachine(**{name: getattr(self._machine, name) for name in CONFIGURATION})
        for name, table in self._tables.items():
            table[:] = 0
            setattr(m, name, table.ctypes.data)
        m.next_page = m.next_slot = 1
        library.touch(ctypes.byref(m))
        library.reproducer(ctypes.byref(m), ctypes.c_int64(1), self._shuffle)
        before = [getattr(m, name) for name in COUNTERS]
        start = time.thread_time()
        library.reproducer(ctypes.byref(m), ctypes.c_int64(rounds), self._shuffle)
        seconds = time.thread_time() - start
        if m.rare:
            raise SystemExit("reproducer.c took a path that it does not implement")
        return seconds, [getattr(m, name) - b for name, b in zip(COUNTERS, before, strict=True)]
