"""Set up a zram swap device, wait for the end of standard input, take it down.

Run as a program, by wpbench.measure.probe.zram, with nothing but the standard library: it must
start quickly and need nothing that could fail.  It answers in JSON, a line each: ``device`` when
swap is on; ``error`` when it could not be set up; ``left`` when something could not be taken down.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time

CONTROL = "/sys/class/zram-control"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PRIORITY = 32767  # the highest: what is paged out goes here first
LABEL = "wpbench-"
TRIES = 50  # of each step of the way down, 0.1 s apart
EBUSY_WAIT = 0.1


def command(*words: str) -> None:
    """Run a program of the system, silently."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, descriptor) for descriptor in (0, 1, 2)]
    try:
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(null)
    if status:
        raise OSError(f"`{' '.join(words)}` failed with status {os.waitstatus_to_exitcode(status)}")


def write(path: str, text: str) -> None:
    """Write to a file of /sys."""
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib starts slowly
        file.write(text)


def read(path: str) -> str:
    """Read a file of /proc or /sys."""
    with open(path, encoding="ascii") as file:  # noqa: PTH123
        return file.read()


class Device:
    """What has been set up so far."""

    def __init__(self) -> None:
        self.loaded = False  # did the module come with us?
        self.number = -1
        self.swapping = False

    @property
    def path(self) -> str:
        """Name of the device, empty before there is one."""
        return f"/dev/zram{self.number}" if self.number >= 0 else ""

    def up(self, size: int) -> None:
        """Set it up: the module, a device, its size, swap."""
        if not os.path.isdir(CONTROL):  # noqa: PTH112
            try:
                command("modprobe", "zram", "num_devices=0")
            except OSError as error:
                raise OSError(f"this kernel offers no zram: {error}") from None
            self.loaded = True
        self.number = int(read(f"{CONTROL}/hot_add"))
        write(f"/sys/block/zram{self.number}/disksize", str(size))
        for _ in range(TRIES):
            if os.path.exists(self.path):  # noqa: PTH110
                break
            time.sleep(EBUSY_WAIT)
        # The label says whose it is: zram.remove_left() takes down what killed runs left.
        command("mkswap", "-L", f"{LABEL}{os.getpid()}", self.path)
        self.swapping = True
        command("swapon", "--priority", str(PRIORITY), self.path)

    def is_swap(self) -> bool:
        """Does the kernel swap to it?"""
        names = [line.split()[0] for line in read("/proc/swaps").splitlines()[1:]]
        return self.path in names

    def step_down(self) -> None:
        """Take it down, as far as that works now."""
        if self.swapping and self.is_swap():
            command("swapoff", self.path)
        self.swapping = False
        if self.number >= 0:
            write(f"{CONTROL}/hot_remove", str(self.number))
            self.number = -1
        if self.loaded:
            command("rmmod", "zram")
            self.loaded = False

    def down(self) -> str:
        """Take it down; return what is left and how to remove it, empty for nothing."""
        reason = ""
        for _ in range(TRIES):
            try:
                self.step_down()
            except OSError as error:
                reason = str(error)
                time.sleep(EBUSY_WAIT)
            else:
                return ""
        if not self.path:
            return f"the module zram is still loaded: {reason}"
        return (
            f"{self.path} could not be taken down: {reason}; to do so: `swapoff {self.path}; "
            f"echo {self.number} > {CONTROL}/hot_remove`"
        )


def say(**facts: str) -> None:
    """Answer, if anybody still listens."""
    with contextlib.suppress(OSError):
        os.write(1, (json.dumps(facts) + "\n").encode())


def main() -> int:
    """Run the guard; its argument is the device's size in bytes."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    os.environ["PATH"] = PATH
    device = Device()
    status = 0
    try:
        device.up(int(sys.argv[1]))
        say(device=device.path)
        while os.read(0, 1):
            pass
    except OSError as error:
        say(error=str(error))
        status = 1
    left = device.down()
    if left:
        say(left=left)
        os.write(2, f"wpbench: {left}\n".encode())
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
