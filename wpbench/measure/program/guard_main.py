"""Make folders of tracefs and of cgroups, wait for the end of standard input, remove them.

Run as a program, by wpbench.measure.program.guard, with nothing but the standard library.  It reads
a JSON list a line, a word and a value, and answers each with an object: ``error`` where it failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time

TRIES = 100  # to remove a folder, 0.1 s apart
WAIT = 0.1


def started(pid: int) -> int:
    """Return when a process began, 0 if there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return int(file.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0


def kill_all(folder: str) -> None:
    """Kill the processes of a cgroup; an instance has none."""
    with contextlib.suppress(OSError):
        with open(f"{folder}/cgroup.procs", encoding="ascii") as file:  # noqa: PTH123
            pids = [int(line) for line in file]
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def remove(folder: str) -> str:
    """Remove a folder; return why not, empty when it is gone."""
    reason = ""
    for _ in range(TRIES):
        kill_all(folder)
        try:
            os.rmdir(folder)  # noqa: PTH106
        except FileNotFoundError:
            return ""
        except OSError as error:
            reason = str(error.strerror)
            time.sleep(WAIT)
        else:
            return ""
    return f"{folder} could not be removed: {reason}; to do so: rmdir {folder}"


class Kept:
    """What has been made, and the command that runs."""

    def __init__(self) -> None:
        self.folders: list[str] = []
        self.command: list[int] | None = None

    def do(self, word: str, value: object) -> str:
        """Do what is asked; return what went wrong."""
        if word == "command":
            self.command = value if isinstance(value, list) else None
            return ""
        folder = str(value)
        if word == "remove":
            error = remove(folder)
            if not error:
                self.folders.remove(folder)
            return error
        try:
            os.mkdir(folder)  # noqa: PTH102
        except OSError as error:
            return f"{folder}: cannot be made: {error.strerror}"
        self.folders.append(folder)
        return ""

    def down(self) -> str:
        """Kill the command, remove all; return what is left."""
        if self.command is not None and started(self.command[0]) == self.command[1]:
            with contextlib.suppress(OSError):
                os.kill(self.command[0], signal.SIGKILL)
        left = [remove(folder) for folder in reversed(self.folders)]
        return "; ".join(text for text in left if text)


def say(error: str) -> None:
    """Answer, if anybody still listens."""
    with contextlib.suppress(OSError):
        os.write(1, (json.dumps({"error": error} if error else {}) + "\n").encode())


def main() -> int:
    """Run the guard."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    kept = Kept()
    for line in sys.stdin:
        word, value = json.loads(line)
        say(kept.do(word, value))
    left = kept.down()
    if left:
        say(left)
        os.write(2, f"wpbench: {left}\n".encode())
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
