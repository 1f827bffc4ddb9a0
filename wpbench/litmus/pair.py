"""In which programs do two kernels differ?  All of them are tried (docs/differ.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import LitmusError, accepted
from ..mm.names import Reason
from ..scenario.rules import RULES
from ..simulate.explanation import Explanation, explanation_of
from ..workloads.joint.step import KIND, KIND_BITS, OBSERVABLE
from ..workloads.litmus_ops import OPS
from .differences import Difference, Differences, Side
from .lives import Moment, lives
from .machines import Row, Run, differing, machine_of, run_on, run_program, with_rule
from .parse import Program, parse_program
from .search import GET_AT_MOST, OPERATIONS, Progress, Search, lines_of, operation_rows

MAX_PAGES = 3
MAX_CPUS = 3
MAX_STATES = 5_000_000  # by default: about 1 GB


def decoded(kind: int) -> dict[str, int]:
    """Return a kind of difference, field by field, from its number."""
    made = {}
    for name, bits in zip(KIND, KIND_BITS, strict=True):
        made[name] = kind & ((1 << bits) - 1)
        kind >>= bits
    return made


def text_of(lines: Sequence[tuple[str, int, int]], pages: int, comment: str) -> str:
    """Return operations as the text of a litmus program."""
    made = [f"# {comment}", f"pages {pages}", "swap zram"]
    for name, arg, n in lines:
        if n:
            made.append(f"{name} {arg}" if n == 1 else f"{name} {arg}-{arg + n - 1}")
        else:
            made.append(f"{name} {arg}" if name in ("touch", "exit", "on") else name)
    return "\n".join(made) + "\n"


def observation(run: Run, observed: str) -> tuple[Any, ...]:
    """Return of a run's last operation what is compared."""
    last = run.last
    if observed == "copies":
        return (run.outcome, last["copies"] + last["zero_copies"])
    if observed == "drains":
        return (last["drains"], last["drains_swapin"], last["drains_readahead"])
    if observed == "flushes":
        return (last["tlb_flushes"],)
    return (last["memory"],)


def _deciding(
    program: Program, observed: str, a: Mapping[str, int], b: Mapping[str, int], rules: list[str]
) -> list[str]:
    """Return the rules by which a program differs."""
    seen_a = observation(run_program(a, program), observed)
    seen_b = observation(run_program(b, program), observed)

    def seen(config: Mapping[str, int], rule: str, other: Mapping[str, int]) -> tuple[Any, ...]:
        return observation(run_program(with_rule(config, rule, other), program), observed)

    needed = [rule for rule in rules if seen(b, rule, a) == seen_a or seen(a, rule, b) == seen_b]
    alone = [rule for rule in needed if seen(b, rule, a) == seen_a]
    return alone or needed


def _explain(row: Row, config: Mapping[str, int], program: Program, run: Run) -> Explanation | None:
    """Explain the last write-protect fault of a program's last operation."""
    if not run.last["wp_faults"]:
        return None

    def again(more: dict[str, int]) -> Any:
        m = machine_of({**config, **more})
        run_on(m, program)
        return m

    fault = run.last["first_fault"] + run.last["wp_faults"] - 1
    return explanation_of(again, fault, row.kernel, {"program": program.file, "fault": fault})


def _side(row: Row, config: Mapping[str, int], program: Program, life: list[Moment]) -> Side:
    run = run_program(config, program)
    last = {name: run.last[name] for name in run.last if name not in _NOT_SHOWN}
    reason = Reason.text_of(run.last["reason"]) if run.last["copies"] else ""
    observes = program.operations[-1].observes
    result = run.outcome[-1].partition(": ")[2] if observes else ""
    told = _explain(row, config, program, run)
    return Side(row.name, run.outcome, result, last, reason, life, told)


_NOT_SHOWN = ("wp_faults", "zero_copies", "first_fault", "reason")


@dataclass(frozen=True)
class _Seen:
    """A program in which the rows differ, with their own batches or not, and the rules."""

    program: Program
    real: bool
    rules: list[str]


