"""Grids: the scenarios of every combination of some fields' values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Any

import numpy as np
import pydantic

from ..bounds import MAX_RUNS, check
from ..errors import ScenarioError, accepted, shown
from .columns import workload_name
from .model import PLAIN, Scenario, as_columns
from .rules import OVERRIDABLE, RULES, Overrides

# Fields of which every value goes with every value of the others: checked one by one.
_FREE = frozenset(
    ("seed", "rounds", "page_cluster", "pmd_offset", "background_insertions", "background_drains")
)


class Grid(Sequence[Scenario]):
    """The scenarios of every combination of some axes' values, in the order of the axes.

    The last axis varies fastest.  Made by ``wb.grid()``.  Scenarios are made on demand; all of
    them are validated at the start.

    Parameters
    ----------
    axes
        Values of each field that is given.
    equal
        Fields whose value is always that of an axis: ``{"threads": "cpus"}``.
    max_runs
        More scenarios than this are refused.
    """

    def __init__(
        self,
        axes: Mapping[str, Sequence[Any]],
        equal: Mapping[str, str] | None = None,
        *,
        max_runs: int = MAX_RUNS,
    ) -> None:
        self._shape = tuple(len(values) for values in axes.values())
        check_runs(self._shape, 1, max_runs)
        self.axes = {name: list(values) for name, values in axes.items()}
        self.equal = dict(equal or {})
        self._rules = [name for name in self.axes if _is_rule(name)]
        self._check()

    def _scenario(self, given: Mapping[str, Any]) -> Scenario:
        if not (self._rules or self.equal):
            return Scenario(**given)
        fields = dict(given)
        rules = {name[len(_RULE) :]: fields.pop(name) for name in self._rules if name in fields}
        if rules:
            fields["rules"] = {**dict(fields.get("rules", {})), **rules}
        return Scenario(**fields | self._equals(given))

    def _equals(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields whose value is that of an axis."""
        return {name: given[axis] for name, axis in self.equal.items() if axis in given}

    def _check(self) -> None:
        """Validate each value, and each combination that could be wrong; keep what they become."""
        named = [n for n in (*self.axes, *self.equal) if not _is_rule(n)]
        unknown = [n for n in named if n not in Scenario.model_fields]
        if unknown:
            raise ScenarioError(accepted("Scenario field", unknown[0], Scenario.model_fields))
        free = _FREE - set(self.equal.values())
        first = {name: values[0] for name, values in self.axes.items() if values}
        for name, values in self.axes.items():
            if not values:
                raise ScenarioError(f"{name}: an axis of a grid needs at least one value")
            if name in free:
                self.axes[name] = self._free_values(name, values, first)
        bound = {name: values for name, values in self.axes.items() if name not in free}
        # Of those that go with whatever else the largest: the bounds on products hold for all then.
        largest = {name: max(values) for name, values in self.axes.items() if name in free}
        seen: dict[str, dict[Any, Any]] = {name: {} for name in bound}
        for combination in itertools.product(*bound.values()):
            given = dict(zip(bound, combination, strict=True))
            scenario = self._scenario(given | largest)
            for name, value in given.items():
                seen[name][_key(value)] = _of(scenario, name)
        for name, values in bound.items():
            self.axes[name] = [seen[name][_key(value)] for value in values]

    def _free_values(self, name: str, values: Sequence[Any], first: dict[str, Any]) -> list[Any]:
        """Return what ``Scenario`` makes of each value of a field that goes with whatever else."""
        plain = [value.item() if isinstance(value, np.generic) else value for value in values]
        try:
            return list(_validator(name).validate_python(plain))
        except pydantic.ValidationError:  # the message is Scenario's, about the first wrong value
            return [getattr(self._scenario(first | {name: value}), name) for value in values]

    def columns(self) -> dict[str, Any]:
        """Return every field as a column, of one entry where it does not vary."""
        defaults = {name: [field.default] for name, field in Scenario.model_fields.items()}
        fields = {name: values for name, values in self.axes.items() if not _is_rule(name)}
        made = as_columns(defaults | fields)
        index = np.unravel_index(np.arange(len(self)), self._shape) if self._shape else ()
        places = dict(zip(self.axes, index, strict=True))
        for name, positions in places.items():
            if name in made and len(self.axes[name]) > 1:
                made[name] = made[name][positions]
        for name in filter(_is_rule, self.axes):
            made["rules"] = _with_rule(made["rules"], name, self.axes[name], places[name])
        return made | {name: made[axis] for name, axis in self.equal.items()}

    def as_fields(self) -> dict[str, Any]:
        """Return what ``wb.grid()`` makes this grid of, in plain JSON types."""
        plain = {
            name: list(values)
            if PLAIN.issuperset(map(type, values))
            else [_plain(value) for value in values]
            for name, values in self.axes.items()
            if not _is_rule(name)
        }
        rules = {name[len(_RULE) :]: list(self.axes[name]) for name in self.axes if _is_rule(name)}
        return plain | ({"rules": rules} if rules else {}) | self.equal

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        places = np.unravel_index(position, self._shape) if self._shape else ()
        return self._accepted(
            {name: self.axes[name][i] for name, i in zip(self.axes, places, strict=True)}
        )

    @cached_property
    def _first(self) -> Scenario:
        return self._scenario({name: values[0] for name, values in self.axes.items()})

    def _accepted(self, given: dict[str, Any]) -> Scenario:
        """Return the scenario of values that were validated with the grid."""
        if self._rules:
            return self._scenario(given)
        return self._first.with_accepted(given | self._equals(given))

    def __len__(self) -> int:
        return math.prod(self._shape)

    def __iter__(self) -> Iterator[Scenario]:
        for values in itertools.product(*self.axes.values()):
            yield self._accepted(dict(zip(self.axes, values, strict=True)))

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}={values!r}" for name, values in (self.axes | self.equal).items())
        return f"grid({axes})  # {len(self)} scenarios"


