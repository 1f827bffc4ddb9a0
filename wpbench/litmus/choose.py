"""Which programs tell rows of rules apart, and which rule each of them tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from ..errors import LitmusError, ScenarioError
from ..scenario.kernels import row_of, rows
from ..scenario.rules import RULES, Value
from .native import Lines
from .parse import Program
from .simulated import simulate

Pool = Mapping[str, Program]


def distinct_rows() -> dict[str, list[str]]:
    """Return the rows whose rules differ: the first one's name -> all that have the same."""
    found: dict[tuple[Value, ...], list[str]] = {}
    for name in rows():
        found.setdefault(tuple(row_of(name).values()), []).append(name)
    return {names[0]: names for names in found.values()}


def outcome(program: Program, kernel: str, rules: Mapping[str, Value]) -> Lines | None:
    """Return a program's simulated outcome; None where there is none."""
    try:
        return tuple(simulate(program, kernel, rules))
    except (LitmusError, ScenarioError):
        return None


def cover(outcomes: Mapping[str, Mapping[str, Lines | None]], pool: Pool) -> list[str]:
    """Return a small set of programs that tells apart what all of them together tell apart.

    Greedy: always the program that tells the most of the pairs left; of several the shortest.

    Parameters
    ----------
    outcomes
        Program -> row -> outcome.
    pool
        The programs.
    """
    names = list(next(iter(outcomes.values()), {}))
    tells = {
        program: {(a, b) for a, b in combinations(names, 2) if by_row[a] != by_row[b]}
        for program, by_row in outcomes.items()
    }
    left: set[tuple[str, str]] = set().union(*tells.values())
    chosen = []
    while left:
        best = max(tells, key=lambda name: (len(tells[name] & left), -len(pool[name].operations)))
        chosen.append(best)
        left -= tells[best]
    return chosen


def others(name: str, value: Value) -> list[Value]:
    """Return what a rule could be instead; of a number two that kernels have or had."""
    rule = RULES[name]
    choices: Sequence[Value] = rule.values or ((15, 31) if name == "pagevec" else (False, True))
    return [] if name == "pageout_tlb_flushes" else [v for v in choices if v != value]


def alternatives(kernel: str) -> Iterator[tuple[str, Value]]:
    """Yield each rule with each value that a kernel does not have."""
    for name, value in row_of(kernel).items():
        for other in others(name, value):
            yield name, other


def telling(
    ours: Mapping[str, Lines | None], rule: str, value: Value, kernel: str, pool: Pool
) -> str | None:
    """Return the first program whose outcome is another one with a rule otherwise; None: none.

    Parameters
    ----------
    ours
        Program -> its outcome as the kernel is, in the order in which they are tried.
    rule, value, kernel
        What is otherwise than in which row.
    pool
        The programs.
    """
    for program, lines in ours.items():
        found = outcome(pool[program], kernel, {rule: value})
        if found is not None and found != lines:
            return program
    return None
