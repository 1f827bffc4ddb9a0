"""The same workloads on the running kernel, and how far the simulation agrees (docs/measure.md).

``from wpbench import measure`` costs next to nothing: what is used is imported then.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compare import overview, shipped
    from .compare.agreement import compare, compare_table, compare_trace, describe
    from .compare.known import describe_known, known_differences
    from .costs.take import costs
    from .host.run import run
    from .host.vng import Guest
    from .probe.facts import environment
    from .program.event_file import read_record
    from .program.measure import program, system
    from .program.recipes import recipe

_WHERE = {
    "Guest": "host.vng",
    "compare": "compare.agreement",
    "compare_table": "compare.agreement",
    "compare_trace": "compare.agreement",
    "costs": "costs.take",
    "describe": "compare.agreement",
    "describe_known": "compare.known",
    "environment": "probe.facts",
    "known_differences": "compare.known",
    "program": "program.measure",
    "read_record": "program.event_file",
    "recipe": "program.recipes",
    "run": "host.run",
    "system": "program.measure",
}

__all__ = [
    "Guest",
    "compare",
    "compare_table",
    "compare_trace",
    "costs",
    "describe",
    "describe_known",
    "environment",
    "known_differences",
    "overview",
    "program",
    "read_record",
    "recipe",
    "run",
    "shipped",
    "system",
]


class _Room(ModuleType):
    """The room: ``measure.program()`` stays a function when the package of that name is loaded."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _WHERE and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


_MODULES = {"overview": "compare.overview", "shipped": "compare.shipped"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{_MODULES[name]}", __name__)
    if name not in _WHERE:
        raise AttributeError(f"module 'wpbench.measure' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
