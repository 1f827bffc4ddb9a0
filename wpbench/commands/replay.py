"""``wpbench replay``: recorded programs done again, and compared."""

from __future__ import annotations

import argparse
import json

from ..bounds import number_of
from ..errors import WpbenchError
from .arguments import add_max_mb


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Replay traces.  Exit status 1 on any mismatch, 2 on a file that is not a trace."
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print a list of results")
    parser.add_argument(
        "--pmd-offset",
        type=number_of("pmd_offset"),
        default=0,
        metavar="N",
        help="pages between the start of a page table and page 0, if known",
    )
    add_max_mb(parser)
    parser.set_defaults(do=_replay)


def _replay(options: argparse.Namespace) -> int:
    from ..simulate import replay

    results = []
    failed = None
    for path in options.files:
        try:
            results.append(replay(path, pmd_offset=options.pmd_offset, max_mb=options.max_mb))
        except WpbenchError as error:
            failed = error
            break
        if not options.json:
            print(results[-1], flush=True)
    if options.json:
        print(json.dumps([result.as_dict() for result in results], indent=1))
    if failed is not None:
        raise failed
    return 1 if any(result.mismatches for result in results) else 0
