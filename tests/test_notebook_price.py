"""Notebook 02, headless: default form made small, other parameters, wrong ones."""

import re

import pandas as pd
import pytest

import wpbench as wb
from wpbench.notebook import run_notebook

SMALL = {
    "backends": "zram",
    "cpus": "2,4",
    "migration_rates": "0,1",
    "npages": 8,
    "rounds": 2,
    "seeds": 1,
    "draws": 4,
    "published": False,
}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill's


def run(tmp_path, **parameters):
    return "\n".join(run_notebook("02-price", tmp_path, SMALL | parameters))


def test_twice_the_same(tmp_path):
    texts = [run(tmp_path / name) for name in "ab"]
    assert texts[0] == texts[1]
    assert max(map(len, texts[0].splitlines())) <= 72
    folders = [tmp_path / name / "02-price" for name in "ab"]
    for name in ("frontier-zram.svg", "price.csv", "budget.csv", "frontier-zram.csv"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert (folders[0] / "frontier-zram.png").stat().st_size < 100_000
    table = pd.read_parquet(folders[0] / "price.parquet")
    assert table.attrs["wpbench"]["command"] == "price"
    saved = (table["difference"] < 0).sum()
    words = " ".join(texts[0].split())
    assert re.search(rf"the patch saves .* in {saved} of {len(table)} scenarios", words)
    alternatives = pd.read_csv(folders[0] / "alternatives.csv")
    assert set(alternatives["drain"]) == {
        "if-not-lru", "always", "lru-add-only", "this-page", "all-cpus"
    }  # fmt: skip
    assert "impossible under the page-table lock" in words


def test_other_parameters(tmp_path):
    more = {"costs": "haswell-kvm", "measure": "cpu", "cpus": "2", "backends": "nvme,zram"}
    text = run(tmp_path, **more)
    assert "of all CPUs, for whatever they did" in " ".join(text.split())
    table = pd.read_csv(tmp_path / "02-price" / "price.csv")
    assert set(table["backend"]) == {"nvme", "zram"}
    assert set(table["measure"]) == {"cpu"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"backends": "zrm"}, "backend: 'zrm' is not accepted .did you mean 'zram"),
        ({"cpus": "two"}, "cpus: 'two' is not a whole number"),
        ({"draws": 5}, "draws: 5 is not accepted; accepted: a power of two"),
        ({"measure": "wall"}, "measure: 'wall' is not accepted; accepted: write, cpu"),
    ],
)
def test_wrong_parameters(tmp_path, parameters, message):
    with pytest.raises(wb.WpbenchError, match=f"cell 3: ScenarioError: {message}"):
        run(tmp_path, **parameters)
