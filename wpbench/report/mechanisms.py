"""Which mechanisms a table's scenarios use, and how far each agrees with a kernel."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..data import cost_facts, data_dir, facts, is_cost_file
from ..scenario.columns import parse_mix
from ..scenario.kernels import row_name, row_of
from ..scenario.rules import Overrides

# Geometric middles between the latencies that were measured, nanoseconds.
_LATENCIES = {
    "asynchronous-1us": (0, 3_000),
    "asynchronous-10us": (3_000, 30_000),
    "asynchronous-100us": (30_000, 170_000),
    "asynchronous-300us": (170_000, 1_200_000),
    "asynchronous-5ms": (1_200_000, 1 << 62),
}
_MEASURED_KERNELS = (
    "v5.14",
    "patch1",
    "patch2",
    "patch2-rfc2",
    "patch2-always",
    "v5.19",
    "exclusive",
    "v6.12",
    "v6.17",
    "v7.0",
)
_MEASURED_WORKLOADS = ("reproducer", "random", "userfaultfd")
_SYNCHRONOUS = ("zram", "brd")


class Mechanism(NamedTuple):
    """A part of the model, and how far it agrees with a kernel.

    Attributes
    ----------
    name, what
        Its key in data/agreement.toml, and what it is.
    percent
        Of what was compared, agreed; None: never compared with a kernel.
    compared
        What was compared, and how the rest differs.
    source
        Where the figures stand.
    """

    name: str
    what: str
    percent: float | None
    compared: str
    source: str


@lru_cache(maxsize=1)
def mechanisms() -> dict[str, Mechanism]:
    """Return data/agreement.toml: name -> mechanism."""
    with (data_dir() / "agreement.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {
        name: Mechanism(name, t["what"], t.get("percent"), t.get("compared", ""), t["source"])
        for name, t in tables.items()
    }


def _column(table: pd.DataFrame, name: str, default: Any) -> Any:
    return table[name].to_numpy() if name in table else np.full(len(table), default)


def _forks_cold_free(table: pd.DataFrame) -> Any:
    weights = {mix: parse_mix(mix) for mix in set(_column(table, "mix", ""))}
    uses = {mix: any(w[op] for op in ("fork", "cold", "free")) for mix, w in weights.items()}
    return _is(table, "workload", "random") & np.array([uses[m] for m in _column(table, "mix", "")])


def _is(table: pd.DataFrame, name: str, *values: str) -> Any:
    return table[name].isin(values).to_numpy()


def _measured_costs(table: pd.DataFrame) -> Any:
    """Which rows have a cost set of ``wpbench measure costs``?"""
    names = {name: name in facts("costs") or is_cost_file(name) for name in set(table["costs"])}
    measured = [
        name
        for name, known in names.items()
        if known and cost_facts(name)["description"].startswith("measured:")
    ]
    return _is(table, "costs", *measured)


def _null_blk(table: pd.DataFrame, low: int, high: int) -> Any:
    latency = table["latency_ns"].to_numpy()
    alone = _is(table, "backend", "null_blk") & _is(table, "costs", "icount")
    return alone & (latency > low) & (latency <= high)


def _overridden(rules: str) -> bool:
    """Has a scenario a rule of its own, but the one that is a mechanism of its own?"""
    return bool(set(Overrides.parse(rules)) - {"swapin_inserts_at_once"})


def _own_drain(table: pd.DataFrame) -> Any:
    return np.array(
        [
            row_of(kernel)["drain"] == drain
            for kernel, drain in zip(table["kernel"], table["drain"], strict=True)
        ]
    )


# mechanism -> which rows of a table use it
USES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "synchronous": lambda t: _is(t, "workload", "random") & _is(t, "backend", *_SYNCHRONOUS),
    "one-cpu": lambda t: (
        _is(t, "workload", "reproducer")
        & _is(t, "backend", *_SYNCHRONOUS)
        & (t["read_cpu"] == t["write_cpu"]).to_numpy()
        & ~t["fork_exit_before"].to_numpy(bool)
    ),
    "other-cpu": lambda t: (
        _is(t, "workload", "reproducer")
        & _is(t, "backend", *_SYNCHRONOUS)
        & (t["read_cpu"] != t["write_cpu"]).to_numpy()
    ),
    "fork-exit": lambda t: t["fork_exit_before"].to_numpy(bool),
    "fork-cold-free": lambda t: _forks_cold_free(t) & _is(t, "backend", *_SYNCHRONOUS),
    "userfaultfd": lambda t: _is(t, "workload", "userfaultfd"),
    **{name: partial(_null_blk, low=low, high=high) for name, (low, high) in _LATENCIES.items()},
    "asynchronous-cpus": lambda t: (
        _is(t, "backend", "null_blk") & _is(t, "workload", "random") & (t["cpus"] > 1).to_numpy()
    ),
    "kernels": lambda t: (
        ~np.isin([row_name(k)[0] for k in t["kernel"]], _MEASURED_KERNELS)
        | np.array([_overridden(rules) for rules in _column(t, "rules", "")])
    ),
    "drains": lambda t: ~_own_drain(t),
    "devices": lambda t: _is(t, "backend", "nvme", "ssd", "disk"),
    "synchronous-others": lambda t: _is(t, "backend", "pmem", "zswap"),
    "migration": lambda t: (
        (_column(t, "migration_rate", 0) > 0) | (_column(t, "time_slice_ns", 0) > 0)
    ),
    "threads": lambda t: (t["threads"] > 1).to_numpy() | _is(t, "workload", "hand-over"),
    "background": lambda t: (
        (t["background_insertions"] > 0).to_numpy() | (t["background_drains"] > 0).to_numpy()
    ),
    "workloads": lambda t: ~_is(t, "workload", *_MEASURED_WORKLOADS),
    "measured-costs": _measured_costs,
    "costs": lambda t: ~_is(t, "costs", "none", "icount") & ~_measured_costs(t),
    "lruvecs": lambda t: (t["lruvecs"] > 1).to_numpy(),
    "insert-at-once": lambda t: np.array(
        [bool(Overrides.parse(r).get("swapin_inserts_at_once")) for r in _column(t, "rules", "")]
    ),
}


def in_use(table: pd.DataFrame) -> list[Mechanism]:
    """Return the mechanisms that a table's scenarios use, in the order of data/agreement.toml.

    Parameters
    ----------
    table
        From ``simulate()`` or ``sweep()``: fields of a Scenario, resolved.
    """
    known = mechanisms()
    return [known[name] for name, uses in USES.items() if uses(table).any()]
