"""Predictions that can fail: programs that no step was fitted to, measured and simulated."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...scenario import Scenario
from ...scenario.kernels import row_of
from ...simulate import faults, simulate
from ..host.draw import draw
from .session import Session, Slot
from .timings import REUSE, usual_mean

if TYPE_CHECKING:
    from .result import Costs

COPY = Slot("copy")
ROUNDS = 1500
_SIZES = (8, 64, 512)
_MIXES = {
    "fork": "read:30 write:60 fork:4 exit:5",
    "fork, COLD": "read:30 write:60 fork:4 exit:5 cold:4",
    "fork, FREE": "read:30 write:60 fork:4 exit:5 free:3",
    "fork, COLD, FREE, moves": "read:30 write:60 fork:4 exit:5 cold:3 free:2 migrate:4",
}


@dataclass(frozen=True)
class Program:
    """A random program (workload ``random``) that forks."""

    name: str
    mix: str
    npages: int

    @property
    def cpus(self) -> int:
        """CPUs that it moves between."""
        return 2 if "migrate" in self.mix else 1

    def scenario(self, kernel: str, costs: str | None = None) -> Scenario:
        """Return the scenario of it."""
        return Scenario(
            workload="random", mix=self.mix, npages=self.npages, rounds=ROUNDS, cpus=self.cpus,
            kernel=kernel, costs=costs, seed=18,
        )  # fmt: skip

    def fits(self, cpus: int, kernel: str) -> bool:
        """Can it run here as it is simulated?  The child exits on a CPU of its own."""
        row = row_of(kernel)
        exits_elsewhere = row["exit_drains"] or row["gather_drains"]
        return cpus >= self.cpus + int(bool(exits_elsewhere))


PROGRAMS = tuple(Program(name, mix, n) for name, mix in _MIXES.items() for n in _SIZES)


@dataclass(frozen=True)
class Run:
    """A run of a program: what its writes took that met a write-protect fault, nanoseconds."""

    program: Program
    replication: int
    took: Any


def run_program(session: Session, program: Program, replication: int, clock_ns: float) -> Run:
    """Run a program on the kernel; the clock's own reading is taken off."""
    operations = draw(program.scenario("patch2"), replication)
    took = session.program(program.npages, operations)
    return Run(program, replication, took - clock_ns)


def compared(costs: Costs, runs: Sequence[Run], kernel: str) -> pd.DataFrame:
    """Return each program's measured times beside those simulated with a cost set.

    Returns
    -------
    DataFrame
        A row a program: ``program``, ``npages``, ``runs``; ``faults``, write-protect faults, and
        ``faults_simulated``; ``mean_ns`` (without the slowest thousandth, as of the patterns that
        the steps are from), ``mean_ns_simulated`` and ``error``, the simulated by
        the measured less 1; the same of the 99th percentile (``p99_ns``, ...), mean of the runs.
        A step takes the same time whenever it is simulated; so that a percentile has the spread
        that the patterns had, each simulated fault is given that of a row of the pattern ``reuse``
        or ``copy``, by its outcome.
    """
    spreads = {slot.kind: np.array(costs.timings[slot].spread) for slot in (REUSE, COPY)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "costs.toml"
        costs.write(path)
        rows = [
            _row(
                program, [run for run in runs if run.program == program], kernel, str(path), spreads
            )
            for program in dict.fromkeys(run.program for run in runs)
        ]
    return pd.DataFrame(rows)


def _row(
    program: Program, runs: Sequence[Run], kernel: str, costs: str, spreads: Mapping[str, Any]
) -> dict[str, Any]:
    done = [run.replication for run in runs]
    table = simulate(program.scenario(kernel, costs), seeds=1 + max(done))
    table = table[table["replication"].isin(done)]
    took = np.concatenate([run.took for run in runs])
    p99 = float(np.mean([np.percentile(run.took, 99) for run in runs]))
    measured = usual_mean(took)  # as of the patterns that the steps are from
    mean = float(table["write_ns"].sum() / table["wp_faults"].sum())
    high = float(np.mean([_p99(program.scenario(kernel, costs), n, spreads) for n in done]))
    return {
        "program": program.name,
        "npages": program.npages,
        "runs": len(runs),
        "faults": len(took),
        "faults_simulated": int(table["wp_faults"].sum()),
        "copy_rate_simulated": float(table["copies"].sum() / table["wp_faults"].sum()),
        "mean_ns": measured,
        "mean_ns_simulated": mean,
        "error": mean / measured - 1,
        "p99_ns": p99,
        "p99_ns_simulated": high,
        "p99_error": high / p99 - 1,
    }


def _p99(scenario: Scenario, replication: int, spreads: Mapping[str, Any]) -> float:
    """Return the 99th percentile of a simulated run's faults, each with a spread that is drawn."""
    log = faults(scenario, replication)
    random = np.random.default_rng(replication)
    took = log["took_ns"].to_numpy(float)
    for outcome, spread in spreads.items():
        its = (log["outcome"] == outcome).to_numpy()
        took[its] += random.choice(spread, its.sum())
    return float(np.percentile(took, 99))
