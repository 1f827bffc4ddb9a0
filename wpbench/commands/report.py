"""``wpbench report``, ``compare``, ``provenance`` and ``rerun``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..bounds import MAX_RERUN_HOURS, add_max_runs, number_of
from ..errors import TableError
from ..output import check_file, check_folder


def add_parsers(commands: Any) -> None:
    """Add the commands to ``argparse``'s."""
    _add_report(commands)
    _add_compare(commands)
    provenance = commands.add_parser(
        "provenance",
        help="how a figure or a table was made",
        description="Print what an SVG, PNG or Parquet file, or a CSV file beside one of these, "
        "says of how it was made.",
    )
    provenance.add_argument("file", metavar="FILE")
    provenance.add_argument("--json", action="store_true", help="all of it")
    provenance.set_defaults(do=_provenance)
    rerun = commands.add_parser(
        "rerun",
        help="make a figure or a table again and compare",
        description="Make a file again in a temporary folder and say whether it is the same to "
        "the byte.  Exit status 1 where it is not.",
    )
    rerun.add_argument("file", metavar="FILE")
    rerun.add_argument("--json", action="store_true")
    rerun.add_argument(
        "--max-hours",
        type=number_of("max_hours"),
        default=MAX_RERUN_HOURS,
        metavar="H",
        help="a file that would take longer is refused; default: %(default)s",
    )
    add_max_runs(rerun)
    rerun.set_defaults(do=_rerun)


def _add_report(commands: Any) -> None:
    parser = commands.add_parser(
        "report",
        help="a report for a mailing list: plain text, figures, a mail",
        description="Print a report of 72 columns of ASCII.",
    )
    parser.add_argument(
        "table", metavar="TABLE", help="a grid (file or shipped), a store, or a Parquet or CSV file"
    )
    parser.add_argument("--question", metavar="Q", help="what it answers; default: the grid's")
    parser.add_argument("--title", metavar="T", help="default: the grid's")
    parser.add_argument("--seeds", type=number_of("seeds"), metavar="N", help="default: the grid's")
    parser.add_argument("--column", default="kernel", metavar="C", help="what is compared")
    parser.add_argument("--base", default="patch1", metavar="V", help="off; default: %(default)s")
    parser.add_argument("--other", default="patch2", metavar="V", help="on; default: %(default)s")
    parser.add_argument("--value", default="copy_rate", metavar="C", help="default: %(default)s")
    parser.add_argument(
        "--where", action="append", default=[], metavar="C=V[,V]", help="rows to take"
    )
    parser.add_argument(
        "--most", type=number_of("most"), metavar="N", help="scenarios listed at most"
    )
    parser.add_argument("--figures", metavar="DIR", help="draw figures there")
    parser.add_argument("--mbox", metavar="FILE", help="write a mail for git send-email instead")
    parser.add_argument("--subject", metavar="S", help="default: the title")
    parser.add_argument("--to", action="append", default=[], metavar="ADDRESS")
    parser.add_argument("--cc", action="append", default=[], metavar="ADDRESS")
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", help="default: Git's user")
    parser.add_argument("--date", metavar="DATE", help="default: SOURCE_DATE_EPOCH, or none")
    parser.add_argument("--in-reply-to", metavar="ID", help="message id of the mail answered")
    parser.set_defaults(do=_report)


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser(
        "compare",
        help="two tables, scenario by scenario",
        description="Compare two stores, Parquet or CSV files, simulated or measured.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--by", metavar="C[,C]", help="what makes a scenario")
    parser.add_argument("--value", default="copy_rate", metavar="C", help="default: %(default)s")
    parser.add_argument(
        "--base-column",
        metavar="C",
        help="of A take the rows with the value --base in this column, of B those with --other",
    )
    parser.add_argument("--base", metavar="V")
    parser.add_argument("--other", metavar="V")
    parser.add_argument("--unpaired", action="store_true", help="hold every run against every one")
    parser.add_argument("--test", default="rank", metavar="rank|t")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(do=_compare)


def _where(pairs: list[str]) -> dict[str, list[Any]]:
    found = {}
    for pair in pairs:
        name, equals, values = pair.partition("=")
        if not equals or not name or not values:
            raise TableError(f"--where: {pair!r} is not COLUMN=VALUE[,VALUE]")
        # A grid file's case is a text, commas and all.
        found[name] = [values] if name == "case" else [_value(text) for text in values.split(",")]
    return found


def _value(text: str) -> Any:
    """Return a number where it is one, true or false, or the text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _report(options: argparse.Namespace) -> int:
    check_file(options.mbox)
    check_folder(options.figures)
    from ..report.report import MOST, report

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


def _compare(options: argparse.Namespace) -> int:
    from ..report.two_tables import compare_tables, kinds_text
    from ..text import format_comparison

    by = options.by.split(",") if options.by else None
    sides = None
    if options.base_column is not None:
        if options.base is None or options.other is None:
            raise TableError("--base-column: needs --base and --other, its value in A and in B")
        sides = (options.base_column, _value(options.base), _value(options.other))
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


def _provenance(options: argparse.Namespace) -> int:
    from ..figures.record import describe
    from ..plots import read_provenance

    found = read_provenance(options.file)
    print(json.dumps(found, indent=1) if options.json else describe(found))
    return 0


def _rerun(options: argparse.Namespace) -> int:
    from ..figures import rerun

    found = rerun(options.file, max_hours=options.max_hours, max_runs=options.max_runs)
    print(json.dumps(found.as_dict(), indent=1) if options.json else found)
    return 0 if found.identical else 1
