"""Names of a package that are imported when they are first used: what is not used costs nothing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any


class _Face(ModuleType):
    """A package whose public names are those of its modules.

    A name stays what it is when a module of the same name is imported (``mail.mail``).
    """

    _where: Mapping[str, str]

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in self._where and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        where = self.__dict__.get("_where", {})
        if name not in where:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{where[name]}", self.__name__), name)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self._where})


def lazily(package: str, where: Mapping[str, str]) -> None:
    """Let a package hand on names.

    Parameters
    ----------
    package
        Its ``__name__``.
    where
        Public name -> the module of the package that has it.
    """
    face = sys.modules[package]
    face.__dict__["_where"] = where
    face.__class__ = _Face
