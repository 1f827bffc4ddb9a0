"""Recorded events, drawn at random or damaged, and replayed on another kernel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from wpbench import programs
from wpbench.data import data_dir
from wpbench.measure.program.event_file import Recorder, read_record
from wpbench.measure.program.events import KINDS, PID, WIDTH

from . import check

_KERNELS = ["v5.8", "v5.17", "patch2", "v6.12", "v7.0", "v7.3"]
_CALLS = [9, 11, 12, 25, 28, 39, 56, 59, 231]
_LARGE = [-(1 << 63), -4096, -1, 1 << 13, 1 << 22, 1 << 31, 1 << 50, (1 << 63) - 1]
_CODES = [4, 6, 7, 3, 0x11]
_FLAGS = [0x100CCA, 0x100DCA, 0xCC0]


@lru_cache(maxsize=1)
def _shipped() -> tuple[dict[str, Any], Any]:
    about, events = read_record(data_dir() / "programs" / "shell-short.parquet")
    return about, events[:6000]


def _event(random: Random, time: int) -> list[int]:
    """Draw an event that fits a small program: few processes, pages and frames."""
    kind = random.randrange(len(KINDS))
    pid, page = random.randrange(8, 14), random.randrange(12)
    a, b, c, d, e = page + 100, random.randrange(14), 0, page << 12, random.choice([4, 8, 20])
    if KINDS[kind].startswith("fault"):
        a, b = page << 12, random.choice(_CODES)
    elif KINDS[kind] == "alloc":
        b, c = random.choice(_FLAGS), random.choice([0, 0, 0, 9])
    elif KINDS[kind] == "rss":
        a = random.randrange(4)
    elif KINDS[kind] in ("syscall", "return"):
        a, b = random.choice(_CALLS), random.randrange(8) << 12
    elif KINDS[kind] in ("newtask", "exec", "exit", "rename"):
        a, b = random.randrange(8, 14), random.choice([0, 0x100, pid])
    return [time, random.randrange(3), kind, pid, a, b, c, d, e]


def one(random: Random, folder: Path) -> None:
    """Draw a recording, and replay it."""
    about, shipped = _shipped()
    about = {**about, "pid": random.choice([10, None, about["pid"], 9])}
    if random.random() < 0.7:
        events = np.array([_event(random, 1000 * i) for i in range(random.randrange(1, 1500))])
    else:
        first = random.randrange(len(shipped) - 1)
        events = shipped[first : first + random.randrange(1, 4000)].copy()
    for _ in range(random.choice([0, 0, 1, 3])):
        column = random.choice([0, *range(3, WIDTH)])
        value = random.choice(_LARGE)
        if column == PID:
            value = max(min(value, (1 << 31) - 1), -(1 << 31))
        events[random.randrange(len(events)), column] = value
    path = folder / "hostile.parquet"
    with Recorder(path, about) as recorder:
        recorder.write(events)
    data = path.read_bytes()
    if random.random() < 0.2:
        at = random.randrange(len(data))
        data = data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
        path.write_bytes(data[: random.choice([len(data), random.randrange(len(data))])])
    table = check.answer(programs.replay, path, random.sample(_KERNELS, 2), about=events)
    if table is not None:
        assert (table["wp_faults"] == table["wp_faults"].iloc[0]).all()
        assert (table["reuses"] + table["copies"] <= table["wp_faults"]).all()
