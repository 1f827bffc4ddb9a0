"""``wpbench explain``: one write-protect fault, test by test."""

from __future__ import annotations

import argparse
import json

from ..bounds import number_of
from ..errors import ScenarioError
from .arguments import add_max_mb
from .options import add_scenario_options, scenarios_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Explain a fault of a scenario (--fault, and the options of run), or a fault that was "
        "recorded (--trace and --row)."
    )
    add_scenario_options(parser)
    parser.add_argument(
        "--fault", type=number_of("fault"), metavar="N", help="number of the fault, from 0"
    )
    parser.add_argument("--replication", type=number_of("replication"), default=0, metavar="N")
    parser.add_argument("--trace", metavar="FILE", help="a trace, as for replay")
    parser.add_argument(
        "--row", type=number_of("row"), metavar="N", help="number of the operation, from 0"
    )
    parser.add_argument("--trace-pmd-offset", type=number_of("pmd_offset"), default=0, metavar="N")
    add_max_mb(parser)
    parser.add_argument(
        "--history", action="store_true", help="print every earlier change of the page"
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(do=_explain)


def _explain(options: argparse.Namespace) -> int:
    from ..simulate import explain

    if options.trace is None:
        scenarios = scenarios_of(options)
        if len(scenarios) != 1:
            raise ScenarioError(f"explain takes one scenario, not a grid of {len(scenarios)}")
        found = explain(scenarios[0], options.fault, replication=options.replication)
    else:
        found = explain(
            trace=options.trace,
            row=options.row,
            pmd_offset=options.trace_pmd_offset,
            max_mb=options.max_mb,
        )
    if options.json:
        print(json.dumps(found.as_dict(), indent=1))
        return 0
    if options.history:
        for event in found.history:
            where = "" if event.cpu is None else f"CPU {event.cpu}"
            print(f"{event.t_ns:>12} ns  {where:7} {event.operation}: {event.after}")
        print()
    print(found)
    return 0
