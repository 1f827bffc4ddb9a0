"""Visits of the patterns, and runs of programs, on the running kernel."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import MeasureError
from ...jit.compile import JIT_DISABLED
from ..probe import crew, signals
from ..probe.bench import FLUSHED_PAGES
from ..probe.compiled import NEEDS_COMPILED
from ..probe.facts import meminfo
from ..probe.litmus_row import PROC_PAGEMAP, STACK
from ..probe.memory import PAGE, Memory
from ..probe.oracle import Oracle
from ..probe.steps import OP_MIGRATE
from ..probe.zram import MARGIN, Zram, check_memory, parse_size
from . import process
from .device import own_swap
from .elsewhere import GAPS
from .spared import spared_here
from .told import CALLS, KINDS, REASONS, REGION, SPOILS, CostRow
from .visits import MOST

TOUCHED = 128 << 20  # bytes
CAPACITY = 1 << 15  # samples of a slot in a block
SAME, COMPRESSES = 0, 1
APART = 8  # pages that the kernel reads ahead at most, unless vm.page-cluster was changed


@dataclass(frozen=True)
class Slot:
    """A pattern with its number.

    Attributes
    ----------
    kind
        One of ``told.KINDS``.
    param
        Pages that wait, threads or processes on other CPUs, or pages that are paged out.
    content
        Of pages that are paged out: ``SAME``, one word all over, or ``COMPRESSES``.
    """

    kind: str
    param: int = 0
    content: int = SAME

    @property
    def name(self) -> str:
        """How results and messages call it."""
        content = _CONTENTS[self.content] if self.kind in ("pageout", "swapin") else ""
        number = f"-{self.param}" if self.kind in _NUMBERED else ""
        return f"{self.kind}{number}{content}"


_LISTS = ("kind", "param", "content_of", "order")
_CONTENTS = {SAME: "-same", COMPRESSES: "-compresses"}
_NUMBERED = ("drain", "madvise", "contended", "vain", "interrupted", "lost", "pageout")


@dataclass(frozen=True)
class Block:
    """What some rounds over all slots gave.

    Attributes
    ----------
    samples
        Slot -> int64[n], nanoseconds, the clock's own reading in it.
    dropped
        Slot -> reason -> rows whose state was wrong.
    rounds, realtime
        How often every slot was visited; did the process run as a real-time task?
    """

    samples: dict[Slot, Any]
    dropped: dict[Slot, dict[str, int]]
    rounds: int
    realtime: bool


def united(blocks: Sequence[Block]) -> Block:
    """Return blocks of different slots as one."""
    return Block(
        {slot: rows for block in blocks for slot, rows in block.samples.items()},
        {slot: dropped for block in blocks for slot, dropped in block.dropped.items()},
        min(block.rounds for block in blocks),
        all(block.realtime for block in blocks),
    )


def content() -> Any:
    """Return a page that compresses to about half: every other word is drawn."""
    words = np.zeros(PAGE // 8, np.int64)
    words[::2] = np.random.default_rng(7).integers(1, 1 << 62, PAGE // 16)
    return words


def touch_memory() -> None:
    """Write to memory once and free it: what is allocated next is memory that a guest has.

    A host gives a guest a page when the guest first writes to it; the guest's fault then takes
    tens of microseconds, which are none of its own kernel's.
    """
    npages = TOUCHED // PAGE
    if meminfo().get("MemAvailable", 0) > 2 * TOUCHED + MARGIN:
        with Memory() as memory:
            ctypes.memset(memory.region(npages), 1, TOUCHED)


class Session:
    """Measure on the running kernel: ``with Session("64M") as session: session.visit(...)``.

    Parameters
    ----------
    zram
        Size of a swap device that is set up meanwhile; None: none, and no pattern may page out.
    swap
        May patterns page out to the swap that the system has?

    Attributes
    ----------
    cpus
        Those that this process may use.
    device
        The backend that is paged out to, as data/backends.toml calls it; "" for none.
    verified
        Is the state of each row looked at?  If not, why: ``reason``.

    Raises
    ------
    MeasureError
        If the kernel or this user cannot do it.
    """

    def __init__(self, zram: str | None = None, *, swap: bool = False) -> None:
        if JIT_DISABLED:
            raise MeasureError(NEEDS_COMPILED)
        if swap and zram:
            raise MeasureError("swap: it does not go with zram; accepted: one of the two")
        self.device = own_swap() if swap else "zram" if zram else ""
        self._size = parse_size(zram) if zram else 0
        self.cpus = crew.allowed_cpus()
        self._stack = ExitStack()

    def __enter__(self) -> Session:
        with ExitStack() as stack:
            stack.enter_context(signals.noted())
            self._eye = stack.enter_context(Oracle("auto"))
            eye = self._eye
            self.verified = eye.frames and eye.kpageflags >= 0 and eye.kpagecount >= 0
            self.reason = "" if self.verified else eye.reason
            if self._size:
                stack.enter_context(Zram(self._size))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @contextmanager
    def _row(
        self, npages: int, told: Mapping[str, int], tables: Mapping[str, Any]
    ) -> Iterator[Any]:
        signals.check()
        check_memory(3 * npages * PAGE, "the region")
        stacks = 3 + len(self.cpus)
        entries = {
            f"{name}_entry": getattr(process, f"{name}_entry")()
            for name in ("child", "thread", "rival", "main", "starter")
        }
        mappings = spared_here()
        path = PROC_PAGEMAP.ljust(-len(PROC_PAGEMAP) % 8 + len(PROC_PAGEMAP), b"\0")
        with Memory() as memory:
            stack_at = memory.shared(stacks * STACK // 8).ctypes.data
            page = memory.shared(PAGE // 8)
            page[:] = content()
            fixed = {
                "base": memory.region(npages),
                "npages": npages,
                "kpageflags": self._eye.kpageflags,
                "kpagecount": self._eye.kpagecount,
                "frames": int(self.verified),
                "other": 0,
                "other_size": 0,
                "nmasks": len(self.cpus),
                "parent": os.getpid(),
                "drained": memory.region(1),
                "flushed": memory.shared(FLUSHED_PAGES * PAGE // 8).ctypes.data,
                "content": page.ctypes.data,
                "stack": stack_at,
                "stacks_end": stack_at + stacks * STACK,
                **entries,
                "nspared": len(mappings),
                "nslots": 0,
                "many": 0,
                "apart": 1,
                "moves": 0,
                "capacity": CAPACITY,
                "for_ns": 0,
                "spoil": 0,
                "nops": 0,
            }
            yield CostRow(
                memory,
                fixed | dict(told),
                {
                    **dict.fromkeys((*_LISTS, "op", "arg", "n"), 0),
                    **dict.fromkeys(("frame", "flags", "mappings", "took", "seen"), REGION),
                    "gap": GAPS,
                    "gaps": len(self.cpus),
                    "rounds_of": len(self.cpus),
                    "spin": 2 * len(self.cpus),
                    "mask": crew.masks(self.cpus),
                    "path": np.frombuffer(path, np.int64),
                    "spared": mappings,
                    **tables,
                },
            )

    def visit(
        self, slots: Sequence[Slot], seconds: float, *, pagevec: int = 15, spoil: str = ""
    ) -> Block:
        """Visit slots in turn for some seconds.

        ``pagevec``: entries of the kernel's, or fewer; ``spoil``: what is broken on purpose before
        each look at a state (``told.SPOILS``).
        """
        n = len(slots)
        many = min(MOST, pagevec - 1)
        told = {
            "many": many,
            "apart": 1 if self.device == "zram" else APART,
            "nslots": n,
            "for_ns": int(seconds * 1e9),
            "spoil": SPOILS.index(spoil),
        }
        tables = {
            "kind": [KINDS.index(slot.kind) for slot in slots],
            "param": [slot.param for slot in slots],
            "content_of": [slot.content for slot in slots],
            "sample": n * CAPACITY,
            "count": n,
            "dropped": n * len(REASONS),
            "order": np.random.default_rng(5).permutation(many).tolist(),
        }
        with self._row(REGION, told, tables) as row:
            process.run(row)
            _check_end(row, lambda: f"pattern {slots[row.slot].name}")
            taken = row.sample[: n * CAPACITY].reshape(n, CAPACITY)
            dropped = row.dropped[: n * len(REASONS)].reshape(n, len(REASONS)).tolist()
            return Block(
                {slot: taken[i, : row.count[i]].copy() for i, slot in enumerate(slots)},
                {
                    slot: {name: nr for name, nr in zip(REASONS, dropped[i], strict=True) if nr}
                    for i, slot in enumerate(slots)
                },
                row.rounds,
                bool(row.realtime),
            )

    def program(self, npages: int, operations: Mapping[str, Sequence[int]]) -> Any:
        """Run a random program; return what each write took that met a fault, nanoseconds.

        ``operations``: ``op``, ``arg``, ``n``, as ``measure.draw.draw()`` returns them.
        """
        nops = len(operations["op"])
        moves = int(OP_MIGRATE in operations["op"])
        tables: dict[str, Any] = {name: operations[name] for name in ("op", "arg", "n")}
        tables |= {"sample": CAPACITY, "count": 1, "dropped": len(REASONS)}
        with self._row(npages, {"nops": nops, "moves": moves}, tables) as row:
            process.run(row)
            _check_end(row, lambda: "the program")
            if row.wp_faults > CAPACITY:
                raise MeasureError(f"the program has {row.wp_faults} faults; accepted: {CAPACITY}")
            return row.sample[: row.count[0]].copy()


def _check_end(row: Any, what: Any) -> None:
    signals.check()
    if row.failed:
        why = os.strerror(row.errno)
        raise MeasureError(f"costs: {what()}: {CALLS[row.failed]} failed: {why}")
    if not row.done:
        raise MeasureError(f"costs: {what()}: the measuring process ended")
