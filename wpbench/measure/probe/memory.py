"""Memory for a measurement: mappings of its own, which end with it."""

from __future__ import annotations

import ctypes
import mmap
import os
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ...errors import MeasureError

PAGE = mmap.PAGESIZE
PMD = 512 * PAGE  # what one page table maps
_PROT_NONE, _PROT_READ, _PROT_WRITE = 0, 1, 2
_MAP_SHARED, _MAP_PRIVATE, _MAP_ANONYMOUS = 1, 2, 0x20
_MADV_NOHUGEPAGE = 15
_MAP_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
for _name in ("munmap", "mprotect", "madvise"):
    _arguments = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    getattr(_libc, _name).argtypes = _arguments[: 2 if _name == "munmap" else 3]


def _failed(call: str) -> MeasureError:
    return MeasureError(f"{call} failed: {os.strerror(ctypes.get_errno())}")


class Memory:
    """Mappings that are unmapped together: ``with Memory() as memory: ...``."""

    def __init__(self) -> None:
        self._mapped: list[tuple[int, int]] = []

    def __enter__(self) -> Memory:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        while self._mapped:
            _libc.munmap(*self._mapped.pop())

    def _map(self, size: int, protection: int, kind: int) -> int:
        address = _libc.mmap(None, size, protection, kind | _MAP_ANONYMOUS, -1, 0)
        if address is None or address == _MAP_FAILED:
            raise _failed(f"mmap() of {size} bytes")
        self._mapped.append((address, size))
        return int(address)

    def shared(self, words: int) -> NDArray[np.int64]:
        """Return zeroed int64s that a forked child shares: a fork copies none of their pages.

        The array must not be used after the mapping's end.
        """
        address = self._map(8 * max(words, 1), _PROT_READ | _PROT_WRITE, _MAP_SHARED)
        array = np.ctypeslib.as_array((ctypes.c_int64 * max(words, 1)).from_address(address))
        array[:] = 0
        return array

    def region(self, npages: int) -> int:
        """Return the address of private anonymous pages, none of them touched.

        They begin where a page table begins, have no neighbour to be merged with (inaccessible
        pages lie around), and never become a huge page.
        """
        size = npages * PAGE
        around = self._map(size + PMD + 2 * PAGE, _PROT_NONE, _MAP_PRIVATE)
        address = (around + PAGE + PMD - 1) // PMD * PMD
        if _libc.mprotect(address, size, _PROT_READ | _PROT_WRITE):
            raise _failed("mprotect()")
        _libc.madvise(address, size, _MADV_NOHUGEPAGE)  # fails only where there is no THP
        return address
