"""A field's values as text: what the command line and a notebook's parameters are given."""

from __future__ import annotations

import typing
from typing import Any

from ..errors import ScenarioError, accepted, shown
from .model import Scenario

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_boolean(name: str, text: str) -> bool:
    """Return what "yes", "false", "1", ... say; raise ScenarioError for anything else."""
    if text.strip().lower() not in _BOOLEANS:
        raise ScenarioError(accepted(name, text, _BOOLEANS))
    return _BOOLEANS[text.strip().lower()]


def parse_axis(name: str, text: str) -> list[Any]:
    """Return the values of a field from a text such as ``"1,8,512"``.

    Parameters
    ----------
    name
        A field of ``Scenario``.
    text
        Values, with commas between them.

    Returns
    -------
    list
        Of the field's type.

    Raises
    ------
    ScenarioError
        If there is no such field, or a value is not of its type.

    Examples
    --------
    >>> from wpbench.scenario import parse_axis
    >>> parse_axis("npages", "1,8,512")
    [1, 8, 512]
    """
    if name not in Scenario.model_fields:
        raise ScenarioError(accepted("Scenario field", name, Scenario.model_fields))
    kinds = _kinds(Scenario.model_fields[name].annotation)
    return [_value(name, part.strip(), kinds) for part in str(text).split(",")]


def _kinds(annotation: Any) -> set[type]:
    """Return the types in an annotation: of ``Annotated[int, ...] | None``, int and NoneType."""
    parts = typing.get_args(annotation)
    if not parts:
        return {annotation} if isinstance(annotation, type) else set()
    return set().union(*map(_kinds, parts))


def _value(name: str, text: str, kinds: set[type]) -> Any:
    if bool in kinds:
        return parse_boolean(name, text)
    if int in kinds:
        try:
            return int(text, 0)
        except ValueError:
            raise ScenarioError(f"{name}: {shown(text)} is not a whole number") from None
    if float in kinds:
        try:
            return float(text)
        except ValueError:
            raise ScenarioError(f"{name}: {shown(text)} is not a number") from None
    return text
