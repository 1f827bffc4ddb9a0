"""Known differences between the machine and kernels, and their causes (data/differences.toml)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...data import data_dir, read_toml
from ...errors import DataError, ScenarioError, accepted, one_line, readable
from ...text.layout import paragraph

FILE = "differences.toml"
MEASUREMENTS = "kernel-measurements"
TRACES = "traces"  # a topic, beside the tables' names

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class KnownTrace(_Strict):
    """A trace that differs.

    Attributes
    ----------
    file
        Below data/kernel-measurements.
    operations
        Operations that have another result.
    lru, active, writeback, swapcache
        Accesses whose page had another flag.
    exact_with_pmd_offset
        With this ``pmd_offset`` the operations agree; None where none is known.
    """

    file: Text
    operations: Count | None = None
    lru: Count | None = None
    active: Count | None = None
    writeback: Count | None = None
    swapcache: Count | None = None
    exact_with_pmd_offset: Annotated[int, Field(ge=0, lt=512)] | None = None


class KnownRow(_Strict):
    """A row of a measured table that differs.

    Attributes
    ----------
    row
        Line of the file; line 1 is the heading.
    wp_faults, copies
        Simulated less measured; both 0 where another count differs.
    """

    row: Annotated[int, Field(ge=2)]
    wp_faults: int
    copies: int


class Difference(_Strict):
    """A table of data/differences.toml, as it explains itself at its top."""

    what: Text
    cause: Text
    confidence: Literal["read", "measured", "inferred"]
    source: Text
    traces: list[KnownTrace] = []
    table: Text | None = None
    rows: list[KnownRow] = []
    programs: list[Text] = []
    kernels: list[Text] = []

    @model_validator(mode="after")
    def _one_kind(self) -> Difference:
        if bool(self.traces) + (self.table is not None) + bool(self.programs) != 1:
            raise ValueError("traces, table, programs: none or several are given; accepted: one")
        if self.rows and self.table is None:
            raise ValueError("rows: are given without the table that has them")
        if bool(self.programs) != bool(self.kernels):
            raise ValueError("programs, kernels: one is given; accepted: both or none")
        return self

    def concerns(self) -> str:
        """Return how much it concerns, in words."""
        if self.programs:
            return f"{len(self.programs)} programs"
        if self.traces:
            return f"{len(self.traces)} trace{'s' * (len(self.traces) > 1)}"
        return f"{len(self.rows)} rows" if self.rows else "any row"


def _places(name: str, difference: Difference) -> Iterator[str]:
    """Yield the traces, rows and programs of a difference; refuse a file that is missing."""
    folder = data_dir() / MEASUREMENTS
    for key, file in (
        *((f"traces.{i}.file", trace.file) for i, trace in enumerate(difference.traces)),
        *((("table", difference.table),) if difference.table else ()),
    ):
        if not (folder / file).is_file():
            raise DataError(
                f"{data_dir() / FILE}: {name}: {key}: {one_line(file, 80)!r} is not accepted; "
                f"accepted: a file of data/{MEASUREMENTS}"
            )
    yield from (f"trace {trace.file}" for trace in difference.traces)
    yield from (f"row {row.row} of {difference.table}" for row in difference.rows)
    for kernel in difference.kernels:
        yield from (f"program {program} of {kernel}" for program in difference.programs)


@lru_cache(maxsize=1)
def known_differences() -> dict[str, Difference]:
    """Return the known differences of simulation and measurements (data/differences.toml).

    Returns
    -------
    dict
        Name -> ``Difference``, in the order of the file.

    Raises
    ------
    DataError
        If a key is missing, impossible or explained twice; names file, table and key.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.measure.known_differences()["page-table"].confidence
    'measured'
    """
    path = data_dir() / FILE
    found = {}
    explained: dict[str, str] = {}
    for name, entries in read_toml(path).items():
        try:
            found[name] = Difference.model_validate(entries)
        except pydantic.ValidationError as error:
            raise DataError(f"{path}: {one_line(name, 80)}: {readable(error)}") from None
        for place in _places(name, found[name]):
            if place in explained:
                raise DataError(f"{path}: {name}: {place} is in {explained[place]!r}, too")
            explained[place] = name
    return found


def causes(table: str) -> dict[int, str]:
    """Return row -> name of the difference that explains it, of a measured table's file."""
    return {
        row.row: name
        for name, difference in known_differences().items()
        if difference.table == table
        for row in difference.rows
    }


def describe_known(topic: str) -> str:
    """Return the known differences of a measured table, or of the ``traces``, as text.

    Parameters
    ----------
    topic
        A file of data/kernel-measurements, or ``traces``.

    Returns
    -------
    str
        A paragraph for each cause, with its confidence and its grounds; at most 72 columns.

    Raises
    ------
    ScenarioError
        If there is no such topic.

    Examples
    --------
    >>> import wpbench as wb
    >>> print(wb.measure.describe_known("userfaultfd.csv"))
    every row agrees
    """
    some = {
        name: difference
        for name, difference in known_differences().items()
        if topic == (TRACES if difference.traces else difference.table)
    }
    if not some:
        topics = [
            TRACES,
            *(path.name for path in sorted((data_dir() / MEASUREMENTS).glob("*.csv"))),
        ]
        if topic not in topics:
            raise ScenarioError(accepted("topic", topic, topics))
        return "every row agrees"
    paragraphs = [
        f"{name}: {d.what} ({d.concerns()}). {d.cause.strip()} [{d.confidence}: {d.source}]"
        for name, d in some.items()
    ]
    return "\n\n".join(paragraph(p) for p in paragraphs)
