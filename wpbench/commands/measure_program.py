"""``wpbench measure program``, ``system``, ``recipe``, ``replay``: real programs."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..errors import MeasureError
from ..output import add_output_options, check_file, check_outputs, write_outputs


def _tell(options: argparse.Namespace, table: Any) -> int:
    from ..measure.program.words import describe

    about = table.attrs["wpbench"]
    for note in about["notes"]:
        print(f"wpbench measure: note: {note}", file=sys.stderr)
    if not write_outputs(options, table):
        print(describe(table))
    status = max(about["status"])
    if status:
        print(f"wpbench measure: the command ended with status {status}", file=sys.stderr)
    return int(status)


def _measured(options: argparse.Namespace, what: Any) -> int:
    check_outputs(options)
    check_file(options.record)
    try:
        table = what()
    except KeyboardInterrupt:
        print("wpbench measure: interrupted; nothing is left behind", file=sys.stderr)
        return 130
    return _tell(options, table)


def _common(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "runs": options.runs,
        "pairs": options.pairs,
        "memory": options.memory,
        "zram": options.zram,
        "buffer": options.buffer,
        "record": options.record,
        "quiet": options.quiet or options.json,
    }


def _program(options: argparse.Namespace) -> int:
    from ..measure.program.measure import program

    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        raise MeasureError("measure program: no command; accepted: [options] -- COMMAND [ARGUMENT]")
    return _measured(options, lambda: program(words, **_common(options)))


def _system(options: argparse.Namespace) -> int:
    from ..measure.program.measure import system

    return _measured(
        options, lambda: system(options.seconds, buffer=options.buffer, record=options.record)
    )


def _recipe(options: argparse.Namespace) -> int:
    from ..measure.program.recipes import RECIPES, recipe

    if options.name is None:
        for name, found in RECIPES.items():
            print(f"{name:12} {found.what}")
        return 0
    return _measured(options, lambda: recipe(options.name, **_common(options)))


def _replay(options: argparse.Namespace) -> int:
    from ..measure.program.counterfactual import replay
    from ..measure.program.replayed import describe
    from .options import rules_of

    check_outputs(options)
    kernels = options.kernel.split(",") if options.kernel else []
    drains = options.drain.split(",") if options.drain else None
    try:
        table = replay(options.file, kernels, rules_of(options.rule), drains)
    except KeyboardInterrupt:
        print("wpbench measure: interrupted", file=sys.stderr)
        return 130
    if not write_outputs(options, table):
        print(describe(table))
    return 0


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--buffer", metavar="SIZE", help="size of the ring buffer of each CPU; default: 32M"
    )
    parser.add_argument("--record", metavar="FILE", help="keep the events (Parquet)")
    add_output_options(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="number of runs")
    parser.add_argument(
        "--pairs", type=int, default=0, metavar="N", help="pair N runs with runs without tracing"
    )
    parser.add_argument("--memory", metavar="SIZE", help="limit of a cgroup for it, such as 60M")
    parser.add_argument(
        "--zram", metavar="SIZE", help="swap to a zram device of this size, such as 256M"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="its input and output are /dev/null (so with --json)"
    )
    _add_common(parser)


def _add_replay(kinds: Any) -> None:
    from .options import add_rule_option

    replay = kinds.add_parser(
        "replay",
        help="simulate a recorded program under other kernels",
        description="Drive simulated kernels with the events of --record.  The first rows compare "
        "the recorded kernel with its simulation.  Needs no root.",
    )
    replay.add_argument("file", metavar="FILE", help="a file of --record")
    replay.add_argument("--kernel", metavar="VALUE[,VALUE...]", help="other kernels")
    add_rule_option(replay)
    replay.add_argument(
        "--drain", metavar="VALUE[,VALUE...]", help="drain policies of do_wp_page()"
    )
    add_output_options(replay)
    replay.set_defaults(do=_replay)


def add_kinds(kinds: Any) -> None:
    """Register the four among the kinds of ``measure``."""
    program = kinds.add_parser(
        "program",
        help="run a command and count its write-protect faults, by tracepoints",
        description="Run a command and count, for each command name and CPU, its write-protect "
        "faults: reused, copied, drained for it, in vain or not.  As root.",
    )
    _add_options(program)
    program.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND [ARGUMENT]")
    program.set_defaults(do=_program)
    system = kinds.add_parser(
        "system",
        help="the same for all processes, for some time",
        description="Count the write-protect faults of all processes for some time.  As root.",
    )
    system.add_argument("--seconds", type=float, required=True, metavar="N", help="the time")
    _add_common(system)
    system.set_defaults(do=_system)
    recipe = kinds.add_parser(
        "recipe",
        help="the same for a well-known workload; without NAME: list them",
        description="Measure a well-known workload with the distribution's software.",
    )
    recipe.add_argument("name", nargs="?", metavar="NAME")
    _add_options(recipe)
    recipe.set_defaults(do=_recipe)
    _add_replay(kinds)
