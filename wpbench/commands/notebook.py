"""``wpbench notebook``: one of the notebooks, headless."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..bounds import number_of
from ..errors import ScenarioError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Run notebooks/NAME.ipynb.  The exit status is not 0 if a cell fails."
    parser.add_argument("name", metavar="NAME")
    parser.add_argument(
        "--out", default="out", metavar="DIR", help="folder of the results; default: %(default)s"
    )
    parser.add_argument("-p", dest="parameter", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--timeout", type=number_of("timeout"), default=600, metavar="SECONDS")
    parser.set_defaults(do=_notebook)


def _notebook(options: argparse.Namespace) -> int:
    from ..notebook import run_notebook

    values = {}
    for pair in options.parameter:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ScenarioError(f"-p: {pair!r} is not NAME=VALUE")
        values[name] = text
    print("\n\n".join(run_notebook(options.name, Path(options.out), values, options.timeout)))
    return 0
