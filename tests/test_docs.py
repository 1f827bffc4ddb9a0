"""The commands in docs/ run as they stand there."""

import re
import shlex
from pathlib import Path

import pytest

from wpbench.cli import main

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = ("price.md",)  # pages of commands that need no more than this machine
COMMANDS = [
    (page, command)
    for page in PAGES
    for command in re.findall(r"^    wpbench (.*)$", (DOCS / page).read_text(), flags=re.MULTILINE)
]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_command(page, command, capsys):
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out.strip()


def test_every_page_has_commands():
    assert {page for page, _ in COMMANDS} == set(PAGES)
