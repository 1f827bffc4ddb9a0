"""The central table as a notebook shows it."""

from __future__ import annotations

import pandas as pd

from ..tables.off_on import headline, policies, wide
from .rates import UNITS, format_answer, format_off_and_on
from .shown import Said, Shown, say, show

_COLUMNS = 6  # values of x that a screen has room for


def show_answer(both: pd.DataFrame | None, made: pd.DataFrame) -> Shown | Said:
    """Return ``headline()`` for a notebook, units in the header; its text is ``format_answer()``.

    Parameters
    ----------
    both, made
        As of ``format_answer()``.

    Returns
    -------
    Shown or Said
        Prose where there is no patch off and on to compare.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on, rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> made, both = rates(table), off_and_on(table)
    >>> wb.text.show_answer(both, made).table["off (per 100 writes)"].tolist()[0]
    100.0
    """
    text = format_answer(both, made)
    if both is None:
        return say(text)
    per = both.attrs["rates"]["per"]
    names = {side: f"{side} (per 100 {per})" for side in ("off", "on")}
    table = headline(both, made).rename(columns=names | {"what": "", "where": "where it is most"})
    caption = "Simulated: the same program with the patch off (patch1) and on (patch2)"
    return show(table, formats="{:.1f}", caption=caption, text=text)


def show_off_and_on(both: pd.DataFrame | None, most: int = _COLUMNS) -> Shown | Said:
    """Return copies with the patch off and on as a heat map; text: ``format_off_and_on()``.

    Parameters
    ----------
    both
        From ``off_and_on()``; of None it is said that there is nothing to compare.
    most
        Values of ``x`` that are shown.

    Returns
    -------
    Shown or Said
        The heat map's colours go from 0 to 100.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import off_and_on
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> wb.text.show_off_and_on(off_and_on(table)).table[16].iloc[0].tolist()
    [87.5, 0.0]
    """
    if both is None:
        return say("The table has not both the patch off (patch1) and on (patch2).")
    table = wide(both, most)
    caption = f"Simulated: {UNITS[both.attrs['rates']['value']].format(**both.attrs['rates'])}"
    return show(
        table, formats="{:.1f}", heat=list(table), caption=caption, text=format_off_and_on(both)
    )


def show_policies(made: pd.DataFrame, backend: str | None = None) -> Shown:
    """Return the copies of every drain policy on one backend as a heat map.

    Parameters
    ----------
    made, backend
        As of ``wpbench.tables.policies()``.

    Returns
    -------
    Shown
        A row a program and policy, a column a value of ``x``.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.tables import rates
    >>> table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 16], rounds=5), seeds=2)
    >>> wb.text.show_policies(rates(table)).table.index.get_level_values("drain").tolist()
    ['off', 'on']
    """
    table = policies(made, backend)
    about = made.attrs["rates"]
    where = "" if "backend" not in made else f", {backend or made['backend'].iloc[0]}"
    caption = f"Simulated: {UNITS['copies_per_work'].format(**about)}{where}"
    return show(table, formats="{:.0f}", heat=list(table), caption=caption)
