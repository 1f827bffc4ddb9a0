"""What the time went to, step by step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..errors import ScenarioError
from ..mm import layout as L
from ..provenance.record import provenance
from ..scenario import Scenario
from ..scenario.plain import described
from ..simulate import run


def budget(scenarios: Scenario | Iterable[Scenario], replication: int = 0) -> pd.DataFrame:
    """Return what the CPUs' time was spent on, a row a scenario and step.

    Parameters
    ----------
    scenarios
        With a clock: ``costs`` other than ``none``.
    replication
        Which random stream.

    Returns
    -------
    DataFrame
        The scenario's parameters; ``step``, a cost of data/costs.toml (``device_read`` and
        ``device_write`` are the backend's ``read_ns`` and ``write_ns``), ``lru_lock_wait`` or
        ``idle``; ``ns``, of all CPUs together; ``share`` of all but the idle time (NaN for
        ``idle``); ``ns_per_fault``, by write-protect faults.  The steps add up to the clocks.

    Raises
    ------
    ScenarioError
        For a scenario without a clock.
    """
    found = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    if not found:
        raise ScenarioError("budget() needs at least one scenario")
    parts = []
    for scenario in found:
        fields = scenario.resolved()
        if fields["costs"] == "none":
            raise ScenarioError(
                "costs: 'none' takes no time; accepted: a cost set with steps that do, "
                "such as 'server'"
            )
        m = run(scenario, replication)
        spent = np.array(m.spent, np.int64)
        busy = spent.sum() - spent[L.SPENT_IDLE]
        share = np.where(np.arange(len(spent)) == L.SPENT_IDLE, np.nan, spent / busy)
        faults = m.wp_faults if m.wp_faults else np.nan
        part = pd.DataFrame({"step": L.SPENT, "ns": spent, "share": share})
        part["ns_per_fault"] = part["ns"] / faults
        for at, (name, value) in enumerate(fields.items()):
            part.insert(at, name, value)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    asked = pd.DataFrame([scenario.resolved() for scenario in found])
    parameters = described(scenarios, asked, 1) | {"replication": replication}
    table.attrs["wpbench"] = provenance("budget", parameters)
    return table
