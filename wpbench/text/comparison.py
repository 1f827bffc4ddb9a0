"""A comparison as text for a mailing list: plain ASCII, 72 columns, every column explained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import TableError
from ..tables.decision import FEW, TOO_FEW
from .layout import WIDTH, aligned, hanging

MOST_LISTED = 20
SCALED = ("base", "other", "difference", "low", "high")


def format_comparison(
    comparison: pd.DataFrame, *, kind: str = "simulated", width: int = WIDTH
) -> str:
    """Return the result of ``compare()`` as text that can be quoted in a mail.

    Parameters
    ----------
    comparison
        From ``compare()``; rows may have been left out or put in another order.
    kind
        The kind of numbers; the first word of the text.
    width
        The number of columns; only a single longer word exceeds it.

    Returns
    -------
    str
        The compared values, the number of runs, the interval and the test; a line for each scenario
        with the columns of ``by`` that vary; the signs; missing counterparts; versions.
        Pure ASCII, no trailing blanks.

    Raises
    ------
    TableError
        If ``attrs["comparison"]`` is missing (some operations of pandas lose it).

    Examples
    --------
    >>> import wpbench as wb
    >>> grid = wb.grid(kernel=["patch1", "patch2"], npages=[8, 64], rounds=10)
    >>> text = wb.text.format_comparison(wb.compare(wb.simulate(grid, seeds=2)))
    >>> print(text.splitlines()[0])
    simulated: copy_rate, kernel patch1 -> patch2
    """
    about = comparison.attrs.get("comparison")
    if about is None:
        raise TableError(
            "comparison: has no attrs['comparison'], which compare() writes and some operations of "
            "pandas lose; copy it from compare()'s table"
        )
    compared = comparison[(comparison["n"] > 0) & (comparison["n_other"] > 0)]
    varying = [name for name in about["by"] if len(comparison[name].unique()) > 1]
    power = _power(compared)
    fixed = [name for name in about["by"] if name not in varying]
    blocks = [[*_head(compared, about, kind, power), *_fixed(comparison, fixed, about)]]
    if len(compared):
        blocks.append(_lines(compared, varying, about, power, width))
    blocks.append([*_legend(compared, about), *_left_out(comparison, varying, about)])
    blocks.append(_versions(comparison.attrs.get("wpbench", {})))
    text = "\n\n".join(
        "\n".join(line if len(line) <= width else hanging(line, width) for line in block)
        for block in blocks
        if block
    )
    return text.encode("ascii", "backslashreplace").decode() + "\n"


def _percent(confidence: float) -> str:
    return f"{100 * confidence:g}%"


def _range(numbers: Any) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _head(compared: pd.DataFrame, about: Mapping[str, Any], kind: str, power: int) -> list[str]:
    scale = f", in units of {power}" if power > 1 else ""
    lines = [
        f"{kind}: {about['value']}{scale}, {about['column']} {about['base']} -> {about['other']}"
    ]
    if not len(compared):
        return [*lines, "nothing to compare: no scenario has runs on both sides"]
    n, few = _range(compared["n"]), _fewest(compared)
    if about["paired"]:
        pairs = "pair" if n == "1" else "pairs"
        lines.append(f"means; n = {n} {pairs} of runs (same seed and replication) a scenario")
    else:
        lines.append(
            f"means; n = {n} and {_range(compared['n_other'])} runs a scenario, not paired"
        )
    if (few > 1).any():
        tested = f"; p: {about['test']}" if compared["p"].notna().any() else ""
        lines.append(
            f"[low, high]: {_percent(about['confidence'])} t interval of the mean difference "
            f"(spread between runs){tested}"
        )
    if (few < 2).any():
        lines.append("warning: n < 2: no interval")
    if ((few > 1) & (few < FEW) & (compared["low"] != compared["high"])).any():
        lines.append(f"warning: n < {FEW}: few runs for an interval")
    return lines


def _fewest(compared: pd.DataFrame) -> Any:
    return compared[["n", "n_other"]].min(axis=1)


def _fixed(table: pd.DataFrame, names: Sequence[str], about: Mapping[str, Any]) -> list[str]:
    """Return what all scenarios have in common, and what goes with a side."""
    lines = []
    given = {name: table[name].iloc[0] for name in names}
    shown = [f"{name}={_word(value)}" for name, value in given.items() if value not in (0, "")]
    if shown:
        without = " (0 and False left out)" if len(shown) < len(given) else ""
        lines.append(f"all with{without} {', '.join(shown)}")
    for i, side in enumerate(("base", "other")):
        going = [f"{name}={_word(values[i])}" for name, values in about["with"].items()]
        if going:
            lines.append(f"{about[side]} with {', '.join(going)}")
    return lines


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _largest(compared: pd.DataFrame) -> float:
    sizes = np.abs(compared[["base", "other"]].to_numpy(float))
    return float(np.nanmax(sizes, initial=0.0))


def _power(compared: pd.DataFrame) -> int:
    """Return the unit in which the largest number has at most six digits before the point."""
    power = 1
    while _largest(compared) / power >= 1e6:
        power *= 1000
    return power


def _decimals(size: float) -> int:
    """Return how many decimals show five digits of a number of this size."""
    return 4 if size <= 1 else max(0, 4 - math.floor(math.log10(size)))


def _number(value: float, decimals: int, sign: str = "") -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:{sign}.{decimals}f}"
    return text if float(text) else f"{0:.{decimals}f}"


def _p(row: Any) -> str:
    if math.isnan(row["p"]):
        return "-"
    return "<0.001" if row["p"] < 0.001 else f"{row['p']:.3f}"


def _interval(row: Any, decimals: int) -> str:
    if math.isnan(row["low"]):
        return "-"
    if row["low"] == row["high"]:
        return "no spread"
    return f"[{_number(row['low'], decimals, '+')}, {_number(row['high'], decimals, '+')}]"


def _change(row: Any) -> str:
    if row["verdict"] in ("~", "same"):
        return str(row["verdict"])
    if row["verdict"] == TOO_FEW:
        return "too few"
    if math.isnan(row["change"]):
        return "from 0"
    return f"{100 * row['change']:+.1f}%"


def _cells(compared: pd.DataFrame, about: Mapping[str, Any], power: int) -> list[list[str]]:
    """Return the columns of numbers, headings first."""
    decimals = _decimals(_largest(compared) / power)
    scaled = compared.copy()
    scaled[list(SCALED)] /= power
    rows = scaled.to_dict("records")
    n = [[str(row["n"]) for row in rows]] if len(compared["n"].unique()) > 1 else []
    return [
        *(["n", *column] for column in n),
        [str(about["base"]), *(_number(row["base"], decimals) for row in rows)],
        [str(about["other"]), *(_number(row["other"], decimals) for row in rows)],
        ["diff", *(_number(row["difference"], decimals, "+") for row in rows)],
        ["[low, high]", *(_interval(row, decimals) for row in rows)],
        ["change", *(_change(row) for row in rows)],
        *([["p", *(_p(row) for row in rows)]] if compared["p"].notna().any() else []),
    ]


def _lines(
    compared: pd.DataFrame,
    varying: Sequence[str],
    about: Mapping[str, Any],
    power: int,
    width: int,
) -> list[str]:
    """Return the table: the scenario beside its numbers, or above them where it is too wide."""
    numbers = _cells(compared, about, power)
    keys = [[name, *(_word(value) for value in compared[name])] for name in varying]
    table = aligned([*keys, *numbers], len(keys))
    if max(map(len, table)) <= width:
        return table
    head, *rows = aligned([[""] * len(numbers[0]), *numbers], 1)
    lines = [head]
    for i, row in enumerate(rows):
        scenario = ", ".join(
            f"{name}={key[i + 1]}" for name, key in zip(varying, keys, strict=True)
        )
        lines += [hanging(scenario, width), row]
    return lines


def _legend(compared: pd.DataFrame, about: Mapping[str, Any]) -> list[str]:
    verdicts = set(compared["verdict"])
    still = (_fewest(compared) > 1) & (compared["low"] == compared["high"])
    each = "each pair" if about["paired"] else "each run"
    lines = []
    if "~" in verdicts:
        lines.append("~          no difference shown: the interval has 0 in it")
    if TOO_FEW in verdicts:
        lines.append(f"too few    no difference shown, and fewer than {FEW} runs: one says nothing")
    if "same" in verdicts:
        lines.append(f"same       {each} is equal on both sides")
    if (still & (compared["verdict"] != "same")).any():
        lines.append(f"no spread  {each} differs by the same")
    if "from 0" in {_change(row) for row in compared.to_dict("records")}:
        lines.append(f"from 0     {about['base']} is 0")
    chance = int((compared["low"] < compared["high"]).sum())
    if chance > 1:
        lines.append(
            f"of the {chance} with a spread about {chance * (1 - about['confidence']):.1f} would "
            "show a difference by chance alone"
        )
    return lines


def _left_out(
    comparison: pd.DataFrame, varying: Sequence[str], about: Mapping[str, Any]
) -> list[str]:
    """Return what was not compared: scenarios and runs of one side, and runs without a value."""
    lines = []
    for row in comparison.to_dict("records"):
        counts = {
            f"only {about['base']}": row["base_only"],
            f"only {about['other']}": row["other_only"],
            f"without {about['value']}": row["no_value"],
        }
        found = ", ".join(
            f"{count} run{'s' * (count > 1)} {what}" for what, count in counts.items() if count
        )
        if found:
            scenario = ", ".join(f"{name}={_word(row[name])}" for name in varying)
            lines.append(
                f"not compared: {scenario}: {found}" if scenario else f"not compared: {found}"
            )
    if len(lines) > MOST_LISTED:
        more = len(lines) - MOST_LISTED
        lines[MOST_LISTED:] = [f"not compared: runs of {more} more scenarios"]
    return lines


def _versions(wpbench: Mapping[str, Any]) -> list[str]:
    software = wpbench.get("software")
    if not software:
        return []
    commit = f", commit {software['commit']}" if software.get("commit") else ""
    return [f"{software['name']} {software['version']}{commit}, data {wpbench['data']}"]
