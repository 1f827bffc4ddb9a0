"""Whose rules ``wpbench measure`` takes: the version's, or those that the kernel follows."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import MeasureError
from ..measure.probe.facts import environment
from ..measure.probe.zram_guard import CONTROL
from ..scenario.kernels import kernel, rows
from .fingerprints import fitting_rows, pool_for
from .native import side
from .outcome import RUNNING

RUNS = 3  # of each program


@lru_cache(maxsize=2)
def row_of_outcomes(zram: str | None) -> tuple[str | None, str]:
    """Return the kernel to simulate instead of the release that runs here, and a line on it.

    Distributions backport: a few litmus programs are asked, as ``fingerprint()`` does.

    Parameters
    ----------
    zram
        Size of the swap device that may be set up; None: only programs without swap.

    Returns
    -------
    str or None
        A row of data/kernels.toml.  None: the release's own, since its row fits, no row does, or
        this kernel or this user cannot run programs.
    str
        A line that says so; empty where the release's row fits or nothing could be asked.
    """
    facts = environment()
    if facts["mglru"]:  # it has no activate batch: each row would be wrong
        return None, ""
    swap = zram is not None and Path(CONTROL).is_dir()
    pool = pool_for(len(os.sched_getaffinity(0)), swap)
    try:
        with side(RUNNING, zram or "64M") as running:
            found = fitting_rows(pool, running, RUNS)
    except MeasureError:
        return None, ""
    return _told(facts, found)


def _told(facts: dict[str, Any], found: list[str]) -> tuple[str | None, str]:
    own = kernel(facts["kernel"]).name
    if own in found:
        return None, ""
    if found:
        order = list(rows())
        nearest = min(found, key=lambda name: abs(order.index(name) - order.index(own)))
        others = [name for name in found if name != nearest]
        too = f"; those of {', '.join(others)} fit too" if others else ""
        return nearest, (
            f"{facts['release']} does not do what {own} does; it is taken for {nearest}, whose "
            f"rules fit what it does{too} (wpbench measure fingerprint tells more)"
        )
    return None, (
        f"{facts['release']}: no row of rules fits what it does; {own}'s are taken, of its version "
        "(wpbench measure fingerprint tells more)"
    )


__all__ = ["row_of_outcomes"]
