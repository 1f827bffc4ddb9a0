"""From results to the table that ``simulate()`` returns, and to a trace file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...data import backends
from ...errors import MeasureError
from ...output import check_file, check_folder
from ...provenance.record import provenance
from ...provenance.version import version
from ...scenario import Scenario
from ...scenario.columns import parse_mix
from ...simulate import COLUMNS, COUNTERS
from ...workloads.catalog import facts_of
from ..probe.agent import NO_SWAP, execute
from ..probe.facts import VMSTAT, notes, swaps
from ..probe.zram import parse_size
from .plans import as_measured, check, pages_out, plan, without_swap
from .trace_file import trace_text, write_trace
from .vng import Guest

# What only the frame numbers tell.
_BY_FRAME = ("copies", "reuses", "zero_copies", "not_paged_out")
Run = tuple[Scenario, int]  # and its replication
LIKELY = ("shared_pte", "writeback", "pagevec", "swapcache", "extra_ref")
TIMES = (
    "read_ns_mean",
    "any_write_ns_mean",
    "write_ns_mean",
    "write_ns_p50",
    "write_ns_p99",
    "clock_ns",
)


def _counts(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counters that a kernel tells, by the names that the simulator has for them."""
    counts = result["counts"]
    row: dict[str, Any] = {
        name: counts[name] for name in COUNTERS if name in counts and name not in _BY_FRAME
    }
    row |= {name: result["vmstat"].get(name) for name in ("pswpin", "pswpout")}
    if result["frames"]:
        row |= {name: counts[name] for name in _BY_FRAME}
        if result["flags"]:
            row |= {f"likely_{name}": counts[f"likely_{name}"] for name in LIKELY}
    return row


