"""A command that waits before it begins, so that its tracing and cgroup are ready."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import MeasureError
from .guard import Guard

# It stops itself, and becomes the command when it is told to go on.
_WAITING = 'kill -STOP $$ && exec "$@"'
_PATIENCE_S = 5.0  # between SIGTERM and SIGKILL


class Ended(NamedTuple):
    """How a command ended."""

    status: int  # as a shell has it: 128 + signal
    wall_s: float
    cpu_s: float


class Command:
    """A stopped process that will be the command.

    Parameters
    ----------
    words
        Program and arguments.
    guard
        Kills it if we are killed.
    folder
        Where it runs; None: here.
    environment
        Variables beside the inherited ones.
    quiet
        Its output goes nowhere.

    Raises
    ------
    MeasureError
        If there is no such program.
    """

    def __init__(
        self,
        words: Sequence[str],
        guard: Guard,
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        quiet: bool = False,
    ) -> None:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        program = shutil.which(words[0], path=path)
        if program is None:
            raise MeasureError(f"command: there is no program {words[0]!r}")
        self._guard = guard
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WAITING, "sh", program, *words[1:]],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL if quiet else None,
            stdout=subprocess.DEVNULL if quiet else None,
            stderr=subprocess.DEVNULL if quiet else None,
            restore_signals=True,
        )
        self.pid = self._process.pid
        guard.command(self.pid)
        found = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if found is None or found.si_code != os.CLD_STOPPED:
            raise MeasureError("command: /bin/sh could not be stopped before it began")
        self.descriptor = os.pidfd_open(self.pid)
        self._begun = 0.0

    def go(self) -> None:
        """Let it begin."""
        self._begun = time.monotonic()
        os.kill(self.pid, signal.SIGCONT)

    def ended(self, *, wait: bool = False) -> Ended | None:
        """Return how it ended, None while it runs."""
        pid, status, usage = os.wait4(self.pid, 0 if wait else os.WNOHANG)
        if pid == 0:
            return None
        wall = time.monotonic() - self._begun
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        self._guard.forget()
        os.close(self.descriptor)
        return Ended(code if code >= 0 else 128 - code, wall, usage.ru_utime + usage.ru_stime)

    def stop(self) -> None:
        """Ask it to end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
            os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.returncode is not None:
            return
        self.stop()
        end = time.monotonic() + _PATIENCE_S
        while self.ended() is None:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.02)
