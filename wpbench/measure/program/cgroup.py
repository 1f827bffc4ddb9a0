"""A memory cgroup for the measured command, version 1 or 2."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ...errors import MeasureError
from ..probe.facts import read_text
from .guard import Guard


class Hierarchy(NamedTuple):
    """Where memory cgroups are made, and the file that limits one."""

    root: Path
    limit: str
    version: int


def find_hierarchy(mounts: str | None = None) -> Hierarchy:
    """Return the memory hierarchy of this system.

    Parameters
    ----------
    mounts
        As /proc/self/mounts has them, None for that file.

    Raises
    ------
    MeasureError
        If there is none.
    """
    text = mounts if mounts is not None else read_text("/proc/self/mounts") or ""
    unified = None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4:
            continue
        if words[2] == "cgroup" and "memory" in words[3].split(","):
            return Hierarchy(Path(words[1]), "memory.limit_in_bytes", 1)
        if words[2] == "cgroup2":
            unified = Path(words[1])
    if unified is not None:
        controllers = read_text(str(unified / "cgroup.controllers")) or ""
        if "memory" in controllers.split():
            return Hierarchy(unified, "memory.max", 2)
    raise MeasureError(
        "memory: no cgroup hierarchy with the memory controller is mounted; to do so, as root: "
        "mount -t cgroup2 none /sys/fs/cgroup"
    )


class Cgroup:
    """A cgroup with a limit.

    Parameters
    ----------
    guard
        Makes and removes it.
    name
        Of its folder.
    size
        Bytes that its processes may have in memory.

    Raises
    ------
    MeasureError
        If it cannot be set up.
    """

    def __init__(self, guard: Guard, name: str, size: int) -> None:
        found = find_hierarchy()
        self.version = found.version
        self.path = found.root / name
        self._guard = guard
        try:
            if found.version == 2:
                control = found.root / "cgroup.subtree_control"
                if "memory" not in control.read_text("ascii").split():
                    control.write_text("+memory", "ascii")
            guard.make(self.path)
            (self.path / found.limit).write_text(str(size), "ascii")
        except OSError as error:
            raise MeasureError(f"memory: {self.path}: {error.strerror}") from None

    def add(self, pid: int) -> None:
        """Put a process into it, with all that it will fork."""
        (self.path / "cgroup.procs").write_text(str(pid), "ascii")

    def close(self) -> None:
        """Remove it, and kill what is left in it."""
        self._guard.remove(self.path)
