"""A zram swap device of one's own, which is always taken down again.

A second process, the guard, sets it up and waits for the end of a pipe.  The pipe ends when the
``with`` block ends, and also when this process is killed, by whatever: the guard then takes down
what it set up.  It runs in a session of its own, with all signals blocked.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from ...errors import MeasureError
from .facts import meminfo, read_text
from .zram_guard import LABEL, Device

_LABEL_AT = 1024 + 12 + 16  # in a swap device: after the boot block, three numbers and the UUID
GUARD = Path(__file__).with_name("zram_guard.py")
MARGIN = 128 << 20  # bytes that stay free beside the device and what is measured
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_size(text: str, what: str = "zram") -> int:
    """Return the bytes that ``64M`` or ``1G`` stands for; ``what`` names it in an error.

    Raises
    ------
    MeasureError
        If it is not a number with K, M or G, or less than 1 MiB.
    """
    match = re.fullmatch(r"(\d+)([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(match[1]) * _UNITS[match[2].upper()] if match else 0
    if size < 1 << 20:
        raise MeasureError(f"{what}: {text!r} is not accepted; accepted: a size from 1M up, as 64M")
    return size


def check_memory(needed: int, what: str) -> None:
    """Refuse what would take more memory than is available, less ``MARGIN``.

    Raises
    ------
    MeasureError
        With the numbers.
    """
    available = meminfo().get("MemAvailable", 0)
    if needed + MARGIN > available:
        raise MeasureError(
            f"{what} may take {needed >> 20} MiB, and {MARGIN >> 20} MiB must stay free; "
            f"{available >> 20} MiB are available"
        )


def owner(device: Path) -> int:
    """Return the process id of the guard that a swap device is labelled with, 0 for none."""
    try:
        with device.open("rb") as file:
            file.seek(_LABEL_AT)
            label = file.read(16).rstrip(b"\0").decode("ascii", "replace")
    except OSError:
        return 0
    number = label.removeprefix(LABEL)
    return int(number) if label != number and number.isdigit() else 0


def remove_left() -> list[str]:
    """Take down the zram devices whose guard was killed; say which.

    Raises
    ------
    MeasureError
        If one cannot be taken down.
    """
    found = []
    for folder in sorted(Path("/sys/block").glob("zram*")):
        device = Path("/dev") / folder.name
        guard_id = owner(device)
        if not guard_id or GUARD.name in (read_text(f"/proc/{guard_id}/cmdline") or ""):
            continue
        guard = Device()
        guard.number, guard.swapping = int(folder.name.removeprefix("zram")), True
        left = guard.down()
        if left:
            raise MeasureError(f"zram: left by a killed run: {left}")
        found.append(f"{device}: left by a killed run, was taken down")
    return found


class Zram:
    """Set up a zram device and swap on it: ``with Zram(size) as device: ...``.

    Parameters
    ----------
    size
        Bytes of the device, which is what it takes in memory at worst.

    Attributes
    ----------
    device
        Its path, such as ``/dev/zram1``.

    Raises
    ------
    MeasureError
        Without root, without zram in the kernel, with too little memory, or if a step fails.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.device = ""
        self._guard: subprocess.Popen[str] | None = None

    def __enter__(self) -> Zram:
        if os.geteuid() != 0:
            raise MeasureError("zram: only root can set up a swap device")
        check_memory(self.size, "zram: the device")
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), str(self.size)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            answer = self._answer()
            if "error" in answer:
                raise MeasureError(f"zram: {answer['error']}")
            self.device = answer["device"]
        except BaseException:
            self.close()
            raise
        return self

    def _answer(self) -> dict[str, Any]:
        assert self._guard is not None
        assert self._guard.stdout is not None
        line = self._guard.stdout.readline()
        if not line:
            return {"error": "the process that sets it up ended without a word"}
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """Take the device down; return when it is.

        Raises
        ------
        MeasureError
            If it could not be taken down: what is left, and how to remove it.
        """
        guard, self._guard = self._guard, None
        if guard is None:
            return
        assert guard.stdin is not None
        assert guard.stdout is not None
        guard.stdin.close()
        rest = guard.stdout.read()
        guard.stdout.close()
        guard.wait()
        left = [json.loads(line) for line in rest.splitlines()]
        if any("left" in line for line in left):
            raise MeasureError(f"zram: {left[-1]['left']}")

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()
