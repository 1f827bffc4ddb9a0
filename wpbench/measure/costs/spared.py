"""Which mappings a child need not have: a fork of the whole Python process takes milliseconds.

It would leave the caches cold for what is timed next.  The child sleeps, in code that was compiled
for it, on a stack of its own: it needs none of Python's heap, and of the libraries only libc.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

from ..probe.libc import LIBC

_LEAST = 1 << 18  # bytes of private memory: less is not worth a madvise()
_NEEDED = re.compile(r"/(libc|ld-linux|ld-musl|libpthread)[^/]*$")
_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+\s*(.*)")


def spared(maps: str, thread_at: int) -> list[int]:
    """Return start and length of each mapping that a fork may leave out, one after the other.

    Parameters
    ----------
    maps
        What /proc/self/maps says.
    thread_at
        An address in the memory of the calling thread's own, which the child needs.
    """
    found: list[int] = []
    for line in maps.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        start, end = int(match[1], 16), int(match[2], 16)
        private, name = match[3].endswith("p"), match[4]
        big_and_own = match[3] == "rw-p" and name in ("", "[heap]") and end - start >= _LEAST
        library = name.startswith("/") and not _NEEDED.search(name)
        if private and (big_and_own or library) and not start <= thread_at < end:
            found += [start, end - start]
    return found


def spared_here() -> list[int]:
    """Return the same of this process and thread."""
    LIBC.__errno_location.restype = ctypes.c_void_p
    # Paths are in it, in whatever encoding they have.
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    return spared(maps, LIBC.__errno_location())
