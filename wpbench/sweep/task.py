"""What a worker does: some runs, wherever it is."""

from __future__ import annotations

import pickle
import socket
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import mm
from ..data import fingerprint
from ..errors import SweepError, short
from ..jit.compile import JIT_DISABLED
from ..mm.machine import NR_COUNTED
from ..scenario.columns import workload_name
from ..simulate import MODEL, STOPPED, Plan, execute, program
from .resources import available_memory, human

_SMALL_BYTES = 1 << 26  # a machine below this size is not worth a look at the memory


@dataclass(frozen=True)
class Task:
    """Some runs, as they are sent to a worker.

    Attributes
    ----------
    columns, n
        What ``Plan`` is made of.
    model, data
        Hashes of the model and the data files: a worker with others would compute other numbers.
    """

    columns: dict[str, Any]
    n: int
    model: str = MODEL
    data: str = ""


@dataclass(frozen=True)
class Done:
    """What became of a task's runs.

    Attributes
    ----------
    ran
        bool[n]; False: stopped before it began.
    counted
        int64[n, NR_COUNTED]; 0 where it failed.
    errors
        object[n]: why it failed, "" where it did not.
    """

    ran: Any
    counted: Any
    errors: Any


def pickled(plan: Plan, runs: Any) -> bytes:
    """Return runs of a plan as a worker elsewhere can be sent them.

    Raises
    ------
    SweepError
        If a workload of one's own cannot be pickled.
    """
    task = task_of(plan, runs)
    try:
        return pickle.dumps(task)
    except Exception as error:
        names = ", ".join(f"{workload_name(w)}()" for w in set(task.columns["workload"].tolist()))
        raise SweepError(
            f"workload: {names} cannot be sent to another process ({short(error)}); accepted: a "
            "numba.njit function of numbers and of other such functions, or executor=None"
        ) from None


def task_of(plan: Plan, runs: Any) -> Task:
    """Return some runs of a plan as a task."""
    return Task(plan.part(runs), len(runs), MODEL, fingerprint(plan.columns["costs"]))


def do_pickled(data: bytes) -> Done:
    """Do a task that was sent to this process."""
    try:
        task = pickle.loads(data)  # noqa: S301 (it is what sweep() has just made)
    except Exception as error:
        raise SweepError(
            f"a worker on {socket.gethostname()} cannot load its task ({short(error)}); "
            "accepted: the same wpbench there as here, and a workload that is importable there"
        ) from None
    return do_task(task)


def do_task(task: Task, stop: Any = None) -> Done:
    """Do a task; a run that fails leaves its error, and the others are done all the same.

    Parameters
    ----------
    task
        The runs.
    stop
        As in ``simulate.execute()``.

    Raises
    ------
    SweepError
        If this process has another model or other data than the sweep.
    """
    here = fingerprint(task.columns["costs"])
    if (task.model, task.data) != (MODEL, here):
        raise SweepError(
            f"a worker on {socket.gethostname()} has another wpbench (model {MODEL}, data "
            f"{here}; here: model {task.model}, data {task.data}); accepted: the same"
        )
    done = Done(
        np.zeros(task.n, bool),
        np.zeros((task.n, NR_COUNTED), np.int64),
        np.full(task.n, "", object),
    )
    plan = Plan(task.columns, task.n)
    _link(plan, done)
    _refuse_large(plan, done)
    _simulate(plan, np.flatnonzero(done.errors == ""), done, stop)
    return done


def _fail(done: Done, runs: Any, text: str) -> None:
    done.ran[runs] = True
    done.errors[runs] = text


def _link(plan: Plan, done: Done) -> None:
    """Compile the workloads; the runs of one that cannot be compiled have failed."""
    if JIT_DISABLED:
        return
    mm.link()
    for workload in dict.fromkeys(plan.workloads.tolist()):
        try:
            program(workload).link()
        except Exception as error:  # whatever a user's function does
            _fail(done, np.equal(plan.workloads, workload), short(error))


def _refuse_large(plan: Plan, done: Done) -> None:
    size = plan.bytes()
    if size.max() >= _SMALL_BYTES:
        available = available_memory()
        for run in np.flatnonzero(size > available):
            needed = human(int(size[run]))
            _fail(done, run, f"needs {needed} of memory, {human(available)} are available")


def _simulate(plan: Plan, runs: Any, done: Done, stop: Any) -> None:
    """Do runs together; where that raises, in halves, down to those that do not work."""
    if len(runs) == 0:
        return
    try:
        counted, errors = execute(Plan(plan.part(runs), len(runs)), threads=1, stop=stop)
    except Exception as error:  # whatever a user's function does
        if len(runs) == 1:
            _fail(done, runs, short(error))
        else:
            for half in np.array_split(runs, 2):
                _simulate(plan, half, done, stop)
        return
    ran = errors != STOPPED
    done.ran[runs] = ran
    well = errors == ""
    done.counted[runs[well]] = counted[well]
    done.errors[runs[ran]] = errors[ran]
