"""The search of differ(): levels of programs, a table of states, threads, bounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..jit.threads import Workers
from ..workloads.joint import search as S
from ..workloads.joint.state import FRAMES, MAX_CPUS, MAX_STATE, NR_SCRATCH, store_state
from ..workloads.joint.step import FILLS, step_once
from ..workloads.litmus_ops import OPS
from .machines import machine_of

CHUNK = 2048  # states that a thread is given at a time
MOST_HITS = 4  # programs of each kind of difference that are looked at
GET_AT_MOST = 2  # references that a program holds at a time
RANGED = ("pageout", "cold", "free", "dontneed")  # of one page, and of all
PAGED = ("read", "write", *RANGED, "access", "get")
OPERATIONS = (*PAGED, "put", "touch", "munmap", "fork", "exit", "on", "drain")

# Called with the length of programs, the share of them that was looked at, and the joint states.
Progress = Callable[[int, float, int], None]


@dataclass
class Hit:
    """A difference: its kind as a number, the state before it, and the operation."""

    kind: int
    parent: int
    op: int


@dataclass
class Found:
    """What a search has found.

    Attributes
    ----------
    hits
        Kind -> the first programs of it, shortest first.
    states, steps, refused
        Joint states; operations done on both machines; those that a machine has no room for.
    complete_to
        Every program of so many operations was looked at.
    fixpoint
        No program of any length leads to another state.
    ended
        ``""``, ``interrupted``, or ``max_states``.
    """

    hits: dict[int, list[Hit]] = field(default_factory=dict)
    states: int = 1
    steps: int = 0
    refused: int = 0
    complete_to: int = 0
    fixpoint: bool = False
    ended: str = ""


def operation_rows(pages: int, cpus: int, names: Sequence[str]) -> Any:
    """Return int64[n, 3]: each operation that a program can go on with."""
    rows = []
    for name in (name for name in OPERATIONS if name in names):
        op = OPS.index(name)
        if name in PAGED:
            rows += [(op, page, 1) for page in range(pages)]
            if name in RANGED and pages > 1:
                rows.append((op, 0, pages))
        elif name == "touch":
            rows += [(op, how, 0) for how in range(len(FILLS))]
        elif name == "exit":
            rows += [(op, cpu, 0) for cpu in range(cpus)]
        elif name == "on":
            rows += [(op, cpu, 0) for cpu in range(1, cpus)]
        else:
            rows.append((op, 0, 0))
    return np.array(rows, np.int64).reshape(-1, 3)


class _Grown:
    """An array that grows as it is filled."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.array = np.zeros(shape, dtype)

    def room(self, length: int) -> Any:
        if length > len(self.array):
            size = max(length, 2 * len(self.array))
            more = np.zeros((size, *self.array.shape[1:]), self.array.dtype)
            more[: len(self.array)] = self.array
            self.array = more
        return self.array


class _Worker:
    """Two machines, and room for what they find."""

    def __init__(self, configs: Sequence[Mapping[str, int]], rows: int) -> None:
        self.a, self.b = (machine_of(config) for config in configs)
        self.new = np.zeros((max(1 << 14, 4 * rows), S.NR_NEW), np.int64)
        self.words = np.zeros(max(1 << 20, 2 * (rows + 1) * S.JOINT_WORDS), np.int64)
        self.hits = np.zeros((1 << 13, S.NR_HIT), np.int64)
        self.tmp = np.zeros((NR_SCRATCH + 4, 2 * FRAMES), np.int64)
        self.at = np.zeros(S.NR_AT, np.int64)
        self.kinds = np.zeros(S.MAX_KINDS, np.int64)
        self.counts = np.zeros(S.MAX_KINDS, np.int64)


