"""The programs in which two kernels differ, as differ() returns them."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from ..provenance.record import provenance
from ..simulate.explanation import Explanation
from .lives import Moment
from .parse import HEADERS

_INDENT = "    "
# What is told of the last operation: drains always, else what the kernels differ in.
_DRAINS = ("drains", "drains_swapin", "drains_readahead")
_TOLD = {"flushes": "tlb_flushes", "memory": "memory"}


@dataclass(frozen=True)
class Side:
    """The result of a program on one kernel.

    Attributes
    ----------
    kernel
        Its name, and its overridden rules.
    outcome
        The lines of the observing operations.
    result
        Of the last operation, if it is one of these: ``copy 1``; else empty.
    last
        Of the last operation: copies, drains by do_wp_page(), by do_swap_page() and by readahead,
        TLB flushes, pages and slots that it took into use.
    reason
        The holders of a copied page; otherwise empty.
    life
        How a page of the program stood after each operation (``Difference.page``).
    explanation
        Of the write-protect fault in the last operation; None where it has none.
    """

    kernel: str
    outcome: list[str]
    result: str
    last: dict[str, int]
    reason: str
    life: list[Moment] = field(repr=False)
    explanation: Explanation | None = field(repr=False)

    @property
    def copied(self) -> bool:
        """Did the last operation copy a page?"""
        return self.last["copies"] > 0

    @property
    def deed(self) -> str:
        """What the last operation did, in a few words: ``copy (shared_pte), 1 drain``."""
        words = [self.result] if self.result else []
        if self.last["copies"]:
            words.append(f"copied: {self.reason}")
        words += [f"{name} {n}" for name, n in self.last.items() if name in _DRAINS and n]
        return ", ".join(words)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        told = asdict(self.explanation) if self.explanation else None
        life = [moment.as_dict() for moment in self.life]
        return {**vars(self), "life": life, "explanation": told}


@dataclass(frozen=True)
class Difference:
    """A shortest program in which two kernels differ in one way.

    Attributes
    ----------
    program
        As litmus text; the last operation is the one in which they differ.
    operations
        How many it has.
    observed
        ``copies``, ``drains``, ``flushes`` or ``memory``.
    operation
        The last one's name.
    page, parted
        The program's page whose life either side has; the number, from 0, of the operation in
        which the two machines' states became different first.
    rules
        Those that decide: with any of them as the other kernel has it the difference is gone; or,
        where several bring it about on their own, each of those.  None: it takes several together.
    a, b
        The result on each kernel.
    at_real_size
        With smaller batches asked for: does it also differ with the kernels' own?  ``program`` is
        for those then.
    """

    program: str
    operations: int
    observed: str
    operation: str
    page: int
    parted: int
    rules: list[str]
    a: Side
    b: Side
    at_real_size: bool = True

    @property
    def line(self) -> str:
        """The program's operations in a line: ``write 0; fork; write 0``."""
        lines = self.program.splitlines()
        return "; ".join(line for line in lines if line.split()[0] not in ("#", *HEADERS))

    @property
    def by(self) -> str:
        """The rules that decide, in words."""
        return ", ".join(self.rules) or "several rules together"

    def told(self, side: Side) -> str:
        """What the last operation did on a side, in a few words."""
        words = [side.deed] if side.deed else []
        if self.observed in _TOLD:
            words.append(f"{self.observed} {side.last[_TOLD[self.observed]]}")
        return ", ".join(words) or "no drain"

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        made = {name: value for name, value in vars(self).items() if name not in ("a", "b")}
        return made | {"a": self.a.as_dict(), "b": self.b.as_dict()}

    def __str__(self) -> str:
        title = f"{self.observed}, {self.operations} operations, by {self.by}"
        if not self.at_real_size:
            title += "; not with the kernels' own batches"
        lines = [title, *(_INDENT + line for line in self.program.splitlines())]
        width = max(len(side.kernel) for side in (self.a, self.b))
        lines += [f"  {side.kernel:{width}}  {self.told(side)}" for side in (self.a, self.b)]
        for side in (self.a, self.b):
            lines += _explained(side)
        return "\n".join(lines)


def _explained(side: Side) -> list[str]:
    told = side.explanation
    if told is None:
        return []
    holders = ", ".join(
        f"{h.holder} ({h.operation}{'' if h.cpu is None else f', CPU {h.cpu}'})"
        for h in told.holders
    )
    tests = "; ".join(f"{test.text}: {'yes' if test.true else 'no'}" for test in told.tests)
    return [f"  {side.kernel}: {told.before}; {holders}", f"{_INDENT}{tests} -> {told.outcome}"]


