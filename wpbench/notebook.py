"""Run a notebook headless, and fail when it fails (papermill)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .errors import WpbenchError, accepted
from .output import check_file, check_folder, make_folder, written
from .scenario.values import parse_boolean

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
KERNEL = "python3"
_READ = {"text/html", "text/markdown"}  # forms of a table, and of prose


def place(path: str) -> Path:
    """Return where a notebook's parameter points to.

    A relative path is taken from where the kernel runs, which is where papermill was started; in
    JupyterLab, whose kernels run in ``notebooks/``, from the project's top.
    """
    here = Path.cwd()
    return (NOTEBOOKS.parent if here == NOTEBOOKS else here) / path


def out_folder(path: str) -> Path:
    """Return the folder of a notebook's results, as ``place()``; made where there is none."""
    folder = place(path)
    make_folder(folder)
    return folder


def given_file(path: str) -> str:
    """Return an input file that a notebook's parameter names: as ``place()``, or from the top.

    A text that is no file is returned as it is: it may be a shipped file's name.
    """
    for found in (place(path), NOTEBOOKS.parent / path):
        if path and found.is_file():
            return str(found)
    return path


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    shipped = {book.stem: book for book in sorted(NOTEBOOKS.glob("*.ipynb"))}
    if name not in shipped:
        raise WpbenchError(accepted("notebook", name, shipped))
    return shipped[name]


def run_notebook(name: str, out: Path, parameters: dict[str, Any], timeout: int = 600) -> list[str]:
    """Execute a notebook and return the text that its cells show, a string a cell.

    papermill alone only warns of a parameter that the notebook does not have, and takes whichever
    kernel the file was saved with; this rejects the first and names the second.

    Parameters
    ----------
    name
        A shipped notebook's name without ``.ipynb``, or a path.
    out
        Folder of the results; the executed notebook goes to ``out/<name>.ipynb``.
    parameters
        Values for its cell tagged ``parameters``; text is read as papermill reads ``-p``.
    timeout
        Seconds that one cell may take.

    Raises
    ------
    WpbenchError
        For an unknown notebook or parameter, and when a cell fails.
    """
    path = _find(name)
    target = out / f"{path.stem}.ipynb"
    check_folder(out)
    if out.is_dir():
        check_file(target)
    import papermill
    from papermill.cli import _resolve_type

    known = papermill.inspect_notebook(str(path))
    for given in parameters:
        if given not in known:
            raise WpbenchError(accepted(f"parameter of {path.stem}", given, known))
    make_folder(out)
    values = {k: _resolve_type(v) if isinstance(v, str) else v for k, v in parameters.items()}
    for given, value in parameters.items():
        if known[given]["default"].strip() in ("True", "False") and not isinstance(value, bool):
            values[given] = parse_boolean(given, str(value))  # papermill knows only true and false
    if "out" in known and "out" not in values:
        values["out"] = str(out.resolve() / path.stem)
    # papermill writes its file anew after every cell: beside the one that is whole.
    new = out / f".{path.stem}.new.ipynb"
    try:
        book = papermill.execute_notebook(
            str(path),
            str(new),
            values,
            kernel_name=KERNEL,
            execution_timeout=timeout,
            progress_bar=sys.stderr.isatty(),  # papermill's own, of the cells
            cwd=str(Path.cwd()),
        )
    except papermill.PapermillExecutionError as error:
        raise WpbenchError(
            f"{path.name}: cell {error.exec_count}: {error.ename}: {error.evalue}"
        ) from None
    except OSError as error:
        raise WpbenchError(f"{target}: {error.strerror or error}") from None
    finally:
        _publish(new, target)
    return [text for text in map(_printed, book.cells) if text]


def _publish(new: Path, target: Path) -> None:
    """Give what papermill has written its name, a notebook of which a cell failed too."""
    try:
        book = json.loads(new.read_bytes())
    except (OSError, ValueError):  # there is none, or half of one: the disk is full
        new.unlink(missing_ok=True)
        return
    book["metadata"]["papermill"]["output_path"] = str(target)
    with written(target) as file:
        file.write((json.dumps(book, ensure_ascii=False, indent=1) + "\n").encode())
    new.unlink()


def _printed(cell: Any) -> str:
    """Return what a cell says: what it printed, which comes in pieces, and tables and prose.

    Of those the text that stands beside their HTML or Markdown; a figure has none.
    """
    pieces = []
    for output in cell.get("outputs", []):
        if output.get("output_type") == "stream" and output.get("name") == "stdout":
            pieces.append(output["text"])
            continue
        data = output.get("data", {})
        if data.keys() & _READ and "text/plain" in data:
            pieces.append("".join(data["text/plain"]) + "\n")
    return "".join(pieces).rstrip("\n")
