"""What the tabs have in common."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from ..across import Across
from ..later import Job
from ..state import State


@dataclass
class Asked:
    """What the tabs show.

    Attributes
    ----------
    state
        What the controls say.
    table
        Its answer: a row of kernel A and one of B.
    across
        The same program across CPUs and backends, as far as it was run.
    """

    state: State
    table: pd.DataFrame
    across: Across

    @property
    def shown(self) -> int:
        """Row of the kernel that is looked at."""
        return int(self.state.patch_on)


class Tab(ABC):
    """A tab: what it shows at once, and what it fills in.

    Attributes
    ----------
    title
        What its handle says.
    name
        Of its class in the page, ``wpbench-tab-<name>``.
    widget
        What is in it.
    """

    title: str
    name: str
    widget: Any

    @abstractmethod
    def show(self, asked: Asked) -> None:
        """Show what was asked, as far as that takes no time."""

    def jobs(self, asked: Asked) -> Iterator[Job]:  # noqa: ARG002 - most have none
        """Yield what is left to do."""
        return iter(())


def first_stage(across: Across) -> None:
    """Run the small machines, if they were not and take no time."""
    first = () if across.done else across.first
    if first and (rows := across.run(first)) is not None:
        across.add(rows, first)


def stages(across: Across, show: Callable[[], None]) -> Iterator[Job]:
    """Yield a job for each stage that was not run; ``show`` is called after each."""
    for sizes in across.stages():

        def keep(rows: pd.DataFrame | None, sizes: tuple[int, ...] = sizes) -> None:
            if rows is not None:
                across.add(rows, sizes)
                show()

        yield partial(across.run, sizes), keep


def note(text: str) -> str:
    """Return a paragraph of HTML."""
    return f'<p class="wpbench-note">{html.escape(text)}</p>' if text else ""


def title(text: str) -> str:
    """Return a figure's title as HTML."""
    return f'<p class="wpbench-title">{html.escape(text)}</p>'
