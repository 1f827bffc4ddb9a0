"""Random programs on the running kernel and on the machine, until they differ."""

from __future__ import annotations

import os
import platform
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import LitmusError, ScenarioError, check_positive
from ..measure.probe.facts import environment
from ..measure.probe.zram_guard import CONTROL
from ..scenario.kernels import row_of
from ..scenario.rules import NO_OVERRIDES, RULES, Value, value_text
from .draw import draw, text_of
from .native import Lines, Side, side
from .outcome import RUNNING, Outcome, table
from .parse import Program, parse_program
from .shrink import shrink
from .simulated import simulate

AGAIN = 5  # runs of a program that differed
AT_A_TIME = 128
_STATE = ("mapped", "lru", "active", "swapcache")


@dataclass(frozen=True)
class Mismatch:
    """A program in which two kernels differ.

    Attributes
    ----------
    text
        The shrunk program.
    drawn
        The one that was drawn.
    simulated, measured
        The outcomes of the shrunk one.
    runs, runs_differing
        Of the shrunk one, and how many of them differed from the simulation.
    before
        The state of all pages on both sides just before the first line that differs: label,
        simulated, measured.
    rules
        Rules that, set otherwise, one by one, make the simulation's outcome the measured one, as
        ``exit_drains=true``.
    """

    text: str
    drawn: str
    simulated: list[str]
    measured: list[str]
    runs: int
    runs_differing: int
    before: list[tuple[str, str, str]] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        sides = [Outcome("", "simulated", self.simulated), Outcome("", "measured", self.measured)]
        lines = [self.text, table(sides)]
        lines += [
            f"before the first *: {what}: simulated {a}, measured {b}" for what, a, b in self.before
        ]
        lines.append(
            f"rules that would explain it: {', '.join(self.rules) or 'none of them alone'}"
        )
        return "\n".join(lines)


@dataclass(frozen=True)
class Fuzzed:
    """The result of random programs.

    Attributes
    ----------
    programs, operations
        How many were compared.
    seed, kernel, against
        Where they are drawn from; whose rules were simulated; the other side.
    noise
        Programs that differed, and then not in most runs, at once or when they had been shrunk.
    found
        The differences.
    swap
        Had half of them swap?
    """

    programs: int
    operations: int
    seed: int
    kernel: str
    against: str
    noise: int
    found: list[Mismatch]
    swap: bool

    @property
    def mismatches(self) -> int:
        """Programs that differed in most runs."""
        return len(self.found)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        row = {**vars(self), "mismatches": self.mismatches}
        return row | {"found": [vars(mismatch) for mismatch in self.found]}

    def __str__(self) -> str:
        swap = "half of them with swap" if self.swap else "without swap"
        head = (
            f"{self.programs} programs, {self.operations} operations, {swap}, seed {self.seed}: "
            f"{self.mismatches} mismatches of {self.kernel} and {self.against}, "
            f"noise {self.noise}"
        )
        return "\n\n".join([head, *map(str, self.found)])


class _Judge:
    """Compares both sides."""

    def __init__(self, kernel: str, rules: Mapping[str, Value], other: Side, runs: int) -> None:
        self.kernel, self.rules, self.other, self.runs = kernel, rules, other, runs

    def ours(self, program: Program) -> Lines | None:
        """Return the simulation's outcome, None for a program that the machine cannot run."""
        try:
            return tuple(simulate(program, self.kernel, self.rules))
        except LitmusError:
            return None

    def differing(self, programs: Sequence[Program]) -> list[tuple[int, Lines]]:
        """Return of each program how many runs differ, and the outcome that most of those had."""
        found = []
        for program, seen in zip(programs, self.other(programs, self.runs), strict=True):
            ours = self.ours(program)
            wrong = [lines for lines in seen if lines != ours]
            found.append((len(wrong), max(wrong or seen, key=seen.count)))
        return found

    def fails(self, programs: Sequence[Program]) -> list[bool]:
        """Return which programs differ in most runs."""
        fit = [program for program in programs if self.ours(program) is not None]
        wrong = iter(self.differing(fit))
        return [p in fit and 2 * next(wrong)[0] > self.runs for p in programs]

    def first_fails(self, programs: Sequence[Program]) -> list[bool]:
        """Mark the first program that differs in most runs; each runs once, until one differs."""
        marks = [False] * len(programs)
        ours = [self.ours(program) for program in programs]
        fit = [i for i, lines in enumerate(ours) if lines is not None]
        once = self.other([programs[i] for i in fit], 1)
        for i, (lines,) in zip(fit, once, strict=True):
            if lines != ours[i] and self.fails([programs[i]]) == [True]:
                marks[i] = True
                break
        return marks

    def mismatch(self, drawn: Program) -> Mismatch:
        """Shrink a program, and say what can be said of it."""
        small = shrink(drawn, self.first_fails)
        ((nr, measured),) = self.differing([small])
        ours = self.ours(small) or ()
        return Mismatch(
            text=text_of(small.pages, small.swap, small.operations),
            drawn=text_of(drawn.pages, drawn.swap, drawn.operations),
            simulated=list(ours),
            measured=list(measured),
            runs=self.runs,
            runs_differing=nr,
            before=self._before(small, ours, measured),
            rules=explaining(small, measured, self.kernel, self.rules),
        )

    def _before(self, program: Program, ours: Lines, measured: Lines) -> list[tuple[str, str, str]]:
        observing = [i for i, o in enumerate(program.operations) if o.observes]
        pairs = zip(ours, measured, strict=True)
        first = next((k for k, pair in enumerate(pairs) if pair[0] != pair[1]), 0)
        if not observing:
            return []
        text = text_of(program.pages, program.swap, program.operations[: observing[first]])
        looks = "".join(f"{name} 0-{program.pages - 1}\n" for name in _STATE)
        looking = parse_program(text + looks)
        ((_, theirs),) = self.differing([looking])
        looked = zip(
            (self.ours(looking) or ())[-len(_STATE) :], theirs[-len(_STATE) :], strict=True
        )
        return [(*a.split(": ", 1), b.split(": ", 1)[1]) for a, b in looked]  # type: ignore[misc]


