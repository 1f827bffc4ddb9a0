"""The files of data/: in a checkout beside the package, in an installed wheel inside it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .bounds import MAX_LATENCY_NS, MAX_STEP_NS
from .errors import DataError, WpbenchError, one_line, readable

_HERE = Path(__file__).resolve().parent
MAX_TOML_BYTES = 1 << 22  # such files are written by people
DISTRIBUTIONS = ("constant", "exponential", "lognormal")
_SET_OF_ALL_STEPS = "none"  # the cost set whose keys all others have too
_CYCLES = "ghz"
# Devices whose work for a page a set may have, where it was measured with one: in place of the
# backend's read_ns and write_ns.
MEASURED_DEVICES = ("zram", "zswap", "brd", "pmem")
ON_DEVICE = {
    f"{device}_{what}": (device, f"{what}_ns")
    for device in MEASURED_DEVICES
    for what in ("read", "write")
}
_LATER = "fault_first"  # a step that no set had at first: 0 where it is not there
_MAY_LACK = {_CYCLES, _LATER, *ON_DEVICE}  # the keys that a cost set may lack

T = TypeVar("T")
Latency = Annotated[int, Field(ge=0, le=MAX_LATENCY_NS)]
Step = Annotated[int, Field(ge=0, le=MAX_STEP_NS)]
Count = Annotated[int, Field(ge=1, le=1 << 16)]
# Of the logarithm.  The most that is ever drawn is e**15 times the mean: of 100 s, 63 bits hold it.
Sigma = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
Gigahertz = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Fact(_Strict, Generic[T]):
    """One fact of a table: its value, where it is from, and its range where it is not known."""

    value: T
    source: Annotated[str, Field(min_length=1)]
    low: T | None = None
    high: T | None = None

    @model_validator(mode="after")
    def _range(self) -> _Fact[T]:
        found: list[Any] = [self.low, self.value, self.high]
        if self.low is None and self.high is None:
            return self
        numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in found)
        if not numbers or not found[0] <= found[1] <= found[2]:
            raise ValueError(
                f"low, value, high: {found} are no range; accepted: neither low nor high, or "
                "numbers with low <= value <= high"
            )
        return self


class _Backend(_Strict):
    """A table of backends.toml, as it explains itself at its top."""

    description: str
    synchronous: _Fact[bool]
    swapin: _Fact[Literal["bypass", "cache"]]
    stable_writes: _Fact[bool]
    rotational: _Fact[bool]
    distribution: _Fact[Literal["constant", "exponential", "lognormal"]]
    latency_ns: _Fact[Latency]
    latency_sigma: _Fact[Sigma]
    read_ns: _Fact[Step]
    write_ns: _Fact[Step]
    queue_depth: _Fact[Count]
    max_request_pages: _Fact[Count]

    @model_validator(mode="after")
    def _latency(self) -> _Backend:
        if self.synchronous.value and self.latency_ns.value:
            raise ValueError(
                f"latency_ns: {self.latency_ns.value} does not go with synchronous = true; "
                "accepted with it: 0"
            )
        return self


class _CostSet(_Strict):
    """A table of costs.toml: any step, each a fact."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Fact[Step]]

    description: str
    ghz: _Fact[Gigahertz] | None = None


@lru_cache(maxsize=1)
def data_dir() -> Path:
    """Return the directory of wpbench's data files: measurements, published figures, costs.

    Returns
    -------
    Path
        ``data/`` of a checkout, or the copy in an installed package.

    Examples
    --------
    >>> import wpbench as wb
    >>> (wb.data_dir() / "kernels.toml").is_file()
    True
    """
    installed = _HERE / "_data"
    return installed if installed.is_dir() else _HERE.parent / "data"


