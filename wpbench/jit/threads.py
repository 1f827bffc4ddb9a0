"""Threads that nobody has to wait for, so that Ctrl-C ends whatever compiled code is doing.

Python looks for signals between two of its own instructions and in the main thread alone.  Compiled
code therefore runs in another one, while the main thread waits, which a signal does interrupt.
These threads are daemons: one that does not end is left behind, and a process need not wait for it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NoReturn, TypeVar

import numpy as np

_GRACE = 0.5  # seconds that stopped runs have to end
_LOOKS = 10  # during these
Result = TypeVar("Result")


class Workers(Executor):
    """An executor of daemon threads.

    Parameters
    ----------
    number
        Threads at most.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Let one of the threads call a function."""
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()
        self._tasks.put((future, fn, args, kwargs))
        if len(self._threads) < self._number:
            thread = threading.Thread(
                target=_work, args=(self._tasks,), name="wpbench", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; those that have not begun are done or cancelled."""
        self._closed = True
        if cancel_futures:
            with suppress(Exception):  # queue.Empty
                while True:
                    task = self._tasks.get_nowait()
                    if task is not None:
                        task[0].cancel()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()


def _work(tasks: SimpleQueue[Any]) -> None:
    while (task := tasks.get()) is not None:
        future, function, args, kwargs = task
        if not future.set_running_or_notify_cancel():
            continue
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # the one who asked for it is told
            future.set_exception(error)
        else:
            future.set_result(result)
        del task, future, function, args, kwargs  # what they hold can be large


class Stop:
    """What ends runs early: those that have not begun, and those under way.

    Attributes
    ----------
    flag
        uint8[1], not 0 once it is set: no other run begins.
    """

    def __init__(self) -> None:
        self.flag = np.zeros(1, np.uint8)
        self._words: list[weakref.ref[Any]] = []

    def ends(self, word: Any) -> None:
        """Let ``set()`` also write -1 (``L.STOPPED``) to a word: a machine's ``error``."""
        self._words = [kept for kept in self._words if kept() is not None]
        self._words.append(weakref.ref(word))

    def set(self) -> None:
        """Stop: a machine that is being made just now may miss it, so that it is done again."""
        self.flag[0] = 1
        for kept in self._words:
            word = kept()
            if word is not None and word[0] == 0:
                word[0] = -1

    def wait(self, futures: list[Future[Any]]) -> bool:
        """Stop what is under way, and give it half a second to end; False if some did not."""
        for _ in range(_LOOKS):
            self.set()
            if not wait(futures, _GRACE / _LOOKS).not_done:
                return True
        return False


def interruptible(do: Callable[[], Result], stop: Stop) -> Result:
    """Do something that Ctrl-C must be able to end, and return its result.

    Raises
    ------
    KeyboardInterrupt
        At once, or as soon as what was under way has ended, at most half a second later.
    """
    if threading.current_thread() is not threading.main_thread():
        return do()  # no signal comes here
    workers = Workers(1)
    future: Future[Result] = workers.submit(do)
    try:
        return future.result()
    except KeyboardInterrupt:
        stopped(stop, [future])
    finally:
        workers.shutdown(wait=False)


def stopped(stop: Stop, futures: list[Future[Any]]) -> NoReturn:
    """Raise KeyboardInterrupt when what is under way has ended, or after half a second."""
    if stop.wait(futures):
        raise KeyboardInterrupt("stopped") from None
    raise KeyboardInterrupt(
        "stopped; a run that calls no operation of the machine goes on until this process ends"
    ) from None
