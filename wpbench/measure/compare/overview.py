"""What the comparison of all shipped measurements comes to: few numbers, tables, an answer."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ...text.shown import Said, Shown, say, show
from . import shipped
from .known import known_differences


def rows_off(rows: pd.DataFrame) -> pd.DataFrame:
    """Return by how many faults or copies each row of a measured table differs.

    Parameters
    ----------
    rows
        From ``shipped.compare_shipped()``.

    Returns
    -------
    DataFrame
        ``off``: the larger of both differences; ``share``: of the row's accesses, 0 to 1;
        ``one_cpu``: did one CPU read and write?
    """
    off = {
        name: (rows[f"{name}_measured"] - rows[f"{name}_simulated"]).abs().astype(int)
        for name in ("wp_faults", "copies")
    }
    largest = pd.DataFrame(off).max(axis=1)
    one_cpu = rows["read_cpu"] == rows["write_cpu"]
    return pd.DataFrame({"off": largest, "share": largest / rows["accesses"], "one_cpu": one_cpu})


def reproducer_answer(rows: pd.DataFrame, form: pd.DataFrame) -> Said:
    """Return in words how far the simulated reproducer agrees with the kernel's table.

    Parameters
    ----------
    rows
        ``shipped.compare_shipped("reproducer_sync.csv")``.
    form
        The published form, from ``simulate()``: a row a kernel, ``v5.17`` and ``patch2`` among
        them.
    """
    off = rows_off(rows)
    same = int((off["off"] == 0).sum())
    one = int(off.loc[off["one_cpu"], "off"].max())
    two = float(off.loc[~off["one_cpu"], "share"].max())
    sides = {row["kernel"]: row for row in form.to_dict("records")}
    drains = sides["patch2"]["drains"] / sides["patch2"]["wp_faults"]
    table = (
        f"Yes, to the fault, in {same} of {len(rows)} rows of the kernel's table. The others "
        f"differ by at most {one} faults where one CPU reads and writes, and by at most "
        f"{two:.1%} of the accesses where the writer runs on another CPU."
    )
    rates = (
        f"In the published form v5.17 copies {sides['v5.17']['copy_rate']:.1%} of the pages "
        f"and the patch {sides['patch2']['copy_rate']:.1%}, with {drains:.2f} drains a fault."
    )
    return say([table, rates])


def show_rows_that_differ(rows: pd.DataFrame) -> Shown:
    """Return the rows of a measured table that differ from their simulation, by cause.

    Parameters
    ----------
    rows
        From ``shipped.compare_shipped()``.
    """
    off = rows_off(rows).assign(cause=rows["cause"])
    groups = off[off["off"] > 0].groupby("cause", sort=False)
    table = pd.DataFrame(
        {
            "rows": groups.size(),
            "off by at most (faults)": groups["off"].max(),
            "off by at most (% of accesses)": 100 * groups["share"].max(),
        }
    )
    known = known_differences()
    table["what it is"] = [
        known[name].what if name in known else "not known" for name in table.index
    ]
    table.index.name = "cause"
    caption = f"{int(groups.size().sum())} of {len(rows)} rows differ"
    return show(table, formats="{:.2f}", caption=caption)


def show_traces(traces: pd.DataFrame) -> Shown:
    """Return how far the machine agrees with the traces, a row a kind.

    Parameters
    ----------
    traces
        From ``shipped.compare_traces()``.
    """
    kinds = traces.groupby("kind", sort=False)
    table = pd.DataFrame(
        {
            "traces": kinds.size(),
            "exact": kinds["mismatches"].agg(lambda counts: int((counts == 0).sum())),
            "operations": kinds["compared"].sum(),
            "differ": kinds["mismatches"].sum(),
            "agree (%)": 100 * (1 - kinds["mismatches"].sum() / kinds["compared"].sum()),
            "worst trace (%)": 100 * kinds["agreement"].min(),
        }
    )
    table.index.name = "swap device"
    rates = ["agree (%)", "worst trace (%)"]
    return show(table, formats=dict.fromkeys(rates, "{:.2f}"))


def show_flags(traces: pd.DataFrame) -> Shown:
    """Return at how many accesses a page had another flag, a row a kind.

    Parameters
    ----------
    traces
        From ``shipped.compare_traces()``.
    """
    names = [str(name) for name in traces if str(name).startswith("flags_")]
    table = traces.groupby("kind", sort=False)[names].sum()
    table.columns = [name.removeprefix("flags_") for name in names]
    table.index.name = "swap device"
    return show(table, caption="Accesses whose page had another flag; no mismatch, only counted")


def differing_traces(traces: pd.DataFrame) -> pd.DataFrame:
    """Return the traces that do not agree, and whether a page table's end explains it.

    A trace does not say where a page table ends inside its region, where readahead stops.  With a
    deterministic clock all places are tried.

    Parameters
    ----------
    traces
        From ``shipped.compare_traces()``.

    Returns
    -------
    DataFrame
        ``trace``, ``operations``, ``differ``; ``exact if a page table ends before page``: a number,
        ``none`` where no place helps, "" where it was not tried.
    """
    paths = {path.name.removesuffix(".csv.gz"): path for path in shipped.trace_files()}
    found = []
    for row in traces[traces["mismatches"] > 0].to_dict("records"):
        where = ""
        if row["kind"] == shipped.DETERMINISTIC:
            ends = sorted(512 - edge for edge in shipped.page_table_edges(paths[row["name"]]))
            where = " or ".join(map(str, ends)) or "none"
        found.append([row["name"], row["compared"], row["mismatches"], where])
    columns = ["trace", "operations", "differ", "exact if a page table ends before page"]
    return pd.DataFrame(found, columns=columns)


def show_tables(rows: pd.DataFrame) -> Shown:
    """Return how far the machine agrees with the measured tables, a row a table and latency.

    Parameters
    ----------
    rows
        From ``shipped.compare_tables()``.
    """
    groups = rows.groupby(["table", "latency_ns"], sort=False)
    table = pd.DataFrame(
        {
            "rows": groups.size(),
            "equal": groups["equal"].sum(),
            "in interval": groups["within"].sum(),
            "equal (%)": 100 * groups["equal"].mean(),
            "copies off by (%)": 100 * groups["copies_off"].max(),
            "faults off by (%)": 100 * groups["wp_faults_off"].max(),
        }
    ).reset_index()
    table.insert(1, "latency (us)", table.pop("latency_ns") / 1000)
    formats = {name: "{:.1f}" for name in table if str(name).endswith("(%)")}
    caption = (
        "equal: to the fault; in interval: the simulated copy rate lies in Wilson's 95 % interval "
        "of the measured one; off by: at most, of a row's accesses"
    )
    return show(
        table, formats=formats | {"latency (us)": "{:g}"}, heat=["equal (%)"], caption=caption
    )


def show_causes(rows: pd.DataFrame) -> Shown:
    """Return the rows that differ by the cause that data/differences.toml gives.

    Parameters
    ----------
    rows
        From ``shipped.compare_tables()``.
    """
    some = rows[~rows["equal"]]
    some = some.assign(
        cause=some["cause"].replace("", "not known"),
        off=100 * some[["copies_off", "wp_faults_off"]].max(axis=1),
    )
    groups = some.groupby(["table", "cause"], sort=False)
    table = pd.DataFrame({"rows": groups.size(), "off by at most (%)": groups["off"].max()})
    return show(table.reset_index(), formats={"off by at most (%)": "{:.2f}"})


def answer(traces: pd.DataFrame, rows: pd.DataFrame) -> Said:
    """Return in words how far the simulation does what kernels did.

    Parameters
    ----------
    traces, rows
        From ``shipped.compare_traces()`` and ``shipped.compare_tables()``.
    """
    worst = rows.iloc[int(rows["copies_off"].to_numpy().argmax())]
    whole, differ = traces["compared"].sum(), traces["mismatches"].sum()
    calm = traces[traces["kind"] == shipped.SYNCHRONOUS]
    operations = (
        f"Of {whole} compared operations in {len(traces)} traces {differ} differ "
        f"({differ / whole:.2%}); on synchronous swap {calm['mismatches'].sum()} of "
        f"{calm['compared'].sum()}."
    )
    tables = (
        f"Of {len(rows)} rows of the measured tables {rows['equal'].sum()} are equal to the "
        f"fault. In {rows['within'].sum()} the simulated copy rate lies in the 95 % interval "
        f"of the measured one. The worst row has {worst['copies_measured']} copies measured "
        f"and {worst['copies_simulated']} simulated in {worst['accesses']} accesses "
        f"({worst['table']}, row {worst['row']})."
    )
    why = (
        "What differs depends on when a write to the device ends, on what another program left "
        "in a pagevec, or on where a page table ends."
    )
    return say([operations, tables, why])


def joined(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return compared tables as one, ``source`` naming each, for ``plots.agreement()``.

    Parameters
    ----------
    parts
        Name -> what ``compare_table()``, ``compare_trace()`` or ``shipped`` returned.
    """
    named = [
        table.assign(source=name, copies_measured=table["copies_measured"].astype("Int64"))
        for name, table in parts.items()
    ]
    made = pd.concat(named, ignore_index=True)
    made.attrs = next(iter(parts.values())).attrs
    return made
