"""Ring buffers read as they fill, and their events in the order of time."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from .events import TIME, WIDTH
from .formats import Plan
from .ring import MIN_EVENT, decode_pages
from .state import Words
from .tracefs import Instance

_SETTLED_NS = 2_000_000  # an event is in its buffer so long after its time, at the latest
_ROUND = 512  # pages of a CPU that are read in one go


class Reader:
    """Reads the buffers of instances: ``with Reader([instance]) as reader: ... reader.read()``.

    Attributes
    ----------
    events
        Decoded so far.
    late
        Of those, how many came after a later one had been given out.
    """

    def __init__(self, instances: Sequence[Instance]) -> None:
        self._instances = instances
        self._files: dict[int, tuple[int, Plan]] = {}  # by descriptor: CPU, how to decode
        self._poll = select.poll()
        self._left = np.empty((0, WIDTH), np.int64)
        self._given = 0
        self.events = 0
        self.late = 0

    def __enter__(self) -> Reader:
        for instance in self._instances:
            for cpu, path in instance.buffers().items():
                file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                self._files[file] = cpu, instance.plan
                self._poll.register(file, select.POLLIN)
        self._pages = np.zeros((_ROUND, os.sysconf("SC_PAGESIZE") // 4), np.uint32)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for file in self._files:
            self._poll.unregister(file)
            os.close(file)
        self._files.clear()

    def also(self, file: int) -> None:
        """Let ``wait()`` end when this file can be read, too."""
        self._poll.register(file, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait until a buffer is half full, or for so long."""
        with contextlib.suppress(InterruptedError):
            self._poll.poll(1000 * seconds)

    def _take(self, file: int, cpu: int, plan: Plan) -> tuple[Any, bool]:
        """Decode what a CPU's buffer holds, up to a round; say whether there may be more."""
        used = 0
        for used in range(_ROUND):
            page = self._pages[used].data.cast("B")
            try:
                size = os.readv(file, [page])
            except BlockingIOError:
                break
            if size == 0:
                break
        else:
            used = _ROUND
        room = used * (self._pages.shape[1] * 4 // MIN_EVENT + 1)
        out = np.empty((room, WIDTH), np.int64)
        cpus = np.full(used, cpu, np.int64)
        n = decode_pages(self._pages[:used], cpus, plan.row_of, plan.rows, plan.data, out, 0)
        return out[:n].copy(), used == _ROUND

    def read(self, *, last: bool = False) -> Words:
        """Return new events, by time; ``last``: all of them, as no more will come."""
        settled = time.monotonic_ns() - _SETTLED_NS
        parts = [self._left]
        for file, (cpu, plan) in self._files.items():
            more = True
            while more:
                part, more = self._take(file, cpu, plan)
                parts.append(part)
                if not last and len(part) and part[-1, TIME] > settled:
                    break
        events = np.concatenate(parts)
        events = events[np.argsort(events[:, TIME], kind="stable")]
        end = len(events) if last else int(np.searchsorted(events[:, TIME], settled, "right"))
        self._left = events[end:]
        found = events[:end]
        if end:
            self.late += int((found[:, TIME] < self._given).sum())
            self._given = max(self._given, int(found[-1, TIME]))
        self.events += end
        return found
