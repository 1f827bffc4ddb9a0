"""The machine: a header of named numbers, and the tables it points at.

Jitted code sees a machine as one pointer (wpbench/jit/pointer.py).  A NamedTuple of arrays would do
as well, but numba hands seven words of each array to every function it calls: only inlining makes
that fast, and inlining everything everywhere took more than a minute to compile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..jit.compile import CHECKED, JIT_DISABLED, kernel, link
from ..jit.guard import guarded
from ..jit.pointer import POINTERS, Layout, Pointer, assume_zero, pointer_at
from ..jit.row import Row
from . import layout as L
from .names import Error
from .refusals import FAILURE, failure

# Tables outside the header: name -> element type, in the order in which they lie in memory.  Those
# up to PAGE must be zero when a run begins.
FAR = {
    "clock": "int64",  # of each CPU, nanoseconds
    "servers": "int64",  # when each place of the device's queue is free again
    "vma": "int64",  # readahead state, a row of NR_VMA a process
    "thread": "int64",  # a row of NR_TH for each thread of the workload
    "scratch": "int64",  # the workload's own
    "running": "int64",  # threads of the process on each CPU
    "cold": "int64",  # 1: a CPU's next write-protect fault is its first after a system call
    "lru_calendar": "int64",  # of each lru_lock, until when it is taken within each bucket
    "histogram": "int64",  # write-protect faults by their time
    "vec": "int32",  # for each CPU and kind of pagevec the number of entries, then the entries
    "pte": "uint32",  # page v of process p is entry p * npages + v
    "slot": "uint32",  # swap_map and swap cache, by swap offset; 0 is the header
    "page": "int64",  # holders and flags, by page frame number; 0 is the zero page
    "runqueue": "int64",  # (time, thread) of the threads that can run, a heap
    "plug": "int64",  # the task's plug, oldest request first
    "heap": "int64",  # requests in flight, a heap by completion time
    "batch": "int64",  # the PTEs of one page table's pages on their way out
    "log": "int64",  # the fault log
    "event": "int64",  # what changed the watched page
    "test": "int64",  # the tests of the explained fault
}
# Tables inside the header: name -> length.
NEAR = {
    "reason": L.NR_REASONS,
    "seen": L.NR_SEEN,
    "cost": L.NR_COSTS,
    "spent": L.NR_SPENT,
    "param": L.NR_PARAMS,
    "free": L.NR_FREE,  # of each chain of free pages the top one, 0: none
}
_NUMBERS = (*FAR, *L.CONFIG, *L.REGISTERS, *L.COUNTERS)
INDEX = {name: i for i, name in enumerate(_NUMBERS)}
HEADER_WORDS = len(_NUMBERS)
for _name, _length in NEAR.items():
    INDEX[_name] = HEADER_WORDS
    HEADER_WORDS += _length
# Registers and counters once more, as tables.
NEAR["registers"] = len(L.REGISTERS)
INDEX["registers"] = INDEX[L.REGISTERS[0]]
NEAR["counters"] = L.NR_COUNTERS
INDEX["counters"] = INDEX[L.COUNTERS[0]]
COUNTERS_AT = INDEX[L.COUNTERS[0]]
NR_COUNTED = len(L.COUNTER_NAMES)


def locking(config: Mapping[str, Any]) -> Any:
    """Return 1 where CPUs can wait for each other's lru_lock, else 0; from arrays, an array."""
    return config["timed"] * np.greater(config["ncpus"], 1)


