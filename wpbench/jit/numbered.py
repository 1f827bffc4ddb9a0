"""Enumerations whose members are their numbers in jitted code, too."""

from __future__ import annotations

from enum import EnumMeta, IntEnum
from functools import cache
from typing import Self


class NumberedMeta(EnumMeta):
    """The type of such an enumeration: jitted code knows it by that (compile.py)."""


class Numbered(IntEnum, metaclass=NumberedMeta):
    """Numbers from 0 on, in order, each with a text for people, and why where that needs saying."""

    text: str
    why: str

    def __new__(cls, text: str, why: str = "") -> Self:
        """Make a member: its number is how many there are before it."""
        member = int.__new__(cls, len(cls.__members__))
        member._value_ = len(cls.__members__)
        member.text, member.why = text, why
        return member

    @classmethod
    def text_of(cls, number: int) -> str:
        """Return the text of a number."""
        return texts(cls)[number]

    @classmethod
    def named(cls, text: str) -> Self:
        """Return the member with a text."""
        return list(cls)[texts(cls).index(text)]


@cache
def texts(numbers: type[Numbered]) -> tuple[str, ...]:
    """Return the texts of an enumeration, in its order."""
    return tuple(member.text for member in numbers)
