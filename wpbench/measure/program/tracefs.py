"""A tracefs instance of our own: nobody else's tracing is touched."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection
from pathlib import Path

from ...errors import MeasureError
from ..probe.facts import parse_version, read_text
from .events import ALLOC, EVENTS, KINDS
from .formats import Format, Plan, make_plan, parse_format, parse_symbols
from .guard import Guard

# Before, a task reported its rss only once in 64 changes (SPLIT_RSS_COUNTING, gone with commit
# f1a7941243c1): a file's page could not be told from an anonymous one.
RSS_SINCE = (6, 2)
BUFFER_KB = 32768  # a CPU's ring buffer
# GFP flags: of a page for a user, then those that do not matter there.
USER_COPY = ("GFP_HIGHUSER_MOVABLE", "__GFP_ZERO", "__GFP_COMP")
_GFP = (*USER_COPY, "__GFP_MOVABLE")


def find_tracefs() -> Path:
    """Return where tracefs is mounted.

    Raises
    ------
    MeasureError
        If it is not, with the command that mounts it.
    """
    for line in (read_text("/proc/self/mounts") or "").splitlines():
        words = line.split()
        if len(words) > 2 and words[2] == "tracefs":
            return Path(words[1].replace("\\040", " "))
    raise MeasureError(
        "tracefs is not mounted; to do so, as root: mount -t tracefs nodev /sys/kernel/tracing"
    )


def check_kernel(root: Path, release: str) -> None:
    """Refuse a kernel, or a user, with which the events cannot be had or prove nothing.

    Raises
    ------
    MeasureError
        Names what is missing.
    """
    if not os.access(root / "instances", os.W_OK):
        raise MeasureError(
            f"{root}: only root can trace; run it as root (a container needs CAP_SYS_ADMIN, too)"
        )
    if parse_version(release) < RSS_SINCE:
        raise MeasureError(
            f"Linux {release} reports one rss_stat in 64: a file's page cannot be told from an "
            "anonymous one; accepted: Linux 6.2 and later"
        )
    missing = [
        event.name
        for event in EVENTS
        if not event.optional and not (root / "events" / event.name / "format").is_file()
    ]
    if missing:
        raise MeasureError(
            f"this kernel has no tracepoint {', '.join(missing)}; needed: x86 with CONFIG_FTRACE, "
            "CONFIG_FTRACE_SYSCALLS and CONFIG_EVENT_TRACING"
        )


def read_formats(root: Path) -> dict[str, Format]:
    """Return the formats of all events that this kernel has, by name."""
    found = {}
    for event in EVENTS:
        text = read_text(str(root / "events" / event.name / "format"))
        if text is not None:
            found[event.name] = parse_format(text)
    return found


def flags_of(formats: dict[str, Format]) -> dict[str, int]:
    """Return the GFP flags that tell a user's page, by name.

    Raises
    ------
    MeasureError
        If the kernel's own table does not say one of them.
    """
    (alloc,) = [event.name for event in EVENTS if event.kind == ALLOC]
    known = parse_symbols(formats[alloc].print_fmt)
    for name in _GFP:
        if name not in known:
            raise MeasureError(f"{alloc}: the kernel's format does not say what {name} is")
    return {name: known[name] & 0xFFFFFFFF for name in _GFP}


class Instance:
    """An instance with its events set up; ``start()`` switches them on.

    Parameters
    ----------
    guard
        Makes the instance, and removes it whatever happens.
    name
        Of its folder below ``instances/``.
    buffer_kb
        Size of a CPU's ring buffer.
    kinds
        Of the events.

    Attributes
    ----------
    plan
        How to decode its pages.
    flags
        GFP flags by name.
    path
        Its folder.
    """

    def __init__(
        self,
        guard: Guard,
        name: str,
        buffer_kb: int = BUFFER_KB,
        kinds: Collection[int] = range(len(KINDS)),
    ) -> None:
        root = find_tracefs()
        check_kernel(root, platform.release())
        formats = read_formats(root)
        self.flags = flags_of(formats)
        self.plan: Plan = make_plan(formats, (root / "events/header_page").read_text("ascii"))
        self.path = root / "instances" / name
        self._guard = guard
        self._events = [event for event in EVENTS if event.name in formats and event.kind in kinds]
        guard.make(self.path)
        self._write("tracing_on", "0")
        self._write("trace_clock", "mono")
        self._write("buffer_size_kb", str(buffer_kb))
        for event in self._events:
            if event.filter:
                text = event.filter.replace("MOVABLE", hex(self.flags["__GFP_MOVABLE"]))
                self._write(f"events/{event.name}/filter", text)

    def _write(self, name: str, text: str) -> None:
        try:
            (self.path / name).write_text(text, encoding="ascii")
        except OSError as error:
            raise MeasureError(f"{self.path / name}: {text!r}: {error.strerror}") from None

    def start(self, pid: int | None) -> None:
        """Switch the events on: of a process and all that it will fork, or (None) of everybody."""
        if pid is not None:
            self._write("options/event-fork", "1")
            self._write("set_event_pid", str(pid))
        for event in self._events:
            self._write(f"events/{event.name}/enable", "1")
        self._write("tracing_on", "1")

    def stop(self) -> None:
        """Write no more events; those in the buffers can still be read."""
        self._write("tracing_on", "0")
        self._write("events/enable", "0")

    def close(self) -> None:
        """Remove it."""
        self._guard.remove(self.path)

    def buffers(self) -> dict[int, Path]:
        """Return the raw ring buffer of each CPU."""
        folders = (self.path / "per_cpu").glob("cpu[0-9]*")
        found = {int(folder.name[3:]): folder / "trace_pipe_raw" for folder in folders}
        return dict(sorted(found.items()))

    def lost(self) -> int:
        """Return how many events were lost, as the kernel counts them."""
        total = 0
        for path in self.buffers().values():
            for line in (path.parent / "stats").read_text("ascii").splitlines():
                name, _, value = line.partition(":")
                if name in ("overrun", "commit overrun", "dropped events"):
                    total += int(value)
        return total
