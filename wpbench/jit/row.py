"""A row of 64-bit words whose numbers are attributes: what jitted code sees as a pointer.

``pointer.py`` is the other side: how jitted code finds the same names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar


class Row:
    """Numbers by name in ``row``, an int64 array; a subclass says where, and which can be set."""

    INDEX: ClassVar[Mapping[str, int]] = {}  # name -> index of its word
    VARIABLES: ClassVar[Collection[str]] = ()  # can be assigned to

    def __getattr__(self, name: str) -> Any:
        if name not in self.INDEX:
            raise AttributeError(f"a {type(self).__name__.lower()} has no {name!r}")
        return self.__dict__["row"][self.INDEX[name]]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.VARIABLES:
            raise AttributeError(
                f"a {type(self).__name__.lower()}'s {name!r} cannot be assigned to"
            )
        self.__dict__["row"][self.INDEX[name]] = value
