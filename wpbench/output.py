"""Where a command's table goes: files, and JSON on standard output."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import WpbenchError

if TYPE_CHECKING:
    import pandas as pd


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, ``--csv`` and ``--parquet``."""
    parser.add_argument("--json", action="store_true", help="print all columns as JSON")
    parser.add_argument("--csv", metavar="FILE", help="write all columns as CSV")
    parser.add_argument("--parquet", metavar="FILE", help="write all columns, with provenance")


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse a file that cannot be written, before anything is computed for it."""
    for path in (options.csv, options.parquet):
        check_folder(path)


def check_folder(path: str | None) -> None:
    """Raise if a file is named whose folder does not exist."""
    if path and not Path(path).parent.is_dir():
        raise WpbenchError(f"{path}: there is no folder {Path(path).parent}")


def write_outputs(options: argparse.Namespace, table: pd.DataFrame) -> bool:
    """Write a table as the options say; False where they say nothing."""
    if options.csv:
        table.to_csv(options.csv, index=False)
    if options.parquet:
        table.to_parquet(options.parquet)
    if options.json:
        print(table.to_json(orient="records", indent=1))
    return bool(options.csv or options.parquet or options.json)
