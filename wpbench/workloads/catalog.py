"""The workloads by name: what each runs, and which fields of a Scenario it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import reproducer, userfaultfd
from .hand_over import hand_over
from .random_program import random_program


@dataclass(frozen=True)
class Workload:
    """A program for the machine.

    Attributes
    ----------
    run
        The jitted function of a machine.
    uses
        Fields of a Scenario that mean something to it, beside those that the machine reads.
    orders
        What ``order`` can be; the first is the default.
    summary
        One line.
    """

    run: Any
    uses: frozenset[str]
    orders: tuple[str, ...]
    summary: str


WORKLOADS: dict[str, Workload] = {
    "reproducer": Workload(
        reproducer.reproducer,
        frozenset(
            (
                "order",
                "read_cpu",
                "write_cpu",
                "threads",
                "spinner_threads",
                "migration_rate",
                "fork_exit_before",
                "delay_ns",
            )
        ),
        reproducer.ORDERS,
        "page out, read a page, write it: Nadav Amit's forceswap",
    ),
    "hand-over": Workload(
        hand_over,
        frozenset(("threads", "delay_ns")),
        ("read-write",),
        "one thread pages out and reads, another writes",
    ),
    "userfaultfd": Workload(
        userfaultfd.userfaultfd,
        frozenset(("order", "fill_cpu", "write_cpu")),
        userfaultfd.ORDERS,
        "one thread fills memory write-protected, another writes it",
    ),
    "random": Workload(
        random_program,
        frozenset(("mix",)),
        ("",),
        "operations drawn at random, as the kernel traces recorded them",
    ),
}
ORDERS = tuple(dict.fromkeys(o for w in WORKLOADS.values() for o in w.orders if o))
