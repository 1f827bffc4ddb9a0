"""Threads take their steps in the order of their times."""

from __future__ import annotations

from ..jit.compile import inline, kernel
from . import layout as L
from .chance import below, chance
from .clock import cool, idle_until
from .machine import Machine
from .names import Error
from .tlb import run_off, run_on

# An entry of the queue: when it is due, the turn in which it came, the thread.
(_DUE, _TURN, _THREAD, _NR) = range(4)


@inline
def _before(m: Machine, a: int, b: int) -> bool:
    """Is entry ``a`` of the queue due before ``b``?  At the same time, first come, first served."""
    x, y = m.runqueue[_NR * a + _DUE], m.runqueue[_NR * b + _DUE]
    return x < y or (x == y and m.runqueue[_NR * a + _TURN] < m.runqueue[_NR * b + _TURN])


@inline
def _swap(m: Machine, a: int, b: int) -> None:
    for k in range(_NR):
        x = m.runqueue[_NR * a + k]
        m.runqueue[_NR * a + k] = m.runqueue[_NR * b + k]
        m.runqueue[_NR * b + k] = x


@kernel
def enqueue(m: Machine, thread: int) -> None:
    """Let a thread take its next step as soon as its CPU's clock allows."""
    at = m.nr_runnable
    m.nr_runnable += 1
    m.turn += 1
    m.runqueue[_NR * at + _DUE] = m.clock[m.thread[thread * L.NR_TH + L.TH_CPU]]
    m.runqueue[_NR * at + _TURN] = m.turn
    m.runqueue[_NR * at + _THREAD] = thread
    while at > 0 and _before(m, at, (at - 1) // 2):
        _swap(m, at, (at - 1) // 2)
        at = (at - 1) // 2


@kernel
def _dequeue(m: Machine) -> int:
    thread = m.runqueue[_THREAD]
    m.nr_runnable -= 1
    _swap(m, 0, m.nr_runnable)
    at = 0
    while True:
        child = 2 * at + 1
        if child >= m.nr_runnable:
            return thread
        if child + 1 < m.nr_runnable and _before(m, child + 1, child):
            child += 1
        if not _before(m, child, at):
            return thread
        _swap(m, child, at)
        at = child


@kernel
def next_thread(m: Machine) -> int:
    """Take the thread whose step is due first out of the queue; -1 when none is left.

    Also -1 once the run has failed or was stopped.  A CPU that another thread or an interrupt has
    kept busy in the meantime lets its thread wait.  Without a clock the threads take turns.
    """
    while m.nr_runnable > 0 and m.error == Error.NONE:
        due = m.runqueue[_DUE]
        thread = _dequeue(m)
        if m.clock[m.thread[thread * L.NR_TH + L.TH_CPU]] <= due:
            return thread
        enqueue(m, thread)
    return -1


@kernel
def start_thread(m: Machine, thread: int, cpu: int) -> None:
    """Put a thread on a CPU, at the beginning of its program, and into the queue."""
    row = thread * L.NR_TH
    m.thread[row + L.TH_CPU] = cpu
    m.thread[row + L.TH_PHASE] = 0
    m.thread[row + L.TH_INDEX] = 0
    m.thread[row + L.TH_AUX] = 0
    m.thread[row + L.TH_SLICE_END] = m.clock[cpu]
    run_on(m, cpu)
    enqueue(m, thread)


@kernel
def migrate_thread(m: Machine, thread: int, cpu: int) -> None:
    """Let a thread go on on another CPU, at its own time or when that one is free."""
    row = thread * L.NR_TH
    old = m.thread[row + L.TH_CPU]
    if cpu == old:
        return
    run_off(m, old)
    run_on(m, cpu)
    m.thread[row + L.TH_CPU] = cpu
    idle_until(m, cpu, m.clock[old])
    cool(m, cpu)


@kernel
def _migrate_anywhere(m: Machine, thread: int, cpus: int) -> None:
    old = m.thread[thread * L.NR_TH + L.TH_CPU]
    migrate_thread(m, thread, (old + 1 + below(m, cpus - 1)) % cpus)


@kernel
def maybe_migrate(m: Machine, thread: int, ppm: int, cpus: int) -> None:
    """Let the scheduler move a thread to another CPU, drawn at random, with a probability."""
    if ppm != 0 and cpus > 1 and chance(m, ppm):
        _migrate_anywhere(m, thread, cpus)


@kernel
def maybe_end_slice(m: Machine, thread: int, slice_ns: int, cpus: int) -> None:
    """Let the scheduler move a thread to another CPU, drawn at random, at the end of its slice.

    The first slice of each thread ends at a time of its own, drawn at random.
    """
    row = thread * L.NR_TH
    if slice_ns == 0 or cpus == 1:
        return
    now = m.clock[m.thread[row + L.TH_CPU]]
    if m.thread[row + L.TH_SLICE_END] <= m.started:
        m.thread[row + L.TH_SLICE_END] = now + 1 + below(m, slice_ns)
    if now >= m.thread[row + L.TH_SLICE_END]:
        _migrate_anywhere(m, thread, cpus)
        now = m.clock[m.thread[row + L.TH_CPU]]
        m.thread[row + L.TH_SLICE_END] = now + slice_ns
