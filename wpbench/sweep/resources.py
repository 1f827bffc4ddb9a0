"""What this machine has left: memory, in its container too, and disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def cpus() -> int:
    """Return how many CPUs this process may run on."""
    return len(os.sched_getaffinity(0))


def available_memory() -> int:
    """Return the bytes of memory that a process here can still use.

    What the kernel thinks is available without swapping (MemAvailable), or less where a control
    group (v2; a container, a batch job) has a limit.
    """
    return min(_meminfo("MemAvailable"), _left_in_cgroups())


def _meminfo(name: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    raise AssertionError(f"no {name} in /proc/meminfo")


def _left_in_cgroups() -> int:
    """Return the least that a control group of this process, or one above it, has left."""
    left = 1 << 62
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        return left
    group = _CGROUPS / own.lstrip("/")
    for folder in (group, *group.parents):
        try:
            limit = (folder / "memory.max").read_text(encoding="ascii").strip()
            used = int((folder / "memory.current").read_text(encoding="ascii"))
        except OSError:
            continue
        if limit != "max":
            left = min(left, max(0, int(limit) - used))
    return left


def free_disk(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or will be."""
    existing = next(p for p in (folder, *folder.resolve().parents) if p.exists())
    return shutil.disk_usage(existing).free


def human(size: float) -> str:
    """Return a number of bytes as people write it."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
