"""docs/sweeps.md runs as it stands there; the figures of docs/img are drawn anew and compared."""

import re
import runpy
import shutil
from pathlib import Path

import pytest
from figures import IMG, agreement, answer, central, frontier

import wpbench as wb
from wpbench.commands.main import main

pytestmark = pytest.mark.unwatched  # long sweeps and drawings: tests of theirs run the same lines
ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
# What needs several machines; tests/test_sweep_dask.py does the same on one.
ELSEWHERE = ("dask scheduler", "dask worker", "tcp://host")


def commands():
    found = re.findall(r"^    ((?:wpbench|dask) .*?) *(?:#.*)?$", TEXT, flags=re.MULTILINE)
    assert len(found) >= 7
    return [command for command in found if not any(word in command for word in ELSEWHERE)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder with the grid of the page as my.toml, and as a file called cpus, smaller.

    A file goes before a shipped grid of its name, which would take a minute.
    """
    made = tmp_path_factory.mktemp("docs")
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
    (made / "my.toml").write_text(block)
    (made / "out").mkdir()
    (made / "cpus").write_text(block.replace("rounds = 5", "rounds = 2"))
    return made


def test_the_grid_of_the_page(folder):
    grid = wb.load_grid(folder / "my.toml")
    assert len(grid) == 2 * 2 * 3 * 2 + 3 * 2
    assert grid.seeds == 5
    assert {s.threads for s in grid} == {2, 8}


@pytest.mark.parametrize("command", commands())
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_command(folder, command, monkeypatch, capsys):
    if "notebook" in command:
        pytest.skip("tests/test_notebook_sweep.py runs it")
    if "--dask" in command:
        pytest.importorskip("distributed", reason="needs the extra `cluster`")
        shutil.rmtree(folder / "out" / "cpus", ignore_errors=True)  # so that there is work to do
    monkeypatch.chdir(folder)
    program, *words = command.split()
    assert program == "wpbench"
    done = main(words)
    said = capsys.readouterr()
    assert done == 0, said.err
    expected = "runs, " if "--dry-run" in command else "off" if "--table" in command else ""
    assert expected in said.out
    if "--dask local" in command:
        grid = wb.load_grid(folder / "cpus")
        rows = len(grid) * grid.seeds
        assert said.out == f"{grid.title}: {rows} rows, 0 failed, in out/cpus\n"


def test_python(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    for block in blocks:
        compile(block, "sweeps.md", "exec")
    (block,) = (block for block in blocks if "format_answer" in block)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "block.py").write_text(block)
    runpy.run_path("block.py", run_name="__main__")
    assert "reproducer, migration_rate 0.1" in capsys.readouterr().out
    assert (tmp_path / "out" / "two-cpus-rates.svg").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "page"),
    [
        (answer, "README.md"),
        (agreement, "docs/agreement.md"),
        (central, "docs/sweeps.md"),
        (frontier, "docs/price.md"),
    ],
)
def test_figures(tmp_path, draw, page):
    """Made anew they are the committed ones; if not, `python tests/figures.py`, and look."""
    new = draw(tmp_path)
    assert _rounded(new) == _rounded(IMG / new.name)
    assert f"img/{new.name})" in (ROOT / page).read_text(encoding="utf-8")
    assert new.stat().st_size < 150_000


def _rounded(path):
    """Return an SVG with coordinates to a tenth of a point."""
    return re.sub(r"\d+\.\d+", lambda n: f"{float(n[0]):.1f}", path.read_text(encoding="utf-8"))
