"""Errors for users: one line that names the field, the given value and the accepted ones."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pydantic

_LONGEST = 80  # characters of a value in a message
_MOST_PROBLEMS = 5
_MOST_CHOICES = 200
_LONGEST_LIST = 1500
_VERSION = re.compile(r"v?\d+(\.\d+)*")


class WpbenchError(Exception):
    """Base of all errors that wpbench raises on purpose."""


class WpbenchWarning(UserWarning):
    """Base of all warnings of wpbench's own; a command prints each as a line."""


class UnknownKernelWarning(WpbenchWarning):
    """A release is newer than the newest row of data/kernels.toml: that row's rules are used."""


class ScenarioError(WpbenchError, ValueError):
    """A field, a value or a combination that no scenario can have."""


class TraceError(WpbenchError, ValueError):
    """A trace file that is truncated, garbled or mislabelled."""


class LitmusError(WpbenchError, ValueError):
    """A litmus program with a wrong line, or that cannot be run."""


class DataError(WpbenchError, RuntimeError):
    """A data file that lacks something, or has an impossible value."""


class TableError(WpbenchError, ValueError):
    """A table that lacks a column or a value, or a question that it cannot answer."""


class SweepError(WpbenchError, RuntimeError):
    """A sweep that cannot begin or go on: too much work, a store in use, workers lost."""


class SimulationError(WpbenchError, RuntimeError):
    """A run that could not be finished."""


class MeasureError(WpbenchError, RuntimeError):
    """A measurement that the running kernel, or this user, cannot make."""


def shown(value: object) -> str:
    """Return a value as it stands in a message: on one line, and the middle of a long one left out.

    Whatever it is: a number of five thousand digits and a list in five hundred lists have no
    ``repr()``.
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        if isinstance(value, int):
            return f"a whole number of about {int(value.bit_length() * 0.30103)} digits"
        return f"a {type(value).__name__} too large to be shown"
    text = one_line(text, longest=len(text))
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 25]}...{text[-5:]} ({len(text)} characters)"


def one_line(text: object, longest: int = 1500) -> str:
    """Return a message on one line that any terminal shows, the end of a long one left out."""
    line = " ".join(str(text).split())
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
    return line if len(line) <= longest else f"{line[:longest]}..."


def accepted(kind: str, got: object, choices: Iterable[str]) -> str:
    """Return "<kind>: <got> is not accepted (did you mean ...?); accepted: ...".

    A version is no misspelling of another: ``v5.18`` is not meant by who says ``v5.8``.
    """
    names = [one_line(choice, _LONGEST) for choice in itertools.islice(choices, _MOST_CHOICES + 1)]
    names[_MOST_CHOICES:] = ["..."] if len(names) > _MOST_CHOICES else []
    near: list[str] = []
    if isinstance(got, str) and len(got) <= _LONGEST:
        likely = [name for name in names if not _other_version(got, name)]
        near = difflib.get_close_matches(got, likely, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    known = one_line(", ".join(names), _LONGEST_LIST)
    return f"{one_line(kind, 2 * _LONGEST)}: {shown(got)} is not accepted{hint}; accepted: {known}"


def _other_version(one: str, other: str) -> bool:
    """Are both versions, and not the same one written with and without the v?"""
    versions = [bool(_VERSION.fullmatch(text.strip().lower())) for text in (one, other)]
    return all(versions) and one.strip().lower().lstrip("v") != other.strip().lower().lstrip("v")


def readable(error: pydantic.ValidationError, limits: Mapping[str, object] | None = None) -> str:
    """Return pydantic's report on one line: each field, its value, and the accepted values.

    ``limits``: of fields, what is accepted, where that says more than pydantic does.
    """
    lines = []
    for problem in error.errors():
        message = problem["msg"]
        if problem["type"] == "value_error":
            lines.append(message.removeprefix("Value error, "))
            continue
        field = one_line(".".join(str(part) for part in problem["loc"]), _LONGEST)
        if problem["type"] == "missing":
            lines.append(f"{field}: is missing")
            continue
        limit = (limits or {}).get(str(problem["loc"][0]) if problem["loc"] else "")
        said = f"accepted: {limit}" if limit is not None else message
        lines.append(f"{field}: {shown(problem['input'])} is not accepted; {said}")
    if len(lines) > _MOST_PROBLEMS:
        lines[_MOST_PROBLEMS:] = [f"and {len(lines) - _MOST_PROBLEMS} more"]
    return "; ".join(lines)


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
