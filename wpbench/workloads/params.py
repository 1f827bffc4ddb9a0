"""What a workload is told: the numbers of its scenario."""

from __future__ import annotations

from typing import NamedTuple

from ..jit.compile import inline
from ..mm.machine import Machine


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


@inline
def params(m: Machine) -> Params:
    """Return the parameters of the run that a machine was built for."""
    return Params(
        m.param[0],
        m.param[1],
        m.param[2],
        m.param[3],
        m.param[4],
        m.param[5],
        m.param[6],
        m.param[7],
        m.param[8],
        m.param[9],
        m.param[10],
        m.param[11],
        m.param[12],
        m.param[13],
        m.param[14],
        m.param[15],
        m.param[16],
        m.param[17],
        m.param[18],
        m.param[19],
        m.param[20],
        m.param[21],
        m.param[22],
        m.param[23],
        m.param[24],
        m.param[25],
    )
