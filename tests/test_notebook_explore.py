"""Notebook 00 headless: default, other and bad parameters."""

import json
from pathlib import Path

import pandas as pd
import pytest
from books import run_here

import wpbench as wb
from wpbench.notebook import run_notebook
from wpbench.widgets import PRESETS, State, presets_answer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter_client's own
ROOT = Path(__file__).resolve().parents[1]
FILES = ("presets.csv", "presets.parquet", "presets.svg", "presets.png")


def run(folder, run=run_here, **parameters):
    return "\n".join(run("00-explore", folder, parameters))


def test_default(tmp_path):
    text = run(tmp_path)
    table = pd.read_parquet(tmp_path / "00-explore" / "presets.parquet")
    assert table["preset"].tolist() == [name for name in PRESETS for _ in range(2)]
    assert table.attrs["wpbench"]["command"] == "simulate"
    for name, rows in table.groupby("preset"):
        state = State.preset(name)
        expected = wb.simulate([state.off, state.on])
        assert rows["copies"].tolist() == expected["copies"].tolist()
    assert presets_answer(table, "reproducer on zram") in text
    assert "reproducer on zram: 140 of 160 faults copy with the patch off" in text
    assert max(len(line) for line in text.splitlines()) <= 78
    assert text.isascii()


def test_no_cell_is_long():
    book = json.loads((ROOT / "notebooks" / "00-explore.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert max(len(cell["source"]) for cell in cells) <= 12


def test_another_preset_twice_the_same(tmp_path):
    runs = {"a": run_notebook, "b": run_here}
    texts = [run(tmp_path / name, how, preset="memcached") for name, how in runs.items()]
    assert texts[0] == texts[1]
    assert "\nmemcached: " in texts[0]
    for file in FILES:
        a, b = ((tmp_path / name / "00-explore" / file).read_bytes() for name in "ab")
        assert a == b, file


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"preset": "redis"}, r"cell 3: ScenarioError: preset: 'redis' .*reproducer on zram"),
        ({"preset": 3}, "cell 3: ScenarioError: preset: 3 is not accepted"),
        ({"presets": "memcached"}, "parameter of 00-explore: 'presets'.*'preset'"),
    ],
)
def test_bad_parameter(tmp_path, parameters, message):
    with pytest.raises(wb.WpbenchError, match=message):
        run(tmp_path, **parameters)
