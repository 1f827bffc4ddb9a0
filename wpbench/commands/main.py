"""The command line: ``wpbench`` or ``python -m wpbench``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from ..bounds import MAX_TRACE_MB, add_max_runs, number_of
from ..errors import ScenarioError, WpbenchError, WpbenchWarning, one_line
from ..jit.folder import keep_others_in_own_folder
from ..output import add_output_options, check_outputs, write_outputs

SHOWN = (
    "wp_faults",
    "copies",
    "reuses",
    "copy_rate",
    "drains",
    "not_paged_out",
    "pswpin",
    "pswpout",
)


def _run(options: argparse.Namespace) -> int:
    from .options import scenarios_of

    scenarios = scenarios_of(options)
    check_outputs(options)
    from ..simulate import simulate

    table = simulate(scenarios, seeds=options.seeds, max_runs=options.max_runs)
    if not write_outputs(options, table):
        axes = [name for name in scenarios.axes if len(scenarios.axes[name]) > 1]
        fixed = [name for name in scenarios.axes if name not in axes]
        if options.seeds > 1:
            axes.append("replication")
        if fixed:
            print("simulated:", " ".join(f"{name}={table[name].iloc[0]}" for name in fixed))
        print(table[[*axes, *SHOWN]].to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    return 0


def _replay(options: argparse.Namespace) -> int:
    from ..simulate.trace import replay

    results = []
    failed = None
    for path in options.files:
        try:
            results.append(replay(path, pmd_offset=options.pmd_offset, max_mb=options.max_mb))
        except WpbenchError as error:
            failed = error
            break
        if not options.json:
            print(results[-1], flush=True)
    if options.json:
        print(json.dumps([result.as_dict() for result in results], indent=1))
    if failed is not None:
        raise failed
    return 1 if any(result.mismatches for result in results) else 0


def _explain(options: argparse.Namespace) -> int:
    from ..simulate.explain import explain
    from .options import scenarios_of

    if options.trace is None:
        scenarios = scenarios_of(options)
        if len(scenarios) != 1:
            raise ScenarioError(f"explain takes one scenario, not a grid of {len(scenarios)}")
        found = explain(scenarios[0], options.fault, replication=options.replication)
    else:
        found = explain(
            trace=options.trace,
            row=options.row,
            pmd_offset=options.trace_pmd_offset,
            max_mb=options.max_mb,
        )
    if options.json:
        print(json.dumps(found.as_dict(), indent=1))
        return 0
    if options.history:
        for event in found.history:
            where = "" if event.cpu is None else f"CPU {event.cpu}"
            print(f"{event.t_ns:>12} ns  {where:7} {event.operation}: {event.after}")
        print()
    print(found)
    return 0


def _backends(options: argparse.Namespace) -> int:
    from ..data import backends

    if options.json:
        print(json.dumps(backends(), indent=1))
        return 0
    for name, facts in backends().items():
        kind = "synchronous" if facts["synchronous"] else f"{facts['latency_ns']} ns"
        print(f"{name:10} {kind:14} swap-in by {facts['swapin']:7} {facts['description']}")
    return 0


def _notebook(options: argparse.Namespace) -> int:
    from .notebook import run_notebook

    values = {}
    for pair in options.parameter:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ScenarioError(f"-p: {pair!r} is not NAME=VALUE")
        values[name] = text
    for line in run_notebook(options.name, Path(options.out), values, options.timeout):
        print(line)
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line; the usage is --help's."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)}; {self.prog} --help shows the usage\n")


def _add_max_mb(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-mb",
        type=number_of("max_trace_mb"),
        default=MAX_TRACE_MB,
        metavar="N",
        help="MiB of a trace, unpacked, that are refused beyond; default: %(default)s",
    )


def _parser() -> argparse.ArgumentParser:
    from ..provenance.record import version
    from .kernels import add_parser as add_kernels
    from .litmus import add_parser as add_litmus
    from .measure import add_parser
    from .measure_litmus import add_parsers as add_fuzz_and_fingerprint
    from .options import add_scenario_options
    from .price import add_parser as add_price
    from .report import add_parsers as add_report
    from .sweep import add_parser as add_sweep

    parser = _Parser(
        prog="wpbench",
        description="What Linux does when a page that came back from swap is written to.",
    )
    parser.add_argument("--version", action="version", version=f"wpbench {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="simulate a scenario or, with commas, a grid of them",
        description="Simulate.  Every option is a field of Scenario; commas make a grid.",
    )
    add_scenario_options(run)
    run.add_argument(
        "--seeds", type=number_of("seeds"), default=1, metavar="N", help="replications of each"
    )
    add_max_runs(run)
    add_output_options(run)
    run.set_defaults(do=_run)

    add_sweep(commands)
    add_kernels(commands)
    add_report(commands)
    add_price(commands)
    add_litmus(commands)

    replay = commands.add_parser(
        "replay",
        help="replay recorded programs and compare",
        description="Replay traces.  Exit status 1 on any mismatch, 2 on a file that is none.",
    )
    replay.add_argument("files", nargs="+", metavar="FILE")
    replay.add_argument("--json", action="store_true", help="print a list of results")
    replay.add_argument(
        "--pmd-offset",
        type=number_of("pmd_offset"),
        default=0,
        metavar="N",
        help="pages between the start of a page table and page 0, where it is known",
    )
    _add_max_mb(replay)
    replay.set_defaults(do=_replay)

    explain = commands.add_parser(
        "explain",
        help="one write-protect fault, test by test",
        description="Explain a fault of a scenario (--fault, and the options of run), or one that "
        "was recorded (--trace and --row).",
    )
    add_scenario_options(explain)
    explain.add_argument(
        "--fault", type=number_of("fault"), metavar="N", help="number of the fault, from 0"
    )
    explain.add_argument("--replication", type=number_of("replication"), default=0, metavar="N")
    explain.add_argument("--trace", metavar="FILE", help="a trace, as for replay")
    explain.add_argument(
        "--row", type=number_of("row"), metavar="N", help="number of the operation, from 0"
    )
    explain.add_argument("--trace-pmd-offset", type=number_of("pmd_offset"), default=0, metavar="N")
    _add_max_mb(explain)
    explain.add_argument("--history", action="store_true", help="what changed the page before")
    explain.add_argument("--json", action="store_true")
    explain.set_defaults(do=_explain)

    backends = commands.add_parser("backends", help="list the swap backends")
    backends.add_argument("--json", action="store_true")
    backends.set_defaults(do=_backends)

    notebook = commands.add_parser(
        "notebook",
        help="run one of the notebooks headless (papermill)",
        description="Run notebooks/NAME.ipynb; non-zero on any failed cell.",
    )
    notebook.add_argument("name", metavar="NAME")
    notebook.add_argument("--out", default="out", metavar="DIR", help="where results go")
    notebook.add_argument("-p", dest="parameter", action="append", default=[], metavar="NAME=VALUE")
    notebook.add_argument("--timeout", type=number_of("timeout"), default=600, metavar="SECONDS")
    notebook.set_defaults(do=_notebook)

    add_fuzz_and_fingerprint(add_parser(commands))
    return parser


@contextmanager
def _warnings_as_lines(command: str) -> Iterator[None]:
    """Print what wpbench warns of as a line on standard error, once."""
    shown: set[str] = set()

    def show(message: Warning | str, *_details: object, **_more: object) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            print(f"{command}: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default", WpbenchWarning)
        warnings.showwarning = show
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0, 1 for a mismatch, 2 for an error, 130 when it was stopped by Ctrl-C.
    """
    command = "wpbench"
    try:
        Path.cwd()
    except OSError:
        print("wpbench: the working directory is gone; accepted: any other", file=sys.stderr)
        return 2
    try:
        options = _parser().parse_args(argv)
        command = f"wpbench {options.command}"
        do: Callable[[argparse.Namespace], int] = options.do
        keep_others_in_own_folder()
        with _warnings_as_lines(command):
            status = do(options)
        _flush()
    except WpbenchError as error:
        print(f"{command}: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{command}: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except OSError as error:  # a name too long, a full disk: what no command expects of a file
        where = error.filename or "standard output"
        said = one_line(f"{where}: {error.strerror or error}")
        print(f"{command}: {said}", file=sys.stderr)
        try:
            _flush()
        except OSError:  # the interpreter's end would try once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return status


def _flush() -> None:
    if sys.stdout is not None:  # None: closed by whoever began this process
        sys.stdout.flush()
