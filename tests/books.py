"""Notebooks without a process of their own: IPython runs the cells in the test's.

Each notebook is run once by ``run_notebook()``, in a kernel as users have it; what else its tests
ask of it, they ask of ``run_here()``, which prints, writes and refuses the same.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib as mpl
import matplotlib.pyplot as plt
from coverage import Coverage
from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from IPython.utils.capture import CapturedIO, capture_output
from nbformat import v4
from papermill.engines import Engine, papermill_engines
from traitlets.config import Config

from wpbench.notebook import run_notebook


class Here(Engine):  # type: ignore[misc]
    """papermill's engine, but for the process: what it parametrizes, this executes."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, *_: Any, **_named: Any) -> None:
        with _shell() as shell:
            for index, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type != "code":
                    continue
                nb_man.cell_start(cell, index)
                cell.execution_count = shell.execution_count
                with capture_output() as said:
                    done = shell.run_cell(cell.source, store_history=True)
                cell.outputs = list(_outputs(said))
                if not done.success:
                    error = done.error_before_exec or done.error_in_exec
                    name, text = type(error).__name__, str(error)
                    said_so = {"ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}
                    cell.outputs.append(v4.new_output("error", **said_so))
                    nb_man.cell_exception(cell, index)
                    return
                nb_man.cell_complete(cell, index)


class Shown(DisplayHook):
    """A cell's last value is displayed, as everything else is."""

    def __call__(self, result: Any = None) -> None:
        """Display it."""
        if result is not None:
            display(result)


class Shell(InteractiveShell):
    """IPython, with nobody to look at a window."""

    displayhook_class = Shown

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: ``%matplotlib inline`` asks for none."""


@contextmanager
def _shell() -> Iterator[Shell]:
    """Give a shell that nothing is left of."""
    backend = mpl.get_backend()
    main = sys.modules["__main__"]  # a shell puts its own there, of which no process can be begun
    silent = Config({"HistoryManager": {"enabled": False}})
    shell = Shell.instance(config=silent)
    try:
        with mpl.rc_context():
            yield shell
    finally:
        plt.close("all")
        mpl.use(backend)
        shell.reset(new_session=False)
        Shell.clear_instance()
        sys.modules["__main__"] = main


def _outputs(said: CapturedIO) -> Iterator[Any]:
    for name in ("stdout", "stderr"):
        if text := getattr(said, name):
            yield v4.new_output("stream", name=name, text=text)
    for rich in said.outputs:
        yield v4.new_output("display_data", data=rich.data, metadata=rich.metadata or {})


@contextmanager
def in_this_process() -> Iterator[None]:
    """Let papermill start no process; as in one, coverage does not watch."""
    watching = Coverage.current()
    if watching:
        watching.stop()
    try:
        with patch.dict(papermill_engines._engines, {None: Here}):
            yield
    finally:
        if watching:
            watching.start()


def run_here(name: str, out: Path, parameters: dict[str, Any]) -> list[str]:
    """As ``run_notebook()``, without the second and a half that a process takes to start."""
    with in_this_process():
        return run_notebook(name, out, parameters)
