"""``wpbench measure costs``: the times of the steps of faults here, as a cost set."""

from __future__ import annotations

import argparse
import json
import sys

from ..errors import MeasureError
from ..output import check_file


def _costs(options: argparse.Namespace) -> int:
    check_file(options.output, MeasureError)
    from ..measure.costs.take import costs

    try:
        found = costs(
            options.zram, swap=options.swap, seconds=options.seconds, predict=options.predict
        )
    except KeyboardInterrupt:
        print("wpbench measure: interrupted; nothing is left behind", file=sys.stderr)
        return 130
    for note in found.notes():
        print(f"wpbench measure: note: {note}", file=sys.stderr)
    if options.output is not None:
        found.write(options.output)
    if options.json:
        print(json.dumps(found.as_dict(), indent=1))
    elif options.output is None or options.predict:
        print(found)
    return 0


def add_kinds(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``costs`` among the kinds of ``measure``."""
    parser = kinds.add_parser(
        "costs",
        help="measure the times of the steps of faults here, as a cost set",
        description="Time patterns of fork and exit whose state is checked, and make a cost set of "
        "them for --costs FILE.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--zram", metavar="SIZE", help="measure swap on a zram device of this size, such as 64M"
    )
    where.add_argument(
        "--swap",
        action="store_true",
        help="measure the swap that is set up: zswap, zram, brd or pmem",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the cost set (TOML)")
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    parser.add_argument(
        "--predict",
        action="store_true",
        help="also run programs, and compare their faults' times with the simulated ones",
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, metavar="N", help="the longest time (20)"
    )
    parser.set_defaults(do=_costs)
