"""What is known of each page of each address space: a hash table with open addresses."""

from __future__ import annotations

from .helper import helper
from .state import (
    IS_LARGE,
    LARGE_KEY,
    M_BORN,
    M_PARENT,
    N_LOST_TIME,
    N_PAGES,
    N_SHARED,
    P_FRAME,
    P_MM,
    P_PAGE,
    P_STATE,
    P_TIME,
    S_END,
    S_FIRST,
    S_MM,
    WAS_READ,
    WAS_WRITTEN,
)

ANCESTORS = 8  # how far back a page's frame is looked for
_REGION = 9  # 512 pages: a page table's


@helper
def find(table, mm, page):  # type: ignore[no-untyped-def]
    """Return the row of a page, or the free one where it belongs."""
    mask = len(table) - 1
    at = (mm * 1000003 + page * 40503) & mask
    while table[at, P_STATE] and (table[at, P_PAGE] != page or table[at, P_MM] != mm):
        at = (at + 1) & mask
    return at


@helper
def insert_all(table, rows):  # type: ignore[no-untyped-def]
    """Enter rows into an empty table."""
    for i in range(len(rows)):
        at = find(table, rows[i, P_MM], rows[i, P_PAGE])
        for j in range(rows.shape[1]):
            table[at, j] = rows[i, j]


@helper
def enter(s, mm, page, state):  # type: ignore[no-untyped-def]
    """Return the row of a page, made if there was none, with a new state."""
    at = find(s.page, mm, page)
    if s.page[at, P_STATE] == 0:
        s.page[at, P_MM], s.page[at, P_PAGE] = mm, page
        s.page[at, P_FRAME] = 0
        s.number[N_PAGES] += 1
    s.page[at, P_STATE] = state
    return at


@helper
def frame_of(s, mm, page):  # type: ignore[no-untyped-def]
    """Return 1 + the frame of a page, 0 where it is not known.

    A child has its parent's pages, as they were when it was born.
    """
    before = -1
    for _ in range(ANCESTORS):
        at = find(s.page, mm, page)
        if s.page[at, P_STATE] in (WAS_READ, WAS_WRITTEN):
            time = s.page[at, P_TIME]
            if (before < 0 or time < before) and time > s.number[N_LOST_TIME]:
                return s.page[at, P_FRAME]
            return 0
        parent = s.mm[mm, M_PARENT]
        if parent < 0:
            return 0
        born = s.mm[mm, M_BORN]
        if before < 0 or born < before:
            before = born
        mm = parent
    return 0


@helper
def note_large(s, mm, page):  # type: ignore[no-untyped-def]
    """Remember that a large folio was allocated near a page."""
    enter(s, mm, LARGE_KEY | (page >> _REGION), IS_LARGE)


@helper
def near_large(s, mm, page):  # type: ignore[no-untyped-def]
    """Was a large folio allocated near a page, by this address space or one that it came from?"""
    for _ in range(ANCESTORS):
        if s.page[find(s.page, mm, LARGE_KEY | (page >> _REGION)), P_STATE]:
            return True
        mm = s.mm[mm, M_PARENT]
        if mm < 0:
            return False
    return False


@helper
def is_shared(s, mm, page):  # type: ignore[no-untyped-def]
    """Does a page lie in a mapping made with MAP_SHARED?"""
    for i in range(s.number[N_SHARED]):
        row = s.shared[i]
        if row[S_MM] == mm and row[S_FIRST] <= page < row[S_END]:
            return True
    return False


@helper
def map_range(s, mm, first, end, shared):  # type: ignore[no-untyped-def]
    """Note a new mapping: it replaces what was at its place."""
    n = s.number[N_SHARED]
    for i in range(n):
        row = s.shared[i]
        if row[S_MM] != mm or row[S_END] <= first or end <= row[S_FIRST]:
            continue
        if row[S_FIRST] < first and row[S_END] > end and s.number[N_SHARED] < len(s.shared):
            k = s.number[N_SHARED]
            s.shared[k, S_MM], s.shared[k, S_FIRST], s.shared[k, S_END] = mm, end, row[S_END]
            s.number[N_SHARED] += 1
            row[S_END] = first
        elif row[S_FIRST] < first:
            row[S_END] = first
        else:
            row[S_FIRST] = min(end, row[S_END])
    if shared and s.number[N_SHARED] < len(s.shared):
        k = s.number[N_SHARED]
        s.shared[k, S_MM], s.shared[k, S_FIRST], s.shared[k, S_END] = mm, first, end
        s.number[N_SHARED] += 1
