"""Random litmus programs, of every operation of the format."""

from __future__ import annotations

import random
from collections.abc import Iterable

from ..workloads.litmus_ops import BARE, COUNTS, CPUS, OBSERVATIONS, RANGES
from .parse import Operation, Program, parse_program

SIZES = (1, 4, 8, 16, 40)
WEIGHTS = {
    "read": 14,
    "write": 20,
    "pageout": 8,
    "cold": 5,
    "free": 5,
    "dontneed": 3,
    "access": 6,
    "get": 4,
    "lru": 7,
    "active": 3,
    "swapcache": 3,
    "mapped": 4,
    "on": 6,
    "exit": 7,
    "touch": 6,
    "drain": 4,
    "munmap": 3,
    "fork": 6,
    "put": 4,
}
SHORTEST, LONGEST = 8, 28  # lines
MOST_HELD = 200  # pages in the pipe: more may need a privilege
MOST_TOUCHED = 33  # by one line: a pagevec and a little more


def line_of(operation: Operation) -> str:
    """Return an operation's line."""
    name = operation.name
    if name in BARE:
        return name
    if name in RANGES:
        last = operation.arg + operation.n - 1
        return f"{name} {operation.arg}-{last}" if operation.n > 1 else f"{name} {operation.arg}"
    return f"{name} {operation.arg}"


def text_of(pages: int, swap: bool, operations: Iterable[Operation]) -> str:
    """Return the text of a program."""
    header = [f"pages {pages}", f"swap {'zram' if swap else 'none'}"]
    return "\n".join([*header, *map(line_of, operations)]) + "\n"


def draw(random: random.Random, *, swap: bool, cpus: int) -> Program:
    """Return a random program.

    Parameters
    ----------
    random
        Where it is drawn from.
    swap
        Has it swap?  Without, it does not page out: another task may bring swap meanwhile.
    cpus
        How many it may use.
    """
    pages = random.choice(SIZES)
    names = [name for name in WEIGHTS if swap or name != "pageout"]
    weights = [WEIGHTS[name] for name in names]
    lines = [f"pages {pages}", f"swap {'zram' if swap else 'none'}", "on 0"]
    child = False
    held = 0
    for name in random.choices(names, weights, k=random.randint(SHORTEST, LONGEST)):
        if name in ("fork", "exit"):
            if child == (name == "fork"):
                continue
            child = not child
        if name in RANGES:
            first, last = sorted(random.choices(range(pages), k=2))
            if random.random() < 0.5:
                first, last = 0, pages - 1
            if name == "get" and held + last - first >= MOST_HELD:
                continue
            held += (last - first + 1) * (name == "get")
            lines.append(f"{name} {first}-{last}")
        elif name in CPUS:
            lines.append(f"{name} {random.randrange(cpus)}")
        elif name in COUNTS:
            lines.append(f"{name} {random.randint(1, MOST_TOUCHED)}")
        else:
            held *= name != "put"
            lines.append(name)
    ending = [*random.sample(OBSERVATIONS, 2), "write", "lru", "active"]
    lines += [f"{name} 0-{pages - 1}" for name in ending]
    return parse_program("\n".join(lines) + "\n", "<drawn>")
