"""``wpbench run``: simulate a scenario or a grid of them."""

from __future__ import annotations

import argparse

from ..bounds import add_max_runs, number_of
from ..output import add_output_options, check_outputs, write_outputs
from .options import add_scenario_options, scenarios_of

SHOWN = (
    "wp_faults",
    "copies",
    "reuses",
    "copy_rate",
    "drains",
    "not_paged_out",
    "pswpin",
    "pswpout",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Simulate.  Every option is a field of Scenario; commas make a grid."
    add_scenario_options(parser)
    parser.add_argument(
        "--seeds", type=number_of("seeds"), default=1, metavar="N", help="replications of each"
    )
    add_max_runs(parser)
    add_output_options(parser)
    parser.set_defaults(do=_run)


def _run(options: argparse.Namespace) -> int:
    scenarios = scenarios_of(options)
    check_outputs(options)
    from ..simulate import lines_of, simulate

    table = simulate(scenarios, seeds=options.seeds, max_runs=options.max_runs)
    if not write_outputs(options, table):
        axes = [name for name in scenarios.axes if len(scenarios.axes[name]) > 1]
        fixed = [name for name in scenarios.axes if name not in axes]
        if options.seeds > 1:
            axes.append("replication")
        if fixed:
            print("simulated:", " ".join(f"{name}={table[name].iloc[0]}" for name in fixed))
        print(table[[*axes, *SHOWN]].to_string(index=False, float_format=lambda x: f"{x:.4f}"))
        for line in lines_of(table.attrs["wpbench"].get("fast_forward", {})):
            print(line)
    return 0
