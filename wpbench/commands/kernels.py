"""``wpbench kernels``: the rows of rules, and the differences between two of them."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..errors import ScenarioError
from ..scenario.kernels import Kernel, kernel, rows
from ..scenario.rules import RULES, value_text
from ..text.layout import broken


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "List the kernels of data/kernels.toml, the rules of some, or with --diff the rules "
        "that differ between two.  A name is a release from v5.8 on, also as uname prints it."
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument(
        "--diff", action="store_true", help="only the rules that differ between two kernels"
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(do=_kernels)


def _kernels(options: argparse.Namespace) -> int:
    if options.diff and len(options.names) != 2:
        raise ScenarioError(f"--diff: {len(options.names)} names; accepted: two kernels")
    found = {name: kernel(name) for name in options.names or rows()}
    names = changed(*map(kernel, options.names)) if options.diff else list(RULES)
    if options.json:
        print(json.dumps([as_dict(name, row, names) for name, row in found.items()], indent=1))
    elif options.diff:
        print(difference(found, names))
    elif options.names:
        print("\n\n".join(described(name, row) for name, row in found.items()))
    else:
        for name, row in found.items():
            start = f"from {row.start}" if row.start else ""
            print(f"{name:14}{start:12} {row.note}")
    return 0


def changed(one: Kernel, other: Kernel) -> list[str]:
    """Return the rules in which two kernels differ."""
    return [name for name in RULES if one.facts[name].value != other.facts[name].value]


def as_dict(name: str, row: Kernel, names: list[str]) -> dict[str, Any]:
    """Return what ``--json`` prints of a kernel."""
    rules = {
        rule: {
            "value": fact.value,
            "source": fact.source,
            "confidence": fact.confidence,
            "since": fact.since,
        }
        for rule, fact in row.facts.items()
        if rule in names
    }
    return {
        "kernel": name,
        "row": row.name,
        "from": row.start,
        "note": row.note,
        "rules": rules,
    }


def _title(name: str, row: Kernel) -> str:
    held = "" if name == row.name else f" (the rules of {row.name})"
    return f"{name}{held}: {row.note}"


def described(name: str, row: Kernel) -> str:
    """Return every rule of a kernel, with its source."""
    lines = [_title(name, row)]
    for rule, fact in row.facts.items():
        lines.append(f"  {rule:26} {value_text(fact.value):18} since {fact.since}")
        lines += _indented(f"{fact.source} ({fact.confidence})")
    return "\n".join(lines)


def difference(found: dict[str, Kernel], names: list[str]) -> str:
    """Return the rules in which two kernels differ, both values, and what is known of each."""
    lines = [_title(name, row) for name, row in found.items()]
    if not names:
        return "\n".join([*lines, "", "no rule differs"])
    for rule in names:
        values = [value_text(row.facts[rule].value) for row in found.values()]
        lines += ["", f"{rule}: {' -> '.join(values)}"]
        lines += _indented(RULES[rule].meaning)
        for name, row in found.items():
            fact = row.facts[rule]
            lines += _indented(f"{name}: {fact.source} ({fact.confidence})")
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return broken(text, first="    ", rest="      ")
