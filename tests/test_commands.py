"""The command line: a verb a file, and nothing is loaded that is not asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from wpbench import commands
from wpbench.commands.main import COMMANDS, main, parser_of

HEAVY = ("numpy", "pydantic", "pandas", "numba", "matplotlib")
# Of each command line the heaviest that it may load; what stands after that in HEAVY it may not.
LIGHT = {
    ("--help",): 0,
    ("--version",): 0,
    ("no-such-verb",): 0,
    ("provenance", "--help"): 0,
    ("notebook", "--help"): 2,
    ("backends",): 2,
    ("replay", "--wrong"): 2,
    ("report", "--help"): 2,
    ("compare", "--help"): 2,
}


def test_each_verb_is_a_file_and_each_file_a_verb_or_shared():
    files = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__"}
    shared = {"main", "arguments", "options", "guest_options"}
    kinds = {name for name in files if name.startswith("measure_")}
    assert files - shared - kinds == set(COMMANDS)


@pytest.mark.parametrize("verb", COMMANDS)
def test_each_verb_says_what_it_takes(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        parser_of([verb]).parse_args([verb, "--help"])
    assert ended.value.code == 0
    assert f"usage: wpbench {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_what_is_not_asked_for_is_not_loaded(words):
    barred = HEAVY[LIGHT[words] :]
    code = (
        "import sys\nfrom wpbench.commands.main import main\n"
        f"try: main({list(words)})\nexcept SystemExit: pass\n"
        f"print([name for name in {barred} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_wrong_verb_is_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sweeep"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "invalid choice: 'sweeep'" in error
