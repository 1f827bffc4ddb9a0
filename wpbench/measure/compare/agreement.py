"""What was measured beside its simulation: per fault where there is a trace, by rate otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import MeasureError, TraceError
from ...provenance.record import provenance
from ...scenario import Overrides, Scenario
from ...scenario.kernel_table import with_present_names
from ...scenario.kernels import instrumented
from ...simulate import COUNTERS, replay, run
from ...simulate.trace import NO_SWAP, read_trace
from ...tables import rate_interval
from ...text.layout import paragraph

# Columns of data/kernel-measurements that have another name in a scenario.
_RENAMED = {"pattern": "order"}
_KEYS = (
    "workload",
    "release",
    "kernel",
    "rules",
    "backend",
    "npages",
    "rounds",
    "order",
    "pattern",
    "read_cpu",
    "write_cpu",
    "threads",
    "cpus",
    "seed",
    "replication",
    "oracle",
)
CONFIDENCE = 0.95


def compare_trace(path: str | Path, *, pmd_offset: int = 0) -> pd.DataFrame:
    """Replay a recorded program and return how far the machine agrees, in one row.

    Returns
    -------
    DataFrame
        ``file``, ``release``, ``kernel``, ``backend``; ``operations``, ``compared``,
        ``mismatches``; ``agreement`` (0 to 1) with Wilson's 95 % interval ``agreement_low``,
        ``agreement_high``; ``flags_<name>``, accesses whose page had another flag; and of the
        writes that met a write-protect fault what ``compare_table()`` has: ``wp_faults_*``,
        ``copies_*``, ``rate_*``, ``difference``, ``within``.
        ``attrs["first"]``: the first mismatches, as text.

    Raises
    ------
    TraceError
        If the file is truncated, garbled or mislabelled.
    """
    header = read_trace(path).header
    found = replay(path, pmd_offset=pmd_offset)
    agreed = found.compared - found.mismatches
    low, high = rate_interval(agreed, found.compared, CONFIDENCE)
    row = {
        "file": found.file,
        "release": header.get("kernel", ""),
        "kernel": header["decision"],
        "backend": header["backend"],
        "operations": found.operations,
        "compared": found.compared,
        "mismatches": found.mismatches,
        "agreement": agreed / found.compared if found.compared else float("nan"),
        "agreement_low": low,
        "agreement_high": high,
        **{f"flags_{name}": n for name, n in found.flag_mismatches.items()},
        **_rates(*zip(found.outcomes["copy"], found.outcomes["reuse"], strict=True)),
    }
    table = pd.DataFrame([row])
    table.attrs["wpbench"] = provenance("measure.compare", {"trace": str(path)})
    table.attrs["first"] = found.first
    return table


def _rates(measured: tuple[int, int], simulated: tuple[int, int]) -> dict[str, Any]:
    """Return the copy rates of measured and simulated copies and reuses."""
    faults, whole = sum(measured), sum(simulated)
    low, high = rate_interval(measured[0], faults, CONFIDENCE)
    rate = measured[0] / faults if faults else float("nan")
    expected = simulated[0] / whole if whole else float("nan")
    return {
        "rate_of": "copies / wp_faults",
        "wp_faults_measured": faults,
        "wp_faults_simulated": whole,
        "copies_measured": measured[0],
        "copies_simulated": simulated[0],
        "rate_measured": rate,
        "rate_low": low,
        "rate_high": high,
        "rate_simulated": expected,
        "difference": rate - expected,
        "within": bool(low <= expected <= high) if faults and whole else faults == whole,
    }


def scenario_of(row: Mapping[str, Any]) -> Scenario:
    """Return the scenario of a row of a measured table; what is missing there is left open."""
    named = {_RENAMED.get(name, name): value for name, value in row.items()}
    if named.get("backend") == NO_SWAP:
        named["backend"] = "zram"  # nothing is paged out
    if isinstance(swapin := named.pop("swapin", None), str):
        # Tables of wpbench 0.1 name do_swap_page()'s kernel; do_wp_page()'s may be another.
        followed = instrumented(str(named.pop("kernel")), swapin)
        rules = followed["rules"] | dict(Overrides.parse(str(named.pop("rules", ""))))
        named = followed | named | {"rules": rules}
    return Scenario.from_row({"workload": "reproducer", "backend": "zram", **named})


def _compare_row(row: Mapping[str, Any]) -> dict[str, Any]:
    scenario = scenario_of(row)
    counts = run(scenario, int(row.get("replication", 0))).counted
    simulated = dict(zip(COUNTERS, counts.tolist(), strict=True))
    blind = pd.isna(row.get("copies"))
    faults, whole = int(row["wp_faults"]), simulated["wp_faults"]
    if blind:
        # Nobody can tell a write to the zero page from another.
        whole += simulated["zero_copies"]
        of = int(row["accesses"])
        hits, expected = faults, whole / simulated["accesses"] if simulated["accesses"] else 0.0
    else:
        of, hits = faults, int(row["copies"])
        expected = simulated["copies"] / whole if whole else float("nan")
    low, high = rate_interval(hits, of, CONFIDENCE)
    return {
        **{name: row[name] for name in _KEYS if name in row},
        "rate_of": "wp_faults / accesses" if blind else "copies / wp_faults",
        "wp_faults_measured": faults,
        "wp_faults_simulated": whole,
        "copies_measured": pd.NA if blind else hits,
        "copies_simulated": simulated["copies"],
        "rate_measured": hits / of if of else float("nan"),
        "rate_low": low,
        "rate_high": high,
        "rate_simulated": expected,
        "difference": (hits / of if of else float("nan")) - expected,
        # Without a fault there is no rate; the two agree if neither has any.
        "within": bool(low <= expected <= high) if of and whole else faults == whole,
    }


def compare_table(measured: pd.DataFrame) -> pd.DataFrame:
    """Simulate every row of a measured table and return both, with intervals.

    Parameters
    ----------
    measured
        What ``measure.run()`` returned, or a table of data/kernel-measurements: columns named as
        in ``Scenario`` (or ``pattern``), ``wp_faults``, ``accesses``, and ``copies`` where copies
        could be told from reuses.

    Returns
    -------
    DataFrame
        A row for each: what was measured; ``wp_faults_*`` and ``copies_*``, measured and
        simulated; ``rate_measured``, ``rate_simulated`` and their ``difference``, ``rate_of``
        saying of what; ``rate_low``, ``rate_high``, Wilson's 95 % interval of the measured rate;
        ``within``: is the simulated rate inside?  The interval takes faults for independent.
        They are not, quite: it is a yardstick, no proof.

    Raises
    ------
    MeasureError
        If a column is missing.
    ScenarioError
        If a row is no scenario.
    """
    for column in ("wp_faults", "accesses"):
        if column not in measured:
            raise MeasureError(f"compare: the table has no column {column!r}")
    records = with_present_names(measured).to_dict("records")
    rows = [_compare_row({str(k): v for k, v in row.items()}) for row in records]
    table = pd.DataFrame(rows)
    if "copies_measured" in table:
        table["copies_measured"] = table["copies_measured"].astype("Int64")
    table.attrs["wpbench"] = provenance("measure.compare", {"rows": len(rows)})
    return table


def _is_trace(path: Path) -> bool:
    """Is it a trace: text, plain or compressed, that begins with a header?"""
    data = path.read_bytes()[:2]
    return data[:1] == b"#" or data == b"\x1f\x8b"


def compare(measured: pd.DataFrame | str | Path, *, pmd_offset: int = 0) -> pd.DataFrame:
    """Compare a measured table, its file (CSV or Parquet), or a trace file with its simulation.

    ``pmd_offset``: of a trace, as in ``compare_trace()``.

    Returns
    -------
    DataFrame
        ``compare_trace()``'s of a trace, ``compare_table()``'s of a table.

    Raises
    ------
    MeasureError, TraceError, ScenarioError
        If the file is neither, or its content is not what it should be.
    """
    if isinstance(measured, pd.DataFrame):
        return compare_table(measured)
    path = Path(measured)
    if not path.is_file():
        raise TraceError(f"{path}: cannot be read: there is no such file")
    if path.suffix == ".parquet":
        return compare_table(pd.read_parquet(path))
    if _is_trace(path):
        return compare_trace(path, pmd_offset=pmd_offset)
    try:
        table = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise MeasureError(f"{path}: neither a trace nor a table: {error}") from None
    return compare_table(table)


def describe(compared: pd.DataFrame) -> str:
    """Return what ``compare()`` found in words, 72 columns."""
    if "compared" in compared:
        return _describe_trace(compared)
    faults = compared["wp_faults_measured"] == compared["wp_faults_simulated"]
    copies = compared["copies_measured"] == compared["copies_simulated"]
    equal = faults & (copies | compared["copies_measured"].isna())
    worst = compared["difference"].abs().max()
    blind = compared["copies_measured"].isna().all()
    of = "faults per access, as copies could not be told" if blind else "the copy rate"
    text = (
        f"Of {len(compared)} rows {int(equal.sum())} are equal to the fault; in "
        f"{int(compared['within'].sum())} the simulated rate ({of}) lies in the 95 % interval of "
        "the measured one"
    )
    text += "." if pd.isna(worst) else f"; at most they are {100 * worst:.1f} points apart."
    return paragraph(text)


def _describe_trace(compared: pd.DataFrame) -> str:
    """Return a line or two for each trace, and its first mismatches."""
    lines = []
    for row in compared.to_dict("records"):
        share = f"{row['agreement']:.2%} [{row['agreement_low']:.2%}, {row['agreement_high']:.2%}]"
        text = (
            f"Of {row['compared']} compared operations {row['mismatches']} differ; {share} agree "
            "(95 % interval, operations taken for independent)."
        )
        named = {str(name): value for name, value in row.items()}
        flags = {n.removeprefix("flags_"): v for n, v in named.items() if n.startswith("flags_")}
        if any(flags.values()):
            text += " Flags that differ: " + ", ".join(f"{n} {v}" for n, v in flags.items() if v)
        lines.append(paragraph(text))
    return "\n".join([*lines, *(f"  {line}" for line in compared.attrs.get("first", []))])