def read_toml(path: Path, kind: type[WpbenchError] = DataError) -> dict[str, Any]:
    """Return what a TOML file says; raise ``kind`` where it cannot be read, or is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TOML_BYTES + 1)
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_TOML_BYTES:
        raise kind(f"{path}: is too large; accepted: up to {MAX_TOML_BYTES >> 20} MiB")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise kind(
            f"{path}: is not TOML that can be read: lists or tables nested too deep"
        ) from None
    except ValueError as error:  # of TOML, of UTF-8, and of a number of thousands of digits
        raise kind(f"{path}: is not TOML: {' '.join(str(error).split())[:200]}") from None


@lru_cache(maxsize=2)
def facts(name: str) -> dict[str, dict[str, Any]]:
    """Return a file of facts as it stands: table -> key -> value, source, and low and high if any.

    ``name``: ``backends`` or ``costs``.

    Raises
    ------
    DataError
        If something lacks or cannot be; names the file, the table and the key.
    """
    path = data_dir() / f"{name}.toml"
    tables = read_toml(path)
    model: type[_Strict] = _Backend if name == "backends" else _CostSet
    if not tables:
        raise DataError(f"{path}: has no table")
    for table, entries in tables.items():
        try:
            model.model_validate(entries)
        except pydantic.ValidationError as error:
            raise DataError(f"{path}: {one_line(table, 80)}: {readable(error)}") from None
    if name == "costs":
        _same_steps(path, tables)
    return tables


def _same_steps(path: Path, tables: dict[str, dict[str, Any]]) -> None:
    """Refuse a cost set that lacks a step: it would take no time."""
    if _SET_OF_ALL_STEPS not in tables:
        raise DataError(
            f"{path}: {_SET_OF_ALL_STEPS}: is missing: the set in which all steps are 0"
        )
    for table, entries in tables.items():
        _check_steps(path, table, entries, set(tables[_SET_OF_ALL_STEPS]))


def _check_steps(path: Path, table: str, entries: dict[str, Any], steps: set[str]) -> None:
    for step in sorted(steps ^ set(entries) - _MAY_LACK):
        what = "is missing" if step in steps else f"is no step of {_SET_OF_ALL_STEPS!r}"
        raise DataError(f"{path}: {one_line(table, 80)}: {one_line(step, 80)}: {what}")


def is_cost_file(name: object) -> bool:
    """Is this the name of a file with a cost set, and not of a shipped set?"""
    return isinstance(name, str) and name.endswith(".toml") and name not in facts("costs")


@lru_cache(maxsize=16)
def _cost_file(path: Path, _changed: tuple[int, int, int]) -> tuple[dict[str, Any], str]:
    """Return the cost set of a file, and a hash of it; read once while the file is the same."""
    tables = read_toml(path)
    if len(tables) != 1 or not isinstance(next(iter(tables.values())), dict):
        names = ", ".join(one_line(name, 80) for name in tables) or "none"
        raise DataError(f"{path}: has the tables {names}; accepted: one, a cost set")
    ((table, entries),) = tables.items()
    try:
        _CostSet.model_validate(entries)
    except pydantic.ValidationError as error:
        raise DataError(f"{path}: {one_line(table, 80)}: {readable(error)}") from None
    _check_steps(path, table, entries, set(facts("costs")[_SET_OF_ALL_STEPS]))
    return entries, hashlib.sha256(repr(entries).encode()).hexdigest()[:16]


def _read_cost_file(name: str) -> tuple[dict[str, Any], str]:
    path = Path(name)
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise DataError(
            f"{one_line(name, 200)}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    return _cost_file(path, (found.st_mtime_ns, found.st_size, found.st_ino))


def cost_facts(name: str) -> dict[str, Any]:
    """Return a cost set as it stands: key -> value, source, and low and high if any.

    Parameters
    ----------
    name
        Of a set of data/costs.toml, or a TOML file with one table of the same keys, such as
        ``wpbench measure costs -o my.toml`` writes.

    Raises
    ------
    DataError
        If there is no such file, or something lacks or cannot be; names file, table and key.
    """
    return _read_cost_file(name)[0] if is_cost_file(name) else facts("costs")[name]


def cost_version(name: str) -> str:
    """Return a hash of a cost set that is in a file of the user's own, "" for a shipped one."""
    return _read_cost_file(name)[1] if is_cost_file(name) else ""


def cost_steps(name: str) -> dict[str, int]:
    """Return a cost set's steps in nanoseconds, by name or file as in ``cost_facts()``."""
    found = cost_facts(name)
    return {_LATER: 0} | {
        key: fact["value"]
        for key, fact in found.items()
        if key not in ("description", _CYCLES, *ON_DEVICE)
    }


def device_facts(costs: str, backend: str) -> dict[str, Any]:
    """Return a backend's facts with what a cost set says of it (``ON_DEVICE``) in their place."""
    found = dict(facts("backends")[backend])
    own = cost_facts(costs)
    for key, (device, fact) in ON_DEVICE.items():
        if device == backend and key in own:
            found[fact] = own[key]
    return found


def _values(name: str) -> dict[str, dict[str, Any]]:
    return {
        table: {
            key: fact["value"] if isinstance(fact, dict) else fact for key, fact in entries.items()
        }
        for table, entries in facts(name).items()
    }


@lru_cache(maxsize=1)
def backends() -> dict[str, dict[str, Any]]:
    """Return the facts of each swap backend, from data/backends.toml.

    Returns
    -------
    dict
        Name of the backend -> fact -> value, such as ``latency_ns`` in nanoseconds.

    Raises
    ------
    DataError
        If the file lacks a key or has an impossible value.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.backends()["zram"]["synchronous"]
    True
    >>> wb.backends()["null_blk"]["latency_ns"]
    10000
    """
    return _values("backends")


@lru_cache(maxsize=1)
def costs() -> dict[str, dict[str, int]]:
    """Return the shipped cost sets, from data/costs.toml.

    Returns
    -------
    dict
        Name of the set -> step -> nanoseconds.

    Raises
    ------
    DataError
        If the file lacks a step or has an impossible value.

    Examples
    --------
    >>> import wpbench as wb
    >>> sorted(wb.costs())
    ['epyc-guest', 'haswell-kvm', 'icount', 'none', 'server']
    >>> wb.costs()["server"]["drain"]
    120
    """
    return {name: cost_steps(name) for name in facts("costs")}


def ghz(name: str) -> float:
    """Return the cycles a nanosecond of a cost set; NaN where that means nothing."""
    return float(cost_facts(name).get(_CYCLES, {"value": "nan"})["value"])


@lru_cache(maxsize=1)
def _shipped() -> str:
    digest = hashlib.sha256()
    for name in ("backends.toml", "costs.toml"):
        digest.update((data_dir() / name).read_bytes())
    return digest.hexdigest()[:16]


def fingerprint(costs: Iterable[str] = ()) -> str:
    """Return a short hash of the data files that a simulation's numbers depend on.

    Parameters
    ----------
    costs
        Names of cost sets: those that are files of the user's own count too.
    """
    own = sorted({cost_version(name) for name in costs if is_cost_file(name)})
    if not own:
        return _shipped()
    return hashlib.sha256(" ".join([_shipped(), *own]).encode()).hexdigest()[:16]