def _row(
    scenario: Scenario, replication: int, result: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    fields = scenario.resolved()
    fields["backend"] = facts["backend"]
    fields["rules"] = str(scenario.rules)
    known = backends().get(facts["backend"])
    if known is not None and not known["synchronous"]:
        fields |= {"latency_ns": None, "costs": None}  # a model's, not this device's
    whole: dict[str, Any] = (
        fields
        | {"replication": replication}
        | _counts(result)
        | result["times"]
        | {f"vmstat_{name}": value for name, value in result["vmstat"].items()}
        | {
            "wall_s": result["wall_ns"] / 1e9,
            "oracle": "on" if result["frames"] else "off",
            "release": facts["kernel"],
        }
    )
    return whole


def as_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return measured rows as a table, with the columns of ``simulate()`` in front."""
    counters = [name for name in COUNTERS if name not in TIMES]
    likely = [f"likely_{name}" for name in LIKELY]
    system = {f"vmstat_{name}": None for name in VMSTAT}
    system |= {name: None for row in rows for name in row if name.startswith("vmstat_")}
    more = [*likely, *TIMES, "wall_s", *system, "oracle", "release"]
    columns = [*COLUMNS, *(name for name in more if name not in COLUMNS)]
    table = pd.DataFrame([dict(row) for row in rows], columns=columns)
    whole = [*counters, *likely, *system, "latency_ns"]
    table = table.astype(dict.fromkeys(whole, "Int64") | dict.fromkeys(TIMES, "float64"))
    faults = table["wp_faults"].astype("float64")
    rate = table["copies"].astype("float64") / faults.where(faults > 0)
    table["copy_rate"] = rate
    return table


def _header(
    scenario: Scenario, result: Mapping[str, Any], facts: Mapping[str, Any], clock: str | None
) -> dict[str, Any]:
    """Return a trace's header: first what replaying needs, then what else was so."""
    known = backends().get(facts["backend"])
    fields = scenario.resolved()
    return {
        "backend": facts["backend"],
        "latency_ns": 0 if known is None or known["synchronous"] else None,
        "kernel": f"{facts['kernel']} ({facts['release']} {facts['version']})",
        "decision": scenario.kernel,
        "rules": str(scenario.rules) or None,
        "pagevec": fields["pagevec"],
        "clock": clock,
        "machine_cpus": len(facts["cpus_allowed"]),
        "cpu_ids": " ".join(map(str, result["cpu_ids"])),
        "page_cluster": facts["page_cluster"],
        "compressor": facts["swaps"][0].get("compressor") if facts["swaps"] else None,
        "mglru": {None: "not built in", True: "on", False: "off"}[facts["mglru"]],
        "recorded_by": f"wpbench {version()}",
    }


def _many(scenarios: Scenario | Iterable[Scenario]) -> list[Scenario]:
    found = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    for scenario in found:
        check(scenario)
    return found


def _check_record(runs: Sequence[Run], oracle: str, record: Path) -> None:
    if any(not facts_of(scenario.workload).by_mix for scenario, _ in runs):
        raise MeasureError("record: takes runs of the workload 'random' only")
    if len(runs) > 1 and not record.is_dir():
        raise MeasureError(f"record: {record}: several runs need a folder that is there")
    if oracle == "off":
        raise MeasureError("record: needs the oracle; accepted with it: oracle 'on' or 'auto'")
    if record.is_dir():
        check_folder(record, MeasureError)
    else:
        check_file(record, MeasureError)


def _trace_name(scenario: Scenario, replication: int, facts: Mapping[str, Any]) -> str:
    """Return a file name as the recorded traces have it: kernel, backend, pages, CPUs, seed."""
    mix = parse_mix(scenario.mix)
    kinds = "+".join(name for name in ("cold", "fork", "free") if mix[name])
    parts = [facts["kernel"], facts["backend"], f"{scenario.npages}p"]
    parts += [f"{scenario.resolved()['cpus']}c", kinds, f"s{scenario.seed}"]
    parts += [f"r{replication}"] if replication else []
    return "_".join(part for part in parts if part) + ".csv.gz"


def run(
    scenarios: Scenario | Iterable[Scenario],
    seeds: int = 1,
    *,
    oracle: str = "auto",
    zram: str | None = None,
    guest: Guest | None = None,
    record: str | Path | None = None,
) -> pd.DataFrame:
    """Run scenarios on the running kernel, or on a guest's, and return the table of ``simulate()``.

    Parameters
    ----------
    scenarios
        A ``Scenario``, or any iterable of them, with the workload ``reproducer`` or ``random``.
        The fields that describe the kernel (kernel, pagevec, backend, ...) are read from it.  If
        ``kernel``, ``rules``, ``drain`` or ``pagevec`` is given, it is taken as given, because a
        version number does not tell a patched tree.
    seeds
        Replications of each scenario: other programs of the workload ``random``.
    oracle
        ``on``: tell copies from reuses by frame numbers (as root); ``off``: count faults and take
        times; ``auto``: on if this process may.
    zram
        Size of a zram device to swap to, such as ``"64M"``, for the time of the measurement.
    guest
        A kernel to boot and measure in.
    record
        File for the trace of one run of the workload ``random`` (``.gz`` is compressed), or a
        folder, which gets a file for each run.

    Returns
    -------
    DataFrame
        The columns of ``simulate()``, missing (NA) if a kernel does not tell; then
        ``likely_<reason>``, the copies by the state of the page just before; ``read_ns_mean``,
        ``any_write_ns_mean`` (of all writes), ``write_ns_mean``, ``write_ns_p50``,
        ``write_ns_p99`` (of those that met a write-protect fault, as in ``simulate()``; missing
        if none did): nanoseconds of an access, one clock reading of ``clock_ns`` included, only
        with the oracle off; ``wall_s``;
        ``vmstat_<name>``, the counts of the whole system meanwhile; ``oracle``; ``release``.
        ``backend`` is ``none`` without swap.  With the oracle off ``wp_faults`` of a random
        program contains writes to the zero page.  ``attrs["wpbench"]`` has ``measured_on``, the
        environment, and ``notes``, its differences from the model's.

    Raises
    ------
    MeasureError
        If the kernel or this user does not permit it; names the missing privilege.

    Examples
    --------
    >>> import wpbench as wb  # doctest: +SKIP
    >>> wb.measure.run(wb.Scenario(workload="random", npages=8), zram="64M")  # doctest: +SKIP
    """
    todo = _many(scenarios)
    if not (zram or (guest is None and swaps())):
        todo = [without_swap(scenario) for scenario in todo]
        if any(pages_out(scenario) for scenario in todo):
            raise MeasureError(NO_SWAP)
    runs = [(scenario, n) for scenario in todo for n in range(seeds)]
    if record is not None:
        record = Path(record)
        _check_record(runs, oracle, record)
        oracle = "on"
    plans = [plan(scenario, n) for scenario, n in runs]
    job = {
        "plans": plans,
        "oracle": oracle,
        "zram": parse_size(zram) if zram else 0,
    }
    answer = execute(job) if guest is None else guest.execute(job)
    facts = answer["environment"]
    measured = [as_measured(scenario, facts) for scenario, _ in runs]
    if record is not None:
        clock = None if guest is None else guest.clock
        for scenario, (_, n), told, result in zip(
            measured, runs, plans, answer["results"], strict=True
        ):
            header = _header(scenario, result, facts, clock)
            path = record / _trace_name(scenario, n, facts) if record.is_dir() else record
            write_trace(path, trace_text(scenario, told, result, header))
    table = as_table(
        [
            _row(scenario, n, result, facts)
            for scenario, (_, n), result in zip(measured, runs, answer["results"], strict=True)
        ]
    )
    asked = {"scenarios": [scenario.resolved() for scenario in todo], "seeds": seeds}
    table.attrs["wpbench"] = provenance("measure", asked) | {
        "measured_on": facts,
        "notes": notes(facts),
    }
    return table
