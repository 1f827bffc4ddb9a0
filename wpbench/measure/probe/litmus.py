"""Litmus programs on the running kernel."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ...errors import MeasureError
from ...jit.compile import JIT_DISABLED
from ...workloads.litmus_ops import NR_SEEN, Op
from . import crew, litmus_loops, signals
from .bench import FLUSHED_PAGES
from .compiled import NEEDS_COMPILED
from .facts import swaps
from .litmus_row import CALLS, PROC_PAGEMAP, STACK, LitmusRow
from .memory import PAGE, Memory
from .oracle import NO_FRAMES, Oracle
from .zram import Zram, check_memory, parse_size

DEADLINE_NS = 5_000_000_000  # for a run; other tasks have the CPUs for little of that time
TRIES = 4
BATCH = 32  # programs that one process runs, in some ten milliseconds
BATCH_PAGES = 4096  # ... and their pages, but for a single larger one
_LEAST_OTHER = 16  # pages of the other region, which a `munmap` wants to be there
_DEFAULT_PIPE = 16  # pages that a pipe holds as it comes


class Session:
    """Litmus programs on the running kernel: ``with Session("64M") as session: session.run(...)``.

    The swap device is set up when a program needs it, and taken down when one must have none, and
    at the end.

    Parameters
    ----------
    zram
        Size of the swap device.

    Raises
    ------
    MeasureError
        If the kernel or this user cannot do it.
    """

    def __init__(self, zram: str) -> None:
        if JIT_DISABLED:
            raise MeasureError(NEEDS_COMPILED)
        self.cpus = crew.allowed_cpus()
        self._size = parse_size(zram)
        self._stack = ExitStack()
        self._device = ExitStack()
        self._swaps = False

    def __enter__(self) -> Session:
        with ExitStack() as stack:
            stack.enter_context(signals.noted())
            self._eye = stack.enter_context(Oracle("auto"))
            if not self._eye.frames or self._eye.kpageflags < 0:
                raise MeasureError(f"litmus programs on the running kernel: {NO_FRAMES}")
            stack.enter_context(self._device)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _swap(self, wanted: bool, plans: Sequence[dict[str, Any]]) -> None:
        """Set up the swap device, or take it down for programs that page out without swap."""
        pages_out = [plan["file"] for plan in plans if Op.PAGEOUT in plan["op"]]
        if wanted and not self._swaps:
            self._device.enter_context(Zram(self._size))
            self._swaps = True
        elif not wanted and pages_out:
            self._device.close()
            self._swaps = False
            if swaps():
                raise MeasureError(
                    f"{pages_out[0]}: it pages out without swap, and this system has swap"
                )

    def run(self, plans: Sequence[dict[str, Any]], runs: int) -> list[list[Any]]:
        """Run programs; return what each operation saw, run by run.

        Parameters
        ----------
        plans
            Of each program ``file`` (for errors); ``pages``; ``swap``: does it need some; ``cpus``
            that it uses; ``held``, ``touched``: pages that it holds and touches at most; ``op``,
            ``arg``, ``n`` as for ``workloads.litmus.run_litmus()``.
        runs
            Of each.

        Returns
        -------
        list
            For each program a list with an int64[operations, NR_SEEN] for each run.

        Raises
        ------
        MeasureError
            If a program cannot run here, or a call failed.
        """
        for plan in plans:
            _check(plan, len(self.cpus), self._size)
        found: list[list[Any]] = [[] for _ in plans]
        for swap in (False, True):
            todo = [i for i, plan in enumerate(plans) if plan["swap"] == swap]
            if todo:
                self._swap(swap, [plans[i] for i in todo])
                repeated = [i for i in todo for _ in range(runs)]
                _run_all(repeated, plans, found, self._eye, self.cpus)
        return found


@contextmanager
def _alone(eye: Oracle) -> Iterator[None]:
    """Let nobody else run litmus programs meanwhile: both would drain each other's pagevecs."""
    fcntl.flock(eye.kpageflags, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(eye.kpageflags, fcntl.LOCK_UN)


def _check(plan: dict[str, Any], cpus: int, swap: int) -> None:
    if plan["cpus"] > cpus:
        raise MeasureError(
            f"{plan['file']}: it uses {plan['cpus']} CPUs, this process may use {cpus}"
        )
    if plan["swap"] and 2 * plan["pages"] * PAGE > swap:
        raise MeasureError(
            f"{plan['file']}: {plan['pages']} pages can be paged out; accepted: --zram of at least "
            f"{2 * plan['pages'] * PAGE >> 20}M"
        )


def _pipe(stack: ExitStack, file: str, pages: int) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        stack.callback(os.close, end)
    if pages > _DEFAULT_PIPE:
        try:
            fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, pages * PAGE)
        except OSError as error:
            raise MeasureError(
                f"{file}: a pipe cannot hold {pages} pages of `get`: {error.strerror}"
            ) from None
    return ends


