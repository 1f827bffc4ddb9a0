"""The README: its commands give what it shows, and its numbers are those of data/."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import wpbench as wb
from wpbench.commands.main import parser_of

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN = README.split("## Install and run")[0]
CONSOLES = re.findall(r"```console\n\$ wpbench (.*?)\n(.*?)```", README, flags=re.DOTALL)


def in_order(lines, output):
    """Return the first line that does not follow those before it; ``...`` stands for any number."""
    left = iter(output.splitlines())
    skip = True
    for line in lines:
        if line == "...":
            skip = True
            continue
        found = line in left if skip else next(left, None) == line
        if not found:
            return line
        skip = False
    return None


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [("a\nb", None), ("a\n...\nc", None), ("...\nb\nc", None), ("a\nc", "c"), ("b\na", "a")],
)
def test_the_test_sees_what_is_wrong(shown, wrong):
    assert in_order(shown.splitlines(), "a\nb\nc") == wrong


@pytest.mark.parametrize(
    ("command", "shown"), CONSOLES, ids=[c.split(" --")[0] for c, _ in CONSOLES]
)
def test_command_prints_what_is_shown(command, shown):
    done = subprocess.run(
        [sys.executable, "-m", "wpbench", *shlex.split(command)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert in_order(shown.splitlines(), done.stdout) is None, done.stdout


def test_there_are_five_things_to_do_and_an_output_of_each():
    assert len(CONSOLES) == len(re.findall(r"^\*\*\d\. ", README, flags=re.MULTILINE)) == 5


def test_commands_that_need_root_or_a_terminal_are_taken():
    commands = re.findall(r"`(?:sudo )?wpbench ([^`]+)`", README)
    assert len(commands) >= 4
    for command in commands:
        words = shlex.split(command)
        if "--help" not in words and "TRACE" not in words:
            assert callable(parser_of(words).parse_args(words).do)


def test_make_targets_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make ([a-z]+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/workloads.md"])
def test_python_runs(page):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", block],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    if page == "README.md":
        assert re.search(r"patch1 +512 +\d+ +\d+ +0\.8", done.stdout), done.stdout
    else:  # written on another CPU: patch2 drains its own, empty pagevecs in vain
        assert re.search(r"patch2 +631 +31 +31 +31", done.stdout), done.stdout


def number(pattern):
    """Return the whole numbers of the first place that matches."""
    found = re.search(pattern, " ".join(README.split()))
    assert found, pattern
    return [int(group.replace(",", "")) for group in found.groups()]


def test_measured_programs():
    table = wb.programs.measured()
    sums = table[["wp_faults", "helped", "in_vain"]].sum().to_dict()
    helped, faults = number(r"\*\*([\d,]+) of ([\d,]+)\*\*")
    assert (helped, faults) == (sums["helped"], sums["wp_faults"])
    assert number(r"([\d,]+) drains found pages") == [sums["in_vain"]]
    assert number(r"(\d+) runs counted") == [table.groupby("recipe")["run"].nunique().sum()]
    by_recipe = table.groupby("recipe")[["wp_faults", "helped"]].sum()
    assert number(r"programs, ([\d,]+) to ([\d,]+) faults") == [
        by_recipe["wp_faults"].min(),
        by_recipe["wp_faults"].max(),
    ]
    assert set(by_recipe["helped"]) == {0, 1, 2}


def test_replayed_programs():
    table = wb.programs.replayed()
    measured = table[table["what"] == "measured"]
    recorded = table[(table["what"] == "simulated") & table["kernel"].isin(measured["kernel"])]
    copies = recorded.groupby("drain")["copies"].sum()
    more, faults = number(r"copy ([\d,]+) pages more in ([\d,]+) faults")
    assert more == copies["never"] - copies["if-not-lru"]
    assert faults == measured["wp_faults"].sum()
    assert f"({more / faults:.2%}".replace("%", " %") in README
    assert number(r"\| ([\d,]+) of ([\d,]+) write-protect") == [recorded["agree"].sum(), faults]


def test_the_reproducer_as_measured():
    import pandas as pd

    rows = pd.read_csv(wb.data_dir() / "kernel-measurements" / "reproducer_sync.csv")
    shown = rows[
        (rows["backend"] == "zram")
        & (rows["pattern"] == "read-write")
        & (rows["read_cpu"] == rows["write_cpu"])
        & (rows["fork_exit_before"] == 0)
        & rows["decision"].isin(["patch1", "patch2"])
    ]
    rates = (shown["copies"] / shown["wp_faults"]).groupby(shown["decision"])
    assert rates.min().to_dict() == pytest.approx({"patch1": 0.875, "patch2": 0}, abs=1e-3)
    assert rates.max().to_dict() == {"patch1": 1, "patch2": 0}
    assert number(r"(\d+) rows of ([\d,]+) to ([\d,]+) faults") == [
        len(shown),
        shown["wp_faults"].min(),
        shown["wp_faults"].max(),
    ]


def test_agreement():
    found = tomllib.loads((ROOT / "data" / "agreement.toml").read_text(encoding="utf-8"))
    traces, operations = number(r"(\d+) traces, ([\d,]+) compared operations, 0 mismatches")
    assert found["synchronous"]["compared"].startswith(f"{traces} traces, {operations} compared")
    counted = [found[name]["compared"] for name in ("one-cpu", "other-cpu", "fork-exit")]
    rows = [list(map(int, re.findall(r"^(\d+) of (\d+)", text)[0])) for text in counted]
    assert number(r"(\d+) of (\d+) rows to the fault") == [
        sum(column) for column in zip(*rows, strict=True)
    ]
    late = [found[f"asynchronous-{name}"]["compared"] for name in ("10us", "100us")]
    for text, shown in zip(
        late, re.findall(r"(\d+ of \d+)(?: rows)? at 100? us", README), strict=True
    ):
        assert text.startswith(shown)


def test_the_price_is_the_one_that_is_shown():
    turns, low, high = number(r"fewer than (\d+) % of them \((\d+) to (\d+) %")
    shown = next(out for command, out in CONSOLES if command.startswith("price"))
    drawn = re.search(r"turns at ([\d.]+) \(drawn: ([\d.]+) to\s+([\d.]+)\)", shown)
    assert [round(100 * float(x)) for x in drawn.groups()] == [turns, low, high]


def test_the_first_screen_has_the_answer_and_how_to_check_it():
    assert len(FIRST_SCREEN.splitlines()) <= 40
    assert len(re.findall(r"!\[", README)) == 1
    for word in ("*Measured*", "*Simulated*", "**Check it.**", "make run", "docs/img/answer.svg"):
        assert word in FIRST_SCREEN
