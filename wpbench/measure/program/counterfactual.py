"""A recorded program on simulated kernels: ``wb.programs.replay()``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ... import mm
from ...data import backends
from ...errors import MeasureError
from ...jit.compile import JIT_DISABLED
from ...provenance.record import provenance
from ...scenario import Grid, Scenario, grid
from ...scenario.kernels import kernel as row_of
from ...workloads.program_steps import (
    DID,
    DID_COPY,
    DID_HELPED,
    DID_IN_VAIN,
    DID_REUSE,
    DID_UNKNOWN,
    DOUBTS,
    KEPT,
    TOLD_COPY,
    TOLD_HELPED,
    TOLD_IN_VAIN,
    TOLD_NOTHING,
    TOLD_REUSE,
    run_steps,
)
from ..probe.compiled import NEEDS_COMPILED
from .recording import Recording
from .state import Words

ENOUGH = 0.99  # of a recording's faults: with less, the text says so beside every number
# Why the simulation of the recorded kernel differs from it.
CAUSES = {
    "exiting": "another process that maps the page was exiting; which pages it had given up by "
    "then, no event tells",
    "at_once": "another process copied the page on another CPU at the same moment",
    "unknown": "the page's beginning was not seen, or not where it is now",
    "batch": "reuse or copy is right; whether pages waited in the CPU's batch is not",
    "other": "a reference that no event tells of, or a rule that the machine does not have",
}
COLUMNS = (
    "what",
    "kernel",
    "rules",
    "drain",
    "pagevec",
    "wp_faults",
    "reuses",
    "copies",
    "helped",
    "in_vain",
    "drains",
    "agree",
    *CAUSES,
)
_RIGHT = (
    (TOLD_REUSE, DID_REUSE),
    (TOLD_COPY, DID_COPY),
    (TOLD_HELPED, DID_HELPED),
    (TOLD_IN_VAIN, DID_IN_VAIN),
)
_REUSED = (TOLD_REUSE, TOLD_HELPED)


class _Run:
    """One kernel's machine, and what was counted on it."""

    def __init__(self, scenario: Scenario, recording: Recording, *, follow: bool) -> None:
        self.scenario = scenario
        self._follow = follow
        n, waiting = recording.entries, recording.cpus * mm.layout.NR_VECS * 32
        swap = recording.swap_pages or 4 * n
        config = scenario.machine_config() | {
            "npages": n,
            "nprocs": 1,
            "ncpus": recording.cpus,
            "swap_total": swap,
            "nslots": min(2 * n + waiting, swap) + 1,
            "nphys": min(2 * n + waiting + 64, mm.layout.MAX_PAGES),
        }
        self._machine = mm.Machine(config)
        self.tally = np.zeros((1 << len(DOUBTS), 1 + len(_RIGHT), len(DID)), np.int64)
        self.kept = np.zeros(len(KEPT), np.int64)

    def run(self, steps: Words, n: int) -> None:
        """Do some steps."""
        run_steps(self._machine, steps, n, int(self._follow), self.tally, self.kept)
        if self._machine.error:
            raise MeasureError(f"kernel {self.scenario.kernel}: {self._machine.failure}")

    def counts(self) -> dict[str, int]:
        """Return what the machine did in the faults of which it is known what the kernel did."""
        did = self.tally[:, 1:].sum(axis=(0, 1))
        return {
            "wp_faults": int(did.sum()),
            "reuses": int(did[DID_REUSE] + did[DID_HELPED]),
            "copies": int(did[DID_COPY] + did[DID_IN_VAIN]),
            "helped": int(did[DID_HELPED]),
            "in_vain": int(did[DID_IN_VAIN]),
            "drains": int(self.kept[KEPT.index("drains")]),
        }

    def agreement(self) -> dict[str, int]:
        """Return in how many faults the machine did what the kernel did, and why in others not."""
        found = dict.fromkeys(("agree", *CAUSES), 0)
        for i in range(self.tally.size):
            doubts, told, did = map(int, np.unravel_index(i, self.tally.shape))
            if told == TOLD_NOTHING:
                continue
            n = int(self.tally[doubts, told, did])
            same = (told in _REUSED) == (did in (DID_REUSE, DID_HELPED))
            if (told, did) in _RIGHT:
                why = "agree"
            elif did == DID_UNKNOWN:
                why = "unknown"
            elif same:
                why = "batch"
            else:
                named = [name for bit, name in enumerate(DOUBTS) if doubts >> bit & 1]
                why = named[0] if named else "other"
            found[why] += n
        return found


def _measured(run: _Run) -> dict[str, int]:
    """Return what the kernel itself did."""
    told = run.tally.sum(axis=(0, 2)).tolist()
    return {
        "wp_faults": sum(told[1:]),
        "reuses": told[TOLD_REUSE] + told[TOLD_HELPED],
        "copies": told[TOLD_COPY] + told[TOLD_IN_VAIN],
        "helped": told[TOLD_HELPED],
        "in_vain": told[TOLD_IN_VAIN],
    }


def _fields(scenario: Scenario) -> dict[str, Any]:
    drain = scenario.drain or row_of(scenario.kernel).values(scenario.rules)["drain"]
    pagevec = scenario.pagevec or row_of(scenario.kernel).values(scenario.rules)["pagevec"]
    return {
        "kernel": scenario.kernel,
        "rules": str(scenario.rules),
        "drain": drain,
        "pagevec": pagevec,
    }


