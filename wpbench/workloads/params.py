"""What a workload is told: the numbers of its scenario."""

from __future__ import annotations

from typing import NamedTuple


class Params(NamedTuple):
    """Parameters of one run, as a workload sees them.  Names as in ``Scenario``."""

    npages: int
    rounds: int
    cpus: int
    threads: int
    order: int  # index into the workload's orders
    read_cpu: int
    write_cpu: int
    fork_exit_before: int
    delay_ns: int
    mix_pageout: int  # weights of the random program, as in the traces' headers
    mix_read: int
    mix_write: int
    mix_cold: int
    mix_migrate: int
    mix_fork: int
    mix_exit: int
    mix_free: int
