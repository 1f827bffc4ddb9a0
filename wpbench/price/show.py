"""A price, an account and their parts, as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from ..scenario import Scenario
from ..scenario.kernels import OFF, ON
from ..tables.folding import folded
from ..text.shown import Shown, show
from .answer import MEANING, in_words, word
from .tally import PER

_SHARE = "cheaper in (%)"
_COLUMNS = {"migration_rate": "migration rate", "cpus": "CPUs"}
# What the list named beside the patch: drain policies, and no pagevec at swap-in.
POLICIES = ("if-not-lru", "always", "lru-add-only", "this-page", "all-cpus")
AT_ONCE = "no pagevec at swap-in"
# Programs that people reported, as far as the workloads model them, and what their rounds are
# multiplied by: requests of a server are shorter than a round of the reproducer.
_REPORTED: dict[str, tuple[int, dict[str, Any]]] = {
    "reproducer": (50, {"cpus": 2, "spinner_threads": 1, "npages": 1}),
    "hand-over": (4, {"workload": "hand-over", "cpus": 8, "threads": 4, "npages": 32}),
    "redis": (2500, {"workload": "redis", "cpus": 3, "npages": 2000, "zipf": 0.99}),
    "redis, BGSAVE": (
        2500,
        {"workload": "redis", "cpus": 3, "npages": 2000, "zipf": 0.99, "save_every": 2000,
         "save_pages": 4},
    ),
    "memcached": (500, {"workload": "memcached", "cpus": 9, "threads": 8, "npages": 2000}),
    "userfaultfd": (4, {"workload": "userfaultfd", "npages": 32, "write_cpu": 1}),
    "post-copy": (4, {"workload": "post-copy", "cpus": 5, "threads": 4, "npages": 512}),
}  # fmt: skip


def alternatives(**fields: Any) -> dict[str, Scenario]:
    """Return the alternatives that the list named, as scenarios; name -> scenario.

    Parameters
    ----------
    fields
        Of each scenario, as in ``Scenario``.

    Returns
    -------
    dict
        Name -> Scenario, the patch first.

    Examples
    --------
    >>> from wpbench.price import alternatives
    >>> list(alternatives(backend="zram", cpus=8))[:3]
    ['if-not-lru', 'always', 'lru-add-only']
    """
    made = {drain: Scenario(drain=drain, **fields) for drain in POLICIES}
    rules = {"swapin_inserts_at_once": True}
    return made | {AT_ONCE: Scenario(drain=POLICIES[0], rules=rules, **fields)}


def reported(rounds: int = 1, **fields: Any) -> dict[str, Scenario]:
    """Return the programs that people reported (docs/price.md), as scenarios; name -> scenario.

    Parameters
    ----------
    rounds
        How long they run, in units of their own.
    fields
        Of each scenario, as in ``Scenario``: ``backend``, ``costs``.

    Returns
    -------
    dict
        Name -> Scenario.

    Examples
    --------
    >>> from wpbench.price import reported
    >>> reported(rounds=2, backend="zram")["redis"].rounds
    5000
    """
    return {
        name: Scenario(rounds=rounds * times, **own | fields)
        for name, (times, own) in _REPORTED.items()
    }


def show_prices(rows: pd.DataFrame, names: Iterable[str] | None = None) -> Shown:
    """Return a price as a table for a notebook, the share of the draws as a heat map.

    Parameters
    ----------
    rows
        From ``Price.of()``: of one measure.
    names
        Of the rows, in the order of the scenarios; None: by the parameters that vary, equal
        rows once.

    Returns
    -------
    Shown
        Nanoseconds by what the price is divided by.
    """
    measure, per = rows["measure"].iloc[0], PER[rows.attrs["per"]]
    keys = list(rows.attrs["varying"])
    if names is not None:
        rows, keys = rows.assign(program=list(names)), ["program"]
    lines = folded([_cells(row, keys) for row in rows.to_dict("records")], keys)
    table = pd.DataFrame(lines).rename(columns=_COLUMNS)
    table[_SHARE] = pd.to_numeric(table.pop("wins"), errors="coerce")
    notes = table.pop("note")
    if (notes != "").any():
        table["note"] = notes
    caption = (
        f"Simulated: ns {per}, {MEANING[measure]}. Range: the middle 95 % of the draws of the "
        f"costs. {_SHARE.capitalize()}: of the draws, those in which on is the cheaper one."
    )
    return show(table, formats={_SHARE: "{:.0f}"}, heat=[_SHARE], caption=caption)


def _cells(row: dict[Any, Any], keys: Sequence[str]) -> dict[str, str]:
    return {
        **{name: word(row[name]) for name in keys},
        "off (ns)": f"{row['off']:.0f}",
        "on (ns)": f"{row['on']:.0f}",
        "on - off (ns)": f"{row['difference']:+.0f}",
        "range (ns)": f"{row['low']:+.0f} to {row['high']:+.0f}",
        "on is": in_words(row["verdict"]),
        "wins": "" if pd.isna(row["wins"]) else f"{100 * row['wins']:.0f}",
        "note": row["note"],
    }


def account_wide(account: pd.DataFrame) -> pd.DataFrame:
    """Return an account of two kernels side by side, per 100 of what it is divided by.

    Parameters
    ----------
    account
        From ``account()``, of one scenario with ``patch1`` and ``patch2``.

    Returns
    -------
    DataFrame
        A row an item, and ``the clock``, their sum; columns (``events``, ``off``) and ``on``, and
        in microseconds (``us``, ``off``), ``on`` and ``on - off`` (NaN for a side effect).

    Examples
    --------
    >>> import wpbench as wb
    >>> scenarios = wb.grid(kernel=["patch1", "patch2"], npages=8, rounds=5, costs="server")
    >>> account = wb.account(scenarios)
    >>> from wpbench.price import account_wide
    >>> account_wide(account)["events"].loc["copy"].tolist()
    [43.75, 0.0]
    """
    sides = {name: account[account["kernel"] == kernel] for name, kernel in _SIDES.items()}
    made = {}
    for name, side in sides.items():
        own = side.set_index("item")
        made["events", name] = 100 * own["events"]
        made["us", name] = (own["ns"] / 10).where(own["kind"] != "side effect")
    table = pd.DataFrame(made)[[("events", "off"), ("events", "on"), ("us", "off"), ("us", "on")]]
    clock = {
        ("us", name): side.loc[side["kind"] == "time", "ns"].sum() / 10
        for name, side in sides.items()
    }
    table.loc["the clock"] = pd.Series(clock)
    table["us", "on - off"] = table["us", "on"] - table["us", "off"]
    table.index.name = "item"
    return table


_SIDES = {"off": OFF, "on": ON}


def show_account(account: pd.DataFrame, caption: str = "") -> Shown:
    """Return ``account_wide()`` for a notebook.

    Parameters
    ----------
    account
        As there.
    caption
        Which program it is; stands after the unit.

    Returns
    -------
    Shown
        Side effects have events and no time.

    Examples
    --------
    >>> import wpbench as wb
    >>> scenarios = wb.grid(kernel=["patch1", "patch2"], npages=8, rounds=5, costs="server")
    >>> account = wb.account(scenarios)
    >>> from wpbench.price import show_account
    >>> show_account(account, "8 pages").caption
    'Simulated: events and us per 100 accesses, all CPUs; 8 pages'
    """
    table = account_wide(account)
    formats = {("events", side): "{:.1f}" for side in _SIDES}
    formats |= {("us", side): "{:.2f}" for side in _SIDES} | {("us", "on - off"): "{:+.2f}"}
    head = f"Simulated: events and us per 100 accesses, all CPUs{caption and f'; {caption}'}"
    return show(table, formats=formats, caption=head)


def show_predictions(told: pd.DataFrame) -> Shown:
    """Return published figures beside the predicted ones, for a notebook.

    Parameters
    ----------
    told
        From ``predictions()``.

    Returns
    -------
    Shown
        ``predicted`` and ``published`` side by side, the error in per cent.

    Examples
    --------
    >>> import pandas as pd
    >>> from wpbench.price import show_predictions
    >>> row = {"what": "a copy, cycles", "predicted": 9000.0, "published": 8928.0, "error": 0.008}
    >>> show_predictions(pd.DataFrame([row])).table["published"].tolist()
    ['8928']
    """
    table = pd.DataFrame(
        {
            "figure": told["what"],
            "predicted": [_digits(value) for value in told["predicted"]],
            "published": [_digits(value) for value in told["published"]],
            "error (%)": 100 * told["error"],
        }
    )
    caption = "Predicted from constants of other sources; published: data/published.csv"
    return show(table, formats={"error (%)": "{:+.1f}"}, caption=caption)


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
