"""Pages of a ring buffer, as ``per_cpu/cpuN/trace_pipe_raw`` gives them, decoded into rows.

The layout is that of include/linux/ring_buffer.h: a time, the bytes in use with two flags for
losses, then events, each with 5 bits of type and 27 of time since the one before.
"""

from __future__ import annotations

import numpy as np

from .events import FAULT_KERNEL, FIELDS, LOST, WIDTH
from .helper import helper

PADDING, TIME_EXTEND, TIME_STAMP = 29, 30, 31
_SHIFT = 27
_DELTA = (1 << _SHIFT) - 1
_USED = (1 << 20) - 1  # of the word "commit"
_MISSED, _MISSED_STORED = 1 << 31, 1 << 30
# common_flags: TRACE_FLAG_HARDIRQ, _SOFTIRQ, _NMI of include/linux/trace_events.h.
_INTERRUPT = 0x08 | 0x10 | 0x40
# Softirqs off, or (common_preempt_count) preemption: no fault can be handled there.
_BH_OFF, _PREEMPT_DEPTH = 0x80, 0x0F
MIN_EVENT = 8  # bytes of a page that an event takes at least


@helper
def _word(page, at):  # type: ignore[no-untyped-def]
    """Return 32 bits; ``page`` is an array of uint32."""
    return np.int64(page[at >> 2])


@helper
def _signed(value, bits):  # type: ignore[no-untyped-def]
    return value - (1 << bits) if value >> (bits - 1) else value


@helper
def _number(page, at, size, signed):  # type: ignore[no-untyped-def]
    """Return a field; eight bytes always as the signed number that an int64 holds."""
    low = _word(page, at)
    if size == 8:
        return (_signed(_word(page, at + 4), 32) << 32) | low
    bits = 8 * size
    if size < 4:
        low = (low >> (8 * (at & 3))) & ((1 << bits) - 1)
    return _signed(low, bits) if signed else low


@helper
def _event(page, payload, length, row_of, rows, out, n, time, cpu):  # type: ignore[no-untyped-def]
    """Decode an event's payload; return how many rows of ``out`` are in use then."""
    common = _word(page, payload)
    number = common & 0xFFFF
    if number >= len(row_of) or row_of[number] < 0:
        return n
    row = row_of[number]
    for j in range(4, WIDTH):
        out[n, j] = 0
    out[n, 0], out[n, 1], out[n, 2] = time, cpu, rows[row, 0]
    pid = _signed(_word(page, payload + 4), 32)
    out[n, 3] = 0 if (common >> 16) & _INTERRUPT else pid
    if rows[row, 0] == FAULT_KERNEL:
        atomic = (common >> 16) & _BH_OFF or (common >> 24) & _PREEMPT_DEPTH
        out[n, 6] = 1 if atomic else 0
    for j in range(FIELDS):
        at, size = rows[row, 1 + 3 * j], rows[row, 2 + 3 * j]
        if size and at + size <= length:
            out[n, 4 + j] = _number(page, payload + at, size, rows[row, 3 + 3 * j])
    return n + 1


@helper
def decode(page, cpu, row_of, rows, data, out, n):  # type: ignore[no-untyped-def]
    """Decode one page; return how many rows of ``out`` are in use then.

    Parameters
    ----------
    page
        uint32; its length is the page's.
    cpu
        Whose buffer it is from.
    row_of, rows, data
        A ``formats.Plan``.
    out
        Rows of int64 as events.py has them, with room for a page's events.
    n
        Rows in use before.
    """
    time = (_word(page, 4) << 32) | _word(page, 0)
    commit = _word(page, 8)
    end = data + (commit & _USED)
    size = 4 * len(page)
    end = min(end, size)
    if commit & _MISSED:
        lost = -1
        if commit & _MISSED_STORED and end + 8 <= size:
            lost = _number(page, end, 8, 1)
        for j in range(WIDTH):
            out[n, j] = 0
        out[n, 0], out[n, 1], out[n, 2], out[n, 4] = time, cpu, LOST, lost
        n += 1
    at = data
    while at + 4 <= end:
        head = _word(page, at)
        kind, delta = head & 31, head >> 5
        if kind == PADDING:
            if delta == 0:
                break  # the rest of the page is empty
            time += delta
            at += 4 + _word(page, at + 4)
            continue
        if kind == TIME_EXTEND:
            time += (_word(page, at + 4) << _SHIFT) + delta
            at += 8
            continue
        if kind == TIME_STAMP:
            time = (_word(page, at + 4) << _SHIFT) + delta
            at += 8
            continue
        time += delta
        if kind == 0:
            length = _word(page, at + 4) - 4
            payload = at + 8
        else:
            length = 4 * kind
            payload = at + 4
        at = payload + ((length + 3) & ~3)
        if length < 8 or at > end:
            break
        n = _event(page, payload, length, row_of, rows, out, n, time, cpu)
    return n


@helper
def decode_pages(pages, cpus, row_of, rows, data, out, n):  # type: ignore[no-untyped-def]
    """Decode pages one after the other: rows of ``pages``, each of the CPU in ``cpus``."""
    for i in range(len(pages)):
        n = decode(pages[i], cpus[i], row_of, rows, data, out, n)
    return n
