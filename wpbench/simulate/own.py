"""A workload of one's own: a function ``f(m, p)``, compiled, run, and asked why it failed."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from .. import mm
from ..errors import ScenarioError, short
from ..jit.compile import JIT_DISABLED
from ..jit.private import Dispatcher
from ..mm import layout as L
from ..mm.batch import ERROR_AT, begin, finish, note_failure
from ..mm.machine import Machine
from ..mm.names import Error
from ..workloads.params import Params, params

ACCEPTED = (
    "accepted: a numba.njit function f(m, p) of the machine and the scenario's numbers "
    "(the project's first page has an example: A workload of your own)"
)


class OwnWorkload:
    """A function ``f(m, p)`` as a program of the machine.

    Parameters
    ----------
    function
        Compiled by ``numba.njit``; plain Python with NUMBA_DISABLE_JIT.

    Raises
    ------
    ScenarioError
        If it is no such function.
    """

    def __init__(self, function: Any) -> None:
        self._name = f"{getattr(function, '__name__', 'workload')}()"
        self._check(function)
        self._linking = threading.Lock()
        self.linked = JIT_DISABLED

        if JIT_DISABLED:  # decorated before wpbench was imported
            function = getattr(function, "py_func", function)

        def own(m: Machine) -> None:
            p = params(m)
            # The last CPU is a forked child's: a workload cannot name it before there is one.
            m.usable_cpus = p.cpus
            function(m, p)

        def plain(m: Machine) -> None:
            p = Params(*map(int, params(m)))  # a division by 0 is an exception there, too
            m.usable_cpus = p.cpus
            function(m, p)

        self._run: Callable[[Any], None] = plain
        if not JIT_DISABLED:
            self._run = numba.njit(nogil=True)(own)
            self._many = _run_many(self._run)

    def _check(self, function: Any) -> None:
        plain = getattr(function, "py_func", function)
        try:
            signature = inspect.signature(plain)
        except (TypeError, ValueError):
            raise ScenarioError(f"workload: {function!r} is not accepted; {ACCEPTED}") from None
        shown = f"{self._name[:-2]}{signature}"
        try:
            signature.bind(None, None)
        except TypeError:
            raise ScenarioError(f"workload: {shown} is not accepted; {ACCEPTED}") from None
        if not JIT_DISABLED and not isinstance(function, Dispatcher):
            raise ScenarioError(f"workload: {shown} is not compiled; {ACCEPTED}")

    def link(self) -> None:
        """Compile it.

        Raises
        ------
        ScenarioError
            If that does not work.
        """
        with self._linking:
            if self.linked:
                return
            mm.link()
            try:
                self._many(*_NOTHING)
            except Exception as error:  # numba's own, and what it lets through
                raise ScenarioError(
                    f"workload: {self._name} cannot be compiled: {_reason(error)}"
                ) from error
            self.linked = True

    def __call__(self, m: Machine) -> None:
        """Run it on a machine; if it raises, the machine's run has failed.

        Raises
        ------
        WorkloadError
            With the exception's text, if it was its own.
        """
        self.link()
        try:
            self._run(m)
        except Exception as error:
            if m.error == Error.NONE:
                m.error = Error.EXCEPTION
                raise WorkloadError(self._text(error)) from error

    def run_many(
        self, headers: Any, seeds: Any, arena: Any, counted: Any, failed: Any, stop: Any
    ) -> dict[int, str]:
        """Do as ``batch.run_many()``; return the text of each run that raised an exception."""
        self.link()
        texts = {}
        at = np.zeros(1, np.int64)
        while at[0] < len(seeds):
            try:
                self._many(headers, seeds, arena, counted, failed, stop, at)
            except Exception as error:
                run = int(at[0])
                if arena[ERROR_AT] == Error.NONE:
                    arena[ERROR_AT] = Error.EXCEPTION
                    texts[run] = self._text(error)
                note_failure(arena, run, failed)
                at[0] = run + 1
        return texts

    def _text(self, error: Exception) -> str:
        return f"workload: {self._name} raised {short(error)}"


class WorkloadError(Exception):
    """A workload of one's own raised an exception; its text says which."""


def _run_many(run: Any) -> Any:
    """Return what runs a compiled workload on many machines, from the ``at[0]``-th on."""

    def many(
        headers: Any, seeds: Any, arena: Any, counted: Any, failed: Any, stop: Any, at: Any
    ) -> None:
        while at[0] < seeds.size:
            if stop[0]:
                failed[at[0], 0] = L.STOPPED
            else:
                m = begin(headers, seeds, arena, at[0])
                run(m)
                finish(m, arena, at[0], counted, failed)
            at[0] += 1

    return numba.njit(nogil=True)(many)


def _reason(error: Exception) -> str:
    """Return the lines of numba's message that say what is wrong, as one."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("Failed in", "This error"))]
    text = " ".join(said)
    return text if len(text) <= 300 else text[:297] + "..."


# Arguments of no run at all, to compile for.
_NOTHING = (
    np.zeros((0, 1), np.int64),
    np.zeros(0, np.int64),
    np.zeros(1, np.int64),
    np.zeros((0, 1), np.int64),
    np.zeros((0, 1), np.int64),
    np.zeros(1, np.uint8),
    np.zeros(1, np.int64),
)
