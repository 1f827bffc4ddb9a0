"""Notebook 07, headless: twice the same, other parameters, wrong ones."""

import pandas as pd
import pytest

import wpbench as wb
from wpbench.notebook import run_notebook

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill's
SMALL = {"kernels": "v7.3", "drain": ""}


def run(tmp_path, **parameters):
    return "\n".join(run_notebook("07-programs", tmp_path, SMALL | parameters))


def test_twice_the_same(tmp_path):
    texts = [run(tmp_path / name) for name in "ab"]
    assert texts[0] == texts[1]
    assert max(map(len, texts[0].splitlines())) <= 72
    folders = [tmp_path / name / "07-programs" for name in "ab"]
    for name in ("kernels.svg", "measured.svg", "kernels.csv", "measured.csv", "agreement.csv"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert (folders[0] / "kernels.png").stat().st_size < 100_000
    table = pd.read_parquet(folders[0] / "kernels.parquet")
    assert table.attrs["wpbench"]["command"] == "programs.replay"
    assert table["kernel"].tolist()[2:] == ["v7.3"]
    measured, agree = table["wp_faults"].iloc[0], table["agree"].iloc[1]
    words = " ".join(texts[0].split())
    assert words.startswith(
        "Measured: of 1607624 write-protect faults of 6 programs a drain helped"
    )
    assert f"Measured on {table['kernel'].iloc[0]}: of {measured} write-protect faults" in words
    assert f"does what it did in {agree} of {measured}" in words
    assert "Simulated, v7.3 (drain if-not-lru):" in words


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernels": "v1.0"}, "kernel: 'v1.0' is not accepted"),
        ({"recording": "no-such-file"}, "no-such-file: No such file"),
        ({"recipe": "redsi"}, "recipe: 'redsi' is not accepted"),
    ],
)
def test_wrong_parameters_are_named(tmp_path, parameters, message):
    with pytest.raises(wb.WpbenchError, match=message):
        run(tmp_path, **parameters)
