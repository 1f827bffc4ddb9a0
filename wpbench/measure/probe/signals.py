"""Interruptions: noted when they come, raised where nothing is half set up.

An exception out of a signal handler can fall between any two steps of Python: between the making
of a mapping and the note that it is there.  So while something is set up, signals are noted, what
runs is told to stop, and they act when everything has been taken down.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import MeasureError

# Those that end a program; SIGALRM where the caller has a handler for it (a test's time limit).
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)

_noted: list[int] = []
_stops: list[Callable[[], None]] = []


class StoppedError(MeasureError):
    """A signal came; seen only by who has a handler that does not raise."""


def _note(number: int, _frame: object) -> None:
    _noted.append(number)
    for stop in _stops:
        stop()


def _wanted(number: signal.Signals) -> bool:
    handler = signal.getsignal(number)
    if number == signal.SIGALRM:
        return callable(handler) and not isinstance(handler, signal.Handlers)
    return handler is not None and handler != signal.SIG_IGN and handler is not _note


def _restore(saved: dict[int, Any]) -> None:
    """Give the handlers back; one that raises meanwhile does so when all are back."""
    raised: BaseException | None = None
    while True:
        try:
            for number, handler in saved.items():
                signal.signal(number, handler)
            break
        except BaseException as error:
            raised = error
    if raised is not None:
        raise raised


@contextmanager
def noted() -> Iterator[None]:
    """Note signals until the end of the block; then let the last one act as it would have.

    In other threads than the main one this does nothing: no handler runs there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    saved: dict[int, Any] = {}
    try:
        for number in _ENDING:
            if _wanted(number):
                saved[number] = signal.getsignal(number)
                signal.signal(number, _note)
        yield
    finally:
        _restore(saved)
        if saved and _noted:
            last = _noted[-1]
            _noted.clear()
            signal.raise_signal(last)


def check() -> None:
    """Raise ``StoppedError`` if a signal has been noted."""
    if _noted:
        raise StoppedError(f"interrupted by {signal.Signals(_noted[-1]).name}")


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` when a signal is noted in this block; raise if one was before or in it."""
    _stops.append(stop)
    try:
        check()
        yield
        check()
    finally:
        _stops.remove(stop)
