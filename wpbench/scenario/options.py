"""A Scenario's fields as options of a command; commas make a grid."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ..bounds import FIELDS, MAX_RUNS
from ..workloads.catalog import ORDERS, WORKLOADS
from .decisions import DECISIONS, DRAINS
from .grids import Grid, grid
from .model import Scenario
from .text import parse_axis

_CHOICES: dict[str, Iterable[str]] = {
    "workload": WORKLOADS,
    "decision": DECISIONS,
    "drain": DRAINS,
    "order": ORDERS,
}


def add_scenario_options(parser: argparse.ArgumentParser, without: Iterable[str] = ()) -> None:
    """Add an option for each field of a Scenario."""
    for name in Scenario.model_fields:
        if name not in without:
            text = f"one of {', '.join(_CHOICES[name])}" if name in _CHOICES else None
            text = str(FIELDS[name]) if name in FIELDS else text
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, dest=name, metavar="VALUE[,VALUE...]", help=text)


def scenarios_of(options: argparse.Namespace) -> Grid:
    """Return the grid that the options ask for."""
    axes: dict[str, Any] = {}
    for name in Scenario.model_fields:
        text = getattr(options, name, None)
        if text in Scenario.model_fields:
            axes[name] = text  # as that axis
        elif text is not None:
            axes[name] = parse_axis(name, text)
    return grid(**axes, max_runs=getattr(options, "max_runs", MAX_RUNS))
