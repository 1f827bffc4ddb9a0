"""What a compiled loop is told and what it answers: one row of numbers in shared memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._jit import JIT_DISABLED
from .memory import Memory

RUSAGE_WORDS = 18
MASK_WORDS = 128  # a cpu_set_t of 8192 CPUs
FLUSHED_PAGES = 64  # more than a kernel flushes from a TLB one by one
OUT_COLUMNS = 7  # t_ns, outcome, resident or ignored, then the four flags; -1: blank

# Told: fixed while a loop runs.
CONSTANTS = (
    "base",  # address of the measured region
    "npages",
    "pagemap",  # open /proc/self/pagemap, -1: not read
    "kpageflags",  # open /proc/kpageflags, -1: not read
    "kpagecount",  # open /proc/kpagecount, -1: not read
    "frames",  # does pagemap show frame numbers?
    "nops",  # operations of the program
    "rounds",
    "order",
    "delay_ns",
    "read_cpu",  # CPUs are indices into "mask"
    "write_cpu",
    "child_cpu",
    "nmasks",
    "parent",  # process id of the measuring process
    "drained",  # address of a page that is never touched
    "own",  # address of a private page that is not measured
    "flushed",  # address of FLUSHED_PAGES pages that are not measured
    "address",  # of this row, and below of some of its tables, for system calls
    "stop_at",
    "rusage_at",
    "time_at",
    "word_at",
    "status_at",
    "entries_at",
    "mask_at",
    "samples",  # entries of "sample"
)
# Answered.
VARIABLES = (
    "stop",  # set by Python: end as soon as possible
    "go",  # set by Python: all threads begin
    "ready",  # the thread waits for "go"
    "asleep",  # the forked child sleeps on its CPU
    "child",  # process id of the forked child, 0: none
    "failed",  # which call failed: an index into CALLS
    "errno",  # why
    "cpu",  # where the thread is
    "done",  # operations or rounds finished
    "wall_ns",
    "accesses",
    "minor_faults",
    "major_faults",
    "wp_faults",
    "reuses",
    "copies",
    "zero_copies",
    "not_paged_out",
    "reads",
    "read_ns",
    "writes",
    "write_ns",
    "likely_shared_pte",
    "likely_writeback",
    "likely_pagevec",
    "likely_swapcache",
    "likely_extra_ref",
)
COUNTED = VARIABLES[VARIABLES.index("accesses") :]
NEAR = {"rusage": RUSAGE_WORDS, "time": 2, "word": 1, "status": 1}
FAR = ("op", "arg", "n", "out", "sample", "entries", "mask")

_NUMBERS = (*CONSTANTS, *VARIABLES, *FAR)
INDEX = {name: i for i, name in enumerate(_NUMBERS)}
_words = len(_NUMBERS)
for _name, _length in NEAR.items():
    INDEX[_name] = _words
    _words += _length
ROW_WORDS = _words

CALLS = (
    "",
    "sched_setaffinity()",
    "madvise(MADV_PAGEOUT)",
    "madvise(MADV_COLD)",
    "madvise(MADV_FREE)",
    "fork()",
    "waitpid()",
    "mprotect()",
    "pread() of /proc/self/pagemap",
    "pread() of /proc/kpageflags",
)
(
    NOTHING_FAILED,
    FAILED_AFFINITY,
    FAILED_PAGEOUT,
    FAILED_COLD,
    FAILED_FREE,
    FAILED_FORK,
    FAILED_WAIT,
    FAILED_MPROTECT,
    FAILED_PAGEMAP,
    FAILED_KPAGEFLAGS,
) = range(len(CALLS))


class Bench:
    """The numbers of one measuring thread.

    Compiled loops take it as it is.  Every name of ``CONSTANTS`` and ``VARIABLES`` is an
    attribute, an integer; every table of ``FAR`` an int64 array.  All of it lies in mappings that
    a forked child shares, so that a fork makes none of it copy-on-write.

    Parameters
    ----------
    memory
        Where it is mapped; it must not be used after that memory's end.
    told
        A value for each of ``CONSTANTS`` but the addresses of its own tables.
    tables
        Length of each table of ``FAR``, or the int64s that it begins with.
    """

    def __init__(self, memory: Memory, told: Mapping[str, int], tables: Mapping[str, Any]) -> None:
        row = memory.shared(ROW_WORDS)
        self.__dict__["row"] = row
        address = row.ctypes.data
        self.__dict__["address"] = address
        own = {f"{name}_at": address + 8 * INDEX[name] for name in ("stop", *NEAR)}
        own["address"] = address
        for name in FAR:
            given = tables[name]
            table = memory.shared(given if isinstance(given, int) else len(given))
            if not isinstance(given, int):
                table[: len(given)] = given
            self.__dict__[name] = table
            row[INDEX[name]] = table.ctypes.data
            own[f"{name}_at"] = table.ctypes.data
        for name in CONSTANTS:
            row[INDEX[name]] = own[name] if name in own else told[name]

    def __getattr__(self, name: str) -> Any:
        if name not in INDEX or name in NEAR:
            raise AttributeError(f"a bench has no {name!r}")
        return int(self.__dict__["row"][INDEX[name]])

    def __setattr__(self, name: str, value: int) -> None:
        if name not in VARIABLES:
            raise AttributeError(f"a bench's {name!r} cannot be assigned to")
        self.__dict__["row"][INDEX[name]] = value


if not JIT_DISABLED:
    from .._pointer import Layout, passes_as, pointer_type

    passes_as(
        Bench,
        pointer_type(
            "Bench",
            Layout(
                constants={name: INDEX[name] for name in CONSTANTS},
                variables={name: INDEX[name] for name in VARIABLES},
                near={name: INDEX[name] for name in NEAR},
                far={name: (INDEX[name], "int64") for name in FAR},
            ),
        ),
    )
