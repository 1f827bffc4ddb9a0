"""Room for more tasks, names and pages, made between two calls of jitted code."""

from __future__ import annotations

from typing import Any

import numpy as np

from .pages import insert_all
from .state import (
    M_USERS,
    N_COMMS,
    N_MMS,
    N_PAGES,
    N_ROWS,
    N_SHARED,
    N_TASKS,
    P_MM,
    P_STATE,
    S_MM,
    State,
    Words,
)

_COUNTERS = {"task": N_TASKS, "mm": N_MMS, "shared": N_SHARED, "comm": N_COMMS, "counts": N_ROWS}


def grown(state: State) -> State:
    """Return the state with room for more: everything that is half full doubled.

    Pages and shared mappings of address spaces that are gone are forgotten.
    """
    changed: dict[str, Any] = {}
    number = state.number
    for name, counter in _COUNTERS.items():
        array = getattr(state, name)
        if 2 * number[counter] >= len(array):
            changed[name] = _doubled(array)
            if name == "comm":
                more = np.full_like(state.row_of, -1)
                changed["row_of"] = np.concatenate([state.row_of, more])
            elif name == "counts":
                changed["hist"] = _doubled(state.hist)
    shared = state.shared[: number[N_SHARED]]
    alive = shared[state.mm[shared[:, S_MM], M_USERS] > 0]
    if len(alive) < len(shared):
        room = changed.get("shared", state.shared).copy()
        room[: len(alive)] = alive
        changed["shared"], number[N_SHARED] = room, len(alive)
    if 2 * number[N_PAGES] >= len(state.page):
        changed["page"] = _rehashed(state)
    return state._replace(**changed)


def _doubled(array: Words) -> Words:
    return np.concatenate([array, np.zeros_like(array)])


def _rehashed(state: State) -> Words:
    used = state.page[state.page[:, P_STATE] > 0]
    used = used[state.mm[used[:, P_MM], M_USERS] > 0]
    room = 1024
    while room < 4 * len(used):
        room *= 2
    table = np.zeros((room, state.page.shape[1]), np.int64)
    insert_all(table, used)
    state.number[N_PAGES] = len(used)
    return table
