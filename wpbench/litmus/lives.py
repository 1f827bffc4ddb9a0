"""A page's life in a program: how it stood after each operation, and when two kernels parted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import mm
from ..mm import layout as L
from ..mm.names import Vec, texts
from ..simulate.words import flags, holders
from ..workloads.joint.state import FRAMES, MAX_STATE, NR_SCRATCH, store_state
from ..workloads.litmus_ops import RANGES, Op
from .draw import line_of
from .machines import machine_of, run_on
from .parse import Operation, Program

# What a page of the program can be, by its PTE.
MAPPED, ZERO, SWAPPED, NOTHING = PTES = ("page", "zero page", "swap", "none")


@dataclass(frozen=True)
class Moment:
    """How a page of a program stood after an operation.

    Attributes
    ----------
    operation
        As the program has it: ``write 0``.
    cpu
        The CPU that the program was on.
    pte
        What the PTE leads to: ``page``; ``zero page``; ``swap``; ``none``.
    count
        page_count() of the page that it maps, or of the one in the swap cache; 0 where there is
        none.
    held
        Who holds it: name, CPU of a pagevec (else None), references.
    flags
        Its page flags.
    """

    operation: str
    cpu: int
    pte: str
    count: int
    held: tuple[tuple[str, int | None, int], ...]
    flags: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def _waits(m: Any, page: int) -> dict[str, dict[int, int]]:
    """Return in which pagevecs a page waits: name -> CPU -> entries."""
    found: dict[str, dict[int, int]] = {}
    for cpu in range(int(m.ncpus)):
        for kind, name in enumerate(texts(Vec)):
            at = (cpu * L.NR_VECS + kind) * (int(m.pagevec) + 1)
            n = m.vec[at + 1 : at + 1 + int(m.vec[at])].tolist().count(page)
            if n:
                found.setdefault(name, {})[cpu] = n
    return found


def _page_of(m: Any, at: int) -> tuple[str, int]:
    """Return what a PTE leads to, and the page's number, 0 where there is none."""
    pte = int(m.pte[at])
    number = pte >> L.SHIFT_PTE
    if pte & L.PTE_PRESENT:
        return (MAPPED if number != L.ZERO_PAGE else ZERO), number
    if not pte & L.PTE_SWAP:
        return NOTHING, 0
    entry = int(m.slot[number])
    return SWAPPED, 0 if entry & L.SLOT_SHADOW else entry >> L.SHIFT_SLOT_PAGE


def _moment(m: Any, at: int, operation: Operation, cpu: int) -> Moment:
    pte, page = _page_of(m, at)
    word = int(m.page[page]) if page else 0
    if not m.reuse_exclusive:  # before v5.19 there is no PageAnonExclusive
        word &= ~L.PG_ANON_EXCLUSIVE
    waits = _waits(m, page) if page else {}
    held: list[tuple[str, int | None, int]] = []
    for name, n in holders(word).items():
        held += [(name, where, entries) for where, entries in waits.get(name, {}).items()]
        if name not in waits:
            held.append((name, None, n))
    count = int(mm.page_count(word)) if page else 0
    return Moment(line_of(operation), cpu, pte, count, tuple(held), tuple(flags(word)))


def _state(m: Any, cpu: int) -> list[int]:
    """Return a machine's state as a search compares it: names of pages and slots left out."""
    order = np.array([cpu, *(c for c in range(int(m.ncpus)) if c != cpu)], np.int64)
    tmp = np.zeros((NR_SCRATCH + 4, 2 * FRAMES), np.int64)
    words = np.zeros(MAX_STATE, np.int64)
    end = store_state(m, order, tmp, words, 0)
    found: list[int] = words[:end].tolist()
    return found


@dataclass(frozen=True)
class Lives:
    """The life of one page on two kernels.

    Attributes
    ----------
    page
        Which one of the program's.
    parted
        The number of the operation, from 0, after which the two machines' states are not the same
        any more, or that does not do the same on both.
    a, b
        The page after each operation.
    """

    page: int
    parted: int
    a: list[Moment]
    b: list[Moment]


def lives(program: Program, configs: Sequence[Mapping[str, int]]) -> Lives:
    """Follow a page of a program, operation by operation, on two machines.

    It is the page of the last operation; of one that has none, the first that stands otherwise on
    the two at some time.
    """
    stood: list[list[list[Moment]]] = []  # machine, page, operation
    states: list[list[list[int]]] = []
    for config in configs:
        stood.append([[] for _ in range(program.pages)])
        states.append([])
        cpu = 0
        for k, operation in enumerate(program.operations):
            cpu = operation.arg if operation.op == Op.ON else cpu
            m = machine_of(config)
            run_on(m, program, k + 1)
            for at in range(program.pages):
                stood[-1][at].append(_moment(m, at, operation, cpu))
            states[-1].append(_state(m, cpu))
    last = program.operations[-1]
    page = last.arg
    if last.name not in RANGES or last.n > 1:
        differing = (at for at in range(program.pages) if stood[0][at] != stood[1][at])
        page = next(differing, 0)
    pairs = enumerate(zip(*states, strict=True))
    parted = next((k for k, (a, b) in pairs if a != b), len(program.operations) - 1)
    return Lives(page, parted, stood[0][page], stood[1][page])


__all__ = ["Lives", "Moment", "lives"]
