"""``wpbench litmus``: programs whose outcome tells kernels apart."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ..litmus.outcome import RUNNING, Outcome, table
from .measure_litmus import add_running_options


def _print(found: Sequence[Outcome], *, titles: bool) -> None:
    for i, (file, group) in enumerate(groupby(found, key=lambda outcome: outcome.file)):
        of_kernels = list(group)
        if titles:
            print(("\n" if i else "") + f"{file}:")
        print(table(of_kernels) if len(of_kernels) > 1 else of_kernels[0])


def _run(options: argparse.Namespace) -> int:
    from ..litmus.runs import outcomes

    kernels = [name.strip() for name in options.kernel.split(",")]
    try:
        found = outcomes(options.files, kernels, runs=options.runs, zram=options.zram)
    except KeyboardInterrupt:
        print("wpbench litmus: interrupted; nothing is left behind", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps([outcome.as_dict() for outcome in found], indent=1))
    else:
        _print(found, titles=len(options.files) > 1)
    return 0


def _list(options: argparse.Namespace) -> int:
    from ..litmus.parse import read_program
    from ..litmus.shipped import programs

    comments = {name: read_program(path).comment for name, path in programs().items()}
    if options.json:
        print(json.dumps(comments, indent=1))
        return 0
    for name, comment in comments.items():
        print(f"{name:28} {comment}")
    return 0


def _how_far(length: int, share: float, states: int) -> None:
    said = f"{length} operations: {share:.0%}, {states} states"
    print(f"\r{said:60}", end="", file=sys.stderr, flush=True)


def _differ(options: argparse.Namespace) -> int:
    from ..litmus.machines import parse_rules
    from ..litmus.pair import differ
    from ..litmus.search import OPERATIONS

    among = [name.strip() for name in options.among.split(",")] if options.among else OPERATIONS
    shown = sys.stderr.isatty() and not options.json
    found = differ(
        options.a,
        options.b,
        operations=options.operations,
        pages=options.pages,
        cpus=options.cpus,
        observe=[name.strip() for name in options.observe.split(",")],
        rules_a=parse_rules(options.rule_a),
        rules_b=parse_rules(options.rule_b),
        among=among,
        pagevec=options.pagevec,
        max_states=options.max_states,
        threads=options.threads,
        progress=_how_far if shown else None,
    )
    if shown:
        print(file=sys.stderr)
    print(json.dumps(found.as_dict(), indent=1) if options.json else found)
    return 130 if found.ended == "interrupted" else 0


def _length(text: str) -> int | None:
    if text == "any":
        return None
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted; accepted: a number, any")
    return int(text)


def _add_differ(kinds: Any) -> None:
    parser = kinds.add_parser(
        "differ",
        help="try all programs and print those in which two kernels differ",
        description="Try every program of up to N operations on two kernels; print a shortest one "
        "of each kind of difference, with both outcomes and the reason, and the length up to which "
        "the search is complete.  Ctrl-C prints the results so far.",
    )
    parser.add_argument("a", metavar="A", help="the name of a kernel")
    parser.add_argument("b", metavar="B", help="the name of another kernel")
    parser.add_argument(
        "--operations",
        type=_length,
        default=7,
        metavar="N",
        help="length of the longest programs; any: until none leads to a new state; default: 7",
    )
    for name, default in (("pages", 2), ("cpus", 2)):
        text = f"{name} in the programs, 1 to 3; default: {default}"
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=text)
    parser.add_argument(
        "--observe",
        default="copies,drains",
        metavar="WHAT[,WHAT...]",
        help="copies, drains, flushes, memory; default: %(default)s",
    )
    parser.add_argument(
        "--among",
        metavar="OPERATION[,OPERATION...]",
        help="operations in the programs; default: all that change something",
    )
    for side in ("a", "b"):
        parser.add_argument(
            f"--rule-{side}",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"set a rule of {side.upper()} (wpbench kernels lists the rules)",
        )
    parser.add_argument(
        "--pagevec", type=int, metavar="N", help="entries that fill a pagevec of both kernels"
    )
    parser.add_argument(
        "--max-states", type=int, default=5_000_000, metavar="N", help="default: %(default)s"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="default: one for each CPU")
    parser.add_argument("--json", action="store_true", help="print an object")
    parser.set_defaults(do=_differ)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's kinds, and the options of each."""
    parser.description = (
        "Programs of memory operations, on simulated kernels and on the running one."
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    run = kinds.add_parser(
        "run",
        help="run programs and print their observations",
        description="Run programs; print each line that observes.  Several kernels make a table; "
        "* marks the lines that differ.",
    )
    run.add_argument("files", nargs="+", metavar="FILE", help="a file, or a name from the list")
    run.add_argument(
        "--kernel",
        required=True,
        metavar="NAME[,NAME...]",
        help=f"names of kernels; {RUNNING}: the running kernel (root)",
    )
    add_running_options(run)
    run.add_argument("--json", action="store_true", help="print a list of outcomes")
    run.set_defaults(do=_run)
    _add_differ(kinds)
    shipped = kinds.add_parser("list", help="list the shipped programs")
    shipped.add_argument("--json", action="store_true", help="print names and comments")
    shipped.set_defaults(do=_list)
