"""Command lines: options with hostile values, files that are none, commands in pieces."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

from wpbench.scenario import Scenario

from . import check, scenarios

_SMALL = ["--npages", "3", "--rounds", "2"]
_NUMBERS = {
    "run": ["--seeds", "--max-runs"],
    "explain": ["--fault", "--replication", "--row", "--trace-pmd-offset", "--max-mb"],
    "price": ["--seeds", "--draws", "--most-draws", "--max-runs"],
    "replay": ["--pmd-offset", "--max-mb"],
    "sweep": ["--seeds", "--workers", "--max-hours", "--max-runs"],
    "rerun": ["--max-hours", "--max-runs"],
    "report": ["--seeds", "--most"],
}
_FILES = ["no-such-file", ".", "/dev/null", "x.toml", "x.csv", "x.parquet", "x.svg", "x.png", ""]
_BOOLEANS = ["--json"]
# What is accepted and takes long, or gigabytes, is no failure: of these numbers none lies between.
_MUCH = {
    "--npages": (64, 1 << 26),
    "--rounds": (64, 10**12),
    "--threads": (64, 4096),
    "--spinner-threads": (64, 4096),
    "--lruvecs": (64, 4096),
    "--background-insertions": (1, 100),
    "--background-drains": (1, 100),
    "--seeds": (100, 10**6),
    "--draws": (64, 10**6),
    "--most-draws": (64, 10**6),
    "--max-runs": (1, 10**9),
}


def _value(random: Random, name: str) -> str:
    if random.random() < 0.5:
        return check.word(random)
    values = [str(scenarios.fitting(random, name)) for _ in range(random.randrange(1, 3))]
    return ",".join(values)


def _little(line: list[str]) -> list[str]:
    """Return a line without numbers that only take long."""
    made = line[:1]
    for option, word in itertools.pairwise(line):
        few, many = _MUCH.get(option, (0, 0))
        values = word.split(",")
        for i, value in enumerate(values):
            try:
                number = float(value) if "." in value else int(value, 0)
            except (ValueError, OverflowError):
                continue
            if few < number <= many:
                values[i] = str(few)
        made.append(",".join(values) if many else word)
    return made


def _line(random: Random) -> list[str]:
    command = random.choice([*_NUMBERS, "backends", "provenance", "compare", "notebook", "measure"])
    line = [command]
    if command in ("run", "explain", "price"):
        line += _SMALL
        for name in random.sample([*Scenario.model_fields], random.choice([0, 1, 1, 2])):
            line += [f"--{name.replace('_', '-')}", _value(random, name)]
    if command == "explain":
        line += ["--fault", str(random.randrange(10))]
    if command in ("replay", "sweep", "rerun", "report", "provenance", "notebook", "measure"):
        line.append(random.choice([*_FILES, check.word(random)]))
    if command == "compare":
        line += [random.choice(_FILES), random.choice(_FILES)]
    if command == "sweep":
        line += ["--dry-run", "--store", random.choice(["store", *_FILES])]
    if command in _NUMBERS and random.random() < 0.6:
        number = random.choice(_NUMBERS[command])
        line += [number, random.choice([check.word(random), str(random.randrange(-1, 5))])]
    if random.random() < 0.2:
        line.insert(random.randrange(len(line) + 1), check.word(random))
    if random.random() < 0.2:
        del line[random.randrange(len(line))]
    if random.random() < 0.2:
        line.append(random.choice(_BOOLEANS))
    return line


def one(random: Random, folder: Path) -> None:
    """Draw a command line, and run it in a folder with files that are not what they seem."""
    for name in _FILES:
        if name.startswith("x."):
            (folder / name).write_text(check.word(random) * random.randrange(3), "utf-8", "replace")
    line = _line(random)
    # As a shell's argument each is free of NUL.
    check.command([word.replace("\x00", "") for word in _little(line)])
