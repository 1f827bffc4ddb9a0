"""``wpbench litmus``: programs whose outcome tells kernels apart."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from .outcome import RUNNING, RUNS, Outcome, table


def _print(found: Sequence[Outcome], *, titles: bool) -> None:
    for i, (file, group) in enumerate(groupby(found, key=lambda outcome: outcome.file)):
        of_kernels = list(group)
        if titles:
            print(("\n" if i else "") + f"{file}:")
        print(table(of_kernels) if len(of_kernels) > 1 else of_kernels[0])


def _run(options: argparse.Namespace) -> int:
    from .runs import outcomes

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
    from .parse import read_program
    from .shipped import programs

    comments = {name: read_program(path).comment for name, path in programs().items()}
    if options.json:
        print(json.dumps(comments, indent=1))
        return 0
    for name, comment in comments.items():
        print(f"{name:28} {comment}")
    return 0


def add_parser(commands: Any) -> None:
    """Register ``litmus`` among wpbench's commands."""
    litmus = commands.add_parser(
        "litmus",
        help="small programs whose outcome tells kernels apart",
        description="Programs of memory operations, on simulated kernels and on the running one.",
    )
    kinds = litmus.add_subparsers(dest="kind", required=True, metavar="WHAT")
    run = kinds.add_parser(
        "run",
        help="run programs and print what they observed",
        description="Run programs; print each line that observes.  Of several kernels a table, in "
        "which * marks the lines that differ.",
    )
    run.add_argument("files", nargs="+", metavar="FILE", help="a file, or a name out of the list")
    run.add_argument(
        "--kernel",
        required=True,
        metavar="NAME[,NAME...]",
        help=f"names of kernels; {RUNNING}: the one that runs here (root)",
    )
    run.add_argument(
        "--runs", type=int, default=RUNS, metavar="N", help=f"of {RUNNING}; default: %(default)s"
    )
    run.add_argument(
        "--zram",
        default="64M",
        metavar="SIZE",
        help=f"of the swap device set up for {RUNNING}; default: %(default)s",
    )
    run.add_argument("--json", action="store_true", help="print a list of outcomes")
    run.set_defaults(do=_run)
    shipped = kinds.add_parser("list", help="the programs that come with wpbench")
    shipped.add_argument("--json", action="store_true", help="print names and comments")
    shipped.set_defaults(do=_list)


__all__ = ["add_parser"]
