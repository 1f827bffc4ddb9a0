"""docs/tutorial.md: its commands and its examples run, in its order and in one folder."""

import re
import runpy
from pathlib import Path

import pytest

from wpbench.commands.main import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
WITHOUT_BLOCKS = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
COMMANDS = re.findall(r"^    (.+)$", WITHOUT_BLOCKS, flags=re.MULTILINE)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
(GRID,) = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
# What each command says, besides that it succeeds.
SAYS = {
    "run": r"patch1 +zram +64 +3200 +2800 +400 +0\.8750",
    "explain": r"-> copy \(pagevec_local: it waits in lru_add of this CPU\)",
    "backends": r"null_blk +10000 ns",
    "replay": r"0 mismatches",
    "sweep pages": r"[0-9]+ ",
    "sweep small.toml": r"Copies by pages and CPUs: 48 rows, 0 failed, in out/small",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with what a checkout has and the tutorial names."""
    made = tmp_path_factory.mktemp("tutorial")
    (made / "data").symlink_to(ROOT / "data")
    (made / "small.toml").write_text(GRID)
    return made


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("wpbench ")])
def test_command(folder, command, monkeypatch, capsys):
    words = command.split()[1:]
    (says,) = (text for start, text in SAYS.items() if " ".join(words).startswith(start))
    monkeypatch.chdir(folder)
    done = main(words)
    said = capsys.readouterr()
    assert done == 0, said.err
    assert re.search(says, said.out), said.out


def test_every_command_is_wpbench_or_a_target_of_make():
    """`make run` is notebook 01 (tests/test_notebooks.py), lab and app tests/test_browser.py."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = set(re.findall(r"(?<=`)make ([a-z]+)(?=`)", TEXT))
    for command in COMMANDS:
        program, word = command.split()[:2]
        assert program in ("wpbench", "make")
        named |= {word} if program == "make" else set()
    assert named == {"run", "lab", "app"}
    assert named <= set(targets)
    assert {c.split()[1] for c in COMMANDS if c.startswith("wpbench")} == {
        "run", "explain", "backends", "replay", "sweep",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("block", "says"),
    [(0, r"copy pagevec_local\npte since do_swap_page\(\)\nlru_add since"), (1, r"^$")],
)
def test_example(folder, block, says, monkeypatch, capsys):
    assert len(PYTHON) == 2
    monkeypatch.chdir(folder)
    (folder / "block.py").write_text(PYTHON[block])
    runpy.run_path("block.py", run_name="__main__")
    assert re.search(says, capsys.readouterr().out)
    if block == 1:
        made = sorted(path.name for path in (folder / "out" / "tutorial").iterdir())
        assert made == ["reasons.csv", "reasons.parquet", "reasons.png", "reasons.svg"]


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / target).is_file(), target
