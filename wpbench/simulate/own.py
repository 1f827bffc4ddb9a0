"""A workload of one's own: a function ``f(m, p)``, compiled, run, and asked why it failed."""

from __future__ import annotations

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

_kept: list[Any] = []  # C functions whose address is in use
ACCEPTED = (
    "accepted: a numba.njit function f(m, p) of the machine and the scenario's numbers "
    "(the project's first page has an example: A workload of your own)"
)


def compiled(function: Any) -> tuple[Callable[[Any], None], int]:
    """Return what runs a jitted function on a machine, and the address of a C function of one.

    The second raises nothing: it says in the machine's ``error`` that there was an exception.
    """
    import numba  # noqa: PLC0415 (half a second, for those who have a workload of their own)

    nothing, exception = int(Error.NONE), int(Error.EXCEPTION)

    def own(m: Machine) -> None:
        p = params(m)
        # The last CPU is a forked child's: a workload cannot name it before there is one.
        m.usable_cpus = p.cpus
        function(m, p)

    run = numba.njit(nogil=True)(own)

    def noting(m: Machine) -> None:
        try:
            run(m)
        except Exception:
            if m.error == nothing:
                m.error = exception

    made = numba.cfunc(numba.void(POINTERS["Machine"].numba_type))(noting)
    _kept.append(made)
    return run, made.address or 0


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

        self._run: Callable[[Any], None] = plain
        self._function = function
        self.address = 0  # of the C function of a machine, which notes an exception in its error

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
                self._run, self.address = compiled(self._function)
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

    def text_of(self, m: Machine) -> str:
        """Return the text of the exception that it raises on a machine, "" if it raises none."""
        try:
            self(m)
        except WorkloadError as error:
            return str(error)
        return ""

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
