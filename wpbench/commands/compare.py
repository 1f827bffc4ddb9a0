"""``wpbench compare``: two tables, scenario by scenario."""

from __future__ import annotations

import argparse

from ..errors import TableError
from .arguments import value_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Compare two stores, Parquet or CSV files, simulated or measured."
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--by", metavar="C[,C]", help="fields that identify a scenario")
    parser.add_argument("--value", default="copy_rate", metavar="C", help="default: %(default)s")
    parser.add_argument(
        "--base-column",
        metavar="C",
        help="take from A the rows with the value --base in this column, from B those with --other",
    )
    parser.add_argument("--base", metavar="V")
    parser.add_argument("--other", metavar="V")
    parser.add_argument("--unpaired", action="store_true", help="compare every run with every run")
    parser.add_argument("--test", default="t", metavar="t|rank")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(do=_compare)


def _compare(options: argparse.Namespace) -> int:
    from ..report.two_tables import compare_tables, kinds_text
    from ..text import format_comparison

    by = options.by.split(",") if options.by else None
    sides = None
    if options.base_column is not None:
        if options.base is None or options.other is None:
            raise TableError("--base-column: needs --base and --other, its value in A and in B")
        sides = (options.base_column, value_of(options.base), value_of(options.other))
    elif options.base is not None or options.other is not None:
        raise TableError("--base, --other: need --base-column, the column they are values of")
    found = compare_tables(
        options.a,
        options.b,
        options.value,
        by,
        sides=sides,
        paired=not options.unpaired,
        test=options.test,
    )
    if options.json:
        print(found.to_json(orient="records", indent=1))
        return 0
    print(f"A: {options.a}\nB: {options.b}")
    print(format_comparison(found, kind=kinds_text(found)), end="")
    return 0
