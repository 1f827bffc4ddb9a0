"""The workloads by name: what each runs, and which fields of a Scenario it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from . import fork_write, reproducer, server, userfaultfd
from .hand_over import hand_over
from .page_fault import page_fault
from .post_copy import post_copy
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
    shared
        Do all threads use one region of ``npages``?  Otherwise each has its own.
    scratch
        Words that it wants beside one a page; 0: none at all.
    looks_after_pageout
        Does it count ``not_paged_out``?
    forks
        Does it always fork?  (Others may, as their fields say.)
    cpus_a_thread
        CPUs that one of its ``threads`` takes.
    background_cpu
        Does reclaim, or a handler, work beside the threads, on a CPU of its own?
    whole_rounds
        Does it do one round after the other, so that equal ones can be skipped (fast_forward.py)?
    round
        What a round is: ``"region"``, an access or more of each page; ``"request"``, to a server;
        ``"operation"``, one that is drawn by ``mix``.
    """

    run: Any
    uses: frozenset[str]
    orders: tuple[str, ...]
    summary: str
    shared: bool = False
    scratch: int = 0
    looks_after_pageout: bool = False
    forks: bool = False
    cpus_a_thread: int = 1
    background_cpu: bool = False
    whole_rounds: bool = True
    round: Literal["region", "request", "operation"] = "region"

    @property
    def by_mix(self) -> bool:
        """Are its operations drawn by ``mix``?"""
        return self.round == "operation"


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
                "time_slice_ns",
                "fork_exit_before",
                "delay_ns",
            )
        ),
        reproducer.ORDERS,
        "page out, read a page, write it: Nadav Amit's forceswap",
        looks_after_pageout=True,
    ),
    "hand-over": Workload(
        hand_over,
        frozenset(("threads", "delay_ns")),
        ("read-write",),
        "one thread pages out and reads, another writes",
        looks_after_pageout=True,
        cpus_a_thread=2,
    ),
    "userfaultfd": Workload(
        userfaultfd.userfaultfd,
        frozenset(("order", "fill_cpu", "write_cpu")),
        userfaultfd.ORDERS,
        "one thread fills memory write-protected, another writes it",
    ),
    "post-copy": Workload(
        post_copy,
        frozenset(("threads", "fill_cpu")),
        ("",),
        "a handler fills a guest's memory while its virtual CPUs write it",
        shared=True,
        background_cpu=True,
    ),
    "redis": Workload(
        server.server,
        frozenset(
            (
                "migration_rate",
                "time_slice_ns",
                "write_share",
                "zipf",
                "memory_share",
                "save_every",
                "save_pages",
            )
        ),
        ("",),
        "a server under memory pressure, with a child that saves now and then (BGSAVE)",
        shared=True,
        scratch=server.NR_SCRATCH,
        background_cpu=True,
        round="request",
    ),
    "memcached": Workload(
        server.server,
        frozenset(
            ("threads", "migration_rate", "time_slice_ns", "write_share", "zipf", "memory_share")
        ),
        ("",),
        "threads that use a shared memory larger than what there is, reclaim in the background",
        shared=True,
        scratch=server.NR_SCRATCH,
        background_cpu=True,
        round="request",
    ),
    "page-fault": Workload(
        page_fault,
        frozenset(("threads",)),
        ("",),
        "threads that fault in new memory and drop it: will-it-scale's page_fault",
        whole_rounds=False,
    ),
    "fork-write": Workload(
        fork_write.fork_write,
        frozenset(("order", "read_cpu", "write_cpu")),
        fork_write.FORK_ORDERS,
        "fresh pages are written again after a fork: a shell that starts a command",
        forks=True,
    ),
    "swap-write": Workload(
        fork_write.swap_write,
        frozenset(("order", "read_cpu", "write_cpu")),
        fork_write.SWAP_ORDERS,
        "swapped-out pages are written, directly or read before by a process that had forked",
        looks_after_pageout=True,
        forks=True,
    ),
    "random": Workload(
        random_program,
        frozenset(("mix",)),
        ("",),
        "operations drawn at random, as the kernel traces recorded them",
        round="operation",
    ),
}
OWN = Workload(
    None,
    frozenset(),
    ("read-write",),
    "one's own",
    looks_after_pageout=True,
    forks=True,
    whole_rounds=False,
)


def facts_of(workload: Any) -> Workload:
    """Return the facts of a workload: a shipped one's by name, else what holds for one's own."""
    return WORKLOADS[workload] if isinstance(workload, str) else OWN


ORDERS = tuple(dict.fromkeys(o for w in WORKLOADS.values() for o in w.orders if o))
