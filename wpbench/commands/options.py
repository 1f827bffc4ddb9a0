"""A Scenario's fields as options of a command; commas make a grid."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ..bounds import FIELDS, MAX_RUNS
from ..errors import ScenarioError, accepted
from ..scenario.grids import Grid, grid
from ..scenario.kernels import rows
from ..scenario.model import Scenario
from ..scenario.rules import DRAINS, OVERRIDABLE, RULES
from ..scenario.values import parse_axis
from ..workloads.catalog import ORDERS, WORKLOADS

_CHOICES: dict[str, Iterable[str]] = {
    "workload": WORKLOADS,
    "drain": DRAINS,
    "order": ORDERS,
}


def add_scenario_options(parser: argparse.ArgumentParser, without: Iterable[str] = ()) -> None:
    """Add an option for each field of a Scenario; ``--rule`` for its rules."""
    for name in Scenario.model_fields:
        if name == "rules":
            add_rule_option(parser)
        elif name == "kernel" and name not in without:
            names = ", ".join(row for row in rows() if not row.startswith("v"))
            known = f"a release from v5.8 on (v6.12, 6.18.44), or {names}"
            parser.add_argument("--kernel", metavar="VALUE[,VALUE...]", help=known)
        elif name not in without:
            text = f"one of {', '.join(_CHOICES[name])}" if name in _CHOICES else None
            text = str(FIELDS[name]) if name in FIELDS else text
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, dest=name, metavar="VALUE[,VALUE...]", help=text)


def add_rule_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--rule``."""
    parser.add_argument(
        "--rule",
        dest="rule",
        action="append",
        default=[],
        metavar="NAME=VALUE[,VALUE...]",
        help="set a rule of the kernel (wpbench kernels lists the rules)",
    )


def rules_of(given: Iterable[str]) -> dict[str, list[Any]]:
    """Return the rules that ``--rule`` was given, each with its values."""
    rules: dict[str, list[Any]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        if not equals or name not in OVERRIDABLE:
            raise ScenarioError(
                accepted("--rule", text, [f"NAME=VALUE, of {', '.join(OVERRIDABLE)}"])
            )
        rules[name] = [RULES[name].parse(name, value) for value in values.split(",")]
    return rules


def scenarios_of(options: argparse.Namespace) -> Grid:
    """Return the grid that the options ask for."""
    axes: dict[str, Any] = {}
    for name in Scenario.model_fields:
        text = getattr(options, name, None)
        if text in Scenario.model_fields:
            axes[name] = text  # as that axis
        elif text is not None:
            axes[name] = parse_axis(name, text)
    rules = rules_of(getattr(options, "rule", []))
    more = {"rules": rules} if rules else {}
    return grid(**axes, **more, max_runs=getattr(options, "max_runs", MAX_RUNS))
