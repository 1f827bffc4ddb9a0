"""What must not be left behind is made, and removed, by a second process: guard_main.py.

It waits for the end of a pipe, which ends also when this process is killed, by whatever.  What it
makes is named after this process, so that the next run finds it if both were killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from ...errors import MeasureError

MAIN = Path(__file__).with_name("guard_main.py")
_NAME = re.compile(r"wpbench-(\d+)-(\d+)(-.*)?")


def started(pid: int) -> int:
    """Return when a process began (clock ticks since boot), 0 if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return 0
    words = text.rpartition(")")[2].split()
    return 0 if words[0] in "ZX" else int(words[19])


def own_name(suffix: str = "") -> str:
    """Return a name for a folder that belongs to this process, and to no later one."""
    return f"wpbench-{os.getpid()}-{started(os.getpid())}{suffix}"


def is_left(name: str) -> bool:
    """Is this the name of something whose process is gone?"""
    match = _NAME.fullmatch(name)
    return match is not None and started(int(match[1])) != int(match[2])


def remove_left(parents: list[Path]) -> list[str]:
    """Remove what killed runs left in folders of instances and of cgroups; say what it was.

    Raises
    ------
    MeasureError
        If something cannot be removed.
    """
    found = []
    for parent in parents:
        if not parent.is_dir():
            continue
        for folder in sorted(parent.iterdir()):
            if not is_left(folder.name):
                continue
            if not remove_folder(folder):
                raise MeasureError(f"{folder}: left by a killed run, cannot be removed")
            found.append(f"{folder}: left by a killed run, was removed")
    return found


def remove_folder(folder: Path, tries: int = 50) -> bool:
    """Remove an instance or a cgroup, whose processes are killed; False if that does not work."""
    for _ in range(tries):
        with contextlib.suppress(OSError, ValueError):
            for line in (folder / "cgroup.procs").read_text("ascii").splitlines():
                os.kill(int(line), signal.SIGKILL)
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


class Guard:
    """Makes folders of tracefs and of cgroups; removes them, and ends the command, at its end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Guard:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(MAIN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def _ask(self, word: str, value: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps([word, value]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the guard is gone"}
        if "error" in answer:
            raise MeasureError(str(answer["error"]))

    def make(self, folder: Path) -> None:
        """Make a folder that the guard will remove."""
        self._ask("make", str(folder))

    def remove(self, folder: Path) -> None:
        """Remove a folder now."""
        self._ask("remove", str(folder))

    def command(self, pid: int) -> None:
        """Kill this process if we are killed before ``forget()``."""
        self._ask("command", [pid, started(pid)])

    def forget(self) -> None:
        """The command has ended."""
        self._ask("command", None)

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        rest = process.stdout.read()
        process.stdout.close()
        process.wait()
        for line in rest.splitlines():
            raise MeasureError(str(json.loads(line)["error"]))
