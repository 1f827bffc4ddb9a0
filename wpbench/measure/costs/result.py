"""A measured cost set, and all that was seen on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import MeasureError
from ...output import written
from . import fit
from .timings import CLOCK, REUSE, Timings, drift

TABLE = "measured"
NOT_MEASURED = (
    "how long others wait for lru_lock: it comes out of the model (contended: beside madvise)",
    "the reuse of a page that is PageAnonExclusive",
    "disks: a page that was written stays in the swap cache, and is not read back",
    "pages that are written again or dropped by reclaim",
)


class Costs:
    """A measured cost set; made by ``wb.measure.costs()``.

    Attributes
    ----------
    facts
        Step -> value in nanoseconds, of the patterns' means, source, and low and high: the least
        and the most of the blocks of rounds, or a range where it is assumed.
    timings
        Pattern -> median, quartiles, 99th percentile, rows, rows dropped.
    unsteady
        Patterns whose medians differ between the blocks by too much, relative to the reuse, and by
        which share; empty: they held still.
    drift
        By which share the reuse's medians of the blocks differ.
    lacking
        Patterns of which no row was kept.
    unverified
        Why the rows' states were not looked at; empty where they were.
    realtime
        Did it run as a real-time task?
    environment
        The machine and kernel.
    device
        The backend that pages went to, as data/backends.toml calls it; "" for none.
    predictions
        ``compared()``'s table, or None.
    """

    def __init__(
        self,
        timings: Timings,
        *,
        unsteady: Mapping[str, float],
        lacking: Sequence[str],
        realtime: bool,
        unverified: str,
        environment: Mapping[str, Any],
        device: str,
    ) -> None:
        self.timings = timings
        self.facts = fit.facts(timings, device)
        mhz = environment.get("mhz")
        if mhz:
            ghz = {"value": round(mhz / 1000, 3), "source": "measured: /proc/cpuinfo, cpu MHz"}
            self.facts["ghz"] = ghz
        self.unsteady = dict(unsteady)
        self.drift = drift(timings)
        self.lacking = list(lacking)
        self.realtime = realtime
        self.unverified = unverified
        self.environment = dict(environment)
        self.device = device
        self.predictions: pd.DataFrame | None = None
        self.provenance: dict[str, Any] = {}
        self.made = time.strftime("%Y-%m-%d", time.gmtime())

    def table(self) -> pd.DataFrame:
        """Return the timings as a table, a row a pattern; nanoseconds."""
        reuse = self.timings[REUSE].median
        return pd.DataFrame(
            {
                "pattern": slot.name,
                "mean_ns": timing.mean,
                "median_ns": timing.median,
                "q25_ns": timing.low,
                "q75_ns": timing.high,
                "p99_ns": timing.p99,
                "rows": timing.n,
                "dropped": sum(timing.dropped.values()),
                "by_reuse": timing.median / reuse if slot != CLOCK else float("nan"),
            }
            for slot, timing in self.timings.items()
        )

    def described(self) -> str:
        """Return what was measured on, in a line."""
        e = self.environment
        where = f"a virtual machine ({e['hypervisor']})" if e["virtual"] else "bare metal"
        clock = f", {e['mhz'] / 1000:.2f} GHz" if e.get("mhz") else ""
        return (
            f"{e['cpu_model']}{clock}, {where}, {len(e['cpus_allowed'])} CPUs, Linux "
            f"{e['release']}, {self.made}"
        )

    def notes(self) -> list[str]:
        """Return in what the set is less than it could be, a sentence each."""
        found = []
        if self.unverified:
            found.append(f"no row's state was looked at, only its faults: {self.unverified}")
        if not self.realtime:
            found.append("it ran as an ordinary task: others may have used its CPU's pagevecs")
        if self.unsteady:
            worst = sorted(self.unsteady.items(), key=lambda item: -item[1])
            said = ", ".join(f"{name} by {share:.0%}" for name, share in worst)
            found.append(
                "too noisy: these patterns' medians differ between blocks by so much, relative to "
                f"the reuse: {said}"
            )
        if self.environment.get("tracing"):
            found.append(
                "the kernel was traced meanwhile, and takes longer then: tracefs, "
                f"{', '.join(self.environment['tracing'])}"
            )
        if self.lacking:
            found.append(f"no row was kept of {', '.join(self.lacking)}: their steps are assumed")
        if not self.device:
            found.append("without --zram or --swap the steps of swap are assumed")
        return found

    def toml(self, name: str = TABLE) -> str:
        """Return the set as a table of data/costs.toml."""
        lines = [
            f"# wpbench measure costs: {self.described()}",
            "# Mitigations: " + (self.environment.get("mitigations") or "unknown"),
            f"# Medians of the reuse differed by {self.drift:.1%} between blocks of rounds.",
            *(f"# Note: {note}" for note in self.notes()),
            *(f"# Not measured: {what}." for what in NOT_MEASURED),
            "# The steps are of means, without the slowest thousandth of the rows; low and high of",
            "# what was measured: the least and the most of the blocks.",
            "#",
            "# pattern                   mean  median  quartiles        99 %     rows  dropped",
        ]
        lines += [
            f"# {row.pattern:22} {row.mean_ns:7.0f} {row.median_ns:7.0f}  {row.q25_ns:6.0f} "
            f"{row.q75_ns:6.0f} "
            f"{row.p99_ns:9.0f} {row.rows:8}  {row.dropped:7}"
            for row in self.table().itertuples()
        ]
        lines += [f"[{name}]", f"description = {json.dumps(f'measured: {self.described()}')}"]
        for step, fact in self.facts.items():
            inner = ", ".join(f"{key} = {json.dumps(value)}" for key, value in fact.items())
            lines.append(f"{step} = {{ {inner} }}")
        return "\n".join(lines) + "\n"

    def write(self, path: str | Path) -> None:
        """Write the set to a file, which is accepted wherever a cost set's name is."""
        with written(path, MeasureError) as file:
            file.write(self.toml().encode())

    def as_dict(self) -> dict[str, Any]:
        """Return all of it in plain JSON types."""
        found: dict[str, Any] = {
            "facts": self.facts,
            "timings": json.loads(self.table().to_json(orient="records")),
            "dropped": {slot.name: dict(t.dropped) for slot, t in self.timings.items()},
            "blocks": {slot.name: list(t.blocks) for slot, t in self.timings.items()},
            "unsteady": self.unsteady,
            "drift": self.drift,
            "notes": self.notes(),
            "not_measured": list(NOT_MEASURED),
            "environment": self.environment,
            "provenance": self.provenance,
        }
        if self.predictions is not None:
            found["predictions"] = json.loads(self.predictions.to_json(orient="records"))
        return found

    def __str__(self) -> str:
        table = self.table().drop(columns="by_reuse")
        parts = [
            f"measured: {self.described()}",
            table.to_string(index=False, float_format=lambda x: f"{x:.0f}"),
            "\n".join(_step(name, fact) for name, fact in self.facts.items()),
        ]
        if self.predictions is not None:
            parts.append(told(self.predictions))
        parts.append(
            f"the reuse's medians of {len(self.timings[CLOCK].blocks)} blocks differ by "
            f"{self.drift:.1%}"
            + (
                ""
                if self.unsteady
                else "; relative to it all patterns held still (15 %, IPIs 30 %)"
            )
        )
        return "\n\n".join(parts)


def _step(name: str, fact: Mapping[str, Any]) -> str:
    span = f"{fact['low']} to {fact['high']}" if "low" in fact else ""
    return f"{name:18} {fact['value']:>7} {span:>16}  {fact['source']}"


def told(predictions: pd.DataFrame) -> str:
    """Return predictions as text: measured beside simulated, and the errors."""
    shown = pd.DataFrame(
        {
            "program": predictions["program"],
            "pages": predictions["npages"],
            "faults": predictions["faults"],
            "simulated": predictions["faults_simulated"],
            "mean ns": predictions["mean_ns"].round().astype(int),
            "simulated ": predictions["mean_ns_simulated"].round().astype(int),
            "error": predictions["error"].map("{:+.1%}".format),
            "p99 ns": predictions["p99_ns"].round().astype(int),
            "simulated  ": predictions["p99_ns_simulated"].round().astype(int),
            "error ": predictions["p99_error"].map("{:+.1%}".format),
        }
    )
    head = "write-protect faults of programs that no step was fitted to, measured and simulated:"
    return f"{head}\n{shown.to_string(index=False)}"
