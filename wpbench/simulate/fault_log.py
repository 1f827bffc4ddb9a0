"""The write-protect faults of one run, one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..bounds import check
from ..mm import layout as L
from ..mm.names import Outcome, Reason, texts
from ..provenance.record import provenance
from ..scenario import Scenario
from ..scenario.kernels import row_of
from .runs import run
from .words import describe_word


def faults(scenario: Scenario, replication: int = 0, limit: int = 100_000) -> pd.DataFrame:
    """Return a row for each write-protect fault of a run: the holders of the page, and the outcome.

    Parameters
    ----------
    scenario, replication
        The run, as in ``simulate()``.
    limit
        The number of rows kept, from the first fault on (88 bytes of memory each).

    Returns
    -------
    DataFrame
        ``fault`` (number), ``page``, ``cpu``, ``t_ns`` (the decision; 0 without
        a clock), ``took_ns`` (the write, whole; 0 without a clock, and where the fault is a part of
        a swap-in), ``outcome`` (reuse,
        copy), ``reason`` (of a copy), ``before`` and ``decided``: page_count, holders and flags of
        the page when the fault began and when the decision fell; ``drained``: entries that waited
        in the pagevecs drained, -1 where none were.

    Raises
    ------
    ScenarioError
        If an argument is not accepted.

    Examples
    --------
    >>> import wpbench as wb
    >>> table = wb.faults(wb.Scenario(kernel="patch1", npages=8, rounds=1))
    >>> table[["page", "outcome", "reason", "before"]].head(2)
       page outcome         reason                                before
    0     0    copy  pagevec_local  page_count 2 = pte + lru_add; active
    1     1    copy  pagevec_local  page_count 2 = pte + lru_add; active
    """
    check("limit", limit)
    m = run(scenario, replication, log_rows=limit)
    used = min(int(m.nr_logged), limit)
    log = m.log[: used * L.NR_LOG].reshape(used, L.NR_LOG)
    raw = pd.DataFrame(log, columns=list(L.LOG))
    words = {int(word) for word in np.unique(log[:, 4:6])}
    exclusive = bool(row_of(scenario.kernel, scenario.rules)["reuse_exclusive"])
    text = {word: describe_word(word, exclusive=exclusive) for word in words}
    table = pd.DataFrame(
        {
            "fault": raw["fault"],
            "page": raw["page"],
            "cpu": raw["cpu"],
            "t_ns": raw["t_ns"],
            "took_ns": raw["took_ns"],
            "outcome": raw["outcome"].map(dict(enumerate(texts(Outcome)))),
            "reason": raw["reason"].map(lambda r: Reason.text_of(r) if r >= 0 else ""),
            "before": raw["before"].map(text),
            "decided": raw["given_up"].map(text),
            "drained": raw["drained"],
        }
    )
    table.attrs["wpbench"] = provenance("faults", scenario.resolved())
    return table
