"""What runs counted, as totals over the same program: by access, by round, or of all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ScenarioError, accepted

# What is compared, and the counter it comes from.
MEASURES = {"write": "write_ns", "cpu": "cpu_ns"}
PER = {
    "access": "per access",
    "round": "per round",
    "program": "of the whole program",
}
# Calls of lru_add_drain() that take a fault's time: do_wp_page()'s, do_swap_page()'s, readahead's.
DRAINS = ("drains", "drains_swapin", "drains_readahead")
# Counters beside the time, by the name that a column has.
COUNTED: dict[str, tuple[str, ...]] = {
    "faults": ("wp_faults",),
    "copies": ("copies",),
    "drains": DRAINS,
    "pages_out": ("pswpout",),
    "pages_in": ("pswpin",),
    "dead": ("lru_add_dead",),
}
# Of the run as a whole, whatever the rest is divided by: pages held at its end.
HELD: dict[str, tuple[str, ...]] = {"orphans": ("orphans",)}


def check_per(per: str) -> None:
    """Raise ScenarioError unless ``per`` is ``access``, ``round`` or ``program``."""
    if per not in PER:
        raise ScenarioError(accepted("per", per, PER))


def work_of(found: Mapping[str, Any], rounds: Any, per: str) -> Any:
    """Return by how much work each run's totals are divided: the program's own, not a side's.

    Parameters
    ----------
    found
        Counters of runs, by name.
    rounds
        Of each run.
    per
        As ``PER``.
    """
    if per == "access":
        return np.maximum(found["accesses"], 1.0)
    if per == "round":
        return np.maximum(np.asarray(rounds, float), 1.0)
    return np.ones(len(found["accesses"]))


def differences(
    off: Mapping[str, Any], on: Mapping[str, Any], rounds: Any, per: str = "access"
) -> dict[str, tuple[Any, Any]]:
    """Return what each side took over the same program, for each of ``MEASURES``.

    Totals, divided by the same work on both sides: neither a fault more, which costs nothing, nor a
    fault that becomes two at the same price changes them, nor which side took less.

    Parameters
    ----------
    off, on
        Counters of the runs of either side, run by run the same programs and random streams.
    rounds
        Of each run.
    per
        As ``PER``.

    Returns
    -------
    dict
        measure -> totals of off and of on, nanoseconds by the work.
    """
    work = work_of(off, rounds, per)
    return {name: (off[c] / work, on[c] / work) for name, c in MEASURES.items()}


def per_fault(found: Mapping[str, Any], counter: str) -> Any:
    """Return a counter by the write-protect faults of its own side: a column, never a verdict."""
    faults = np.where(found["wp_faults"] > 0, found["wp_faults"], np.nan)
    return found[counter] / faults