class Search:
    """Breadth-first search over the joint states of two machines.

    Parameters
    ----------
    configs
        Of both machines.
    rows
        From ``operation_rows()``.
    observed
        A bit for each of ``joint.step.OBSERVABLE``.
    threads
        That expand states at the same time; the result does not depend on it.
    """

    def __init__(
        self,
        configs: Sequence[Mapping[str, int]],
        rows: Any,
        observed: int,
        threads: int | None = None,
    ) -> None:
        self.rows = rows
        self.observed = observed
        threads = threads or len(os.sched_getaffinity(0))
        self._workers = [_Worker(configs, len(rows)) for _ in range(threads)]
        self._hashes = _Grown((1 << 16, 2), np.int64)
        self._parents = _Grown((1 << 16,), np.int64)
        self._operations = _Grown((1 << 16,), np.uint8)
        self._table = np.full(1 << 18, -1, np.int64)
        self._configs = configs
        self._stop = np.zeros(1, np.uint8)
        self._tell: Callable[[float, int], None] | None = None
        self.found = Found()

    def root(self) -> Any:
        """Return the joint state of two fresh machines."""
        words = np.zeros(MAX_STATE, np.int64)
        worker = self._workers[0]
        order = np.arange(MAX_CPUS)
        fresh = machine_of(self._configs[0])
        end = store_state(fresh, order, worker.tmp, words, 1)
        return words[:end]

    def run(
        self, operations: int | None, max_states: int, progress: Progress | None = None
    ) -> Found:
        """Look at every program of up to so many operations, or (None) of any length.

        Ctrl-C ends it, and it says how far it came.
        """
        words, starts = self.root(), np.zeros(1, np.int64)
        found, base = self.found, 0
        depth = 0
        workers = Workers(len(self._workers))
        try:
            while len(starts) and (operations is None or depth < operations):
                keep = operations is None or depth + 1 < operations
                self._tell = partial(progress, depth + 1) if progress else None
                level = self._level(workers, words, starts, base, keep, max_states)
                if found.ended:
                    return found
                base += len(starts)
                words, starts = level
                depth += 1
                found.complete_to = depth
            found.fixpoint = len(starts) == 0 and (operations is None or depth < operations)
        except KeyboardInterrupt:
            self._stop[0] = 1
            found.ended = "interrupted"
        finally:
            self._stop[0] = 1
            workers.shutdown(wait=True, cancel_futures=True)
        return found

    def _level(
        self, workers: Workers, words: Any, starts: Any, base: int, keep: bool, max_states: int
    ) -> tuple[Any, Any]:
        """Expand a frontier; return the next one: states, and where each begins."""
        next_words, next_starts = _Grown((1 << 16,), np.int64), _Grown((1 << 12,), np.int64)
        used, first_state = 0, self.found.states
        for worker, at in self._expanded(workers, words, starts, base, keep):
            self._note(worker, int(at[S.AT_HITS]))
            self.found.steps += int(at[S.AT_STEPS])
            self.found.refused += int(at[S.AT_REFUSED])
            nr, end = int(at[S.AT_NEW]), int(at[S.AT_WORDS])
            if self._tell is not None:
                self._tell(int(at[S.AT_NEXT]) / len(starts), self.found.states)
            if not nr:
                continue
            states = self.found.states
            self._make_room(states + nr)
            self.found.states, used = S.merge(
                worker.new,
                nr,
                worker.words,
                end,
                self._table,
                self._hashes.array,
                self._parents.array,
                self._operations.array,
                states,
                next_words.room(used + end),
                next_starts.room(states - first_state + nr),
                states - first_state,
                used,
            )
            if self.found.states > max_states:
                self.found.ended = "max_states"
                self._stop[0] = 1
                break
        n = self.found.states - first_state if keep else 0
        return next_words.array[:used].copy(), next_starts.array[:n].copy()

    def _expanded(
        self, workers: Workers, words: Any, starts: Any, base: int, keep: bool
    ) -> Iterator[tuple[_Worker, Any]]:
        """Yield each worker with what it found, in the order of the frontier's states."""
        n = len(starts)
        bounds = [(at, min(at + CHUNK, n)) for at in range(0, n, CHUNK)]
        for group in range(0, len(bounds), len(self._workers)):
            pairs = list(zip(self._workers, bounds[group:], strict=False))
            futures: list[Future[Any]] = [
                workers.submit(self._expand, worker, words, starts, base, first, last, keep)
                for worker, (first, last) in pairs
            ]
            for future, (worker, (_, last)) in zip(futures, pairs, strict=True):
                future.result()
                yield worker, worker.at
                while worker.at[S.AT_NEXT] < last and not self._stop[0]:
                    # It ran out of room.
                    at = int(worker.at[S.AT_NEXT])
                    self._expand(worker, words, starts, base, at, last, keep)
                    yield worker, worker.at

    def _expand(
        self,
        worker: _Worker,
        words: Any,
        starts: Any,
        base: int,
        first: int,
        last: int,
        keep: bool,
    ) -> None:
        worker.counts[:] = 0
        S.expand(
            worker.a,
            worker.b,
            self.rows,
            words,
            starts,
            base,
            first,
            last,
            self.observed,
            GET_AT_MOST,
            MOST_HITS,
            int(keep),
            self._table,
            self._hashes.array,
            worker.new,
            worker.words,
            worker.hits,
            worker.kinds,
            worker.counts,
            worker.tmp,
            worker.at,
            self._stop,
        )

    def _note(self, worker: _Worker, nr: int) -> None:
        for kind, parent, op in worker.hits[:nr].tolist():
            programs = self.found.hits.setdefault(kind, [])
            if len(programs) < MOST_HITS:
                programs.append(Hit(kind, parent, op))

    def _make_room(self, states: int) -> None:
        for grown in (self._hashes, self._parents, self._operations):
            grown.room(states)
        if 2 * states > len(self._table):
            self._table = np.full(4 * len(self._table), -1, np.int64)
            S.rehash(self._table, self._hashes.array, self.found.states)

    def path(self, hit: Hit) -> list[int]:
        """Return the operations that lead to a difference, as rows of ``rows``."""
        made = [hit.op]
        state = hit.parent
        while state:
            made.append(int(self._operations.array[state]))
            state = int(self._parents.array[state])
        return made[::-1]


def lines_of(
    configs: Sequence[Mapping[str, int]], rows: Any, path: Sequence[int]
) -> list[tuple[str, int, int]]:
    """Return a path's operations as a program has them: name, page or CPU or number, pages.

    The CPUs have their own names again, and ``touch`` writes as many pages as these machines need.
    """
    root = Search(configs, rows, 0, threads=1).root()
    worker = _Worker(configs, 0)
    words = np.zeros(S.JOINT_WORDS, np.int64)
    words[: len(root)] = root
    cpus = int(configs[0]["ncpus"])
    names = list(range(cpus))  # the CPU that the program is on comes first
    made = []
    for k in path:
        op, arg, n = (int(number) for number in rows[k])
        out = np.zeros(2 * S.JOINT_WORDS, np.int64)
        order = np.arange(MAX_CPUS)
        touched = step_once(worker.a, worker.b, words, out, op, arg, n, order, worker.tmp)
        name = OPS[op]
        if name == "touch":
            arg, n = int(touched), 0
        elif name in ("exit", "on"):
            arg = names[arg]
        made.append((name, arg, n))
        names[:cpus] = [names[old] for old in order[:cpus]]
        words[:] = out[: S.JOINT_WORDS]
    return made
