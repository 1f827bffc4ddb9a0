"""The format of litmus programs: text to operations, each wrong line one error (docs/litmus.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import LitmusError, accepted
from ..mm.names import Outcome, texts
from ..workloads.litmus_ops import ACCESSES, BARE, COUNTS, CPUS, OBSERVATIONS, OPS, RANGES, Op

HEADERS = ("pages", "swap")
SWAPS = ("zram", "none")
DEFAULT_PAGES = 64
MAX_PAGES = 1 << 16  # of the region, and of one `touch`
MAX_CPUS = 64
MAX_LINES = 100_000
_MOST_SHOWN = 40  # characters of a wrong word
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Operation:
    """One line of a program.

    Attributes
    ----------
    line
        Its number in the file, from 1.
    op
        An index of ``litmus_ops.OPS``.
    arg
        First page, CPU, or number of pages; 0 for an operation without.
    n
        Pages of a range.
    """

    line: int
    op: int
    arg: int = 0
    n: int = 0

    @property
    def name(self) -> str:
        """The operation's name."""
        return OPS[self.op]

    @property
    def observes(self) -> bool:
        """Does it have a line in the outcome?"""
        return self.name in ACCESSES or self.name in OBSERVATIONS

    def outcome(self, seen: Sequence[int]) -> str:
        """Return its line of the outcome, as ``write 0-7: reuse 4 copy 4`` or ``lru 0-7: 3``."""
        label = f"{self.name} {self.arg}-{self.arg + self.n - 1}:"
        if self.name in OBSERVATIONS:
            return f"{label} {seen[0]}"
        found = [f"{name} {nr}" for name, nr in zip(texts(Outcome), seen, strict=True) if nr]
        return " ".join((label, *found))


@dataclass(frozen=True)
class Program:
    """A litmus program.

    Attributes
    ----------
    file
        Its path as given, ``<text>`` for one that came as text.
    pages
        Pages of the region.
    swap
        Does it need swap?
    operations
        Its operations, line by line.
    comment
        The first comment, empty where there is none.
    """

    file: str
    pages: int
    swap: bool
    operations: tuple[Operation, ...]
    comment: str

    @property
    def cpus(self) -> int:
        """CPUs that it uses, the child's included."""
        return 1 + max((o.arg for o in self.operations if o.name in CPUS), default=0)

    @property
    def held(self) -> int:
        """Pages that ``get`` holds at a time, at most."""
        most = now = 0
        for operation in self.operations:
            if operation.op == Op.GET:
                now += operation.n
            elif operation.op == Op.PUT:
                now = 0
            most = max(most, now)
        return most

    @property
    def touched(self) -> int:
        """Pages that ``touch`` writes between two ``munmap``, at most."""
        most = now = 0
        for operation in self.operations:
            if operation.name in COUNTS:
                now += operation.arg
            elif operation.name == "munmap":
                now = 0
            most = max(most, now)
        return most

    def outcome(self, seen: Any) -> list[str]:
        """Return the outcome's lines from a row of ``NR_SEEN`` numbers an operation."""
        return [
            o.outcome([int(nr) for nr in row])
            for o, row in zip(self.operations, seen, strict=True)
            if o.observes
        ]


def _short(word: str) -> str:
    return word if len(word) <= _MOST_SHOWN else word[:_MOST_SHOWN] + "..."


