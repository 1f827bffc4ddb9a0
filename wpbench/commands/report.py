"""``wpbench report``: plain text, figures and a mail for a list."""

from __future__ import annotations

import argparse
from typing import Any

from ..bounds import number_of
from ..errors import TableError
from ..output import check_file, check_folder
from .arguments import value_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Print a report of 72 columns of ASCII."
    parser.add_argument(
        "table", metavar="TABLE", help="a grid (file or shipped), a store, or a Parquet or CSV file"
    )
    parser.add_argument("--question", metavar="Q", help="the question; default: the grid's")
    parser.add_argument("--title", metavar="T", help="default: the grid's")
    parser.add_argument("--seeds", type=number_of("seeds"), metavar="N", help="default: the grid's")
    parser.add_argument(
        "--column", default="kernel", metavar="C", help="the column that is compared"
    )
    parser.add_argument("--base", default="patch1", metavar="V", help="off; default: %(default)s")
    parser.add_argument("--other", default="patch2", metavar="V", help="on; default: %(default)s")
    parser.add_argument("--value", default="copy_rate", metavar="C", help="default: %(default)s")
    parser.add_argument(
        "--where", action="append", default=[], metavar="C=V[,V]", help="take these rows only"
    )
    parser.add_argument(
        "--most", type=number_of("most"), metavar="N", help="number of scenarios listed"
    )
    parser.add_argument("--figures", metavar="DIR", help="draw figures there")
    parser.add_argument("--mbox", metavar="FILE", help="write a mail for git send-email instead")
    parser.add_argument("--subject", metavar="S", help="default: the title")
    parser.add_argument("--to", action="append", default=[], metavar="ADDRESS")
    parser.add_argument("--cc", action="append", default=[], metavar="ADDRESS")
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", help="default: Git's user")
    parser.add_argument("--date", metavar="DATE", help="default: SOURCE_DATE_EPOCH, or none")
    parser.add_argument(
        "--in-reply-to", metavar="ID", help="message id of the mail that is answered"
    )
    parser.set_defaults(do=_report)


def _where(pairs: list[str]) -> dict[str, list[Any]]:
    found = {}
    for pair in pairs:
        name, equals, values = pair.partition("=")
        if not equals or not name or not values:
            raise TableError(f"--where: {pair!r} is not COLUMN=VALUE[,VALUE]")
        # A grid file's case is a text, commas and all.
        found[name] = [values] if name == "case" else [value_of(text) for text in values.split(",")]
    return found


def _report(options: argparse.Namespace) -> int:
    check_file(options.mbox)
    check_folder(options.figures)
    from ..report.build import MOST, report

    made = report(
        options.table,
        options.question,
        column=options.column,
        base=options.base,
        other=options.other,
        value=options.value,
        where=_where(options.where),
        title=options.title,
        seeds=options.seeds,
        figures=options.figures,
        most=MOST if options.most is None else options.most,
    )
    if not options.mbox:
        print(made, end="")
        return 0
    made.mbox(
        options.mbox,
        options.subject,
        to=options.to,
        cc=options.cc,
        sender=options.sender,
        date=options.date,
        in_reply_to=options.in_reply_to,
    )
    print(f"{options.mbox}: git send-email {options.mbox}")
    return 0