def table_lengths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many elements each table has; from arrays of configurations, arrays."""
    return {
        "clock": config["ncpus"],
        "servers": config["queue_depth"],
        "vma": config["nprocs"] * L.NR_VMA,
        "thread": config["threads"] * L.NR_TH,
        "scratch": config["scratch_words"],
        "running": config["ncpus"],
        "cold": config["ncpus"] * config["timed"],
        "lru_calendar": config["lruvecs"] * L.NR_LOCK_BUCKETS * locking(config),
        "histogram": config["timed"] * L.NR_BINS,
        "vec": config["ncpus"] * L.NR_VECS * (config["pagevec"] + 1),
        "pte": config["npages"] * config["nprocs"],
        "slot": config["nslots"],
        "page": config["nphys"],
        "runqueue": 3 * config["threads"],
        "plug": config["async_io"] * L.MAX_PLUGGED * L.NR_RQ,
        "heap": config["nrequests"] * L.NR_RQ,
        "batch": L.PTRS_PER_PTE + 0 * config["npages"],
        "log": config["log_rows"] * L.NR_LOG,
        "event": config["event_rows"] * L.NR_EVENT,
        "test": L.MAX_TESTS * L.NR_TEST + 0 * config["npages"],
    }


def memory_words(config: Mapping[str, Any]) -> Any:
    """Return how many words of memory a machine takes; from arrays, an array."""
    lengths = table_lengths(config)
    return HEADER_WORDS + sum(_words(name, length) for name, length in lengths.items())


def _words(name: str, length: Any) -> Any:
    """Return how many words a table of so many elements takes."""
    return length if FAR[name] == "int64" else (length + 1) // 2


def headers(
    config: Mapping[str, Any], cost: Any = 0, param: Any = 0, n: int = 1
) -> tuple[Any, Any]:
    """Return the headers of many machines, and how many words of memory each needs.

    Parameters
    ----------
    config
        For each name of ``layout.CONFIG`` a number, or an array with a number for each machine.
    cost, param
        Nanoseconds of each of ``texts(Cost)``, and the workload's own numbers: one row for all
        machines, or a row each.
    n
        Machines.

    Returns
    -------
    headers
        int64[n, HEADER_WORDS].  Where a table's address belongs stands how many words it is away
        from the header.
    words
        int64[n], header and tables.
    """
    made = np.zeros((n, HEADER_WORDS), np.int64)
    at = np.full(n, HEADER_WORDS)
    for name, length in table_lengths(config).items():
        made[:, INDEX[name]] = at
        at += _words(name, length)
    for name in L.CONFIG:
        if name not in ("large", "plain", "clocked"):
            made[:, INDEX[name]] = config[name]
    for name, zero in (("plain", L.PLAIN), ("clocked", L.CLOCKED)):
        made[:, INDEX[name]] = (made[:, [INDEX[field] for field in zero]] == 0).all(axis=1)
    made[:, INDEX["large"]] = at > L.MAX_CACHED_WORDS
    made[:, INDEX["cost"] : INDEX["cost"] + L.NR_COSTS] = cost
    made[:, INDEX["param"] : INDEX["param"] + L.NR_PARAMS] = param
    return made, at


POINTERS["Machine"] = Pointer(
    "Machine",
    Layout(
        constants={name: INDEX[name] for name in L.CONFIG},
        variables={name: INDEX[name] for name in (*L.REGISTERS, *L.COUNTERS)},
        near={name: INDEX[name] for name in NEAR},
        far={name: (INDEX[name], element) for name, element in FAR.items()},
        raised=(INDEX["error"], Error.EXCEPTION),
    ),
)


class Machine(Row):
    """One simulated machine with empty memory and all clocks at 0.

    Jitted functions take it as it is, and change it.  Every name of ``layout.CONFIG``,
    ``REGISTERS`` and ``COUNTERS`` is an attribute, an integer; every table an array:
    ``m.pte[at]``, ``m.page[page]``, ``m.clock[cpu]``.

    Parameters
    ----------
    config
        A value for each name of ``layout.CONFIG``.
    cost
        int64[NR_COSTS], nanoseconds for each name of ``texts(Cost)``; 0: no step takes time.
    seed
        State of the run's random stream.
    param
        int64[NR_PARAMS], the workload's own numbers.

    Attributes
    ----------
    memory
        int64: the header, then the tables.
    counted
        int64: the values that ``layout.COUNTER_NAMES`` names.
    address
        Where ``memory`` is.
    """

    INDEX = INDEX
    VARIABLES = frozenset((*L.REGISTERS, *L.COUNTERS))

    def __init__(
        self, config: Mapping[str, int], cost: Any = 0, seed: int = 0, param: Any = 0
    ) -> None:
        link()
        header, words = headers(config, cost, param)
        memory = np.zeros(int(words[0]), np.int64)
        memory[:HEADER_WORDS] = header[0]
        address = memory.ctypes.data
        for name, length in table_lengths(config).items():
            at = int(memory[INDEX[name]])
            table = memory[at:].view(FAR[name])[:length]
            self.__dict__[name] = guarded(table, name) if CHECKED else table
            memory[INDEX[name]] = address + 8 * at
        for name, length in NEAR.items():
            table = memory[INDEX[name] : INDEX[name] + length]
            self.__dict__[name] = guarded(table, name) if CHECKED else table
        self.__dict__["memory"] = self.__dict__["row"] = memory
        self.__dict__["address"] = address
        self.__dict__["counted"] = memory[COUNTERS_AT : COUNTERS_AT + NR_COUNTED]
        boot(self, seed)

    @property
    def _numba_type_(self) -> Any:
        return POINTERS["Machine"].numba_type

    @property
    def failure(self) -> str:
        """Why the run failed, in words; "" if it has not."""
        return failure(*(int(getattr(self, name)) for name in FAILURE))


def as_plain(m: Machine) -> Machine:
    """Return the machine as one whose PLAIN fields the compiler knows to be 0."""
    return m


def as_clocked(m: Machine) -> Machine:
    """Return the machine as one whose CLOCKED fields the compiler knows to be 0."""
    return m


if not JIT_DISABLED:
    as_plain = assume_zero(POINTERS["Machine"], [INDEX[name] for name in sorted(L.PLAIN)])
    as_clocked = assume_zero(POINTERS["Machine"], [INDEX[name] for name in sorted(L.CLOCKED)])
    machine_at = pointer_at(POINTERS["Machine"])


@kernel
def boot(m: Machine, seed: int) -> None:
    """Give the registers of a machine with zeroed tables the values they begin with."""
    m.next_page = 1
    m.next_slot = 1
    m.nr_processes = 1
    m.processes = 1
    m.usable_ptes = m.npages
    m.usable_cpus = m.ncpus
    m.readahead_hits = 4
    m.random = seed
    m.page[L.ZERO_PAGE] = 0
    for process in range(m.nprocs):
        m.vma[process * L.NR_VMA + L.VMA_ADDR] = -2
        m.vma[process * L.NR_VMA + L.VMA_HITS] = 4


@kernel
def reset_counters(m: Machine) -> None:
    """Begin to count anew; every CPU's clock begins at the latest one's time."""
    for i in range(L.NR_REASONS):
        m.reason[i] = 0
    for i in range(L.NR_SEEN):
        m.seen[i] = 0
    for i in range(L.NR_COUNTERS):
        m.counters[i] = 0
    for cpu in range(m.ncpus):
        m.started = max(m.started, m.clock[cpu])
    for cpu in range(m.ncpus):
        m.clock[cpu] = m.started
    for i in range(L.NR_SPENT):
        m.spent[i] = 0
    if m.timed:
        for i in range(L.NR_BINS):
            m.histogram[i] = 0


__all__ = ["Machine", "boot", "reset_counters"]
