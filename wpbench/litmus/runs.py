"""Run litmus programs: on the simulated machine, by the name of a kernel, or on the running one."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..errors import LitmusError, accepted, check_positive
from .native import Running
from .outcome import RUNNING, RUNS, Outcome
from .parse import Program, parse_program, read_program
from .shipped import programs
from .simulated import simulate


def program_of(source: str | Path) -> Program:
    """Return the program that a text, a file or the name of a shipped program is.

    A string of more than one line is a text.
    """
    if isinstance(source, str) and "\n" in source:
        return parse_program(source)
    shipped = programs().get(str(source))
    if shipped is not None and not Path(source).exists():
        return read_program(shipped)
    return read_program(source)


def outcomes(
    sources: Sequence[str | Path], kernels: Sequence[str], *, runs: int = RUNS, zram: str = "64M"
) -> list[Outcome]:
    """Run programs on kernels; return an ``Outcome`` for each program and each kernel of it.

    Parameters
    ----------
    sources
        Texts, files, or names of shipped programs (``wb.litmus.programs()``).
    kernels
        Names of kernels, and ``running``.
    runs
        Runs of each program on the running kernel; the outcome is that of most runs.
    zram
        Size of the swap device that is set up there for programs that need swap.

    Returns
    -------
    list of Outcome
        Program by program, in the order of ``kernels``.

    Raises
    ------
    LitmusError
        For a wrong line, or a program that the machine cannot represent.
    ScenarioError
        For an unknown kernel.
    MeasureError
        If the running kernel, or this user, cannot run it.

    Examples
    --------
    >>> import wpbench as wb
    >>> made = wb.litmus.outcomes(["exit-elsewhere"], ["patch1", "patch2"])
    >>> [outcome.outcome[2] for outcome in made]
    ['write 0-7: reuse 1 copy 7', 'write 0-7: reuse 8']
    """
    names = list(kernels) if isinstance(kernels, list | tuple) else []
    if not names or not all(isinstance(name, str) for name in names):
        choices = ["the name of a kernel", f"{RUNNING!r}", "a list of them"]
        raise LitmusError(accepted("kernel", kernels, choices))
    check_positive("runs", runs)
    todo = [program_of(source) for source in sources]
    found = {}
    for kernel in dict.fromkeys(kernels):
        made = _natively(todo, runs, zram) if kernel == RUNNING else _simulated(todo, kernel)
        found[kernel] = made
    files = [str(source) if "\n" not in str(source) else "<text>" for source in sources]
    return [_named(found[kernel][i], file) for i, file in enumerate(files) for kernel in kernels]


def _named(outcome: Outcome, file: str) -> Outcome:
    return Outcome(**{**vars(outcome), "file": file})


def _simulated(todo: Sequence[Program], kernel: str) -> list[Outcome]:
    return [Outcome(program.file, kernel, simulate(program, kernel)) for program in todo]


def _natively(todo: Sequence[Program], runs: int, zram: str) -> list[Outcome]:
    with Running(zram) as kernel:
        outcomes_of_runs = kernel.outcomes(todo, runs)
    release = platform.release()
    found = []
    for program, seen in zip(todo, outcomes_of_runs, strict=True):
        ((most, agreeing),) = Counter(seen).most_common(1)
        found.append(Outcome(program.file, RUNNING, list(most), release, runs, agreeing))
    return found


def run(
    program: str | Path, kernel: str | Sequence[str], *, runs: int = RUNS, zram: str = "64M"
) -> Outcome | list[Outcome]:
    r"""Run a litmus program; return the results of its observing operations.

    Parameters
    ----------
    program
        Its text (more than one line), its file, or the name of a shipped program.
    kernel
        The name of a kernel, or ``running`` for the running kernel (root); or a list of them.
    runs, zram
        For the running kernel: the number of runs (the outcome is that of most runs), and the size
        of the swap device for a program that needs swap.

    Returns
    -------
    Outcome
        Its ``outcome`` is a list of lines, its ``kernel`` the name as given; of a list of kernels
        a list of them.

    Raises
    ------
    LitmusError
        For a wrong line: file, line, value and the accepted values.
    ScenarioError
        For an unknown kernel.
    MeasureError
        If the running kernel, or this user, cannot run it.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.litmus.run("write 0-7\nfork\nwrite 0-3\nlru 0-7\n", kernel="v6.12").outcome
    ['write 0-7: minor 8', 'write 0-3: copy 4', 'lru 0-7: 4']
    """
    if isinstance(kernel, str):
        return outcomes([program], [kernel], runs=runs, zram=zram)[0]
    return outcomes([program], kernel, runs=runs, zram=zram)


__all__ = ["outcomes", "program_of", "run"]
