"""``wpbench rerun``: a figure or a table made again, and compared."""

from __future__ import annotations

import argparse
import json

from ..bounds import MAX_RERUN_HOURS, add_max_runs, number_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Make a file again in a temporary folder and say whether it is the same to the byte.  "
        "Exit status 1 if it is not."
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--max-hours",
        type=number_of("max_hours"),
        default=MAX_RERUN_HOURS,
        metavar="H",
        help="a file that would take longer is refused; default: %(default)s",
    )
    add_max_runs(parser)
    parser.set_defaults(do=_rerun)


def _rerun(options: argparse.Namespace) -> int:
    from ..figures import rerun

    found = rerun(options.file, max_hours=options.max_hours, max_runs=options.max_runs)
    print(json.dumps(found.as_dict(), indent=1) if options.json else found)
    return 0 if found.identical else 1
