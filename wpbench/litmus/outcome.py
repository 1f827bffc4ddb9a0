"""What a litmus program did: an object, a row of JSON, a table beside other kernels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

RUNNING = "running"  # the kernel's name that stands for the one that runs here
RUNS = 5  # of a program on it


@dataclass(frozen=True)
class Outcome:
    """The lines of a program's observing operations on one kernel.

    Attributes
    ----------
    file
        The program, as given; ``<text>`` for one that came as text.
    kernel
        The kernel's name, as given; ``running`` for the running one.
    outcome
        A line an operation that observes, as ``write 0-7: reuse 4 copy 4``.
    release
        Of the running kernel, as ``uname -r`` prints it; None on the simulated machine.
    runs, runs_agreeing
        On the running kernel: runs, and how many of them had this outcome; else None.
    """

    file: str
    kernel: str
    outcome: list[str] = field(default_factory=list)
    release: str | None = None
    runs: int | None = None
    runs_agreeing: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints: of the simulation file, kernel and outcome alone."""
        row: dict[str, Any] = {"file": self.file, "kernel": self.kernel, "outcome": self.outcome}
        if self.runs is not None:
            row |= {name: getattr(self, name) for name in ("release", "runs", "runs_agreeing")}
        return row

    @property
    def title(self) -> str:
        """The kernel's name, with the release and the runs where it was the running one."""
        if self.runs is None:
            return self.kernel
        return f"{self.release} ({self.runs_agreeing} of {self.runs} runs)"

    def __str__(self) -> str:
        return "\n".join(self.outcome)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return one program's outcomes as text: a line for each observation, a column for each kernel.

    A line in which two kernels differ ends with ``*``.

    Parameters
    ----------
    outcomes
        Of one program, from ``run()`` or ``outcomes()``.

    Returns
    -------
    str
        Lines without a trailing blank.

    Examples
    --------
    >>> import wpbench as wb
    >>> print(wb.litmus.table(wb.litmus.run("exit-elsewhere", ["patch1", "patch2"])))
               patch1          patch2
    write 0-7  minor 8         minor 8
    lru 0-7    0               0
    write 0-7  reuse 1 copy 7  reuse 8  *
    lru 0-7    8               8
    """
    labels = [line.partition(": ")[0] for line in outcomes[0].outcome]
    values_of = [[line.partition(": ")[2] for line in outcome.outcome] for outcome in outcomes]
    rows = [["", *(outcome.title for outcome in outcomes), ""]]
    for label, *values in zip(labels, *values_of, strict=True):
        rows.append([label, *values, "*" if len(set(values)) > 1 else ""])
    return columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as text, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_row(row, widths) for row in rows)


def _row(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


__all__ = ["RUNNING", "RUNS", "Outcome", "columns", "table"]
