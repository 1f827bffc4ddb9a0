"""Grid files: shipped ones, damaged, and tables with hostile values."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import wpbench as wb
from wpbench.bounds import MAX_RUNS
from wpbench.data import data_dir
from wpbench.scenario import GridFile, Scenario
from wpbench.simulate import plan_of

from . import check, scenarios

_HEAD = 'title = "t"\nquestion = "q"\n'
_NESTED = 600


def _toml(random: Random, value: Any) -> str:
    """Return a value as TOML, more or less."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return check.digits(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(_toml(random, item) for item in value) + "]"
    return str(value) if random.random() < 0.5 else "1979-05-27"


def _table(random: Random) -> str:
    """Draw a [[grid]] table."""
    lines = ["[[grid]]"]
    for name in random.sample([*Scenario.model_fields], random.randrange(6)):
        kind = random.randrange(6)
        values: Any = [scenarios.fitting(random, name) for _ in range(random.randrange(5))]
        if kind == 0:
            values = scenarios.anything(random)
        elif kind == 1:
            values = [*values, scenarios.anything(random)]
        elif kind == 2:
            values = random.choice([*Scenario.model_fields])
        elif kind == 3:
            values = list(range(random.choice([1, 10, 300, 5000])))
        lines.append(f"{name} = {_toml(random, values)}")
    return "\n".join(lines) + "\n"


def _text(random: Random) -> str:
    kind = random.randrange(7)
    if kind == 0:  # a shipped one, with something put into it
        text = random.choice(sorted((data_dir() / "grids").glob("*.toml"))).read_text("utf-8")
        at = random.randrange(len(text))
        return text[:at] + check.word(random) + text[at + random.randrange(3) :]
    if kind == 1:
        nested = "[" * _NESTED + "]" * _NESTED
        return f"{_HEAD}[[grid]]\nnpages = {nested}\n"
    if kind == 2:
        grid = random.choice(["[{npages = 1}, 2]", "[]", "5", "[1]", '"x"', "{npages = 1}", "[[]]"])
        return f"{_HEAD}grid = {grid}\n"
    head = _HEAD + f"seeds = {_toml(random, check.integer(random))}\n" * (kind == 3)
    return head + "".join(_table(random) for _ in range(random.randrange(4)))


def one(random: Random, folder: Path) -> None:
    """Draw a grid file, load it, and plan its runs."""
    text = _text(random)
    path = folder / random.choice(["grid.toml", "päges.toml", "a b.toml"])
    path.write_text(text, encoding="utf-8", errors="replace")
    found = check.answer(wb.load_grid, path, about=text)
    if found is None:
        return
    assert isinstance(found, GridFile)
    assert all(len(grid) <= MAX_RUNS for grid in found.grids), check.shown(text)
    plan = check.answer(plan_of, found, found.seeds, about=text)
    if plan is None or plan.n > 5000:
        return
    assert plan.n == len(found) * found.seeds, check.shown(text)
    # What a grid makes of its columns is what each of its scenarios makes of its fields.
    at = random.randrange(len(found))
    wanted = found[at].resolved()
    for name, column in plan.columns.items():
        if name in wanted:
            got = column[at * found.seeds if len(column) > 1 else 0]
            assert got == wanted[name], f"{name} {got}, not {wanted[name]}: {check.shown(text)}"