@dataclass(frozen=True)
class Differences:
    """The programs in which two kernels differ, shortest first.

    Attributes
    ----------
    a, b
        The kernels, and their overridden rules.
    found
        One ``Difference`` of each kind.
    pages, cpus, observe, batches
        The arguments; ``batches``: entries that fill a pagevec, of either kernel.
    among
        The operations that programs were made of; empty: all that there are.
    states
        Joint states of both machines, equal ones counted once.
    steps
        Operations done on both.
    programs
        Programs of up to ``complete_to`` operations: all were looked at.
    complete_to
        Operations of the longest of them.
    fixpoint
        No longer program leads to a new state, so the result holds for programs of any length.
    refused
        Operations that the machine has no room for, and that were left out.
    ended
        Why it ended early: ``interrupted``, ``max_states``, or empty.
    """

    a: str
    b: str
    found: list[Difference]
    pages: int
    cpus: int
    observe: tuple[str, ...]
    batches: tuple[int, int]
    among: tuple[str, ...]
    states: int
    steps: int
    programs: int
    complete_to: int
    fixpoint: bool
    refused: int
    ended: str

    @property
    def complete(self) -> bool:
        """Was every program that was asked for looked at?"""
        return not self.ended

    @property
    def by_rules(self) -> dict[str, list[Difference]]:
        """The rules that decide -> the differences that they make, shortest first."""
        made: dict[str, list[Difference]] = {}
        for one in self.found:
            made.setdefault(one.by, []).append(one)
        return made

    def first(self, most: int) -> list[Difference]:
        """Return so many differences at most: those of other rules, of each the first, go first."""
        firsts = [of_rules[0] for of_rules in self.by_rules.values()]
        return [*firsts, *(one for one in self.found if one not in firsts)][:most]

    def table(self) -> pd.DataFrame:
        """Return a row a difference: the program, the rules, what either kernel did last."""
        rows = [
            {
                "operations": one.operations,
                "program": one.line,
                "observed": one.observed,
                "rules": one.by,
                "parted": one.parted + 1,
                "a": one.told(one.a),
                "b": one.told(one.b),
                "at_real_size": one.at_real_size,
            }
            for one in self.found
        ]
        columns = ["operations", "program", "observed", "rules", "parted", "a", "b", "at_real_size"]
        made = pd.DataFrame(rows, columns=columns)
        made.attrs["wpbench"] = self.as_dict()["wpbench"]
        return made

    @property
    def answer(self) -> str:
        """In which programs they differ, in words."""
        length = "any length" if self.fixpoint else f"up to {self.complete_to} operations"
        every = f"of {length} on {_count(self.pages, 'page')} and {_count(self.cpus, 'CPU')}"
        every += f" that is made of {', '.join(self.among)}" if self.among else ""
        both = f"{self.a} and {self.b}"
        if not self.found:
            return f"{both} do not differ in {' or '.join(self.observe)} in any program {every}."
        words = [f"{both} differ in {_count(len(self.found), 'kind')} of program {every}:"]
        ends = [one for one in self.found if one.observed == "copies"]
        alone = [
            f"in {n} only {name} copies"
            for name, n in (
                (self.a, sum(one.a.copied > one.b.copied for one in ends)),
                (self.b, sum(one.b.copied > one.a.copied for one in ends)),
            )
            if n
        ]
        which = f" ({', '.join(alone)})" if alone else ""
        rest = [one for one in self.found if one.observed != "copies"]
        others = " or ".join(name for name in self.observe if name != "copies")
        only = sum((one.a.result, one.a.copied) == (one.b.result, one.b.copied) for one in rest)
        ended = f"in {len(ends) or 'none'} an access ends otherwise{which}"
        words.append(ended + ("," if rest else "."))
        if rest:
            which = (
                f"and nothing else in {only} of these" if only < len(rest) else "and nothing else"
            )
            words.append(f"in {len(rest)} {others} differ, {which}.")
        parts = [" ".join(words)]
        for by, made in self.by_rules.items():
            one = made[0]
            parts.append(
                f"By {by}: {_count(len(made), 'kind')}. A shortest program: {one.line}. "
                f"{self.a}: {one.told(one.a)}; {self.b}: {one.told(one.b)}."
            )
        if self.ended:
            parts.append("The search ended early: of longer programs some were looked at.")
        return "\n".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with provenance."""
        made = {name: value for name, value in vars(self).items() if name != "found"}
        made |= {"complete": self.complete, "found": [one.as_dict() for one in self.found]}
        names = ("a", "b", "pages", "cpus", "observe", "batches", "among")
        asked = {name: made[name] for name in names}
        return made | {"wpbench": provenance("litmus differ", asked)}

    def __str__(self) -> str:
        return "\n\n".join([*map(str, self.found), self.summary])

    @property
    def summary(self) -> str:
        """How far programs were looked at, and what came of it, in words."""
        size = f"{_count(self.pages, 'page')}, {_count(self.cpus, 'CPU')}"
        length = "any length" if self.fixpoint else f"up to {self.complete_to} operations"
        kinds = "no difference" if not self.found else _count(len(self.found), "kind")
        kinds = kinds if not self.found else f"{kinds} of difference"
        made_of = f"; made of: {', '.join(self.among)}" if self.among else ""
        where = f"({size}; observed: {', '.join(self.observe)}{made_of})"
        programs = f"{self.programs:.4g} programs of up to {self.complete_to} operations"
        lines = [
            f"{self.a} and {self.b}: {kinds} in all programs of {length} {where}",
            f"{programs}, {self.states} states, {self.steps} operations on both",
        ]
        if self.ended == "interrupted":
            lines.append("interrupted: longer programs were looked at in part")
        elif self.ended:
            lines.append("ended at the bound of states: longer programs were looked at in part")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
