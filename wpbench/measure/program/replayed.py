"""What other kernels would have done with a recorded program, in words and as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...text.layout import paragraph
from ...text.shown import Shown, show
from .counterfactual import CAUSES, ENOUGH

SHOWN = ("wp_faults", "reuses", "copies", "helped", "in_vain", "drains")
DOUBTFUL = "~"  # beside every number of a simulation that agrees too rarely


def percent(share: float) -> str:
    """Return a share as percent, never rounded up to what it is not."""
    return f"{int(share * 1e4) / 1e2:.2f} %" if share < 1 else "100 %"


def _is_doubtful(about: dict[str, Any]) -> bool:
    return about["agreement"] is None or about["agreement"] < ENOUGH


def overview(table: pd.DataFrame) -> str:
    """Return a line a kernel; numbers of a simulation that agrees too rarely are marked."""
    doubtful = _is_doubtful(table.attrs["wpbench"])
    rows = []
    for row in table.to_dict("records"):
        mark = DOUBTFUL if doubtful and row["what"] == "simulated" else ""
        name = " ".join(text for text in (row["kernel"], row["rules"]) if text)
        shown = {"": row["what"], "kernel": name, "drain": row["drain"]}
        for column in SHOWN:
            shown[column] = "-" if pd.isna(row[column]) else f"{row[column]}{mark}"
        rows.append(shown)
    return pd.DataFrame(rows).to_string(index=False)


def sentences(table: pd.DataFrame) -> list[str]:
    """Return how far the simulation is to be trusted, and what differs, a paragraph each."""
    about = table.attrs["wpbench"]
    faults = int(table["wp_faults"].iloc[0])
    if not faults or about["agreement"] is None:
        return ["No write-protect fault on an anonymous page was recorded."]
    own = table.iloc[1]
    told = (
        f"Simulated, the recorded kernel ({own['kernel']}) does what it did in {own['agree']} of "
        f"{faults} write-protect faults on anonymous pages ({percent(about['agreement'])}): reuse "
        "or copy, drained or not, helped or not."
    )
    differ = [f"{own[cause]} {why}" for cause, why in CAUSES.items() if own[cause]]
    if differ:
        told += " The others: " + "; ".join(differ) + "."
    found = [told]
    if _is_doubtful(about):
        found.append(
            f"{DOUBTFUL}: the simulation agrees with the recorded kernel in less than "
            f"{ENOUGH:.0%} of the faults; take this number as doubtful."
        )
    if about["lost"]:
        found.append(f"{about['lost']} events were lost when it was recorded.")
    if about["unclear"]:
        found.append(f"{about['unclear']} faults of which it is not known what they were are out.")
    found.append(
        "helped, in_vain: drains that put pages on the LRU, then a reuse, or a copy; drains: those "
        "that found nothing, too. A write that did not fault when it was recorded is not known."
    )
    return found


def summary(table: pd.DataFrame) -> list[str]:
    """Return what was measured of a recorded program, and how far the simulation agrees with it.

    Parameters
    ----------
    table
        From ``programs.replay()``.

    Returns
    -------
    list of str
        A paragraph each.

    Examples
    --------
    >>> import wpbench as wb
    >>> file = wb.data_dir() / "programs" / "shell-short.parquet"
    >>> table = wb.programs.replay(file, ["v5.17"])
    >>> len(wb.programs.summary(table))
    2
    """
    return [_measured(table), *sentences(table)[:1]]


def answer(table: pd.DataFrame) -> list[str]:
    """Return what other kernels would have done with a recorded program, a sentence a kernel.

    Parameters
    ----------
    table
        From ``programs.replay()``: what was measured, the recorded kernel simulated, the others.

    Returns
    -------
    list of str
        Of the recorded kernel itself none.

    Examples
    --------
    >>> import wpbench as wb
    >>> file = wb.data_dir() / "programs" / "shell-short.parquet"
    >>> table = wb.programs.replay(file, ["v5.17"])
    >>> wb.programs.answer(table)
    ['Simulated, v5.17 (drain never): 2 copies fewer; 0 drains help, 0 are in vain.']
    """
    about = table.attrs["wpbench"]
    doubt = ""
    if about["agreement"] is not None and _is_doubtful(about):
        doubt = f" (agreement {percent(about['agreement'])} only)"
    found = []
    for row in table.iloc[2:].to_dict("records"):
        name = " ".join(text for text in (row["kernel"], row["rules"]) if text)
        more = row["copies"] - table["copies"].iloc[1]
        copies = "as many copies" if more == 0 else f"{abs(more)} copies {_more(more)}"
        found.append(
            f"Simulated, {name} (drain {row['drain']}): {copies}{doubt}; {row['helped']} drains "
            f"help, {row['in_vain']} are in vain."
        )
    return found


def show_replays(table: pd.DataFrame) -> Shown:
    """Return a line a kernel for a notebook; a simulation that agrees too rarely is marked.

    Parameters
    ----------
    table
        From ``programs.replay()``.

    Returns
    -------
    Shown
        The first row is measured, the others are simulated.

    Examples
    --------
    >>> import wpbench as wb
    >>> file = wb.data_dir() / "programs" / "shell-short.parquet"
    >>> table = wb.programs.replay(file, ["v5.17"])
    >>> wb.programs.show_replays(table).table["copies"].tolist()
    [977, 977, 975]
    """
    shown = table[["what", "kernel", "rules", "drain", *SHOWN]].copy()
    shown.attrs = {}
    shown["kernel"] = [name.split("-")[0] for name in shown["kernel"]]
    if not (shown["rules"] != "").any():
        del shown["rules"]
    shown["copied (%)"] = (100 * shown["copies"] / shown["wp_faults"]).astype(float)
    if _is_doubtful(table.attrs["wpbench"]):
        shown["what"] = shown["what"].replace("simulated", f"simulated {DOUBTFUL}")
    names = {"what": "", "wp_faults": "faults", "in_vain": "in vain"}
    caption = "Write-protect faults on anonymous pages of one recorded run"
    return show(shown.rename(columns=names), formats="{:.1f}", heat=["copied (%)"], caption=caption)


def _measured(table: pd.DataFrame) -> str:
    row = table.iloc[0]
    return (
        f"Measured on {row['kernel']}: of {row['wp_faults']} write-protect faults on anonymous "
        f"pages {row['copies']} were copied; a drain helped in {row['helped']}, and "
        f"{row['in_vain']} drains were in vain."
    )


def _more(number: int) -> str:
    return "more" if number > 0 else "fewer"


def describe(table: pd.DataFrame) -> str:
    """Return ``overview()`` and ``sentences()``."""
    paragraphs = [paragraph(text) for text in sentences(table)]
    return "\n".join([overview(table), *paragraphs])
