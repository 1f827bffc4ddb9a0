"""How many rounds were skipped because they repeat earlier ones, in a record and in words."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..scenario.repeats import NONE, OBSTACLES, SHORT
from .plan import Plan

NO_REPEAT = "no state of theirs came back soon enough"


def record_of(plan: Plan, skipped: Any) -> dict[str, Any]:
    """Return what a table's provenance says of skipped rounds; {} where no run has many.

    Parameters
    ----------
    plan
        The runs.
    skipped
        int64[n], rounds of each that were skipped.

    Returns
    -------
    dict
        Of the runs with many rounds: ``rounds``, all of theirs, and ``skipped`` ones;
        ``done_whole``: for each reason not to skip any, how many runs had it.
    """
    places = plan.obstacles
    has_many = places != SHORT
    if not has_many.any():
        return {}
    reasons = Counter(places[has_many & (skipped == 0)].tolist())
    return {
        "rounds": int(np.broadcast_to(plan.columns["rounds"], plan.n)[has_many].sum()),
        "skipped": int(skipped.sum()),
        "done_whole": {
            OBSTACLES[place] if place != NONE else NO_REPEAT: number
            for place, number in sorted(reasons.items())
        },
    }


def lines_of(record: dict[str, Any]) -> list[str]:
    """Return a table's record of skipped rounds as lines of text.

    Parameters
    ----------
    record
        ``table.attrs["wpbench"]["fast_forward"]``; {} if no run has many rounds.

    Returns
    -------
    list of str
        The rounds that were skipped, and each reason why none were.

    Examples
    --------
    >>> import wpbench as wb
    >>> from wpbench.simulate import lines_of
    >>> table = wb.simulate(wb.Scenario(npages=1, rounds=5000))
    >>> lines_of(table.attrs["wpbench"]["fast_forward"])[0][:12]
    'fast-forward'
    """
    lines = []
    if record.get("skipped"):
        lines.append(
            f"fast-forward: {record['skipped']} of {record['rounds']} rounds repeat earlier ones "
            "and were skipped; the counts are exact"
        )
    for reason, number in record.get("done_whole", {}).items():
        runs = "1 run" if number == 1 else f"{number} runs"
        lines.append(f"fast-forward: not in {runs}: {reason}")
    return lines
