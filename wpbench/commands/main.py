"""The command line: ``wpbench`` or ``python -m wpbench``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from ..errors import WpbenchError, WpbenchWarning, one_line
from ..jit.folder import keep_others_in_own_folder

# Each verb is a module of this room; only the one that is asked for is imported.
COMMANDS = {
    "run": "simulate a scenario or, with commas, a grid of them",
    "sweep": "simulate the scenarios of a grid file; finished runs are kept on disk",
    "kernels": "the rules of each kernel, with their sources",
    "report": "write a report for a mailing list: plain text, figures, a mail",
    "compare": "compare two tables, scenario by scenario",
    "provenance": "print how a figure or a table was made",
    "rerun": "make a figure or a table again and compare",
    "price": "time with the patch on less off, over the ranges of the costs",
    "litmus": "run small programs whose outcome tells kernels apart",
    "replay": "replay recorded programs and compare",
    "explain": "explain one write-protect fault, test by test",
    "backends": "list the swap backends",
    "notebook": "run one of the notebooks headless (papermill)",
    "measure": "run a workload on the running kernel",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line; the usage is --help's."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)}; {self.prog} --help shows the usage\n")


class _Version(argparse.Action):
    """Print wpbench's version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_more: object) -> NoReturn:
        from ..provenance.version import version

        parser.exit(0, f"wpbench {version()}\n")


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line: it knows the options of the verb that is in it."""
    parser = _Parser(
        prog="wpbench",
        description="Reuse or copy? do_wp_page() simulated, beside measurements of kernels.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verb = next((word for word in words if not word.startswith("-")), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name == verb:
            importlib.import_module(f".{name}", __package__).add_options(command)
    return parser


@contextmanager
def _warnings_as_lines(command: str) -> Iterator[None]:
    """Print a warning of wpbench as a line on standard error, once."""
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
        words = sys.argv[1:] if argv is None else list(argv)
        options = parser_of(words).parse_args(words)
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
