"""Let the cache fetch an element of a table that will be written soon."""

from __future__ import annotations

from typing import Any

from .pointer import Intrinsic


class _Prefetch(Intrinsic):
    def __call__(self, *_arguments: Any) -> None:
        """Do nothing, as plain Python: no number depends on it."""


prefetch = _Prefetch("prefetch")  # (table, at): table[at]
