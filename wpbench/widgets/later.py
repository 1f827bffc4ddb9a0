"""Work that goes on while the user looks, and that the next click ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from ..jit.threads import Stop, Workers

# What a worker computes until it is stopped, and what shows the result on the notebook's loop.
Job = tuple[Callable[[Stop], Any], Callable[[Any], None]]


class Later:
    """Jobs that are done one after the other: computed by a thread, shown by the loop.

    Only the loop touches widgets and figures, so that nothing is locked.  Without a running loop
    (in a script, in a test) nothing is done.
    """

    def __init__(self) -> None:
        self._workers = Workers(2)  # one may be busy with what can't be stopped
        self._stop = Stop()
        self._task: asyncio.Task[None] | None = None

    def do(self, jobs: Iterator[Job]) -> None:
        """Do these in place of what was to be done."""
        self.cancel()
        self._stop = Stop()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._task = loop.create_task(self._all(jobs, self._stop))

    def cancel(self) -> None:
        """End what is under way, and forget the rest."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _all(self, jobs: Iterator[Job], stop: Stop) -> None:
        for compute, show in jobs:
            result = await asyncio.wrap_future(self._workers.submit(compute, stop))
            if stop.flag[0]:
                return
            show(result)
            await asyncio.sleep(0)  # a click that waits comes first
