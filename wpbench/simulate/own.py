"""A workload of one's own: a function ``f(m, p)``, compiled, run, and asked why it failed."""

from __future__ import annotations

import ctypes
import inspect
import threading
from collections.abc import Callable
from typing import Any

from .. import mm
from ..errors import ScenarioError, short
from ..jit.compile import JIT_DISABLED, is_jitted
from ..jit.pointer import POINTERS
from ..mm.machine import Machine
from ..mm.names import Error
from ..workloads.params import Params, params

ACCEPTED = (
    "accepted: a numba.njit function f(m, p) of the machine and the scenario's numbers "
    "(docs/workloads.md has an example)"
)


def _raising(function: Any) -> Callable[[Machine], None]:
    """Return what runs a jitted function on a machine, and raises what it raises."""
    import numba  # noqa: PLC0415 (half a second, for those who have a workload of their own)

    def own(m: Machine) -> None:
        p = params(m)
        # The last CPU is a forked child's: a workload cannot name it before there is one.
        m.usable_cpus = p.cpus
        function(m, p)

    made: Callable[[Machine], None] = numba.njit(nogil=True)(own)
    return made


def _noting(function: Any) -> Any:
    """Return a C function of a machine that runs a jitted function, and raises nothing.

    It says in the machine's ``error`` that there was an exception.
    """
    import numba  # noqa: PLC0415

    nothing, exception = int(Error.NONE), int(Error.EXCEPTION)

    def own(m: Machine) -> None:
        p = params(m)
        m.usable_cpus = p.cpus
        try:
            function(m, p)
        except Exception:
            if m.error == nothing:
                m.error = exception

    return numba.cfunc(numba.void(POINTERS["Machine"].numba_type))(own)


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

        def plain(m: Machine) -> None:
            p = Params(*map(int, params(m)))  # a division by 0 is an exception there, too
            m.usable_cpus = p.cpus
            function(m, p)

        self._plain = plain
        self._function = function
        self._compiled: Any = None
        self.address = 0  # of the C function of a machine

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
        if not JIT_DISABLED and not is_jitted(function):
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
                self._compiled = _noting(self._function)
            except Exception as error:  # numba's own, and what it lets through
                raise ScenarioError(
                    f"workload: {self._name} cannot be compiled: {_reason(error)}"
                ) from error
            self.address = int(self._compiled.address)
            self.linked = True

    def __call__(self, m: Machine) -> None:
        """Run it on a machine; where it raises an exception, the machine's ``error`` says so.

        Raises
        ------
        WorkloadError
            With the exception's text, where nothing is compiled.
        """
        if JIT_DISABLED:
            self._noted(self._plain, m)
        else:
            self.link()
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.address)(m.address)

    def text_of(self, m: Machine) -> str:
        """Return the text of the exception that it raises on a fresh machine."""
        try:
            self._noted(_raising(self._function), m)
        except WorkloadError as error:
            return str(error)
        return Error.EXCEPTION.text

    def _noted(self, run: Callable[[Machine], None], m: Machine) -> None:
        try:
            run(m)
        except Exception as error:
            if m.error == Error.NONE:
                m.error = Error.EXCEPTION
                raise WorkloadError(self._text(error)) from error

    def _text(self, error: Exception) -> str:
        return f"workload: {self._name} raised {short(error)}"


class WorkloadError(Exception):
    """A workload of one's own raised an exception; its text says which."""


def _reason(error: Exception) -> str:
    """Return the lines of numba's message that say what is wrong, as one."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("Failed in", "This error"))]
    text = " ".join(said)
    return text if len(text) <= 300 else text[:297] + "..."
