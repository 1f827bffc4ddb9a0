"""Notebooks run headless."""

from pathlib import Path

import pandas as pd
import pytest
from books import run_here

import wpbench as wb
from wpbench.notebook import run_notebook

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"published_rounds": 50, "rounds": 2}


def run(tmp_path, run=run_here, **parameters):
    return "\n".join(run("01-reproducer", tmp_path, SMALL | parameters))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter_client's and papermill's own
class TestReproducer:
    def test_default(self, tmp_path):
        text = run(tmp_path)
        assert text.startswith("Yes, to the fault, in 258 of 295 rows of the kernel's table.")
        assert "37 of 295 rows differ" in text
        folder = tmp_path / "01-reproducer"
        agreement = pd.read_parquet(folder / "agreement.parquet")
        assert len(agreement) == 295
        assert agreement.attrs["wpbench"]["command"] == "measure.compare"
        assert (folder / "copy-rate.png").stat().st_size < 100_000
        assert len(pd.read_csv(folder / "published-form.csv")) == 4
        assert max(len(line) for line in text.splitlines()) <= 72
        assert text.isascii()

    def test_other_parameters_twice_the_same(self, tmp_path):
        more = {"order": "read-all-write-all", "backend": "brd"}
        runs = {"a": run_notebook, "b": run_here}
        texts = [run(tmp_path / name, how, **more) for name, how in runs.items()]
        assert texts[0] == texts[1]
        files = [tmp_path / name / "01-reproducer" / "copy-rate.svg" for name in "ab"]
        assert files[0].read_bytes() == files[1].read_bytes()

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"order": "read-wrote"}, "ScenarioError: order: 'read-wrote' .*did you mean"),
            ({"backend": "nvme"}, "nothing was measured on 'nvme'"),
            ({"orders": "read-write"}, "parameter of 01-reproducer: 'orders'.*'order'"),
        ],
    )
    def test_bad_parameter(self, tmp_path, parameters, message):
        with pytest.raises(wb.WpbenchError, match=message):
            run(tmp_path, **parameters)
