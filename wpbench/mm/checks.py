"""Tests of an operation's arguments, inlined into the workload of one's own that calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..jit import compile as jit
from ..jit.compile import inline, kernel
from . import layout as L
from . import operations
from .machine import Machine
from .names import Error
from .refusals import Refusal

_REFUSED = "refused: Machine.failure says why"


class OperationError(RuntimeError):
    """An operation was refused, or called after its run had failed or was stopped.

    ``Machine.failure`` says why.  It leaves the workload, whatever loop that is in.
    """


def operation(function: Callable[..., Any]) -> Any:
    """Compile a checked operation, with the docstring of its namesake in ``operations``."""
    function.__doc__ = getattr(operations, function.__name__).__doc__
    if function.__name__.endswith("_inline"):
        return inline(function)
    return jit.operation(function, (OperationError, _REFUSED))


@kernel
def _refuse(m: Machine, call: int, refusal: int, value: int, bound: int) -> None:
    """Note which operation was refused, and why, unless the run has failed before."""
    if m.error == Error.NONE:
        m.error = Error.REFUSED
        m.refused_call = call
        m.refusal = refusal
        m.refused_value = value
        m.refused_bound = bound


@inline
def need(m: Machine, well: Any, call: int, refusal: int, value: int, bound: int) -> None:
    """End the run unless all is well; also if it has failed or was stopped."""
    if m.error != Error.NONE or not well:
        _refuse(m, call, refusal, value, bound)
        raise OperationError(_REFUSED)


@inline
def check_number(m: Machine, call: int, value: int, low: int, high: int, refusal: int) -> None:
    """Check that a number is within bounds."""
    need(m, low <= value <= high, call, refusal, value, high)


@inline
def check_cpu(m: Machine, call: int, cpu: int) -> None:
    """Check that there is such a CPU."""
    need(m, 0 <= cpu < m.usable_cpus, call, Refusal.NO_CPU, cpu, m.usable_cpus - 1)


@inline
def check_page(m: Machine, call: int, at: int) -> None:
    """Check that ``at`` is a page of a process that is there."""
    need(m, 0 <= at < m.usable_ptes, call, Refusal.NO_PAGE, at, m.usable_ptes - 1)


@inline
def check_range(m: Machine, call: int, first: int, n: int) -> None:
    """Check that ``n`` pages from ``first`` on are one process's."""
    check_page(m, call, first)
    most = m.npages - first % m.npages
    need(m, 0 <= n <= most, call, Refusal.NO_LENGTH, n, most)


@inline
def check_thread(m: Machine, call: int, thread: int) -> None:
    """Check that there is such a thread, and that it is on a CPU that is there."""
    check_number(m, call, thread, 0, m.threads - 1, Refusal.NO_THREAD)
    check_cpu(m, call, m.thread[thread * L.NR_TH + L.TH_CPU])


@inline
def check_started(m: Machine, call: int, thread: int) -> None:
    """Check that a thread runs on its CPU."""
    runs = m.running[m.thread[thread * L.NR_TH + L.TH_CPU]] > 0
    need(m, runs, call, Refusal.NOT_STARTED, thread, 0)


@inline
def check_child(m: Machine, call: int, process: int) -> None:
    """Check that a process was forked and has not exited."""
    there = 0 < process < m.nprocs and (m.processes >> process) & 1 == 1
    need(m, there, call, Refusal.NO_CHILD, process, 0)


@inline
def check_exiting(m: Machine, call: int, process: int) -> None:
    """Check that a process is between ``exit_zap()`` and ``exit_flush()``."""
    exiting = 0 < process < m.nprocs and (m.exiting >> process) & 1 == 1
    need(m, exiting, call, Refusal.NOT_EXITING, process, 0)


@inline
def check_fork(m: Machine, call: int, parent: int, child: int) -> None:
    """Check that a process is there and can have such a child."""
    there = 0 <= parent < m.nprocs and (m.processes >> parent) & 1 == 1
    need(m, there, call, Refusal.NO_PROCESS, parent, 0)
    check_number(m, call, child, 1, m.nprocs - 1, Refusal.NO_CHILD_NUMBER)
    gone = ((m.processes | m.exiting) >> child) & 1 == 0
    need(m, gone, call, Refusal.FORKED_ALREADY, child, 0)


@inline
def check_held(m: Machine, call: int, page: int, holder: int) -> None:
    """Check that a page frame is there, and held as what gives it back says."""
    check_number(m, call, page, 1, m.next_page - 1, Refusal.NO_FRAME)
    need(m, m.page[page] & holder != 0, call, Refusal.NOT_HELD, page, 0)
