"""What wb.explain() looks at: every change of one page, and every test of one fault.

Nothing of this is in a plain machine: its compiler knows that nobody watches.
"""

from __future__ import annotations

from typing import Any

from ..jit.compile import inline, kernel
from . import layout as L
from .machine import Machine


@kernel
def _note(m: Machine, operation: int, cpu: int) -> None:
    word = m.page[m.watched]
    if word & L.MASK_HOLDERS == 0 or m.watched >= m.next_page:
        word = 0  # free: what stands there is the free list's
    if word == m.watched_word:
        return
    if m.nr_events < m.event_rows:
        row = m.nr_events * L.NR_EVENT
        m.event[row] = operation
        m.event[row + 1] = cpu
        m.event[row + 2] = m.clock[cpu]
        m.event[row + 3] = m.watched_word
        m.event[row + 4] = word
        m.nr_events += 1
    m.watched_word = word


@inline
def note(m: Machine, operation: int, cpu: int) -> None:
    """Write down what an operation has changed about the watched page, if anything."""
    if m.watched:
        _note(m, operation, cpu)


@kernel
def _record(m: Machine, test: int, left: int, right: int, true: int) -> None:
    if m.explained != m.wp_faults or m.nr_tests == L.MAX_TESTS:
        return
    if m.nr_tests == 0:
        m.fault_event = m.nr_events
    row = m.nr_tests * L.NR_TEST
    m.test[row] = test
    m.test[row + 1] = left
    m.test[row + 2] = right
    m.test[row + 3] = true
    m.nr_tests += 1


@inline
def record(m: Machine, test: int, left: int, right: int, true: Any) -> Any:
    """Write down a test of do_wp_page() and its values, if its fault is explained; return it."""
    if m.explained:
        _record(m, test, left, right, true)
    return true
