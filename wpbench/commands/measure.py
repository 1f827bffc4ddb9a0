"""``wpbench measure``: the same workloads on the running kernel."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..bounds import number_of
from ..errors import MeasureError
from ..output import add_output_options, check_file, check_outputs, write_outputs
from . import measure_costs, measure_litmus, measure_program
from .guest_options import add_guest_options, guest_of

# Fields of Scenario that can be asked of a real kernel, by workload.
_COMMON = ("npages", "rounds", "cpus", "seed")
_FIELDS: dict[str, tuple[str, ...]] = {
    "reproducer": (
        "threads",
        *_COMMON,
        "order",
        "read_cpu",
        "write_cpu",
        "spinner_threads",
        "fork_exit_before",
        "delay_ns",
    ),
    "random": (*_COMMON, "mix"),
}
_KERNEL = ("kernel", "pagevec")
_RECORDED = ("random",)  # whose runs can be traces
_HELP = {
    "threads": "measuring threads, each with its own region and CPU",
    "npages": "pages of a thread's region",
    "rounds": "rounds of the reproducer, operations of a random program",
    "cpus": "number of CPUs",
    "seed": "seed of the random program",
    "order": "read-write, read-write-shuffled or read-all-write-all",
    "read_cpu": "CPU that pages out and reads",
    "write_cpu": "CPU that writes",
    "spinner_threads": "threads that only run",
    "fork_exit_before": "true: a child was forked and reaped before the rounds",
    "delay_ns": "wait between MADV_PAGEOUT and the first access",
    "mix": "weights, such as 'pageout:3 read:40 write:40 cold:2 migrate:4 fork:2 exit:3 free:2'",
    "kernel": "kernel with these rules, if the version does not tell (a patched tree)",
    "pagevec": "entries of a pagevec, if the version does not tell",
}
_SHOWN = (
    "wp_faults",
    "copies",
    "reuses",
    "copy_rate",
    "not_paged_out",
    "pswpin",
    "pswpout",
    "write_ns_mean",
    "any_write_ns_mean",
)


def _scenarios(options: argparse.Namespace) -> Any:
    from ..scenario import grid, parse_axis

    axes: dict[str, Any] = {"workload": options.workload}
    for name in (*_FIELDS[options.workload], *_KERNEL):
        text = getattr(options, name)
        if text is not None:
            axes[name] = parse_axis(name, text)
    return grid(**axes)


def _print_table(table: Any, scenarios: Any, seeds: int) -> None:
    axes = [name for name in scenarios.axes if len(scenarios.axes[name]) > 1]
    axes += ["replication"] if seeds > 1 else []
    fixed = [name for name in (*scenarios.axes, "kernel", "backend") if name not in axes]
    first = table.iloc[0]
    print(f"measured on Linux {first['release']}, oracle {first['oracle']}:", end=" ")
    print(*dict.fromkeys(f"{name}={first[name]}" for name in fixed))
    shown = [name for name in _SHOWN if table[name].notna().any()]
    print(table[[*axes, *shown]].to_string(index=False, float_format=lambda x: f"{x:.4f}"))


def _measure(options: argparse.Namespace) -> int:
    scenarios = _scenarios(options)
    check_outputs(options)
    if options.record is None or not Path(options.record).is_dir():
        check_file(options.record, MeasureError)
    from ..measure.host.run import run

    guest = guest_of(options)
    try:
        options.kernel = options.kernel or measure_litmus.kernel_by_outcomes(options)
        scenarios = _scenarios(options)
        table = run(
            scenarios,
            options.seeds,
            oracle=options.oracle,
            zram=options.zram,
            guest=guest,
            record=options.record,
        )
    except KeyboardInterrupt:
        print("wpbench measure: interrupted; nothing is left behind", file=sys.stderr)
        return 130
    for note in table.attrs["wpbench"]["notes"]:
        print(f"wpbench measure: note: {note}", file=sys.stderr)
    if not write_outputs(options, table):
        _print_table(table, scenarios, options.seeds)
    return 0


def _environment(_options: argparse.Namespace) -> int:
    from ..measure.probe.facts import environment, notes

    facts = environment()
    print(json.dumps(facts | {"notes": notes(facts)}, indent=1))
    return 0


def _compare(options: argparse.Namespace) -> int:
    import pandas as pd

    from ..measure.compare.agreement import compare

    tables = [compare(path) for path in options.files]
    if options.json:
        rows = [row for table in tables for row in json.loads(table.to_json(orient="records"))]
        print(json.dumps(rows, indent=1))
        return 0
    with pd.option_context("display.width", 200, "display.max_columns", None):
        for path, table in zip(options.files, tables, strict=True):
            varying = [name for name in table if name not in {"file", "kernel"}]
            print(f"{path}:")
            print(table[varying].T.to_string(header=False) if len(table) == 1 else table[varying])
    return 0


def _add_options(parser: argparse.ArgumentParser, workload: str, *, record: bool) -> None:
    for name in (*_FIELDS[workload], *_KERNEL):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, dest=name, metavar="VALUE[,VALUE...]", help=_HELP[name])
    parser.add_argument(
        "--seeds", type=number_of("seeds"), default=1, metavar="N", help="replications of each"
    )
    parser.add_argument(
        "--oracle",
        default="auto",
        help="on: frame numbers tell copy from reuse; off: fault counts and times; auto",
    )
    parser.add_argument(
        "--zram", metavar="SIZE", help="swap to a new zram device of this size, such as 64M"
    )
    if record:
        parser.add_argument(
            "--record",
            metavar="FILE",
            help="write the trace (.gz is compressed); several runs go into a folder",
        )
    else:
        parser.set_defaults(record=None)
    add_guest_options(parser)
    add_output_options(parser)
    parser.set_defaults(do=_measure, workload=workload)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's kinds, and the options of each."""
    parser.description = (
        "Run a workload on the running kernel, or on a kernel that is booted for it."
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    helps = {
        "reproducer": "page out, read and write every page, again and again",
        "random": "a random program; --record writes its trace",
    }
    for workload, text in helps.items():
        one = kinds.add_parser(
            workload, help=text, description=f"{text.capitalize()}.  Commas make a grid."
        )
        _add_options(one, workload, record=workload in _RECORDED)
    measure_program.add_kinds(kinds)
    measure_litmus.add_kinds(kinds)
    measure_costs.add_kinds(kinds)
    environment = kinds.add_parser("environment", help="describe this machine and kernel, as JSON")
    environment.set_defaults(do=_environment)
    compare = kinds.add_parser(
        "compare",
        help="compare measured tables or traces with their simulation",
        description="Compare traces operation by operation, tables by rate with intervals.",
    )
    compare.add_argument("files", nargs="+", metavar="FILE")
    compare.add_argument("--json", action="store_true")
    compare.set_defaults(do=_compare)
