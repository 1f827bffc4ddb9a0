"""``wpbench price``: savings and costs of the patch, over the ranges of the costs."""

from __future__ import annotations

import argparse

from ..bounds import add_max_runs, number_of
from ..output import add_output_options, check_outputs, write_outputs
from ..scenario.kernels import OFF, ON
from .options import add_scenario_options, scenarios_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Simulate each scenario with patch off and on, with the costs of a set and "
        "with costs drawn from its ranges."
    )
    add_scenario_options(parser, without=("kernel",))
    parser.add_argument("--off", default=OFF, metavar="KERNEL", help="default: %(default)s")
    parser.add_argument("--on", default=ON, metavar="KERNEL", help="default: %(default)s")
    parser.add_argument(
        "--seeds", type=number_of("seeds"), default=1, metavar="N", help="replications"
    )
    parser.add_argument(
        "--draws",
        type=number_of("draws"),
        default=16,
        metavar="N",
        help="first number of draws of the costs: 2, 4, ...; default: %(default)s",
    )
    parser.add_argument(
        "--most-draws",
        type=number_of("draws"),
        default=128,
        metavar="N",
        help="double the draws up to here, until the verdict is stable; default: %(default)s",
    )
    parser.add_argument(
        "--per", default="access", help="access, round or program; default: %(default)s"
    )
    add_max_runs(parser)
    parser.add_argument("--measure", default="write", help="write or cpu; default: %(default)s")
    add_output_options(parser)
    parser.set_defaults(do=_price)


def _price(options: argparse.Namespace) -> int:
    scenarios = scenarios_of(options)
    check_outputs(options)
    from ..price.answer import check_measure
    from ..price.difference import price

    check_measure(options.measure)
    found = price(
        scenarios,
        off=options.off,
        on=options.on,
        seeds=options.seeds,
        per=options.per,
        draws=options.draws,
        most_draws=options.most_draws,
        max_runs=options.max_runs,
    )
    said = found.answer(measure=options.measure)
    if not write_outputs(options, found.table):
        print(found)
        print()
        print(said)
    return 0