class _Reader:
    """Checks a program line by line: the state is what the lines so far allow."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.pages = DEFAULT_PAGES
        self.swap = ""
        self.given: set[str] = set()
        self.child = False
        self.operations: list[Operation] = []

    def error(self, line: int, message: str) -> LitmusError:
        return LitmusError(f"{self.file}:{line}: {message}")

    def refuse(self, line: int, what: str, got: str, choices: Sequence[str]) -> LitmusError:
        return self.error(line, accepted(what, _short(got), choices))

    def number(self, line: int, what: str, text: str, low: int, high: int) -> int:
        if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
            raise self.refuse(line, what, text, [f"a whole number from {low} to {high}"])
        return int(text)

    def header(self, line: int, name: str, value: str) -> None:
        if self.operations:
            raise self.error(line, f"{name}: it stands before the first operation, not after it")
        if name in self.given:
            raise self.error(line, f"{name}: given twice")
        self.given.add(name)
        if name == "pages":
            self.pages = self.number(line, name, value, 1, MAX_PAGES)
        elif value not in SWAPS:
            raise self.refuse(line, name, value, SWAPS)
        else:
            self.swap = value

    def range(self, line: int, name: str, text: str) -> tuple[int, int]:
        first, dash, last = text.partition("-")
        top = self.pages - 1
        pair = _NUMBER.fullmatch(first) and (not dash or _NUMBER.fullmatch(last))
        if not pair:
            form = f"a-b, pages from 0 to {top}"
            raise self.refuse(line, name, text, [form])
        low = self.number(line, f"{name}: page", first, 0, top)
        high = self.number(line, f"{name}: page", last, 0, top) if dash else low
        if high < low:
            raise self.refuse(line, name, text, ["a-b with a up to b"])
        return low, high - low + 1

    def operation(self, line: int, name: str, words: list[str]) -> Operation:
        op = OPS.index(name)
        if name in BARE:
            return Operation(line, op)
        if name in RANGES:
            return Operation(line, op, *self.range(line, name, words[0]))
        if name in CPUS:
            return Operation(line, op, self.number(line, name, words[0], 0, MAX_CPUS - 1))
        return Operation(line, op, self.number(line, name, words[0], 1, MAX_PAGES))

    def read(self, line: int, words: list[str]) -> None:
        name = words[0]
        if name not in OPS and name not in HEADERS:
            raise self.refuse(line, "operation", name, (*HEADERS, *OPS))
        wanted = 1 if name in BARE else 2
        if len(words) != wanted:
            form = name if wanted == 1 else f"{name} {_FORMS[name]}"
            raise self.refuse(line, name, " ".join(words[1:]), [f"the line {form!r}"])
        if name in HEADERS:
            self.header(line, name, words[1])
            return
        if name in ("fork", "exit"):
            if self.child == (name == "fork"):
                lives = "a child lives already" if self.child else "no child lives"
                raise self.error(line, f"{name}: {lives}; accepted: one child at a time")
            self.child = name == "fork"
        self.operations.append(self.operation(line, name, words[1:]))


_FORMS = (
    {"pages": "N", "swap": "zram|none"}
    | dict.fromkeys(RANGES, "a-b")
    | dict.fromkeys(CPUS, "CPU")
    | dict.fromkeys(COUNTS, "N")
)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if words:
            yield number, words


def _comment(text: str) -> str:
    for line in text.split("\n"):
        if line.strip().startswith("#"):
            return line.strip().lstrip("#").strip()
        if line.strip():
            break
    return ""


def parse_program(text: str, file: str = "<text>") -> Program:
    r"""Return the program of a text.

    Parameters
    ----------
    text
        One operation on each line; docs/litmus.md has the format.
    file
        The name of the text in errors.

    Returns
    -------
    Program
        Its operations, pages and swap.

    Raises
    ------
    LitmusError
        For the first wrong line: file, line, value and the accepted values.

    Examples
    --------
    >>> import wpbench as wb
    >>> program = wb.litmus.parse_program("pages 8\nwrite 0-7\nlru 0-7\n")
    >>> len(program.operations), program.pages
    (2, 8)
    """
    reader = _Reader(file)
    lines = text.count("\n")
    if lines > MAX_LINES:
        raise LitmusError(f"{file}: {lines} lines; accepted: up to {MAX_LINES}")
    for number, words in _lines(text):
        reader.read(number, words)
    if not reader.operations:
        raise LitmusError(f"{file}:1: no operation; accepted: at least one of {', '.join(OPS)}")
    pages_out = any(operation.name == "pageout" for operation in reader.operations)
    swap = reader.swap == "zram" or (not reader.swap and pages_out)
    return Program(file, reader.pages, swap, tuple(reader.operations), _comment(text))


def read_program(path: str | Path) -> Program:
    """Return the program of a file.

    Parameters
    ----------
    path
        A file of one operation on each line; docs/litmus.md has the format.

    Returns
    -------
    Program
        Its operations, pages and swap.

    Raises
    ------
    LitmusError
        If the file cannot be read, is not a text, or has a wrong line.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.litmus.read_program(wb.litmus.programs()["exit-elsewhere"]).pages
    8
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise LitmusError(f"{path}: cannot be read: {why}") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise LitmusError(f"{path}:{line}: not a text file: {error.reason}") from None
    return parse_program(text, str(path))
