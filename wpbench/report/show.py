"""A report's tables as a notebook shows them."""

from __future__ import annotations

import pandas as pd

from ..errors import WpbenchError
from ..scenario import Scenario
from ..text.shown import Shown, show
from .build import Report
from .cases import CASE
from .series import per_100_writes


def check_sides(base: str, other: str) -> None:
    """Raise ScenarioError, which names ``base`` or ``other``, unless both are kernels.

    Parameters
    ----------
    base, other
        Names of kernels, as in ``Scenario``.

    Examples
    --------
    >>> from wpbench.report import check_sides
    >>> check_sides("v7.2", "v7.3")
    """
    for name, kernel in {"base": base, "other": other}.items():
        try:
            Scenario(kernel=kernel)
        except WpbenchError as error:
            raise type(error)(f"{name}: {error}") from None


def show_copies(report: Report) -> Shown:
    """Return a report's copies and drains for a notebook, a row a case, with a heat map.

    Parameters
    ----------
    report
        From ``report()``.

    Returns
    -------
    Shown
        Copies and drains per 100 writes.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.report import show_copies
    >>> report = wb.report(wb.grid(kernel=["patch1", "patch2"], npages=[1, 8], rounds=5), seeds=2)
    >>> show_copies(report).table["copies, off"].tolist()
    [100.0, 87.5]
    """
    copies = report.copies
    per = next(name for name in report.sections if name.startswith("Copies per 100"))
    table = pd.DataFrame(
        {
            "case": copies[CASE],
            "copies, off": copies["off"],
            "copies, on": copies["on"],
            "drains, on": copies["drains_on"],
            "in vain": copies["in_vain_on"],
            "a kernel agrees": copies["agreed"],
        }
    )
    caption = f"{per}. A kernel agrees: with all that the row rests on; no: never compared"
    return show(table, formats="{:.1f}", heat=["copies, off", "copies, on"], caption=caption)


def show_series(table: pd.DataFrame) -> Shown:
    """Return copies and drains of the grid ``drains-2026`` for a notebook, a column a kernel.

    Parameters
    ----------
    table
        As of ``per_100_writes()``.

    Returns
    -------
    Shown
        A row a program; columns: copies, then drains, of each kernel that ran it.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.report import show_series
    >>> table = show_series(wb.simulate(wb.load_grid("drains-2026"))).table
    >>> sorted(table["copies"])
    ['v6.13', 'v6.14', 'v6.18', 'v7.2', 'v7.3']
    """
    made = per_100_writes(table)
    made = made[made["drain"] == "if-not-lru"].drop_duplicates()
    keys = ["workload", "order", "backend", "npages", "write_cpu"]
    made["drains"] += made["drains_swapin"]
    wide = made.pivot_table(index=keys, columns="kernel", values=["copies", "drains"], sort=False)
    wide = wide.reindex(columns=sorted(wide.columns))
    wide.columns.names = ["per 100 writes", "kernel"]
    caption = "Simulated; drains of do_wp_page() and do_swap_page()"
    heat = [("copies", kernel) for kernel in wide["copies"]]
    return show(wide, formats="{:.1f}", heat=heat, caption=caption)
