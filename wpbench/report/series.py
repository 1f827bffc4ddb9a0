"""The questions that the record of 2026 left open, answered from the grid ``drains-2026``."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..errors import TableError

_SHOWN = ("copies", "drains", "drains_in_vain", "drains_swapin", "drains_readahead", "dead")
_KEYS = ("workload", "order", "backend", "npages", "write_cpu", "kernel", "drain")


def per_100_writes(table: pd.DataFrame) -> pd.DataFrame:
    """Return copies and drains of each row per 100 writes of the program.

    Parameters
    ----------
    table
        From ``wb.simulate(wb.load_grid("drains-2026"))``: workloads ``fork-write`` and
        ``swap-write``.

    Returns
    -------
    DataFrame
        The varying fields; then per 100 writes after the fork or the swap-out: ``copies``;
        ``drains`` of do_wp_page() and of them ``drains_in_vain``, after which the page was still
        copied; ``drains_swapin``, ``drains_readahead``; and ``dead``, the percentage of pages in
        a flush of lru_add that nothing else held.

    Raises
    ------
    TableError
        For a table of other workloads.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.report import per_100_writes
    >>> table = per_100_writes(wb.simulate(wb.load_grid("drains-2026")))
    >>> bool(table["copies"].between(0, 100).all())
    True
    """
    if not set(table["workload"]) <= {"fork-write", "swap-write"}:
        raise TableError("table: has other workloads; accepted: fork-write, swap-write")
    writes = table["npages"] * table["rounds"]
    made = table[list(_KEYS)].copy()
    for name in ("copies", "drains", "drains_swapin", "drains_readahead"):
        made[name] = 100 * table[name] / writes
    made["drains_in_vain"] = 100 * (table["drains"] - table["drains_reused"]) / writes
    made["dead"] = 100 * table["lru_add_dead"] / table["lru_add_flushed"]
    return made[[*_KEYS, *_SHOWN]]


def _row(made: pd.DataFrame, **fields: Any) -> Any:
    found = made
    for name, value in fields.items():
        found = found[found[name] == value]
    if len(found) != 1:
        raise TableError(f"table: {len(found)} rows of {fields}; accepted: one")
    return found.iloc[0]


def answers(table: pd.DataFrame) -> list[str]:
    """Return an answer to each of the questions of 2026 in a sentence or two.

    The questions are: When does 7.3's first test matter?  What would a reuse without a drain
    (``peek``) save?  Is the way through do_wp_page() after a swap-in good enough?  Where do dead
    pages in lru_add come from?  Which copies did the removal of the exit drain add?

    Parameters
    ----------
    table
        As in ``per_100_writes()``.

    Returns
    -------
    list of str
        A text for each question that the table can answer.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.report import answers
    >>> table = wb.simulate(wb.load_grid("drains-2026"))
    >>> len(answers(table))
    5
    """
    made = per_100_writes(table)
    own = made[made["drain"] == "if-not-lru"].drop_duplicates(list(_KEYS))

    def fork(order: str, kernel: str, cpu: int, npages: int = 8) -> Any:
        return _row(
            own, workload="fork-write", order=order, kernel=kernel, write_cpu=cpu, npages=npages
        )

    def policy(order: str, drain: str, cpu: int) -> Any:
        rows = made.drop_duplicates(list(_KEYS))
        return _row(
            rows, order=order, kernel="v7.2", drain=drain, write_cpu=cpu, npages=64, backend="zram"
        )

    old, new = (fork("child-alive", kernel, 1) for kernel in ("v7.2", "v7.3"))
    here, there = (fork("child-exited", "v6.14", cpu) for cpu in (0, 1))
    before = fork("child-exited", "v6.13", 1)
    direct = [
        _row(own, order="write", backend="zram", kernel=kernel)["drains_swapin"]
        for kernel in ("v6.18", "v7.2", "v7.3")
    ]
    plain, peek = (policy("fork-read-write", drain, 1) for drain in ("if-not-lru", "peek"))
    alive = fork("child-alive", "v6.14", 1), fork("child-alive", "v6.13", 1)
    return [
        (
            "When does 7.3's first test matter? When pages are written just before a fork and "
            f"again while the child lives: per 100 writes on another CPU {old['drains']:.0f} "
            f"drains in 7.2, all in vain, {new['drains']:.0f} in 7.3; copies "
            f"{old['copies']:.0f} and {new['copies']:.0f}."
        ),
        (
            "Direct writes to swapped-out pages on a synchronous device, drains in "
            f"do_swap_page() per 100 writes: {direct[0]:.0f} in 6.18, {direct[1]:.0f} in 7.2, "
            f"{direct[2]:.0f} in 7.3."
        ),
        (
            "Reuse without a drain (peek), pages that were forked once, swapped out, read and "
            f"written on another CPU: {peek['drains']:.0f} drains and {peek['copies']:.1f} copies "
            f"per 100 writes; with 7.2's own drain {plain['drains']:.1f} and "
            f"{plain['copies']:.1f}."
        ),
        (
            f"Dead pages in flushes of lru_add, the same fork: {alive[1]['dead']:.0f} % of them "
            f"in 6.13, {alive[0]['dead']:.0f} % in 6.14, which drains no more when pages are freed."
        ),
        (
            "The exit drain that 6.14 removed: a child exits where its parent had just written, "
            f"and the parent writes again, per 100 writes: {before['copies']:.0f} copies in 6.13; "
            f"in 6.14 {here['copies']:.0f} on the same CPU, {there['copies']:.0f} on another one, "
            f"there with {there['drains_in_vain']:.0f} drains in vain."
        ),
    ]
