"""Notebooks run headless, and the README's examples as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import wpbench as wb
from wpbench.notebook import run_notebook

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"published_rounds": 50, "rounds": 2}


def run(tmp_path, **parameters):
    # papermill's kernel warns of TCP on stderr; nothing of it comes through this process.
    return "\n".join(run_notebook("01-reproducer", tmp_path, SMALL | parameters))


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
        texts = [run(tmp_path / name, **more) for name in "ab"]
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


def test_readme_examples_run():
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 2
    outputs = [
        subprocess.run(
            [sys.executable, "-c", block], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
        for block in blocks
    ]
    assert "0 mismatches" in outputs[0]
    assert "pagevec_local" in outputs[0]
    # Written on another CPU: patch2 drains its own, empty pagevecs in vain.
    assert re.search(r"patch2 +631 +31 +31 +31", outputs[1]), outputs[1]


def test_readme_commands_run(tmp_path):
    """Where there is data/, and the cost set that `sudo wpbench measure costs` would write."""
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^    wpbench (.*)$", text, flags=re.MULTILINE)
    assert {command.split()[0] for command in commands} >= {"run", "explain", "replay", "backends"}
    (tmp_path / "data").symlink_to(ROOT / "data")
    sets = (ROOT / "data" / "costs.toml").read_text()
    own = sets[sets.index("[epyc-guest]\n") :].split("\n\n[")[0]
    (tmp_path / "my.toml").write_text(f"{own}\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in commands:
        words = [sys.executable, "-m", "wpbench", *command.split()]
        done = subprocess.run(
            words, env=env, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
