"""The commands in docs/ run as they stand there; those for another kernel are at least taken."""

import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest

import wpbench as wb
from wpbench.commands.main import main, parser_of

DOCS = Path(__file__).resolve().parents[1] / "docs"
# Of docs/measure.md these need neither root nor a kernel image.
ANYWHERE = ("measure random", "measure environment")


def commands(page):
    """Return the wpbench commands of a page, their shell variables put in."""
    text = (DOCS / page).read_text()
    variables = dict(re.findall(r'^    (\w+)="(.*)"$', text, flags=re.MULTILINE))
    found = re.findall(r"^    (?:sudo )?wpbench (.*?)(?: +#.*)?$", text, flags=re.MULTILINE)
    assert found
    return [re.sub(r"\$(\w+)", lambda m: variables[m[1]], command) for command in found]


@pytest.mark.parametrize("command", [*commands("price.md"), *commands("kernels.md"), *ANYWHERE])
def test_command(command, capsys):
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", ["litmus.md", "differ.md"])
def test_the_first_command_prints_what_is_shown(page, capsys):
    """Each block of text below it is in its output."""
    text = (DOCS / page).read_text()
    before = text.split("In Python")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", before, flags=re.MULTILINE)
    first, *shown = [re.sub("^    ", "", block, flags=re.MULTILINE).strip() for block in blocks]
    command = first.splitlines()[0].split("#")[0].removeprefix("wpbench ")
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    assert shown
    for block in shown:
        for part in re.split(r"\n\n+", block):
            assert part in printed


def test_the_examples_of_kernels(tmp_path):
    text = (DOCS / "kernels.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (toml,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "example.py").write_text(code)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert names["table"]["copies"].tolist() == [0, 0, 8, 61]
    assert names["found"]["verdict"].tolist() == ["too few runs"] * 2
    fields = tomllib.loads(toml)["grid"][0]
    assert list(wb.grid(**fields)) == list(names["grid"])


def test_what_runs_anywhere_is_on_the_page():
    assert set(ANYWHERE) < set(commands("measure.md"))


@pytest.mark.parametrize("command", commands("measure.md"))
def test_command_is_taken(command):
    words = shlex.split(command)
    assert callable(parser_of(words).parse_args(words).do)