class _Asked:
    """Two rows at a size, and the kernels' own batches beside the ones that are asked for."""

    def __init__(self, a: Row, b: Row, pages: int, cpus: int, pagevec: int | None) -> None:
        self.a, self.b = a, b
        self.pages, self.cpus = pages, cpus
        self.own = [row.config(pages, cpus) for row in (a, b)]
        self.small = pagevec is not None
        size = {"pagevec": pagevec} if pagevec is not None else {}
        self.configs = [{**config, **size} for config in self.own]

    def programs(self, rows: Any, path: list[int], comment: str) -> Iterable[tuple[Program, bool]]:
        """Yield a path as a program for the kernels' own batches, then for the smaller ones."""
        for configs in (self.own, self.configs) if self.small else (self.own,):
            text = text_of(lines_of(configs, rows, path), self.pages, comment)
            yield parse_program(text, text), configs is self.own

    def seen(self, rows: Any, path: list[int], kind: int) -> _Seen | None:
        """Run a path's program on fresh machines; None if it does not differ there."""
        observed = OBSERVABLE[decoded(kind)["observed"]]
        comment = f"{self.a.name} and {self.b.name} differ in {observed}"
        for program, real in self.programs(rows, path, comment):
            configs = self.own if real else self.configs
            a, b = (observation(run_program(config, program), observed) for config in configs)
            if a != b:
                rules = [rule for rule in differing(self.a, self.b) if real or rule != "pagevec"]
                rules = _deciding(program, observed, configs[0], configs[1], rules)
                return _Seen(program, real, rules)
        return None

    def difference(self, seen: _Seen, kind: int) -> Difference:
        """Return a difference with both sides explained."""
        fields = decoded(kind)
        configs = self.own if seen.real else self.configs
        both = lives(seen.program, configs)
        return Difference(
            program=seen.program.file,
            operations=len(seen.program.operations),
            observed=OBSERVABLE[fields["observed"]],
            operation=OPS[fields["operation"]],
            page=both.page,
            parted=both.parted,
            rules=seen.rules,
            a=_side(self.a, configs[0], seen.program, both.a),
            b=_side(self.b, configs[1], seen.program, both.b),
            at_real_size=seen.real,
        )


def _found(asked: _Asked, search: Search, rows: Any) -> list[Difference]:
    """Return one program of each kind: what either kernel did, and the rules that decide.

    The search tells more kinds apart, by the operation and by where the states parted: else rules
    that come later would be hidden by those that come first.
    """
    made: dict[Any, Difference] = {}
    hits = [
        (search.path(hit), hit.kind) for of_kind in search.found.hits.values() for hit in of_kind
    ]
    for path, kind in sorted(hits, key=lambda found: len(found[0])):
        seen = asked.seen(rows, path, kind)
        if seen is None:
            continue
        fields = decoded(kind)
        deeds = tuple(fields[name] for name in KIND if name not in ("operation", "diverged"))
        if (deeds, tuple(seen.rules)) not in made:
            made[deeds, tuple(seen.rules)] = asked.difference(seen, kind)
    order = {name: i for i, name in enumerate(OBSERVABLE)}
    return sorted(made.values(), key=lambda one: (one.operations, order[one.observed]))


def programs_up_to(rows: Any, operations: int) -> int:
    """Return how many programs of up to so many operations there are.

    A child is forked before it exits, and ``GET_AT_MOST`` references are held at most.
    """
    names = [OPS[op] for op, *_ in rows.tolist()]
    now = {(False, 0): 1}  # child lives, references held -> programs
    total = 0
    for _ in range(operations):
        after: dict[tuple[bool, int], int] = {}
        for (child, held), number in now.items():
            for name in names:
                if name in ("fork", "exit") and child == (name == "fork"):
                    continue
                if (name == "get" and held == GET_AT_MOST) or (name == "put" and held == 0):
                    continue
                lives = {"fork": True, "exit": False}.get(name, child)
                holds = {"get": held + 1, "put": 0}.get(name, held)
                after[lives, holds] = after.get((lives, holds), 0) + number
        now = after
        total += sum(now.values())
    return total


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise LitmusError(accepted(name, value, [f"a whole number from {low} to {high}"]))
    return value


