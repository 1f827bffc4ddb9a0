"""Runs of one configuration that take long are done by machine code made for it alone."""

from __future__ import annotations

import threading
import warnings
from typing import Any

from ..errors import WpbenchWarning, short
from ..jit import bitcode, specialised
from ..jit.compile import DECLARED, Kernel
from ..jit.native import Loaded
from ..jit.pointer import POINTERS
from ..jit.sources import MACHINE
from ..mm import layout as L
from ..mm.machine import INDEX

LONG = 1 << 29  # accesses of one configuration: ten seconds or so, a tenth of which pays for it
_FIRST = INDEX[L.CONFIG[0]]
_CONFIG = slice(_FIRST, _FIRST + len(L.CONFIG))
_COUNTED = 1024  # configurations whose accesses are counted
_MOST = 64  # that have code of their own: it stays until the process ends


class LongRuns:
    """Code made for single configurations; it stays in memory as long as this object does.

    Parameters
    ----------
    long
        Accesses of one configuration from which on it gets code of its own.
    """

    def __init__(self, long: int = LONG) -> None:
        self._long = long
        self._lock = threading.Lock()
        self._accesses: dict[tuple[str, bytes], float] = {}
        self._code: dict[tuple[str, bytes], Loaded | None] = {}  # None: not yet, or it failed

    def address(self, workload: Any, headers: Any, accesses: float) -> int:
        """Return the address of the function that does some runs of a workload.

        Parameters
        ----------
        workload
            From ``plan.program()``.
        headers
            int64[n, HEADER_WORDS] of the runs' machines.
        accesses
            About how many all of them do, those aside that may be skipped.
        """
        generic = int(workload.address)
        configs = headers[:, _CONFIG]
        if not isinstance(workload, Kernel) or not accesses or (configs != configs[0]).any():
            return generic
        key = (workload.symbol, configs[0].tobytes())
        if self._is_due(key, accesses):
            self._code[key] = _made(workload, configs[0].tolist())
        code = self._code.get(key)
        return generic if code is None else code.address_of(workload.symbol)

    def _is_due(self, key: tuple[str, bytes], accesses: float) -> bool:
        """Count accesses; say once that code is to be made, for which other threads do not wait."""
        with self._lock:
            if key in self._code or len(self._code) >= _MOST:
                return False
            done = self._accesses.pop(key, 0.0) + accesses
            if done >= self._long:
                self._code[key] = None
                return True
            self._accesses[key] = done
            if len(self._accesses) > _COUNTED:
                del self._accesses[next(iter(self._accesses))]  # the one not seen for longest
            return False


def _made(workload: Kernel, config: list[int]) -> Loaded | None:
    """Return a workload's code for one configuration, None where it cannot be made."""
    code = bitcode.found(MACHINE)
    if code is None:
        return None
    machine = POINTERS["Machine"]
    functions = [
        kernel.symbol
        for kernel in DECLARED[MACHINE]
        if isinstance(kernel, Kernel) and kernel.arguments[0] is machine
    ]
    constants = dict(enumerate(config, _FIRST))
    try:
        return Loaded(specialised.compiled(code, workload.symbol, functions, constants))
    except (OSError, RuntimeError) as error:  # no memory for another process, say
        warnings.warn(
            f"long runs go on with the code for all configurations: {short(error)}",
            WpbenchWarning,
            stacklevel=2,
        )
        return None


LONG_RUNS = LongRuns()
