"""The oracle: which page frame is behind an address, and what state that page is in.

| file | tells | who may read it |
|---|---|---|
| /proc/self/pagemap | is a page mapped? | everybody |
| /proc/self/pagemap | its frame number: copy or reuse? | CAP_SYS_ADMIN |
| /proc/kpageflags | PageLRU, active, writeback, swap cache | root |
| /proc/kpagecount | how often a page is mapped | root |
"""

from __future__ import annotations

import ctypes
import os
import struct
from types import TracebackType

from ...errors import MeasureError, accepted
from .memory import PAGE, Memory

ORACLES = ("auto", "on", "off")
_PFN = (1 << 55) - 1
_PRESENT = 1 << 63
NO_FRAMES = (
    "/proc/self/pagemap shows this user no frame numbers (that needs CAP_SYS_ADMIN: root, outside "
    "of a container); without them nobody can tell a copy from a reuse"
)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def shows_frames(pagemap: int) -> bool:
    """Does an open /proc/self/pagemap show this process frame numbers (others see zeros)?"""
    if pagemap < 0:
        return False
    with Memory() as memory:
        address = memory.region(1)
        ctypes.memset(address, 1, 1)
        (entry,) = struct.unpack("=Q", os.pread(pagemap, 8, address // PAGE * 8))
    return bool(entry & _PRESENT and entry & _PFN)


class Oracle:
    """The files that the oracle reads, open: ``with Oracle("auto") as oracle: ...``.

    Parameters
    ----------
    want
        ``on``: frame numbers, or an error; ``off``: no frame numbers, nothing is read around an
        access that is timed; ``auto``: on where this process may.

    Attributes
    ----------
    frames
        Are frame numbers shown, and wanted?
    pagemap, kpageflags, kpagecount
        File descriptors, -1 where a file is not readable.
    reason
        Why there are no frame numbers; empty where there are.

    Raises
    ------
    MeasureError
        If ``want`` is none of these, or ``on`` and not possible.
    """

    def __init__(self, want: str = "auto") -> None:
        if want not in ORACLES:
            raise MeasureError(accepted("oracle", want, ORACLES))
        self.pagemap = _open("/proc/self/pagemap")
        self.frames = want != "off" and shows_frames(self.pagemap)
        self.kpageflags = _open("/proc/kpageflags") if self.frames else -1
        self.kpagecount = _open("/proc/kpagecount") if self.frames else -1
        self.reason = "" if self.frames else ("switched off" if want == "off" else NO_FRAMES)
        if want == "on" and not self.frames:
            self.close()
            raise MeasureError(f"oracle: {NO_FRAMES}; accepted: --oracle off")

    def close(self) -> None:
        """Close the files."""
        for name in ("pagemap", "kpageflags", "kpagecount"):
            if getattr(self, name) >= 0:
                os.close(getattr(self, name))
            setattr(self, name, -1)

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()
