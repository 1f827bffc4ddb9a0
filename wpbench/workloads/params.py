"""What a workload is told: the numbers of its scenario."""

from __future__ import annotations

from typing import NamedTuple

from ..jit.compile import JIT_DISABLED
from ..mm.machine import INDEX, Machine


class Params(NamedTuple):
    """Parameters of one run, as a workload sees them.  Names as in ``Scenario``."""

    npages: int
    rounds: int
    cpus: int
    threads: int
    spinner_threads: int
    order: int  # index into the workload's orders
    read_cpu: int
    write_cpu: int
    fill_cpu: int
    fork_exit_before: int
    delay_ns: int
    migration_ppm: int  # migration_rate, in millionths
    time_slice_ns: int
    write_ppm: int  # write_share, in millionths
    zipf_ppm: int  # zipf, in millionths
    resident_pages: int  # pages that memory holds
    save_every: int
    save_pages: int  # pages that the saving child reads meanwhile
    mix_pageout: int  # weights of the random program, as in the traces' headers
    mix_read: int
    mix_write: int
    mix_cold: int
    mix_migrate: int
    mix_fork: int
    mix_exit: int
    mix_free: int


def params(m: Machine) -> Params:
    """Return the parameters of the run that a machine was built for."""
    return Params(*m.param[: len(Params._fields)])


if not JIT_DISABLED:
    from ..jit.pointer import Layout, Pointer, seen_as

    _places = {name: INDEX["param"] + i for i, name in enumerate(Params._fields)}
    # The machine's row once more, under the names that a workload knows.
    params = seen_as(Pointer("Params", Layout(_places, {}, {}, {})))