def _batches(todo: Sequence[int], plans: Sequence[dict[str, Any]]) -> Iterator[list[int]]:
    """Cut programs into what one process runs: a few, none with a much larger one."""
    batch: list[int] = []
    pages = 0
    for i in todo:
        pages += plans[i]["pages"] + plans[i]["touched"]
        if batch and (len(batch) == BATCH or pages > BATCH_PAGES):
            yield batch
            batch, pages = [], plans[i]["pages"] + plans[i]["touched"]
        batch.append(i)
    if batch:
        yield batch


def _run_all(
    todo: list[int],
    plans: Sequence[dict[str, Any]],
    found: list[list[Any]],
    eye: Oracle,
    cpus: Sequence[int],
) -> None:
    """Run programs; once more, a few times, those in which other tasks had to be let in."""
    for tries in range(TRIES):
        again = []
        for batch in _batches(todo, plans):
            seen = _try([plans[i] for i in batch], eye, cpus)
            for i, (rows, disturbed) in zip(batch, seen, strict=True):
                if disturbed and tries < TRIES - 1:
                    again.append(i)
                else:
                    found[i].append(rows)
        todo = again


def _try(
    plans: Sequence[dict[str, Any]], eye: Oracle, cpus: Sequence[int]
) -> list[tuple[Any, bool]]:
    """Run programs in one process; return what each saw, and whether others were let in."""
    signals.check()
    most = {name: max(plan[name] for plan in plans) for name in ("pages", "cpus", "held")}
    other = max(_LEAST_OTHER, *(plan["touched"] for plan in plans))
    for plan in plans:
        check_memory(3 * (plan["pages"] + plan["touched"]) * PAGE, plan["file"])
    cpus = cpus[: most["cpus"]]
    begin = np.cumsum([0, *(len(plan["op"]) for plan in plans)])
    nops = int(begin[-1])
    stacks = 3 + len(cpus)
    with Memory() as memory, ExitStack() as stack:
        pipe_out, pipe_in = _pipe(stack, plans[0]["file"], most["held"])
        stack_at = memory.shared(stacks * STACK // 8).ctypes.data
        path = PROC_PAGEMAP.ljust(-len(PROC_PAGEMAP) % 8 + len(PROC_PAGEMAP), b"\0")
        row = LitmusRow(
            memory,
            {
                "base": memory.region(most["pages"]),
                "nprograms": len(plans),
                "kpageflags": eye.kpageflags,
                "other": memory.region(other),
                "other_size": other * PAGE,
                "pipe_out": pipe_out,
                "pipe_in": pipe_in,
                "nmasks": len(cpus),
                "parent": os.getpid(),
                "drained": memory.region(1),
                "flushed": memory.shared(FLUSHED_PAGES * PAGE // 8).ctypes.data,
                "buffer": memory.shared(PAGE // 8).ctypes.data,
                "stack": stack_at,
                "stacks_end": stack_at + stacks * STACK,
                "child_entry": litmus_loops.child_entry(),
                "spin_entry": litmus_loops.spin_entry(),
                "main_entry": litmus_loops.main_entry(),
                "starter_entry": litmus_loops.starter_entry(),
                "deadline_ns": DEADLINE_NS,
            },
            {
                **{name: [x for plan in plans for x in plan[name]] for name in ("op", "arg", "n")},
                "seen": nops * NR_SEEN,
                "mask": crew.masks(cpus),
                "path": np.frombuffer(path, np.int64),
                "spin": 2 * len(cpus),
                "begin": begin,
                "sizes": [plan["pages"] * PAGE for plan in plans],
                "rests": len(plans),
            },
        )
        with _alone(eye):
            litmus_loops.run(row)
        at = int(np.searchsorted(begin, row.line, "right")) - 1
        _check_end(plans[at]["file"], row.line - int(begin[at]) + 1, row)
        seen = row.seen[: nops * NR_SEEN].reshape(nops, NR_SEEN).copy()
        rests = [bool(rest) for rest in row.rests[: len(plans)]]
    return list(zip(np.split(seen, begin[1:-1]), rests, strict=True))


def _check_end(file: str, operation: int, row: LitmusRow) -> None:
    signals.check()
    if row.failed:
        why = os.strerror(row.errno)
        raise MeasureError(f"{file}: operation {operation}: {CALLS[row.failed]} failed: {why}")
    if row.late:
        raise MeasureError(
            f"{file}: it is at operation {operation} after {row.deadline_ns / 1e9:g} s; "
            "accepted: programs that take less"
        )
    if not row.done:
        status = int(row.row[row.INDEX["status"]]) & 0xFFFFFFFF
        raise MeasureError(
            f"{file}: the measuring process ended at operation {operation}, with exit status "
            f"{os.waitstatus_to_exitcode(status)}"
        )