def _backend(recording: Recording) -> str:
    """Return the swap device of a recording; one that is not there does not matter."""
    name = str(recording.facts["backend"])
    if name in backends() and backends()[name]["synchronous"]:
        return name
    if recording.swapped:
        raise MeasureError(
            f"{recording.path}: was recorded with swap on {name}; accepted: none, or a device that "
            f"reads and writes synchronously: {', '.join(_synchronous())}"
        )
    return "zram"


def _synchronous() -> list[str]:
    return [name for name, facts in backends().items() if facts["synchronous"]]


def replay(
    file: str | Path,
    kernel: str | Sequence[str] = (),
    rules: Mapping[str, Any] | None = None,
    drain: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Simulate a recorded program under the rules of other kernels.

    The recorded events drive the machine: new anonymous pages, forks, exits, exec, munmap and the
    like, reclaim and swap-ins, write-protect faults, each on its CPU, and the pages that others put
    into a CPU's batch and drain.  The recorded kernel comes first: its outcomes are compared with
    its simulation.

    Parameters
    ----------
    file
        From ``measure.program(..., record=file)``.
    kernel
        Other kernels, as in ``Scenario``.
    rules
        Rules with other values than these kernels' (or the recorded one's, if none is given): one
        value or several of each, as in ``grid()``.
    drain
        Drain policies of do_wp_page(), one or several.

    Returns
    -------
    DataFrame
        The first row is ``measured``, the others ``simulated``: the recorded kernel, then a row for
        each other kernel.  ``wp_faults``: write-protect faults on anonymous pages with a known
        outcome; ``reuses``, ``copies``; ``helped``, ``in_vain``: drains that put pages
        on the LRU, then a reuse, or a copy; ``drains``: those that found nothing, too (no event
        tells them: NA where measured).  ``agree``: the faults in which the simulation of the
        recorded kernel did the same (reuse or copy, drained or not).  The others are counted by
        cause (``CAUSES``).  ``attrs["wpbench"]["agreement"]`` is ``agree / wp_faults``.

    Raises
    ------
    MeasureError
        If the file is not a recording, or swap was asynchronous.
    ScenarioError
        If a kernel, a rule or its value is not accepted.

    Examples
    --------
    >>> import wpbench as wb
    >>> file = wb.data_dir() / "programs" / "shell-short.parquet"
    >>> table = wb.programs.replay(file, kernel="v5.17")
    >>> table["what"].tolist()
    ['measured', 'simulated', 'simulated']
    """
    if JIT_DISABLED:
        raise MeasureError(NEEDS_COMPILED)
    names = [kernel] if isinstance(kernel, str) else list(kernel)
    others = _others(names, rules, drain)
    recording = Recording(file)
    own = Scenario(kernel=recording.release, page_cluster=0, backend=_backend(recording))
    more = [_with(s, kernel=s.kernel if names else own.kernel, backend=own.backend) for s in others]
    runs = [_Run(own, recording, follow=True), *(_Run(s, recording, follow=False) for s in more)]

    def run_all(steps: Words, n: int) -> None:
        for run in runs:
            run.run(steps, n)

    recording.walk(run_all)
    return _table(
        runs,
        recording,
        {"file": str(file), "kernel": names, "rules": dict(rules or {}), "drain": drain},
    )


def _with(scenario: Scenario, **changes: Any) -> Scenario:
    fields = {name: getattr(scenario, name) for name in ("kernel", "rules", "drain", "backend")}
    return Scenario(**(fields | changes), page_cluster=0)


def _others(
    names: Sequence[str], rules: Mapping[str, Any] | None, drain: Any
) -> Sequence[Scenario]:
    """Return the kernels that are asked for."""
    axes: dict[str, Any] = {}
    if names:
        axes["kernel"] = list(names)
    if rules:
        axes["rules"] = dict(rules)
    if drain is not None:
        axes["drain"] = drain
    made: Grid | list[Scenario] = grid(**axes) if axes else []
    return list(made)


def _table(runs: Sequence[_Run], recording: Recording, asked: dict[str, Any]) -> pd.DataFrame:
    first = runs[0]
    agreement = first.agreement()
    rows: list[dict[str, Any]] = [
        {"what": "measured", **_fields(first.scenario), **_measured(first)},
        {"what": "simulated", **_fields(first.scenario), **first.counts(), **agreement},
        *({"what": "simulated", **_fields(run.scenario), **run.counts()} for run in runs[1:]),
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.astype(dict.fromkeys(COLUMNS[4:], "Int64"))
    faults = int(table["wp_faults"].iloc[0])
    kept = dict(zip(KEPT, first.kept.tolist(), strict=True))
    table.attrs["wpbench"] = provenance("programs.replay", asked) | {
        "recorded": recording.about,
        "events": recording.events,
        "lost": recording.lost,
        "unclear": int(first.tally[:, 0].sum()),
        "agreement": agreement["agree"] / faults if faults else None,
        "batches": {name: kept[name] for name in ("in_step", "out_of_step")},
        "kept": kept,
        "born": recording.born,
    }
    return table
