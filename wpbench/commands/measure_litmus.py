"""``wpbench measure random --programs N`` and ``wpbench measure fingerprint``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..bounds import FIELDS, number_of
from ..errors import MeasureError, accepted
from ..litmus.outcome import RUNNING, RUNS
from .guest_options import add_guest_options, guest_of

_INTERRUPTED = "wpbench measure: interrupted; nothing is left behind"
# Options of a single recorded program, which mean nothing for many.
_OF_ONE = ("npages", "rounds", "cpus", "mix", "pagevec", "record", "csv", "parquet", "vng")


def kernel_by_outcomes(options: argparse.Namespace) -> str | None:
    """Return whose rules this kernel follows where its version misleads, and say so; else None."""
    if options.kernel is not None or options.vng is not None or options.oracle == "off":
        return None
    from ..litmus.which_rules import row_of_outcomes

    kernel, note = row_of_outcomes(options.zram)
    if note:
        print(f"wpbench measure: note: {note}", file=sys.stderr)
    return kernel


def _random(options: argparse.Namespace) -> int:
    if options.programs is None:
        return int(options.do_one(options))
    from ..litmus.fuzzing import fuzz

    for name in _OF_ONE:
        if getattr(options, name) is not None:
            raise MeasureError(f"--{name}: it is an option of one program, not of --programs")
    try:
        seed = number_of("seed", FIELDS)(options.seed or "1")
    except argparse.ArgumentTypeError as error:
        raise MeasureError(f"--seed: {error}") from None
    try:
        found = fuzz(
            options.programs,
            seed=seed,
            kernel=options.kernel or kernel_by_outcomes(options),
            zram=options.zram or "64M",
        )
    except KeyboardInterrupt:
        print(_INTERRUPTED, file=sys.stderr)
        return 130
    print(json.dumps(found.as_dict(), indent=1) if options.json else found)
    return 1 if found.mismatches else 0


def _fingerprint(options: argparse.Namespace) -> int:
    from ..litmus.fingerprints import fingerprint

    if "," in options.kernel:
        raise MeasureError(accepted("--kernel", options.kernel, ["one kernel", RUNNING]))
    if options.vng and options.kernel != RUNNING:
        raise MeasureError(accepted("--kernel, with --vng", options.kernel, [RUNNING]))
    try:
        guest = guest_of(options)
        found = fingerprint(options.kernel, zram=options.zram, runs=options.runs, guest=guest)
    except KeyboardInterrupt:
        print(_INTERRUPTED, file=sys.stderr)
        return 130
    print(json.dumps(found.as_dict(), indent=1) if options.json else found)
    return 0 if found.rows else 1


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """Add how programs are run on a real kernel."""
    parser.add_argument(
        "--runs",
        type=int,
        default=RUNS,
        metavar="N",
        help="runs of a program on a real kernel; default: %(default)s",
    )
    parser.add_argument(
        "--zram",
        default="64M",
        metavar="SIZE",
        help="size of the swap device there; default: %(default)s",
    )


def add_kinds(kinds: Any) -> None:
    """Register them among the kinds of ``wpbench measure``."""
    one = kinds.choices["random"]
    one.add_argument(
        "--programs",
        type=number_of("programs"),
        metavar="N",
        help="compare N random litmus programs with the simulation instead, and shrink each that "
        "differs (root); takes --seed, --kernel, --zram and --json; exit status 1 if one differs",
    )
    one.set_defaults(do=_random, do_one=one.get_default("do"))
    fingerprint = kinds.add_parser(
        "fingerprint",
        help="find the rules that this kernel follows",
        description="Run a smallest set of programs that tells rows of rules apart; print the rows "
        "that fit, and each rule with the outcomes for and against it.  Exit status 1 if none "
        "fits.",
    )
    fingerprint.add_argument(
        "--kernel",
        default=RUNNING,
        metavar="NAME",
        help="a simulated kernel instead, as a self-check; default: %(default)s",
    )
    add_running_options(fingerprint)
    add_guest_options(fingerprint)
    fingerprint.add_argument("--json", action="store_true", help="print all results")
    fingerprint.set_defaults(do=_fingerprint)
