"""What all surfaces ask of wpbench: a right answer, or one clear line."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from wpbench.errors import WpbenchError

_LONGEST = 2000  # characters of a message: one line that a terminal can show
_SHOWN = 1000  # of an input in a failure's message
_TEXTS: list[str] = ["", " ", "²", "٣", "½", "0x10", "1_000", "+1", "-0", "1e3", "1e999", "nan"]
_TEXTS += ["inf", "-inf", "None", "true", "no", "[]", "{}", "\x00", "\r", "\x0b", "\u2028", "é"]
_TEXTS += ["\ufeff", "💥", "-", "a,b", "a=b", "'", '"', "../..", "%s", "{0}", "patch2", "npages"]
_NUMBERS: list[float] = [0.0, -0.0, 0.5, 1.0, 1.5, 1e-320, 1e-9, 1e9, 1e18, 1e19, 1e300]


def shown(about: object) -> str:
    """Return an input as text for a failure's message; the middle of a long one is left out."""
    with contextlib.suppress(ValueError):  # a number of more than 4300 digits
        text = about if isinstance(about, str) else repr(about)
        return text if len(text) <= _SHOWN else f"{text[:700]} ... {text[-300:]}"
    return "(an input with a number of thousands of digits)"


def integer(random: Random) -> int:
    """Draw a whole number: small, at a power of two, or absurd."""
    near = random.choice([0, 1, 2, 3, 7, 8, 31, 512, 10**6, 10**9, 10**12, 10**5000])
    if random.random() < 0.5:
        near = 1 << random.randrange(70)
    return random.choice([1, 1, -1]) * (near + random.randrange(-1, 2))


def word(random: Random) -> str:
    """Draw a text that hardly anything should accept."""
    kind = random.randrange(5)
    if kind == 0:
        return digits(integer(random))
    if kind == 1:
        return repr(number(random))
    if kind == 2:
        return random.choice("1a²") * random.choice([1, 5000, 140_000])
    return random.choice(_TEXTS)


def digits(value: int) -> str:
    """Return a whole number as text, with however many digits (``str()`` refuses 4300)."""
    if abs(value) < 10**4000:
        return str(value)
    half, rest = divmod(abs(value), 10**4000)
    return ("-" if value < 0 else "") + digits(half) + f"{rest:04000}"


def number(random: Random) -> float:
    """Draw a number that is not whole."""
    return random.choice([1, 1, -1]) * random.choice([*_NUMBERS, float("inf"), float("nan")])


def compile_all() -> None:
    """Compile, or load, what cases will run, so that none of them waits for it."""
    import wpbench as wb
    from wpbench.workloads.catalog import WORKLOADS

    for workload in WORKLOADS:
        wb.simulate(wb.Scenario(workload=workload, npages=2, rounds=1, costs="icount"))
    traces = wb.data_dir() / "kernel-measurements" / "traces"
    wb.replay(min(traces.glob("*.csv.gz")))
    wb.programs.replay(wb.data_dir() / "programs" / "shell-short.parquet", "v5.17")


def clear(message: str, about: object) -> None:
    """Assert that a message is one line that can be read."""
    assert message.strip(), f"an empty message for {shown(about)}"
    lines = len(message.splitlines())
    assert lines == 1, f"{lines} lines: {shown(message)}\nfor {shown(about)}"
    length = len(message)
    assert length <= _LONGEST, f"{length} characters: {shown(message)}\nfor {shown(about)}"


def answer(function: Callable[..., Any], *arguments: Any, about: object, **named: Any) -> Any:
    """Call a function; return what it returns, None where it said no with a clear line."""
    try:
        return function(*arguments, **named)
    except WpbenchError as error:
        clear(str(error), about)
        return None


def command(arguments: Sequence[str]) -> tuple[int, str]:
    """Run a command line in this process; return its exit status and what it printed.

    Asserts that it ended with 0 or 1, or with 2 and one clear line on standard error.
    """
    from wpbench.commands.main import main

    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(list(arguments))
    except SystemExit as stop:  # argparse's: --help, or its own line
        status = stop.code if isinstance(stop.code, int) else 1
    if status == 2:
        clear(err.getvalue().rstrip("\n"), arguments)
    assert status in (0, 1, 2), f"status {status}, {shown(arguments)}: {shown(err.getvalue())}"
    return status, out.getvalue()
