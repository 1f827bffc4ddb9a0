"""All presets in one table, and what it answers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..simulate import simulate
from ..text import Shown
from ..text.layout import broken
from .presets import PRESETS
from .state import State

# Points of the copy rate that are saved, and what is said of the presets that save more.
_MUCH, _SOME = 0.5, 0.05
_OFF, _ON = "patch off", "patch on"
_COPIED, _FAULTS, _DRAINS = "copied (% of WP faults)", "WP faults (n)", "drains (n)"


def presets_table() -> pd.DataFrame:
    """Return a row of ``simulate()`` for every preset with the patch off and on, in that order.

    Returns
    -------
    DataFrame
        Column ``preset`` in front; ``attrs["wpbench"]`` says how it was made.

    Examples
    --------
    >>> from wpbench.widgets import presets_table
    >>> presets_table()[["preset", "kernel", "copies"]].head(2).values.tolist()
    [['reproducer on zram', 'patch1', 140], ['reproducer on zram', 'patch2', 0]]
    """
    states = {name: State.preset(name) for name in PRESETS}
    table = simulate(arm for state in states.values() for arm in (state.off, state.on))
    table.insert(0, "preset", [name for name in states for _ in (_OFF, _ON)])
    return table


def presets_heat(table: pd.DataFrame) -> Shown:
    """Return the table of ``presets_table()`` to look at: a row a preset, rates as a heat map.

    Parameters
    ----------
    table
        From ``presets_table()``.

    Returns
    -------
    Shown
        Copies in percent of the write-protect faults, faults and drains, off and on.

    Examples
    --------
    >>> from wpbench.widgets import presets_heat, presets_table
    >>> presets_heat(presets_table()).table.index[0]
    'reproducer on zram'
    """
    side = {True: _ON, False: _OFF}
    rows = table.assign(
        side=[side[kernel == State().kernel] for kernel in table["kernel"]],
        rate=100 * table["copy_rate"],
    )
    shown = {_COPIED: "rate", _FAULTS: "wp_faults", _DRAINS: "drains"}
    wide = rows.pivot_table(
        index="preset", columns="side", values=list(shown.values()), sort=False
    ).reindex(list(PRESETS))
    columns = {
        (text, name): wide[column][name]
        for text, column in shown.items()
        for name in (_OFF, _ON)
        if (text, name) != (_DRAINS, _OFF)
    }
    frame = pd.DataFrame(columns)
    rates: Any = [(_COPIED, name) for name in (_OFF, _ON)]
    formats: dict[Any, Any] = dict.fromkeys(columns, "{:.0f}") | dict.fromkeys(rates, "{:.1f}")
    return Shown(frame, formats, heat=rates)


def presets_answer(table: pd.DataFrame, preset: str) -> str:
    """Return in words where the patch saves copies, and the numbers of one preset.

    Parameters
    ----------
    table
        From ``presets_table()``.
    preset
        A name of its column ``preset``.

    Returns
    -------
    str
        At most 72 columns.

    Examples
    --------
    >>> from wpbench.widgets import presets_answer, presets_table
    >>> print(presets_answer(presets_table(), "reproducer on zram").splitlines()[0])
    Simulated, one run each. The patch saves
    """
    rates = {str(name): x.tolist() for name, x in table.groupby("preset", sort=False)["copy_rate"]}
    saved = {name: off - on for name, (off, on) in rates.items()}
    parts = {
        "More than 50 points of the copy rate": [n for n, x in saved.items() if x > _MUCH],
        "5 to 50 points": [n for n, x in saved.items() if _SOME < x <= _MUCH],
        "Less than 5 points": [n for n, x in saved.items() if x <= _SOME],
    }
    lines = ["Simulated, one run each. The patch saves"]
    for text, names in parts.items():
        lines += broken(f"{text}: {', '.join(names) or 'no preset'}.", first="  ", rest="    ")
    off, on = table[table["preset"] == preset].to_dict("records")
    lines += broken(
        f"{preset}: {off['copies']} of {off['wp_faults']} faults copy with the patch off, "
        f"{on['copies']} of {on['wp_faults']} with it on, which drains {on['drains']} times."
    )
    return "\n".join(lines)
