"""backends.toml and costs.toml, edited by somebody in a hurry."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from unittest import mock

import wpbench as wb
from wpbench import data
from wpbench.scenario import columns, longest

from . import check, grids, scenarios

_CACHED = (data.facts, data.backends, data.costs, data._shipped)
_CACHED_BY_OTHERS = (columns._cost_row, longest._steps)


def _forget() -> None:
    for function in (*_CACHED, *_CACHED_BY_OTHERS):
        function.cache_clear()


def _damaged(random: Random, text: str) -> str:
    """Return a file with one thing wrong, or right."""
    lines = text.splitlines()
    facts = [i for i, line in enumerate(lines) if "value =" in line and line[0] != "#"]
    at = random.choice(facts)
    kind = random.randrange(7)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[random.choice(facts)])
    elif kind in (2, 3, 4):
        value = random.choice([scenarios.anything, check.integer, check.number])(random)
        before, _, rest = lines[at].partition("value = ")
        _, comma, more = rest.partition(",")
        lines[at] = f"{before}value = {grids._toml(random, value)}{comma}{more}"
    elif kind == 5:
        where = random.randrange(len(text))
        return text[:where] + check.word(random) + text[where + random.randrange(3) :]
    else:
        lines = [line for line in lines if line != f"[{random.choice(['none', 'icount', 'zram'])}]"]
    return "\n".join(lines) + "\n"


def one(random: Random, folder: Path) -> None:
    """Draw a damaged data file, and simulate with it."""
    for file in data.data_dir().glob("*.toml"):
        shutil.copy(file, folder)
    path = folder / random.choice(["backends.toml", "costs.toml"])
    text = path.read_text(encoding="utf-8")
    damaged = _damaged(random, text)
    path.write_text(damaged, encoding="utf-8", errors="replace")
    different = {*damaged.splitlines()} - {*text.splitlines()}
    about = f"{path.name}: {different or 'without a line or two'}"
    backend = random.choice(["zram", "nvme", "null_blk", "disk", "zswap"])
    fields = {"backend": backend, "costs": random.choice([None, "server", "icount"])}
    with mock.patch.object(data, "data_dir", return_value=folder):
        _forget()
        try:
            table = check.answer(
                lambda: wb.simulate(wb.Scenario(npages=5, rounds=3, cpus=2, **fields)), about=about
            )
        finally:
            _forget()
    if table is not None:
        row = table.iloc[0]
        assert 0 <= row.write_ns <= row.wall_ns < 1 << 62, about
        assert row.wp_faults == row.copies + row.reuses, about
