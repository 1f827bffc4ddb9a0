"""What jitted code sees of a Python object: one pointer to a row of 64-bit words.

The row holds numbers, whose names are the object's attributes, and the addresses of tables.
This is told here and costs nothing; ``lowered.py`` makes numba types and code of it, when numba
compiles something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Layout:
    """Where the attributes of a class are in its row.

    Attributes
    ----------
    constants, variables
        Names of numbers -> index.
    near
        Names of tables inside the row -> index of their first word.
    far
        Names of tables elsewhere -> index of their address, and the type of their elements.
    raised
        The index of the word, and what is written there, if it is 0, when a kernel raises an
        exception; no caller would see that.
    """

    constants: Mapping[str, int]
    variables: Mapping[str, int]
    near: Mapping[str, int]
    far: Mapping[str, tuple[int, str]]
    raised: tuple[int, int] | None = None


class Pointer:
    """A pointer to a row, as a type for jitted code.

    Parameters
    ----------
    name
        Of the class whose objects have such a row.
    layout
        Its attributes.
    """

    def __init__(self, name: str, layout: Layout) -> None:
        self.name = name
        self.layout = layout

    @cached_property
    def numba_type(self) -> Any:
        """The numba type with the attributes of the layout."""
        from .lowered import pointer_type

        return pointer_type(self.name, self.layout)


POINTERS: dict[str, Pointer] = {}  # what a kernel's parameter can be annotated as, by name


class Intrinsic:
    """A function for jitted code, of which each call becomes a few instructions.

    Parameters
    ----------
    made
        What makes it, a name in ``lowered.py``, of the other arguments.
    plain
        What plain Python does in its place; None: it is for jitted code alone.

    Attributes
    ----------
    told
        All that its instructions depend on.
    """

    def __init__(self, made: str, *arguments: Any, plain: Callable[..., Any] | None = None) -> None:
        self.told = (made, *arguments)
        self._made = made
        self._arguments = arguments
        self._plain = plain

    @cached_property
    def _numba_type_(self) -> Any:
        from . import lowered

        types = (a.numba_type if isinstance(a, Pointer) else a for a in self._arguments)
        return lowered.intrinsic_type(getattr(lowered, self._made)(*types))

    def __call__(self, *arguments: Any) -> Any:
        """Do it in plain Python, where that can be."""
        if self._plain is None:
            raise TypeError(f"{self._made}() is for jitted code alone")
        return self._plain(*arguments)


def assume_zero(pointer: Pointer, places: Iterable[int]) -> Any:
    """Return a function for jitted code that tells the optimiser which constants are 0.

    It returns its argument.  What is inlined after it loses the tests of these constants.
    """
    return Intrinsic("assume_zero", pointer, tuple(places))


def seen_as(pointer: Pointer) -> Any:
    """Return a function for jitted code that takes a pointer for one of another type."""
    return Intrinsic("seen_as", pointer)


def pointer_at(pointer: Pointer) -> Any:
    """Return a function for jitted code that takes an address for a pointer."""
    return Intrinsic("pointer_at", pointer)


call = Intrinsic("call")  # the C function of one pointer at an address
# Of a number that is not negative.
bit_length = Intrinsic("bit_length", plain=lambda number: int(number).bit_length())
# (table, at): let the cache fetch table[at], which will be written soon.  No number depends on it.
prefetch = Intrinsic("prefetch", plain=lambda _table, _at: None)
