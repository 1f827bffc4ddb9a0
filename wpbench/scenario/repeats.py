"""Of which runs rounds that repeat earlier ones can be skipped, and why of the others not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..workloads.catalog import facts_of
from ..workloads.fast_forward import scratch_words

LEAST_ROUNDS = 1024  # of a run that is looked at
MOST_PAGES = 1 << 20  # of one: the look takes 40 bytes a page, more than the machine
WATCHING = ("log_rows", "watched", "explained")

# Why rounds are not skipped; the first that holds is said, but of a run with few rounds nothing.
OBSTACLES = (
    "",
    f"fewer than {LEAST_ROUNDS} rounds",
    "random numbers decide",
    "its workload does not say where a round ends",
    "clocks decide",
    f"more than {MOST_PAGES} pages",
    "every fault is watched",
)
(NONE, SHORT, RANDOM, NO_ROUNDS, CLOCK, LARGE, WATCHED) = range(len(OBSTACLES))


def obstacles(columns: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    """Return why rounds of each run are not skipped, as places in ``OBSTACLES``.

    Parameters
    ----------
    columns, config
        From ``columns.resolve()``, and what ``columns.machine_config()`` makes of them.
    """
    short = columns["rounds"] < LEAST_ROUNDS
    if short.all():
        return np.full(short.shape, SHORT)
    facts = [facts_of(workload) for workload in columns["workload"]]
    drawn = np.array([fact.round != "region" for fact in facts]) | (columns["migration_rate"] > 0)
    drawn = drawn | (columns["background_insertions"] + columns["background_drains"] > 0)
    # The clock of one thread on the only CPU decides nothing.
    alone = np.array([fact.cpus_a_thread == 1 for fact in facts]) & (columns["threads"] == 1)
    alone = alone & (config["ncpus"] == 1) & (columns["time_slice_ns"] == 0)
    timed = config["async_io"] | config["timed"] & ~alone
    watched = any(config[name] for name in WATCHING)
    conditions = {
        SHORT: short,
        RANDOM: drawn,
        NO_ROUNDS: np.array([not fact.whole_rounds for fact in facts]),
        CLOCK: timed,
        LARGE: config["npages"] * config["nprocs"] > MOST_PAGES,
        WATCHED: np.array([watched]),
    }
    return np.select(np.broadcast_arrays(*conditions.values()), list(conditions), NONE)


def words_to_look(columns: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    """Return how many words of memory each run takes to find out where it repeats itself."""
    looks = obstacles(columns, config) == NONE
    return np.where(looks, scratch_words(config), 0) if looks.any() else np.zeros(1, np.int64)
