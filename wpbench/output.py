"""Files that are written whole or not at all, and where a command's table goes."""

from __future__ import annotations

import argparse
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .errors import WpbenchError

if TYPE_CHECKING:
    import pandas as pd

# How a CSV file is compressed, by its name's end; the same table to the same bytes.
_COMPRESSIONS: dict[str, Any] = {
    ".gz": {"method": "gzip", "mtime": 0},
    ".bz2": "bz2",
    ".xz": "xz",
    ".zst": "zstd",
    ".zip": "zip",
}


@contextmanager
def explained(
    path: str | Path, kind: type[WpbenchError] = WpbenchError, more: str = ""
) -> Iterator[None]:
    """Turn an error of the file system into one line, with the file that it is about.

    Parameters
    ----------
    path
        Named where the error names none.
    kind
        What is raised.
    more
        The end of the line.
    """
    try:
        yield
    except OSError as error:
        name = error.filename if isinstance(error.filename, str) else path
        raise kind(f"{name}: {error.strerror or error}{more}") from None


@contextmanager
def written(
    path: str | Path, kind: type[WpbenchError] = WpbenchError, more: str = ""
) -> Iterator[IO[bytes]]:
    """Give a file to write to, which gets its name when it is whole, and on disk.

    Until then a file that had the name stays as it was.  What is written lies beside it, under a
    name that begins with a dot, and is removed where anything fails.  A link stays a link; a device
    and a pipe are written to as they are.

    Parameters
    ----------
    path
        The file.
    kind, more
        As in ``explained()``.

    Raises
    ------
    WpbenchError
        Of the ``kind``, where it cannot be written: no folder, a full disk, ...
    """
    path = Path(path)
    check_file(path, kind)
    with explained(path, kind, more):
        if _is_special(path):
            with path.open("wb") as file:
                yield file
            return
        target = Path(os.path.realpath(path))
        new = target.with_name(f".{secrets.token_hex(8)}.new")
        try:
            with new.open("xb") as file:
                if target.exists():
                    os.fchmod(file.fileno(), target.stat().st_mode & 0o777)
                yield file
                file.flush()
                os.fsync(file.fileno())
            new.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(path)) from None
        finally:
            with suppress(OSError):
                new.unlink()


def _is_special(path: Path) -> bool:
    """Is this something that no file can be put in the place of: a device, a pipe, /dev/stdout?"""
    if Path(os.path.abspath(path)).parts[1:2] in (("dev",), ("proc",)):  # noqa: PTH100 (links stay)
        return True
    return path.exists() and not path.is_file()


def _sync(folder: Path) -> None:
    """Have a folder's names on disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def check_file(path: str | Path | None, kind: type[WpbenchError] = WpbenchError) -> None:
    """Refuse a file that cannot be written, before anything is computed for it.

    None and "" stand for no file.
    """
    if not path:
        return
    path = Path(path)
    with explained(path, kind):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise kind(f"{path}: is a folder; accepted: the name of a file")
        if not target.parent.is_dir() and not _is_special(path):
            raise kind(f"{path}: there is no folder {path.parent}")
        needed = [path] if path.exists() else []
        needed += [] if _is_special(path) else [target.parent]
        _check_writable(path, needed, kind)


def check_folder(path: str | Path | None, kind: type[WpbenchError] = WpbenchError) -> None:
    """Refuse a folder that cannot be made, or not be written to; None and "" stand for none."""
    if not path:
        return
    path = Path(path)
    with explained(path, kind):
        whole = Path(os.path.realpath(path))
        above = (whole, *whole.parents)
        nearest = next(folder for folder in above if folder.exists() or folder.is_symlink())
        if not nearest.is_dir():
            raise kind(f"{path}: {nearest} is no folder; accepted: a folder, or a new one's name")
        _check_writable(path, [nearest], kind)


def make_folder(path: Path, kind: type[WpbenchError] = WpbenchError) -> None:
    """Make a folder where there is none, and those above it."""
    check_folder(path, kind)
    with explained(path, kind):
        path.mkdir(parents=True, exist_ok=True)


def _check_writable(path: Path, needed: list[Path], kind: type[WpbenchError]) -> None:
    for one in needed:
        if not os.access(one, os.W_OK | (os.X_OK if one.is_dir() else 0)):
            raise kind(f"{path}: cannot be written to: {one} is read-only for this user")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, ``--csv`` and ``--parquet``."""
    parser.add_argument("--json", action="store_true", help="print all columns as JSON")
    parser.add_argument("--csv", metavar="FILE", help="write all columns as CSV")
    parser.add_argument("--parquet", metavar="FILE", help="write all columns, with provenance")


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse a file that cannot be written, before anything is computed for it."""
    for path in (options.csv, options.parquet):
        check_file(path)
    if str(options.csv).endswith(".zst") and find_spec("zstandard") is None:
        raise WpbenchError(f"{options.csv}: .zst needs the package zstandard; accepted: .gz, .xz")


def write_outputs(options: argparse.Namespace, table: pd.DataFrame) -> bool:
    """Write a table as the options say; False where they say nothing."""
    if options.csv:
        made = io.BytesIO()  # which has no name that gzip would write down
        compression = _COMPRESSIONS.get(Path(options.csv).suffix)
        table.to_csv(made, index=False, compression=compression)
        with written(options.csv) as file:
            file.write(made.getbuffer())
    if options.parquet:
        with written(options.parquet) as file:
            table.to_parquet(file)
    if options.json:
        print(table.to_json(orient="records", indent=1))
    return bool(options.csv or options.parquet or options.json)
