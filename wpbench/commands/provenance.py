"""``wpbench provenance``: how a figure or a table was made."""

from __future__ import annotations

import argparse
import json


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Print how a file was made, as the file itself records it: an SVG, PNG or Parquet file, "
        "or a CSV file beside one of these."
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print everything, as JSON")
    parser.set_defaults(do=_provenance)


def _provenance(options: argparse.Namespace) -> int:
    from ..figures.record import describe, read_provenance

    found = read_provenance(options.file)
    print(json.dumps(found, indent=1) if options.json else describe(found))
    return 0
