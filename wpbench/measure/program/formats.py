"""A kernel's own description of its events: fields, numbers, names of flags."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import MeasureError
from .events import EVENTS, FIELDS, Event

_FIELD = re.compile(
    r"field:(?P<type>[^;]*?)(?P<name>\w+)(?:\[\w*\])?;\s*offset:(?P<offset>\d+);"
    r"\s*size:(?P<size>\d+);\s*signed:(?P<signed>[01]);"
)
_SYMBOL = re.compile(r'\{\s*([^{}"]+?)\s*,\s*"(\w+)"\s*\}')
_CAST = re.compile(r"\(\s*(?:unsigned\s+long|unsigned\s+int|__force\s+\w+|gfp_t)\s*\)")
_SUFFIX = re.compile(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]+\b")


class Field(NamedTuple):
    """Where a field lies in an event's payload."""

    offset: int
    size: int
    signed: bool


class Format(NamedTuple):
    """What a file ``format`` says."""

    id: int
    fields: Mapping[str, Field]
    print_fmt: str


def parse_format(text: str) -> Format:
    """Read a file ``events/<system>/<name>/format``.

    Raises
    ------
    MeasureError
        If it has no number or no fields.
    """
    number = re.search(r"^ID:\s*(\d+)", text, re.MULTILINE)
    fields = {
        found["name"]: Field(int(found["offset"]), int(found["size"]), found["signed"] == "1")
        for found in _FIELD.finditer(text)
    }
    if number is None or not fields:
        raise MeasureError(f"an event's format is not understood: {text[:60]!r}")
    return Format(int(number[1]), fields, text.partition("print fmt:")[2])


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return ~_value(operand)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _value(left) | _value(right)
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            return _value(left) & _value(right)
        case ast.BinOp(left=left, op=ast.LShift(), right=right):
            return _value(left) << _value(right)
    raise ValueError(ast.dump(node))


def parse_symbols(print_fmt: str) -> dict[str, int]:
    """Return the names of flags in a ``print fmt``, with the C constants that they stand for.

    A name whose constant is not understood is left out.
    """
    found = {}
    for text, name in _SYMBOL.findall(print_fmt):
        plain = _SUFFIX.sub(r"\1", _CAST.sub("", text))
        try:
            found[name] = _value(ast.parse(plain.strip(), mode="eval").body)
        except (ValueError, SyntaxError):
            continue
    return found


class Plan(NamedTuple):
    """How to decode pages of a ring buffer: what ``ring.decode()`` takes.

    Attributes
    ----------
    row_of
        By an event's number: its row in ``rows``, -1 for an event that is not read.
    rows
        ``kind``, then for each of ``FIELDS`` fields offset, size (0: there is none), signed.
    data
        Offset of the events in a page.
    """

    row_of: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    data: int


def make_plan(formats: Mapping[str, Format], header_page: str) -> Plan:
    """Return the plan for this kernel's formats.

    Parameters
    ----------
    formats
        By name, such as ``kmem/rss_stat``.
    header_page
        The file ``events/header_page``.

    Raises
    ------
    MeasureError
        If a field that is needed is not there.
    """
    head = {found["name"]: found for found in _FIELD.finditer(header_page)}
    if "data" not in head or "commit" not in head or int(head["commit"]["offset"]) != 8:
        raise MeasureError("events/header_page is not understood")
    read = [event for event in EVENTS if event.name in formats]
    row_of = np.full(1 + max(formats[event.name].id for event in read), -1, np.int64)
    rows = np.zeros((len(read), 1 + 3 * FIELDS), np.int64)
    for i, event in enumerate(read):
        row_of[formats[event.name].id] = i
        rows[i, 0] = event.kind
        for j, (name, offset) in enumerate(event.fields):
            rows[i, 1 + 3 * j : 4 + 3 * j] = _place(formats[event.name], event, name, offset)
    return Plan(row_of, rows, int(head["data"]["offset"]))


def _place(format_: Format, event: Event, name: str, offset: int) -> tuple[int, int, int]:
    """Return offset, size and sign of one of an event's fields."""
    field = format_.fields.get(name)
    if field is None:
        if name == "pid":  # newer kernels leave it out where it is the task's own
            field, offset = Field(4, 4, signed=True), 0
        else:
            raise MeasureError(f"{event.name}: this kernel's event has no field {name!r}")
    return field.offset + offset, min(field.size, 8), int(field.signed)
