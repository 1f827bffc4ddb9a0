"""Notebook 02, headless: default form made small, other parameters, wrong ones."""

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
    "most_draws": 4,
    "published": False,
}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill's


def run(tmp_path, **parameters):
    return "\n".join(run_notebook("02-price", tmp_path, SMALL | parameters))


def test_default_form(tmp_path):
    text = run(tmp_path)
    assert max(map(len, text.splitlines())) <= 72
    folder = tmp_path / "02-price"
    assert (folder / "frontier-zram.png").stat().st_size < 100_000
    table = pd.read_parquet(folder / "price.parquet")
    assert table.attrs["wpbench"]["command"] == "price"
    words = " ".join(text.split())
    assert f"saves at most {-table['difference'].min():.1f} ns" in words
    account = pd.read_csv(folder / "account.csv").query("kind == 'time'")
    clock = account.groupby("kernel")["ns"].sum() / 10  # of 100 accesses, in us
    assert f"{clock['patch1']:.2f} {clock['patch2']:.2f}" in words.rsplit("the clock", 1)[1]
    assert words.startswith("Simulated time of the writes")  # the answer first
    alternatives = pd.read_csv(folder / "alternatives.csv")
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
        ({"measure": "wall"}, "measure: 'wall' is not accepted; accepted: write, cpu"),
    ],
)
def test_wrong_parameters(tmp_path, parameters, message):
    with pytest.raises(wb.WpbenchError, match=f"cell 4: TableError: {message}"):
        run(tmp_path, **parameters)