def _names(name: str, given: object, choices: Sequence[str]) -> tuple[str, ...]:
    names = tuple(given) if isinstance(given, list | tuple | set | frozenset) else (given,)
    for one in names:
        if one not in choices:
            raise LitmusError(accepted(name, one, choices))
    if not names:
        raise LitmusError(accepted(name, list(names), [f"at least one of {', '.join(choices)}"]))
    return tuple(choice for choice in choices if choice in names)


def differ(
    a: str | Row,
    b: str | Row,
    *,
    operations: int | None = 7,
    pages: int = 2,
    cpus: int = 2,
    observe: Sequence[str] = ("copies", "drains"),
    rules_a: Mapping[str, object] | None = None,
    rules_b: Mapping[str, object] | None = None,
    among: Sequence[str] = OPERATIONS,
    pagevec: int | None = None,
    max_states: int = MAX_STATES,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Differences:
    """Try all programs of up to some length; return those in which two kernels differ.

    Parameters
    ----------
    a, b
        Names of kernels.
    operations
        Length of the longest programs.  None: any length, until no program leads to a new state.
    pages, cpus
        The pages and CPUs of the programs, 1 to 3 each.
    observe
        Compared after each operation: ``copies`` (the outcomes of accesses, and copies that
        a swap-in makes), ``drains`` (by do_wp_page(), do_swap_page() and readahead), ``flushes``
        (TLB flushes that interrupt another CPU), ``memory`` (pages and slots in use).
    rules_a, rules_b
        Rules of ``a`` and of ``b`` with another value.
    among
        Names of the operations that programs are made of.
    pagevec
        Entries that fill a pagevec of both kernels; None: each kernel's own.  A smaller pagevec
        makes programs short; each program found is then rewritten for the kernels' own and run.
    max_states
        The search ends at this number of states.
    threads
        None: one for each CPU.  The result does not depend on it.
    progress
        Called with the length of programs, the share looked at, and the states so far.

    Returns
    -------
    Differences
        ``found``: a shortest program of each kind of difference.  A kind is the result on
        each kernel, the holders of the copied page, and the rules that decide.  A program ends
        after an access with another outcome; after any other difference it goes on.

    Raises
    ------
    ScenarioError
        For an unknown kernel, rule or value.
    LitmusError
        For anything else that is not accepted.

    Examples
    --------
    >>> import wpbench as wb
    >>> found = wb.litmus.differ("v7.2", "v7.3", operations=3).found
    >>> print(found[0].program)
    # v7.2 and v7.3 differ in drains
    pages 2
    swap zram
    write 0
    pageout 0
    write 0
    >>> found[0].rules
    ['swapin_drain']
    """
    if operations is not None:
        _whole("operations", operations, 1, 64)
    _whole("pages", pages, 1, MAX_PAGES)
    _whole("cpus", cpus, 1, MAX_CPUS)
    _whole("max_states", max_states, 1, 1 << 31)
    if threads is not None:
        _whole("threads", threads, 1, 256)
    if pagevec is not None:
        RULES["pagevec"].check("pagevec", pagevec)
    watched = _names("observe", observe, OBSERVABLE)
    made_of = _names("among", among, OPERATIONS)
    rows = operation_rows(pages, cpus, made_of)
    asked = _Asked(Row.of(a, rules_a), Row.of(b, rules_b), pages, cpus, pagevec)
    bits = sum(1 << OBSERVABLE.index(name) for name in watched)
    search = Search(asked.configs, rows, bits, threads)
    found = search.run(operations, max_states, progress)
    return Differences(
        a=asked.a.name,
        b=asked.b.name,
        found=_found(asked, search, rows),
        pages=pages,
        cpus=cpus,
        observe=watched,
        batches=(int(asked.configs[0]["pagevec"]), int(asked.configs[1]["pagevec"])),
        among=() if made_of == OPERATIONS else made_of,
        states=found.states,
        steps=found.steps,
        programs=programs_up_to(rows, found.complete_to),
        complete_to=found.complete_to,
        fixpoint=found.fixpoint,
        refused=found.refused,
        ended=found.ended,
    )


__all__ = ["Difference", "Differences", "differ"]
