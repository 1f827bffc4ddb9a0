"""Make a program that two kernels disagree about smaller, as long as they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..errors import LitmusError
from ..workloads.litmus_ops import COUNTS, CPUS, RANGES
from .draw import text_of
from .parse import Operation, Program, parse_program

Fails = Callable[[Sequence[Program]], Sequence[bool]]
_AT_A_TIME = 16  # candidates that are tried together


def _program(pages: int, swap: bool, operations: Sequence[Operation]) -> Program | None:
    """Return the program of these operations, None if there is none."""
    try:
        return parse_program(text_of(pages, swap, operations), "<shrunk>")
    except LitmusError:
        return None


def _without(program: Program) -> Iterator[list[Operation]]:
    """Leave out halves, quarters, ... single operations, and each pair of a fork and its exit."""
    ops = list(program.operations)
    size = len(ops) // 2
    while size:
        for at in range(0, len(ops), size):
            yield ops[:at] + ops[at + size :]
        size //= 2
    for i, operation in enumerate(ops):
        if operation.name == "fork":
            ends = [j for j in range(i, len(ops)) if ops[j].name == "exit"][:1]
            yield [o for j, o in enumerate(ops) if j != i and j not in ends]


def _smaller(operation: Operation) -> Iterator[Operation]:
    """Yield an operation on fewer pages, on CPU 0, with a smaller number."""
    if operation.name in RANGES and operation.n > 1:
        half = operation.n // 2
        yield replace(operation, n=half)
        yield replace(operation, arg=operation.arg + half, n=operation.n - half)
        yield replace(operation, n=operation.n - 1)
        yield replace(operation, arg=operation.arg + 1, n=operation.n - 1)
    elif operation.name in CPUS and operation.arg:
        yield replace(operation, arg=0)
    elif operation.name in COUNTS and operation.arg > 1:
        yield replace(operation, arg=operation.arg // 2)
        yield replace(operation, arg=operation.arg - 1)


def _clipped(operation: Operation, low: int, high: int) -> Operation | None:
    """Return an operation on those of its pages alone that lie in a range, moved to page 0."""
    if operation.name not in RANGES:
        return operation
    first, end = max(operation.arg, low), min(operation.arg + operation.n, high)
    return replace(operation, arg=first - low, n=end - first) if first < end else None


def _candidates(program: Program) -> Iterator[Program]:
    pages, ops = program.pages, list(program.operations)
    every: list[tuple[int, bool, list[Operation]]] = []
    if pages > 1:
        middle = pages // 2
        for low, high in ((0, middle), (middle, pages), (0, pages - 1), (1, pages)):
            clipped = [_clipped(operation, low, high) for operation in ops]
            every.append((high - low, program.swap, [o for o in clipped if o is not None]))
    every += [(pages, program.swap, fewer) for fewer in _without(program)]
    if program.swap and all(operation.name != "pageout" for operation in ops):
        every.append((pages, False, ops))
    for i, operation in enumerate(ops):
        for small in _smaller(operation):
            every.append((pages, program.swap, [*ops[:i], small, *ops[i + 1 :]]))
    for made in every:
        smaller = _program(*made)
        if smaller is not None:
            yield smaller


def shrink(program: Program, fails: Fails) -> Program:
    """Return a smaller program that fails, of which no smaller one that was tried fails.

    Operations are left out (delta debugging), pages and ranges made fewer, CPUs the same.

    Parameters
    ----------
    program
        One that fails.
    fails
        Says of each of some programs whether it fails; after the first that does it may say no.
    """
    while True:
        found = None
        batch: list[Program] = []
        for candidate in _candidates(program):
            batch.append(candidate)
            if len(batch) == _AT_A_TIME:
                found = _first(batch, fails)
                batch = []
                if found is not None:
                    break
        if found is None:
            found = _first(batch, fails)
        if found is None:
            return program
        program = found


def _first(batch: Sequence[Program], fails: Fails) -> Program | None:
    return next((p for p, failed in zip(batch, fails(batch), strict=True) if failed), None)