_RULE = "rules."


def _is_rule(name: str) -> bool:
    """Is an axis one of a rule's values?"""
    return name.startswith(_RULE)


def _of(scenario: Scenario, name: str) -> Any:
    """Return a scenario's value of an axis."""
    return scenario.rules[name[len(_RULE) :]] if _is_rule(name) else getattr(scenario, name)


def _plain(value: Any) -> Any:
    if isinstance(value, Overrides):
        return dict(value)
    return workload_name(value) if callable(value) else value


def _with_rule(column: Any, name: str, values: Sequence[Any], positions: Any) -> Any:
    """Return a column of overrides to which one rule is added, with each row's value."""
    rule = name[len(_RULE) :]
    made = {
        (given, i): Overrides({**given, rule: value})
        for given in set(column.tolist())
        for i, value in enumerate(values)
    }
    if len(values) == 1:
        positions = np.zeros(len(column), int)
    rows = zip(np.broadcast_to(column, len(positions)).tolist(), positions.tolist(), strict=True)
    return as_columns({"rules": [made[row] for row in rows]})["rules"]


def _rule_axes(rules: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the axes ``rules.NAME`` of rules with a value or a list of values each."""
    axes = {}
    for name, values in rules.items():
        if name not in OVERRIDABLE:
            raise ScenarioError(accepted("rule", name, OVERRIDABLE))
        listed = list(values) if isinstance(values, list | tuple) else [values]
        axes[_RULE + name] = [RULES[name].check(name, value) for value in listed]
    return axes


@lru_cache(maxsize=len(_FREE))
def _validator(name: str) -> pydantic.TypeAdapter[Any]:
    field = Scenario.model_fields[name]
    one: Any = Annotated[field.annotation, *field.metadata]
    return pydantic.TypeAdapter(list[one])


def _key(value: Any) -> Any:
    """Return what tells values apart, True and 1 also."""
    return (type(value), value)


def check_runs(shape: Sequence[int], seeds: int, max_runs: int) -> None:
    """Refuse more runs than ``max_runs``: those of axes of these lengths, ``seeds`` times each.

    Raises
    ------
    ScenarioError
        With the numbers.
    """
    check("seeds", seeds)
    check("max_runs", max_runs)
    scenarios = math.prod(shape)
    if scenarios * seeds > max_runs:
        times = f" times {seeds} seeds" if seeds > 1 else ""
        raise ScenarioError(
            f"{shown(scenarios)} scenarios{times}: too many runs; accepted: up to {max_runs}, or "
            "more with max_runs (--max-runs)"
        )


def grid(*, max_runs: int = MAX_RUNS, **axes: Any) -> Grid:
    """Return the scenarios of every combination of some values.

    Parameters
    ----------
    max_runs
        A grid of more scenarios is refused.
    axes
        Fields of ``Scenario``.  A list, tuple or range is an axis; any other value is its only
        value.  The name of another axis means "the same value as that axis".
        ``rules={"exit_drains": [True, False]}`` makes an axis of a rule; a list of mappings is an
        axis of whole sets of rules.

    Returns
    -------
    Grid
        A sequence of ``Scenario``; the last axis varies fastest.

    Raises
    ------
    ScenarioError
        For a wrong field, value or combination, and for too many scenarios.

    Examples
    --------
    >>> import wpbench as wb
    >>> grid = wb.grid(kernel=["patch1", "patch2"], cpus=[1, 2, 4], threads="cpus")
    >>> len(grid), grid[2].cpus, grid[2].threads
    (6, 4, 4)
    """
    equal = {
        name: value
        for name, value in axes.items()
        if isinstance(value, str) and value in Scenario.model_fields
    }
    lists: dict[str, Sequence[Any]] = {}
    for name, values in axes.items():
        if name == "rules" and isinstance(values, Mapping) and not isinstance(values, Overrides):
            lists |= _rule_axes(values)
        elif name not in equal:
            several = hasattr(values, "__iter__") and not isinstance(values, str | bytes | Mapping)
            lists[name] = list(itertools.islice(values, max_runs + 1)) if several else [values]
            if name == "rules":
                lists[name] = [Overrides.of(value) for value in lists[name]]
    for name, axis in equal.items():
        if axis not in lists:
            raise ScenarioError(accepted(f"{name}: axis", axis, lists or ["none is given"]))
    return Grid(lists, equal, max_runs=max_runs)
