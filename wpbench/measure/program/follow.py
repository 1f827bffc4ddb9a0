"""From an instance's buffers to counts: the state is kept going while events come."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..probe.facts import read_text
from .advance import advance, finish
from .event_file import Recorder
from .events import FIELDS, WIDTH, name_words
from .pages import map_range
from .ring import decode_pages
from .room import grown
from .state import M_USERS, T_COUNTED, U_END, State, Words, new_state
from .tasks import add_task, find_name, new_mm
from .tracefs import USER_COPY


class Follower:
    """Takes in events, and knows what has been counted.

    Parameters
    ----------
    cpus
        One more than the highest number of a CPU.
    flags
        GFP flags by name, as ``tracefs.flags_of()`` has them.
    adopt
        Count tasks whose beginning was not seen, too.
    recorder
        Keeps the events.
    """

    def __init__(
        self, cpus: int, flags: dict[str, int], *, adopt: bool, recorder: Recorder | None = None
    ) -> None:
        limit = int(read_text("/proc/sys/kernel/pid_max") or 1 << 22)
        self.state: State = new_state(cpus, adopt=adopt, pid_max=limit)
        self._user_copy = np.array([flags[name] for name in USER_COPY], np.int64)
        self._recorder = recorder

    def command(self, pid: int) -> None:
        """Follow a process that has not yet become the command, and all its children."""
        mm = new_mm(self.state, -1, 0)
        add_task(self.state, pid, mm, find_name(self.state, *name_words("sh")), 0)

    def everybody(self, but: set[int]) -> None:
        """Follow all processes there are; those in ``but`` are known and not counted."""
        for folder in sorted(Path("/proc").glob("[0-9]*")):
            pid = int(folder.name)
            try:
                threads = [int(task.name) for task in (folder / "task").iterdir()]
                maps = (folder / "maps").read_text("utf-8", errors="replace")
                names = [(folder / f"task/{n}/comm").read_text("utf-8").strip() for n in threads]
            except OSError:
                continue  # it has ended
            self.state = grown(self.state)
            mm = new_mm(self.state, -1, 0)
            for thread, name in zip(threads, names, strict=True):
                self.state = grown(self.state)
                comm = find_name(self.state, *name_words(name))
                add_task(self.state, thread, mm, comm, int(pid not in but))
            self.state.mm[mm, M_USERS] = len(threads)
            for line in maps.splitlines():
                place, rights = line.split()[:2]
                if rights.endswith("s"):
                    self.state = grown(self.state)
                    first, end = (int(text, 16) >> 12 for text in place.split("-"))
                    map_range(self.state, mm, first, end, True)

    def take(self, events: Words) -> None:
        """Take in events."""
        done = 0
        keep = np.zeros(len(events), np.uint8)
        while done < len(events):
            done = int(advance(self.state, events, done, len(events), self._user_copy, keep))
            if done < len(events):
                self.state = grown(self.state)
        if self._recorder is not None:
            self._recorder.write(events[keep.view(bool)])

    def end(self) -> None:
        """No more events come."""
        self.state = grown(self.state)
        finish(self.state, U_END)

    @property
    def counted(self) -> int:
        """How many tasks are counted now."""
        return int((self.state.task[:, T_COUNTED] > 0).sum())


def warm() -> None:
    """Compile, or load, all that runs while something is measured."""
    state = new_state(1, adopt=False, pid_max=64)
    events = np.zeros((1, WIDTH), np.int64)
    advance(state, events, 0, 1, np.zeros(3, np.int64), np.zeros(1, np.uint8))
    finish(state, U_END)
    page = np.zeros((1, os.sysconf("SC_PAGESIZE") // 4), np.uint32)
    none = np.zeros(1, np.int64)
    decode_pages(page, none, none - 1, np.zeros((1, 1 + 3 * FIELDS), np.int64), 16, events, 0)
