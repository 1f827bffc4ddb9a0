"""Records of where a table or a figure comes from, as files have them: checked before use.

``provenance()`` makes them; a file may have another: edited by hand, cut, of a later version.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import WpbenchError
from .record import SCHEMA_VERSION

_LONGEST = 60  # characters of a wrong value that are shown
_INCHES = Annotated[float, Field(gt=0, le=50)]
_CELL = str | bool | int | float | None


class _Part(BaseModel):
    """A part of a record; what it has beside is kept."""

    model_config = ConfigDict(extra="allow", strict=True)


class _Software(_Part):
    name: str
    version: str
    commit: str | None


class _Parameters(_Part):
    """What was asked for: of ``simulate`` and ``sweep`` as ``scenario.record`` describes it."""

    seeds: Annotated[int, Field(ge=1)] | None = None
    grids: list[dict[str, _CELL | list[_CELL]]] | None = None
    scenarios: list[dict[str, _CELL]] | None = None
    left_out: Annotated[int, Field(ge=0)] = 0
    title: str = ""
    question: str = ""
    file: str = ""
    cases: list[str] | None = None


class _Asked(_Parameters):
    """Of a command whose tables can be made again."""

    seeds: Annotated[int, Field(ge=1)]


class _Figure(_Part):
    caption: str | None = None
    rows: int | None = None
    csv_sha256: str | None = None


class _Drawn(_Figure):
    """A figure that ``draw()`` drew."""

    caption: str
    kind: str
    title: str | None
    where: dict[str, _CELL | list[_CELL]]
    size: Annotated[list[_INCHES], Field(min_length=2, max_length=2)]
    options: dict[str, Any]
    matplotlib: str
    rows: int
    csv_sha256: str


class _Record(_Part):
    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]
    software: _Software
    command: str
    model: str
    data: str
    environment: dict[str, str | None]
    notes: list[str] | None = None
    made_by: list[dict[str, Any]] | None = None


def check_record(record: object, name: str, again: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a record as it is, if it has what one needs.

    Parameters
    ----------
    record
        What a file, or ``attrs["wpbench"]`` of a table, has.  Of a figure that was saved without a
        table it is the figure alone.
    name
        Of the file.
    again
        Commands whose parameters say how to make the table again.

    Raises
    ------
    WpbenchError
        For the first key that is missing or is none of what is accepted: file, key and value.
    """
    if not isinstance(record, dict) or not record:
        raise WpbenchError(f"{name}: carries no provenance of wpbench")
    if set(record) != {"figure"}:
        _check(_Record, record, name, "")
        parameters = _Asked if record["command"] in again else _Parameters
        _check(parameters, record.get("parameters"), name, "parameters.")
    if "figure" in record:
        drawn = isinstance(record["figure"], dict) and "kind" in record["figure"]
        _check(_Drawn if drawn else _Figure, record["figure"], name, "figure.")
    return record


def _check(model: type[_Part], value: object, name: str, where: str) -> None:
    try:
        model.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    else:
        return
    known = [part for part in problem["loc"] if not _is_pydantics(part)]
    key = where + ".".join(map(str, known))
    if problem["type"] == "missing" or (value is None and not known):
        raise WpbenchError(f"{name}: its provenance has no {key.rstrip('.')}")
    got = repr(problem["input"])
    got = got if len(got) <= _LONGEST else got[: _LONGEST - 3] + "..."
    why = problem["msg"].removeprefix("Input should be ")
    if len(known) < len(problem["loc"]):  # of several alternatives pydantic names the first
        why = "a text, a number, true or false, or a list of them"
    raise WpbenchError(
        f"{name}: its provenance has {key.rstrip('.')} = {got}, which is not accepted; accepted: "
        f"{why}"
    )


def _is_pydantics(part: object) -> bool:
    """Is this a name that pydantic gives to an alternative of a union, and no key?"""
    return part in ("str", "bool", "int", "float", "constrained-int") or "[" in str(part)


__all__ = ["check_record"]
