"""Litmus programs on the running kernel, or on a simulated one in its place, as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..measure.probe.litmus import Session
from .outcome import RUNNING
from .parse import Program
from .simulated import simulate

Lines = tuple[str, ...]
# Runs programs, each so many times, and returns the outcome of each run of each.
Side = Callable[[Sequence[Program], int], list[list[Lines]]]


def _plan(program: Program) -> dict[str, Any]:
    return {
        "file": program.file,
        "pages": program.pages,
        "swap": program.swap,
        "cpus": program.cpus,
        "held": program.held,
        "touched": program.touched,
        "op": [operation.op for operation in program.operations],
        "arg": [operation.arg for operation in program.operations],
        "n": [operation.n for operation in program.operations],
    }


class Running:
    """The running kernel, while programs are run on it: ``with Running("64M") as kernel: ...``.

    Raises
    ------
    MeasureError
        If the kernel, or this user, cannot run them.
    """

    def __init__(self, zram: str) -> None:
        self._session = Session(zram)

    def __enter__(self) -> Running:
        self._session.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._session.__exit__(*error)

    def outcomes(self, programs: Sequence[Program], runs: int) -> list[list[Lines]]:
        """Run programs; return the outcome of each run of each."""
        found = self._session.run([_plan(program) for program in programs], runs)
        return [
            [tuple(program.outcome(row)) for row in rows]
            for program, rows in zip(programs, found, strict=True)
        ]


def job_of(programs: Sequence[Program], runs: int, zram: str) -> dict[str, Any]:
    """Return what runs programs in a guest, for ``measure.agent``."""
    return {"programs": [_plan(program) for program in programs], "runs": runs, "zram": zram}


def side_of(programs: Sequence[Program], answer: Mapping[str, Any]) -> Side:
    """Return what gives the outcomes of programs that were run, from the job's answer."""
    found = {
        program.file: [tuple(program.outcome(seen)) for seen in rows]
        for program, rows in zip(programs, answer["results"], strict=True)
    }
    return lambda asked, _runs: [found[program.file] for program in asked]


@contextmanager
def side(kernel: str, zram: str) -> Iterator[Side]:
    """Give what runs programs on the running kernel, or on a simulated one."""
    if kernel != RUNNING:
        yield lambda programs, _runs: [[tuple(simulate(p, kernel))] for p in programs]
        return
    with Running(zram) as running:
        yield running.outcomes
