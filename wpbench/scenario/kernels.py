"""Kernels by name: rows of rules (data/kernels.toml), and which row holds for a release."""

from __future__ import annotations

import re
import tomllib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pydantic

from ..data import data_dir
from ..errors import ScenarioError, UnknownKernelWarning, WpbenchError, accepted
from .rules import DO_WP_PAGE, NO_OVERRIDES, OWN_FIELDS, RULES, STRICT_TESTS, Overrides, Value

OFF, ON = "patch1", "patch2"  # the patch off and on
FILE = "kernels.toml"
# The newest release of each major version: 5.19 was followed by 6.0.
_LAST_MINOR = {5: 19, 6: 19}
_RELEASE = re.compile(r"v?([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,4}))?(?:[-+~_ ].*)?", re.ASCII)
# The release of the instrumented kernel of data/kernel-measurements.
INSTRUMENTED = "v6.1"


class _Fact(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    value: bool | int | str
    source: str = pydantic.Field(min_length=1)
    confidence: str = pydantic.Field(pattern=r"^(read|inferred|measured: .+)$")


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    start: str | None = pydantic.Field(default=None, alias="from")
    note: str = pydantic.Field(min_length=1)
    rules: dict[str, _Fact] = pydantic.Field(default_factory=dict)


@dataclass(frozen=True)
class Fact:
    """A rule's value in one kernel.

    Attributes
    ----------
    value
        As ``rules.RULES`` has it.
    source
        Commit, file and function, or message id.
    confidence
        ``read``, ``inferred``, or ``measured: <where>``.
    since
        The row that set it.
    """

    value: Value
    source: str
    confidence: str
    since: str


@dataclass(frozen=True)
class Kernel:
    """A row: the rules of one kernel.

    Attributes
    ----------
    name
        Of its table in data/kernels.toml.
    start
        The row that it starts from, None for the first.
    note
        A description.
    facts
        Every rule -> its value and where that is from.
    changed
        The rules that it has otherwise than ``start``.
    """

    name: str
    start: str | None
    note: str
    facts: dict[str, Fact]
    changed: tuple[str, ...]

    def values(self, overrides: Overrides = NO_OVERRIDES) -> dict[str, Value]:
        """Return rule -> value, some of them overridden."""
        return {name: fact.value for name, fact in self.facts.items()} | dict(overrides)


def _wrong(table: str, message: str) -> WpbenchError:
    return WpbenchError(f"{data_dir() / FILE}: {table}: {message}")


def _row(name: str, table: dict[str, Any], rows: dict[str, Kernel]) -> Kernel:
    try:
        read = _Table.model_validate(table)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _wrong(name, f"{where}: {first['input']!r} is not accepted; {first['msg']}") from None
    if read.start is not None and read.start not in rows:
        raise _wrong(name, accepted("from", read.start, rows or ["none before the first table"]))
    facts = dict(rows[read.start].facts) if read.start else {}
    for rule, fact in read.rules.items():
        if rule not in RULES:
            raise _wrong(name, accepted("rule", rule, RULES))
        try:
            value = RULES[rule].check(rule, fact.value)
        except ScenarioError as error:
            raise _wrong(name, str(error)) from None
        facts[rule] = Fact(value, fact.source, fact.confidence, name)
    missing = [rule for rule in RULES if rule not in facts]
    if missing:
        raise _wrong(name, f"has no {missing[0]}; accepted: every rule in the first table")
    ordered = {rule: facts[rule] for rule in RULES}
    return Kernel(name, read.start, read.note, ordered, tuple(r for r in RULES if r in read.rules))


@lru_cache(maxsize=1)
def rows() -> dict[str, Kernel]:
    """Return the rows of data/kernels.toml by name, in its order.

    Raises
    ------
    WpbenchError
        If the file is not as it says at its top; names the table, the key, and what is accepted.
    """
    try:
        with (data_dir() / FILE).open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WpbenchError(f"{data_dir() / FILE}: cannot be read: {error}") from None
    made: dict[str, Kernel] = {}
    for name, table in tables.items():
        made[name] = _row(name, table if isinstance(table, dict) else {}, made)
    return made


def _version(name: str) -> tuple[int, int] | None:
    """Return the release that a name says, as uname prints it or with a v; None for no release."""
    found = _RELEASE.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


@lru_cache(maxsize=1)
def releases() -> dict[tuple[int, int], str]:
    """Return the releases at which a rule changes, in order, and the names of their rows."""
    found = {version: name for name in rows() if (version := _version(name)) is not None}
    return dict(sorted(found.items()))


def span(name: str) -> str:
    """Return the releases that a row holds for, ``v5.14 to v5.17``; its name if it is none's."""
    names = list(releases().values())
    if name not in names:
        return name
    if name == names[-1]:
        return f"{name} and later"
    major, minor = list(releases())[names.index(name) + 1]
    last = (major, minor - 1) if minor else (major - 1, _LAST_MINOR[major - 1])
    until = f"v{last[0]}.{last[1]}"
    return name if until == name else f"{name} to {until}"


def _names() -> list[str]:
    patches = [name for name in rows() if _version(name) is None]
    first, last = (list(releases().values())[i] for i in (0, -1))
    return [f"a release from {first} to {last}, also as uname prints it (6.18.44)", *patches]


@lru_cache(maxsize=256)
def row_name(name: str) -> tuple[str, bool]:
    """Return the row that holds for a kernel, and whether the kernel is newer than all rows."""
    if name in rows():
        return name, False
    version = _version(name)
    newest = max(releases())
    if version is None or version < min(releases()):
        raise ScenarioError(_not_accepted(name))
    if version[1] > _LAST_MINOR.get(version[0], version[1]):
        raise ScenarioError(_not_accepted(name))
    held = max(release for release in releases() if release <= version)
    return releases()[held], version > newest


def _not_accepted(name: str) -> str:
    return f"kernel: {name[:60]!r} is not accepted; accepted: {', '.join(_names())}"


def kernel(name: object) -> Kernel:
    """Return the row of rules of a kernel.

    Parameters
    ----------
    name
        A release from v5.8 on (``v6.12``, ``6.18.44-generic`` as uname prints it), or a table's
        name: ``patch1``, ``patch2``, ``patch2-rfc2``, ``patch2-always``, ``exclusive``.

    Returns
    -------
    Kernel
        The name of the row, and its rules.

    Raises
    ------
    ScenarioError
        For anything else; names the accepted kernels.

    Examples
    --------
    >>> from wpbench.scenario import kernel
    >>> kernel("6.18.44").name, kernel("6.18.44").values()["exit_drains"]
    ('v6.17', False)
    """
    if not isinstance(name, str):
        raise ScenarioError(_not_accepted(repr(name)))
    return rows()[row_name(name)[0]]


def warn_if_newer(name: str) -> None:
    """Warn of a release that no row knows yet: the newest row is used."""
    held, newer = row_name(name)
    if newer:
        warnings.warn(
            f"kernel {name}: newer than all rows of data/{FILE}; the rules of {held} are used",
            UnknownKernelWarning,
            stacklevel=2,
        )


@lru_cache(maxsize=4096)
def row_of(name: str, overrides: Overrides = NO_OVERRIDES) -> dict[str, Value]:
    """Return rule -> value of a kernel, some of them overridden.  Not to be changed."""
    return kernel(name).values(overrides)


def drains_fit(name: str, overrides: Overrides = NO_OVERRIDES) -> tuple[str, ...]:
    """Return the drain policies that can be asked of a kernel.

    Where the first test leaves no reference that a drain could drop there is none but ``never``.
    """
    strict = row_of(name, overrides)["first_test"] in STRICT_TESTS
    return ("never",) if strict else RULES["drain"].values


def instrumented(decision: str, base: str = INSTRUMENTED) -> dict[str, Any]:
    """Return the fields of a Scenario for a kernel whose do_wp_page() follows another's rules.

    So did the instrumented kernel of data/kernel-measurements: 6.1.192, but for do_wp_page().
    """
    wanted, own = row_of(decision), row_of(base)
    fields: dict[str, Any] = {"kernel": base, "drain": str(wanted["drain"])}
    rules = {name: wanted[name] for name in DO_WP_PAGE if name not in OWN_FIELDS}
    fields["rules"] = {name: value for name, value in rules.items() if value != own[name]}
    return fields
