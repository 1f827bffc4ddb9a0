"""What a fingerprint found: rows, rules, and the outcomes that speak for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..scenario.rules import Value, value_text
from .native import Lines
from .outcome import Outcome, columns, table


@dataclass(frozen=True)
class Seen:
    """The outcome of most runs of a program, and the number of these runs."""

    program: str
    outcome: Lines
    runs: int
    runs_agreeing: int

    @property
    def noise(self) -> bool:
        """Had no outcome more than half of the runs?"""
        return 2 * self.runs_agreeing <= self.runs


@dataclass(frozen=True)
class Evidence:
    """A line of an outcome that tells a rule.

    Attributes
    ----------
    program, line
        Its observation, and the line seen there.
    other, otherwise
        Another value of the rule, and the line as it would be with that.
    """

    program: str
    line: str
    other: Value
    otherwise: str


@dataclass
class RuleFound:
    """One rule.

    Attributes
    ----------
    value
        In the row that fits, or comes nearest.
    supporting, against
        Outcomes that are as this value has it and not as another; and the other way round.
    untold
        Values that the outcomes do not tell from this one.
    """

    value: Value
    supporting: list[Evidence] = field(default_factory=list)
    against: list[Evidence] = field(default_factory=list)
    untold: list[Value] = field(default_factory=list)


@dataclass(frozen=True)
class Unexplained:
    """An outcome that is not that of the nearest row, where no row has all outcomes right.

    Attributes
    ----------
    program, text
        The program's name and its text.
    outcome, nearest
        As seen, and as the nearest row has it.
    rows
        Rows that have this outcome as seen, but others not; empty: no row explains it.
    """

    program: str
    text: str
    outcome: Lines
    nearest: Lines
    rows: list[str]

    def __str__(self) -> str:
        sides = [
            Outcome(self.program, "seen", list(self.outcome)),
            Outcome(self.program, "nearest row", list(self.nearest)),
        ]
        which = f"also seen in {', '.join(self.rows)}" if self.rows else "no row explains it"
        return f"{self.program}: {which}\n{self.text}\n{table(sides)}"


@dataclass(frozen=True)
class Fingerprint:
    """Which rules a kernel follows.

    Attributes
    ----------
    kernel
        The kernel, as named.
    rows
        The rows of data/kernels.toml that have every outcome right; empty: none has.
    nearest
        The row with the most outcomes right.
    programs
        The programs that ran, and their outcomes.
    rules
        Each rule of the nearest row, with the outcomes for and against it.
    unexplained
        Where no row fits: the outcomes that the nearest does not have.
    explaining
        Where no row fits: rules of which one, set otherwise, makes the nearest row fit.
    """

    kernel: str
    rows: list[str]
    nearest: str
    programs: list[Seen]
    rules: dict[str, RuleFound]
    unexplained: list[Unexplained]
    explaining: list[str]

    @property
    def noise(self) -> list[str]:
        """The programs whose runs did not agree: nothing is concluded from them."""
        return [seen.program for seen in self.programs if seen.noise]

    @property
    def untold(self) -> list[str]:
        """The rules of which no value is ruled out by an outcome."""
        return [n for n, r in self.rules.items() if not r.supporting and not r.against]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "kernel": self.kernel,
            "rows": self.rows,
            "nearest": self.nearest,
            "programs": [vars(seen) for seen in self.programs],
            "rules": {name: _plain(rule) for name, rule in self.rules.items()},
            "untold": self.untold,
            "unexplained": [vars(one) for one in self.unexplained],
            "explaining": self.explaining,
            "noise": self.noise,
        }

    def __str__(self) -> str:
        runs = max((seen.runs for seen in self.programs), default=0)
        noise = ", ".join(self.noise) or "none"
        lines = [
            f"{self.kernel}: {', '.join(self.rows) or 'no row fits'}",
            f"{len(self.programs)} programs, runs of each {runs}; noise: {noise}",
        ]
        if not self.rows:
            lines.append(f"the nearest row: {self.nearest}")
            with_one = ", or ".join(self.explaining)
            lines.append(f"it would fit with {with_one or '... no single rule otherwise'}")
        lines += ["", columns(_evidence_rows(self.rules))]
        lines += ["", f"nothing here tells: {', '.join(self.untold) or 'none'}"]
        return "\n".join(lines + [f"\nunexplained: {one}" for one in self.unexplained])


def _plain(rule: RuleFound) -> dict[str, Any]:
    return {
        "value": rule.value,
        "for": [vars(evidence) for evidence in rule.supporting],
        "against": [vars(evidence) for evidence in rule.against],
        "untold": rule.untold,
    }


def _evidence_rows(rules: dict[str, RuleFound]) -> list[list[str]]:
    found = [["rule", "", "program", "seen", "otherwise"]]
    for name, rule in rules.items():
        value = value_text(rule.value)
        for e in (*rule.supporting, *rule.against):
            wrong = "  (against)" if e in rule.against else ""
            not_this = f"{value}, not {value_text(e.other)}{wrong}"
            found.append([name, not_this, e.program, e.line, e.otherwise.partition(": ")[2]])
    return found
