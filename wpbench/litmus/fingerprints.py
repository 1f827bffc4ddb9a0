"""Which rules does a kernel follow?  Asked of programs, not of its version."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MeasureError, check_positive
from ..measure.probe.zram_guard import CONTROL
from ..scenario.kernels import row_of
from ..scenario.rules import Value, value_text
from .choose import Pool, alternatives, cover, distinct_rows, outcome, telling
from .draw import text_of
from .evidence import Evidence, Fingerprint, RuleFound, Seen, Unexplained
from .native import Lines, Side, job_of, side, side_of
from .outcome import RUNNING, RUNS
from .parse import Program, read_program
from .shipped import programs

if TYPE_CHECKING:
    from ..measure import Guest

Table = dict[str, dict[str, Lines | None]]  # program -> row -> outcome


def pool_for(cpus: int, swap: bool) -> dict[str, Program]:
    """Return the programs that can run with so many CPUs, and swap or none; no random ones."""
    found = {
        name: read_program(path)
        for name, path in programs().items()
        if path.parent.name != "random"
    }
    return {
        name: program
        for name, program in found.items()
        if program.cpus <= cpus and (swap or not program.swap)
    }


def fingerprint(
    kernel: str = RUNNING, *, zram: str = "64M", runs: int = RUNS, guest: Guest | None = None
) -> Fingerprint:
    """Find the rules that a kernel follows, from the outcomes of litmus programs alone.

    First a smallest set of programs runs that tells the rows of data/kernels.toml apart.  Then run
    programs that tell single rules of the row that fits or is nearest.  The version is not used.

    Parameters
    ----------
    kernel
        ``running``, or the name of a simulated kernel, as a self-check.
    zram
        Size of the swap device that is set up on the running kernel.
    runs
        Runs of each program there; an outcome of fewer than half of them is noise.
    guest
        A kernel to boot (``wb.measure.Guest``) and to use instead of the running one.

    Returns
    -------
    Fingerprint
        ``rows``: the rows that fit; ``rules``, ``programs``, ``unexplained``, ``noise``.

    Raises
    ------
    MeasureError
        If the running kernel, or this user, cannot run programs.
    ScenarioError
        For an unknown kernel.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.litmus.fingerprint("v6.12").rows
    ['v6.12']
    """
    check_positive("runs", runs)
    if guest is not None:
        if kernel != RUNNING:
            raise MeasureError(
                f"kernel: {kernel!r} is not accepted with a guest; accepted: the guest's"
            )
        pool = pool_for(guest.cpus - 1, swap=True)
        asked = list(pool.values())
        answer = guest.execute(job_of(asked, runs, zram))
        name = f"guest {answer['environment']['release']}"
        return fingerprint_of(pool, side_of(asked, answer), name, runs)
    native = kernel == RUNNING
    cpus = len(os.sched_getaffinity(0)) if native else 2
    pool = pool_for(cpus, not native or Path(CONTROL).is_dir())
    with side(kernel, zram) as other:
        name = f"{RUNNING} {platform.release()}" if native else kernel
        return fingerprint_of(pool, other, name, runs if native else 1)


class _Asked:
    """Programs that were run, and what they did."""

    def __init__(self, pool: Pool, other: Side, runs: int) -> None:
        self.pool, self.other, self.runs = pool, other, runs
        self.seen: dict[str, Seen] = {}

    def run(self, names: Sequence[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self.seen]
        of_runs = self.other([self.pool[name] for name in new], self.runs)
        for name, outcomes in zip(new, of_runs, strict=True):
            ((lines, agreeing),) = Counter(outcomes).most_common(1)
            self.seen[name] = Seen(name, lines, len(outcomes), agreeing)

    @property
    def steady(self) -> dict[str, Lines]:
        """The outcomes that most runs had, by program."""
        return {n: seen.outcome for n, seen in self.seen.items() if not seen.noise}


def fingerprint_of(pool: Pool, other: Side, kernel: str, runs: int) -> Fingerprint:
    """Say which rules a kernel follows that runs programs.

    Parameters
    ----------
    pool
        The programs to choose from.
    other
        Runs them.
    kernel
        What it is called.
    runs
        Of each.
    """
    groups = distinct_rows()
    table = _table(pool, list(groups))
    asked = _Asked(pool, other, runs)
    asked.run(cover(table, pool))
    nearest = _nearest(asked, table, list(groups))
    order = sorted(pool, key=lambda name: (len(pool[name].operations), name))
    ours = {name: table[name][nearest] for name in order}
    tells = {
        (rule, value): telling(ours, rule, value, nearest, pool)
        for rule, value in alternatives(nearest)
    }
    asked.run([program for program in tells.values() if program is not None])
    nearest = _nearest(asked, table, list(groups))
    fits = _fits(asked, table, list(groups))
    return Fingerprint(
        kernel=kernel,
        rows=[name for row in fits for name in groups[row]],
        nearest=nearest,
        programs=list(asked.seen.values()),
        rules=_rules(nearest, tells, asked, table),
        unexplained=[] if fits else _unexplained(nearest, asked, table),
        explaining=[] if fits else _explaining(nearest, asked),
    )


def _table(pool: Pool, names: Sequence[str]) -> Table:
    return {
        name: {row: outcome(program, row, {}) for row in names} for name, program in pool.items()
    }


def fitting_rows(pool: Pool, other: Side, runs: int) -> list[str]:
    """Return the rows that the programs fit that tell rows apart, and no more than that.

    Parameters
    ----------
    pool, other, runs
        As of ``fingerprint_of()``.
    """
    groups = distinct_rows()
    table = _table(pool, list(groups))
    asked = _Asked(pool, other, runs)
    asked.run(cover(table, pool))
    return [name for row in _fits(asked, table, list(groups)) for name in groups[row]]


def _nearest(asked: _Asked, table: Table, names: Sequence[str]) -> str:
    """Return the row with the most outcomes right, of several the last."""

    def right(row: str) -> int:
        return sum(table[name][row] == lines for name, lines in asked.steady.items())

    return max(reversed(names), key=right)


def _fits(asked: _Asked, table: Table, names: Sequence[str]) -> list[str]:
    """Return the rows that have every steady outcome right."""
    steady = asked.steady
    return [row for row in names if all(table[name][row] == steady[name] for name in steady)]


def _rules(
    nearest: str,
    tells: Mapping[tuple[str, Value], str | None],
    asked: _Asked,
    table: Table,
) -> dict[str, RuleFound]:
    """Return what there is for and against each rule of a row."""
    found = {name: RuleFound(value) for name, value in row_of(nearest).items()}
    for name, value in alternatives(nearest):
        program = tells.get((name, value))
        measured = asked.steady.get(program) if program else None
        if program is None or measured is None:
            found[name].untold.append(value)
            continue
        ours = table[program][nearest] or ()
        theirs = outcome(asked.pool[program], nearest, {name: value}) or ()
        pairs = enumerate(zip(ours, theirs, strict=True))
        at = next((i for i, (a, b) in pairs if a != b), 0)
        evidence = Evidence(program, measured[at], value, theirs[at])
        if measured == ours:
            found[name].supporting.append(evidence)
        elif measured == theirs:
            found[name].against.append(evidence)
        else:
            found[name].untold.append(value)
    return found


def _unexplained(nearest: str, asked: _Asked, table: Table) -> list[Unexplained]:
    found = []
    for name, lines in asked.steady.items():
        ours = table[name][nearest]
        if ours != lines:
            program = asked.pool[name]
            rows = [row for row, theirs in table[name].items() if theirs == lines]
            text = text_of(program.pages, program.swap, program.operations)
            found.append(Unexplained(name, text, lines, ours or (), rows))
    return found


def _explaining(nearest: str, asked: _Asked) -> list[str]:
    """Return the rules of which one, set otherwise, makes all outcomes the row's."""
    steady = asked.steady
    return [
        f"{name}={value_text(value)}"
        for name, value in alternatives(nearest)
        if all(
            outcome(asked.pool[program], nearest, {name: value}) == lines
            for program, lines in steady.items()
        )
    ]
