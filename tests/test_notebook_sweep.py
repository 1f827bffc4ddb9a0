"""Notebook 03 headless: the central table of any grid."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import wpbench as wb
from wpbench.notebook import run_notebook

ROOT = Path(__file__).resolve().parents[1]
SMALL = """
title = "Small"
question = "q"
[[grid]]
kernel = ["patch1", "patch2"]
backend = ["zram", "null_blk"]
npages = [1, 8, 16]
rounds = 2
"""

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # jupyter_client's and papermill's
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def run(out, **parameters):
    return "\n".join(run_notebook("03-sweep", out, parameters))


@pytest.fixture
def small(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def test_another_grid_twice_the_same_and_resumed(tmp_path, small):
    store = tmp_path / "store"
    texts = [run(tmp_path / name, grid=str(small), store=str(store)) for name in "ab"]
    assert texts[0] == texts[1]
    words = " ".join(texts[0].split())
    assert "zram 100 -> 0~ 88 -> 0~ 88 -> 0~" in words  # one run each
    assert words.startswith("simulated, per 100 writes of the same program, where it is most: the")
    assert max(map(len, texts[0].splitlines())) <= 72
    for name in (
        "rates.svg",
        "rates.csv",
        "rates.parquet",
        "off-on.csv",
        "off-on.parquet",
        "central.txt",
    ):
        first, second = ((tmp_path / a / "03-sweep" / name).read_bytes() for a in "ab")
        assert first == second, name
    assert len(list(store.glob("model=*/part-*"))) == 1  # nothing was done twice


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"grid": "cpu"}, "cell 4: ScenarioError: there is no file cpu; shipped grids: .* cpus"),
        ({"max_cpus": "few"}, "cell 4: ScenarioError: max_cpus: 'few' is not accepted"),
    ],
)
def test_bad_parameter(tmp_path, parameters, message):
    with pytest.raises(wb.WpbenchError, match=message):
        run(tmp_path, **parameters)
    assert not (tmp_path / "03-sweep").exists()


def papermill(out, *more):
    command = [sys.executable, "-m", "papermill", "notebooks/03-sweep.ipynb", str(out / "x.ipynb")]
    return subprocess.run(
        [*command, *more, "-p", "out", str(out / "tables")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_papermill_itself(tmp_path):
    """As the README says, from the project's top; fewer CPUs, or it would take a minute."""
    more = ["-p", "max_cpus", "2", "-p", "seeds", "1"]
    done = papermill(tmp_path, "-p", "grid", "data/grids/cpus.toml", *more)
    assert done.returncode == 0, done.stderr
    assert "Executing" in done.stderr  # its own bar
    book = json.loads((tmp_path / "x.ipynb").read_text())
    outputs = [output for cell in book["cells"] for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert "widget-view" not in json.dumps(outputs)
    text = "\n".join("".join(output.get("data", {}).get("text/plain", "")) for output in outputs)
    assert "490 of 490 runs" in text  # the sweep's bar, as text
    assert max(map(len, text.splitlines())) <= 72
    assert "Scenarios: 490; runs of each: 1." in text
    assert re.search(r"^cpus +1 +2$", text, re.MULTILINE)
    assert "reproducer, migration_rate 0.01" in text
    rates = pd.read_parquet(tmp_path / "tables" / "rates.parquet")
    assert len(rates) == len(pd.read_csv(tmp_path / "tables" / "rates.csv")) == 490
    assert rates.attrs["wpbench"]["command"] == "sweep"
    both = pd.read_parquet(tmp_path / "tables" / "off-on.parquet")
    alone = both[(both.backend == "zram") & (both.cpus == 1)]
    assert (alone["other"] == 0).all()
    assert (both["verdict"] == "lower").sum() == 0  # one run each: none has an interval
    assert "copies saved" not in text
    assert re.search(r"^ too few runs +\d", text, re.MULTILINE)
    files = {path.suffix for path in (tmp_path / "tables").glob("rates.*")}
    assert files == {".csv", ".parquet", ".svg", ".png"}
    assert len(wb.read_store(tmp_path / "tables" / "store")) == 490


def test_papermill_fails_where_a_cell_does(tmp_path):
    done = papermill(tmp_path, "-p", "grid", "data/grids/nowhere.toml")
    assert done.returncode != 0
    assert "data/grids/nowhere.toml" in done.stderr
