"""A recorded program, told in steps of the simulated machine, block by block.

Who shares which page, and when a batch was drained by others, does not depend on a kernel's
decisions: the steps are the same for all.  Of each event no more is kept in memory than three
bytes; the file is read five times.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import MeasureError
from ...scenario.kernels import kernel
from .advance import advance, finish
from .event_file import blocks, read_about
from .events import (
    ALLOC,
    CPU,
    EXEC,
    INSERTION,
    KIND,
    NEWTASK,
    PAGE_CACHE,
    PID,
    UNMAPPED,
    WRITEOUT,
    A,
    B,
    name_words,
)
from .hints import end_look_back, look_back
from .mappings import WIDTH
from .room import grown
from .spaces import (
    N_BIRTHS,
    N_ENTRIES,
    N_SPACES,
    Spaces,
    new_known,
    new_space,
    new_spaces,
    widened,
)
from .state import (
    N_BASE,
    N_LOST,
    U_END,
    V_SWAPIN,
    V_SWAPIN_COPY,
    V_SWAPIN_WRITE,
    Words,
    new_state,
)
from .steps import take_steps
from .tasks import add_task, find_name, new_mm
from .tracefs import USER_COPY

MAX_CPUS, MAX_PID, MAX_FRAMES = 1 << 13, 1 << 22, 1 << 30
_ROOM = 1 << 17  # steps that are done at a time


class Steps(NamedTuple):
    """What ``take_steps()`` writes to, and what it looks up."""

    steps: Words  # [:, WIDTH]
    used: Words  # of these, and what fills a batch of the recorded kernel
    burst: Words  # of each CPU: pages that just left its batch
    within: Words  # ... within a fault of the program
    starts: Words  # of each address space: where its births begin, and the end
    births: Words  # pages that were met without a beginning


class Recording:
    """A file of recorded events.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    about
        What the file says of itself.
    events, cpus, lost
        How many.
    entries
        PTEs that a machine needs.
    swapped
        Did the program swap?

    Raises
    ------
    MeasureError
        If it is no such file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.about = read_about(self.path)
        self._pid = self.about["pid"]
        self._pagevec = int(kernel(self.release).values()["pagevec"])
        self._measure()
        self._decide()
        self._look_back()
        none = np.zeros(0, np.int64)
        self._starts, self._births = none, none
        x = self.walk(lambda _steps, _n: None)
        births = np.unique(x.birth[: x.number[N_BIRTHS]], axis=0)
        spaces = np.arange(x.number[N_SPACES] + 1)
        self._starts = np.searchsorted(births[:, 0], spaces).astype(np.int64)
        self._births = births[:, 1].copy()
        self.born = len(births)
        if self.born:
            x = self.walk(lambda _steps, _n: None)
        self.entries = max(int(x.number[N_ENTRIES]), 1)

    def _measure(self) -> None:
        """Find out how large everything is."""
        self.events = self.cpus = self._frames = self._pids = 0
        self._told = False
        if self._pid is not None:
            self._pids = int(self._pid) + 1
        for _place, events in blocks(self.path):
            kind, a = events[:, KIND], events[:, A]
            framed = a[np.isin(kind, (ALLOC, INSERTION, PAGE_CACHE, WRITEOUT))]
            named = np.concatenate([a[np.isin(kind, (NEWTASK, EXEC))], events[kind == EXEC, B]])
            for name, values, most in (
                ("cpu", events[:, CPU], MAX_CPUS),
                ("a (page frame)", framed, MAX_FRAMES),
                ("pid", events[:, PID], MAX_PID),
                ("a (process)", named, MAX_PID),
            ):
                if len(values) and not 0 <= values.min() <= values.max() <= most:
                    wrong = values.min() if values.min() < 0 else values.max()
                    raise MeasureError(
                        f"{self.path}: {name}: {wrong} is not accepted; accepted: 0 to {most}"
                    )
            self.events += len(events)
            self.cpus = max(self.cpus, int(events[:, CPU].max()) + 1)
            self._frames = max(self._frames, int(framed.max(initial=0)) + 1)
            self._pids = max(self._pids, 1 + int(max(events[:, PID].max(), named.max(initial=0))))
            self._told |= bool((kind == UNMAPPED).any())
        if not self.events:
            raise MeasureError(f"{self.path}: has no events")

    def _decide(self) -> None:
        """Find out what each fault was: ``State.verdict``."""
        state = new_state(
            self.cpus, adopt=self._pid is None, pid_max=self._pids, events=self.events
        )
        if self._pid is not None:
            comm = find_name(state, *name_words("sh"))
            add_task(state, self._pid, new_mm(state, -1, 0), comm, 0)
        flags = np.array([self.about["flags"][name] for name in USER_COPY], np.int64)
        for place, events in blocks(self.path):
            state.number[N_BASE] = place
            done, keep = 0, np.zeros(len(events), np.uint8)
            while done < len(events):
                done = int(advance(state, events, done, len(events), flags, keep))
                if done < len(events):
                    state = grown(state)
        state = grown(state)
        finish(state, U_END)
        self.lost = int(state.number[N_LOST])
        self._verdict = state.verdict
        swapped = (V_SWAPIN, V_SWAPIN_WRITE, V_SWAPIN_COPY)
        self.swapped = bool(np.isin(state.verdict, swapped).any())

    def _look_back(self) -> None:
        self._hint = np.zeros(self.events, np.int16)
        frames = np.zeros(self._frames, np.int32)
        pids, cpus = np.zeros(self._pids, np.int8), np.zeros(self.cpus, np.int64)
        inserted = np.zeros(self.events, np.int16)
        for place, events in blocks(self.path, backwards=True):
            look_back(events, place, self._hint, inserted, frames, pids, cpus)
        end_look_back(self._hint, frames)

    def walk(self, run: Callable[[Words, int], None]) -> Spaces:
        """Give all steps to ``run``, some at a time; return the address spaces as they end."""
        x = new_spaces(self._frames, self._pids, adopt=self._pid is None, told=self._told)
        if self._pid is not None:
            new_known(x, self._pid, new_space(x, -1))
        o = Steps(
            np.zeros((_ROOM, WIDTH), np.int64),
            np.array([0, self._pagevec]),
            np.zeros(self.cpus, np.int64),
            np.zeros(self.cpus, np.int64),
            self._starts,
            self._births,
        )
        for place, events in blocks(self.path):
            end = place + len(events)
            verdict, hint = self._verdict[place:end], self._hint[place:end]
            done = 0
            while done < len(events):
                done = int(take_steps(x, o, events, verdict, hint, done))
                used = int(o.used[0])
                run(o.steps, used)
                o.used[0] = 0
                if done < len(events):
                    x = widened(x, force=used == 0)
                    if used == 0:  # one event alone needs more than there is
                        o = o._replace(steps=np.zeros((2 * len(o.steps), WIDTH), np.int64))
        return x

    @property
    def release(self) -> str:
        """The kernel that was recorded."""
        return str(self.about["measured_on"]["release"])

    @property
    def swap_pages(self) -> int:
        """Pages of swap that there were."""
        return int(self.about["measured_on"]["swap_pages"])

    @property
    def facts(self) -> dict[str, Any]:
        """What it was measured on."""
        return dict(self.about["measured_on"])