def explaining(
    program: Program, lines: Lines, kernel: str, rules: Mapping[str, Value] = NO_OVERRIDES
) -> list[str]:
    """Return the rules of which one, set otherwise, gives an outcome, as ``exit_drains=true``."""
    found = []
    for name, rule in RULES.items():
        values: Sequence[Value] = rule.values or ((15, 31) if rule.high > 16 else (False, True))
        if rule.high == 16:
            continue  # of TLB flushes no outcome tells
        for value in values:
            try:
                if tuple(simulate(program, kernel, {**rules, name: value})) == lines:
                    found.append(f"{name}={value_text(value)}")
            except (LitmusError, ScenarioError):
                continue  # a combination that there is not
    return found


def fuzz(
    programs: int = 1000,
    *,
    seed: int = 1,
    kernel: str | None = None,
    rules: Mapping[str, Value] = NO_OVERRIDES,
    against: str = RUNNING,
    zram: str = "64M",
    stop_at: int = 10,
) -> Fuzzed:
    """Run random programs on two kernels, compare line by line, and shrink each that differs.

    Parameters
    ----------
    programs
        The number of programs.
    seed
        Seed of the random draws.
    kernel
        The simulated kernel; None: the release of the running one.
    rules
        Rules of it with another value.
    against
        The other side: ``running``, or the name of another simulated kernel.
    zram
        Size of the swap device that is set up on the running kernel; half of the programs use it.
    stop_at
        Mismatches after which no more programs are drawn.

    Returns
    -------
    Fuzzed
        ``programs``, ``operations``, ``mismatches``, ``noise``, and ``found``: the shrunk programs.

    Raises
    ------
    MeasureError
        If the running kernel, or this user, cannot run programs.
    ScenarioError
        For an unknown kernel or rule.

    Examples
    --------
    >>> import wpbench as wb
    >>> done = wb.litmus.fuzz(20, seed=1, kernel="v6.12", against="v6.12")
    >>> done.programs, done.mismatches
    (20, 0)
    """
    for name, value in (("programs", programs), ("stop_at", stop_at)):
        check_positive(name, value)
    kernel = kernel or str(environment()["kernel"])
    row_of(kernel)  # refused before anything is set up
    native = against == RUNNING
    swap = not native or Path(CONTROL).is_dir()
    drawn = _drawn(seed, min(2, len(os.sched_getaffinity(0))) if native else 2, swap)
    done = operations = noise = 0
    found: list[Mismatch] = []
    with side(against, zram) as other:
        judge = _Judge(kernel, rules, other, AGAIN if native else 1)
        while done < programs and len(found) < stop_at:
            batch = []
            outcomes = []
            for program in drawn:
                ours = judge.ours(program)
                if ours is not None:
                    batch.append(program)
                    outcomes.append(ours)
                if len(batch) == min(AT_A_TIME, programs - done):
                    break
            once = other(batch, 1)
            differ = [p for p, a, (b,) in zip(batch, outcomes, once, strict=True) if a != b]
            wrong = judge.fails(differ)
            noise += wrong.count(False)
            again = [program for program, failed in zip(differ, wrong, strict=True) if failed]
            for program in islice(again, stop_at - len(found)):
                mismatch = judge.mismatch(program)
                # Other tasks can disturb several runs in a row: what they do is over by now.
                if 2 * mismatch.runs_differing > mismatch.runs and judge.fails([program]) == [True]:
                    found.append(mismatch)
                else:
                    noise += 1
            done += len(batch)
            operations += sum(len(program.operations) for program in batch)
    name = f"{RUNNING} {platform.release()}" if native else against
    return Fuzzed(done, operations, seed, kernel, name, noise, found, swap)


def _drawn(seed: int, cpus: int, swap: bool) -> Iterator[Program]:
    source = random.Random(seed)  # noqa: S311 - a seed repeats it
    while True:
        for swapping in (False, True) if swap else (False,):
            yield draw(source, swap=swapping, cpus=cpus)
