"""How far a sweep is: tqdm's widget in JupyterLab, text elsewhere, nothing where nobody looks."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from tqdm import tqdm

# JupyterLab's and Notebook's server sets the one for its kernels, Voila the other: where there is
# somebody who sees a widget.
_SESSION, _SERVER = "JPY_SESSION_NAME", "SERVER_SOFTWARE"
_EVERY = 1.0  # seconds between two lines of text


def place() -> Literal["widget", "cell", "terminal"]:
    """Return where a bar would be seen: a front end with widgets, another notebook, or neither."""
    if "ipykernel" not in sys.modules:
        return "terminal"
    shell = importlib.import_module("IPython").get_ipython()
    if type(shell).__name__ != "ZMQInteractiveShell":
        return "terminal"
    looks = _SESSION in os.environ or os.environ.get(_SERVER, "").startswith("voila")
    return "widget" if looks else "cell"


class _Line:
    """A bar in a notebook that nobody sees: one line of output, written anew.

    Not on standard error: that is a warning to whoever opens the notebook.
    """

    def __init__(self, total: int | None, initial: int, unit: str) -> None:
        display = importlib.import_module("IPython.display").display
        self._total, self._done, self._unit = total, initial, unit
        self._handle = display(self._text(), raw=True, display_id=True)
        self._said = time.monotonic()

    def update(self, more: int = 1) -> None:
        """Count runs that are done."""
        self._done += more
        if time.monotonic() - self._said >= _EVERY:
            self.close()

    def close(self) -> None:
        """Say how many were done."""
        self._said = time.monotonic()
        self._handle.update(self._text(), raw=True)

    def _text(self) -> dict[str, str]:
        of = "" if self._total is None else f" of {self._total}"
        return {"text/plain": f"{self._done}{of}{self._unit}"}


@contextmanager
def progress_bar(
    total: int | None = None,
    *,
    initial: int = 0,
    unit: str = " runs",
    progress: bool | Literal["text"] | None = None,
    head: str = "",
) -> Iterator[Any]:
    """Give a bar whose ``update(n)`` counts what is done.

    Parameters
    ----------
    total, initial
        How many there are (None: not known), and how many are done already.
    unit
        Of what.
    progress
        None: a widget in JupyterLab and Voila; in another notebook (papermill's, nbconvert's) a
        line of output, which ends in the number done; in a terminal a bar on standard
        error; nothing where that is no terminal.  True: the same, always.  ``"text"``: without
        widgets.  False: none.
    head
        Stands above a terminal's bar.

    Returns
    -------
    context manager
        Of the bar.

    Examples
    --------
    >>> from wpbench.sweep import progress_bar
    >>> with progress_bar(10, progress=False) as bar:
    ...     _ = bar.update(10)
    """
    where = place()
    if progress == "text" and where == "widget":
        where = "cell"
    if progress is False:
        where = "terminal"
    bar: Any
    if where == "cell":
        bar = _Line(total, initial, unit)
    elif where == "widget":
        bar = importlib.import_module("tqdm.notebook").tqdm(total=total, initial=initial, unit=unit)
    else:
        disable = None if progress is None else not progress
        bar = tqdm(total=total, initial=initial, unit=unit, disable=disable, file=sys.stderr)
        if head and not bar.disable:
            bar.write(head, file=sys.stderr)
    try:
        yield bar
    finally:
        bar.close()
