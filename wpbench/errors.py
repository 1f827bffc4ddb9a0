"""What goes wrong for a user: one line that names the field, what came, and what is accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WpbenchError(Exception):
    """Base of all errors that wpbench raises on purpose."""


class ScenarioError(WpbenchError, ValueError):
    """A field, a value or a combination that no scenario can have."""


class TraceError(WpbenchError, ValueError):
    """A trace file that is truncated, garbled or mislabelled."""


class LitmusError(WpbenchError, ValueError):
    """A litmus program with a line that is none, or that cannot be run."""


class TableError(WpbenchError, ValueError):
    """A table that has not what is asked of it, or a question that it cannot answer."""


class SweepError(WpbenchError, RuntimeError):
    """A sweep that cannot begin or go on: too much work, a store in use, workers lost."""


class SimulationError(WpbenchError, RuntimeError):
    """A run that could not be finished."""


class MeasureError(WpbenchError, RuntimeError):
    """A measurement that the running kernel, or this user, cannot make."""


def accepted(kind: str, got: object, choices: Iterable[str]) -> str:
    """Return "unknown <kind> <got>; accepted: ..., did you mean ...?"."""
    names = [str(choice) for choice in choices]
    near = difflib.get_close_matches(str(got), names, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{kind}: {got!r} is not accepted{hint}; accepted: {', '.join(names)}"


def check_positive(name: str, value: object) -> None:
    """Refuse what is no whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ScenarioError(accepted(name, value, ["a whole number from 1 up"]))


_LONGEST_TEXT = 300


def short(error: BaseException) -> str:
    """Return an exception as one line."""
    text = " ".join(str(error).split())
    text = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
