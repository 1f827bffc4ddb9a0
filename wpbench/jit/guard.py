"""Tables of which an index outside is an error, for WPBENCH_CHECK=1.

Jitted code has no such check: it would read or write whatever lies there.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Guarded(np.ndarray[Any, Any]):
    """A table that refuses an index below 0 or beyond its end, and says which."""

    table: str

    def __array_finalize__(self, whole: Any) -> None:
        """Keep the table's name in a part of it."""
        self.table = getattr(whole, "table", "table")

    def _look(self, index: Any) -> None:
        number = isinstance(index, int | np.integer)
        if number and not 0 <= index < len(self):
            raise IndexError(f"m.{self.table}[{index}]: accepted: 0 to {len(self) - 1}")

    def __getitem__(self, index: Any) -> Any:
        """Return an element or a part."""
        self._look(index)
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Set an element or a part."""
        self._look(index)
        super().__setitem__(index, value)


def guarded(table: Any, name: str) -> Guarded:
    """Return a view of a table that looks at each index."""
    made: Guarded = table.view(Guarded)
    made.table = name
    return made
