"""What a notebook shows: a table with units and a heat map, an answer as prose; the same as text.

A notebook's cell ends in one of these.  In a browser it is HTML or Markdown; headless, and in
``wpbench notebook``, it is text of 72 columns.  Both are the same in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from .layout import WIDTH, broken, paragraph

HEAT = "YlOrRd"  # of matplotlib: dark is much; the text's colour follows the cell's
_MISSING = "-"
_LONG = 44  # columns of a cell that a line of text has no room for: it stands below the table


@dataclass(frozen=True)
class Shown:
    """A table as a notebook shows it; ``show()`` makes one.

    Attributes
    ----------
    table
        Numbers, units in the header.
    formats
        Column: how its numbers are printed, as ``str.format()`` reads it.
    heat
        Columns whose cells are coloured, by the same scale.
    limits
        Where the scale begins and ends.
    caption
        Stands above.
    text
        What a terminal shows instead of the table; empty: the table.
    """

    table: pd.DataFrame
    formats: Mapping[Any, str] = field(default_factory=dict)
    heat: Sequence[Any] = ()
    limits: tuple[float, float] = (0.0, 100.0)
    caption: str = ""
    text: str = ""

    def __repr__(self) -> str:
        if self.text:
            return self.text.rstrip("\n")
        printed = pd.DataFrame(
            {name: [self._cell(name, value) for value in self.table[name]] for name in self.table},
            index=self.table.index,
            columns=self.table.columns,
        )
        long = [name for name in printed if printed[name].str.len().max() > _LONG]
        index = not isinstance(printed.index, pd.RangeIndex)
        body = printed.drop(columns=long).to_string(index=index or bool(long), line_width=WIDTH)
        lines = [paragraph(self.caption)] if self.caption else []
        lines += [line.rstrip() for line in body.splitlines()]
        for name in long:
            told = [f"{at}: {text}" for at, text in printed[name].items() if text]
            lines += ["", f"{name}:", *(paragraph(f"  {text}", rest="    ") for text in told)]
        return "\n".join(lines)

    def _cell(self, name: Any, value: Any) -> str:
        if pd.isna(value):
            return _MISSING
        return self.formats[name].format(value) if name in self.formats else str(value)

    def _repr_html_(self) -> str:
        formats: dict[Any, Any] = {name: partial(self._cell, name) for name in self.table}
        styler = self.table.style.format(formats, escape="html")
        # Its own of each table, or one's colours would be another's; the default differs each run.
        styler.set_uuid(hashlib.sha256(repr(self).encode()).hexdigest()[:12])
        words = [name for name in self.table if not is_numeric_dtype(self.table[name])]
        styler.set_properties(subset=words, **{"text-align": "left"})
        centred: Any = {"selector": "th.col_heading.level0", "props": "text-align: center"}
        styler.set_table_styles([centred])
        if self.caption:
            styler.set_caption(self.caption)
        if isinstance(self.table.index, pd.RangeIndex):
            styler.hide(axis="index")
        low, high = self.limits
        for name in self.heat:
            known = self.table[name].notna()  # a missing value would be black
            styler.background_gradient(cmap=HEAT, subset=(known, [name]), vmin=low, vmax=high)
        return str(styler.to_html())


def show(
    table: pd.DataFrame,
    *,
    formats: Mapping[Any, str] | str = "",
    heat: Sequence[Any] = (),
    limits: tuple[float, float] = (0.0, 100.0),
    caption: str = "",
    text: str = "",
) -> Shown:
    """Return a table for a notebook's cell to end in.

    Parameters
    ----------
    table
        Its columns are as the reader shall see them, with their units.
    formats
        Column: format of its numbers; or one format for all columns of floats.
    heat
        Columns with a heat map.
    limits
        Of its scale.
    caption
        One line above: what is simulated, what measured.
    text
        The same as text, where a terminal should have another form.

    Returns
    -------
    Shown
        HTML in a browser, at most 72 columns of text elsewhere (wide tables in parts).

    Examples
    --------
    >>> import pandas as pd
    >>> from wpbench.text import show
    >>> show(pd.DataFrame({"kernel": ["v5.17"], "copies (%)": [87.5]}), formats="{:.1f}")
    kernel copies (%)
     v5.17       87.5
    """
    if isinstance(formats, str):
        floats = [n for n in table if formats and pd.api.types.is_float_dtype(table[n])]
        formats = dict.fromkeys(floats, formats)
    return Shown(table, formats, heat, limits, caption, text)


@dataclass(frozen=True)
class Said:
    """Prose as a notebook shows it; ``say()`` makes one.

    Attributes
    ----------
    text
        Paragraphs, a blank line between two of them; lines that begin with two blanks are items.
    """

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        made = []
        for line in self.text.split("\n"):
            if line.startswith("  ") and not line.startswith("   "):
                made.append(f"\n- {_escaped(line.strip())}")
            elif line:
                made.append(_escaped(line.strip()))
            else:
                made.append("\n")
        return "\n".join(made).strip("\n")


def _escaped(text: str) -> str:
    """Return a line without what Markdown would take for its own."""
    for sign in ("\\", "*", "_", "~", "<", "`", "[", "$"):
        text = text.replace(sign, f"\\{sign}")
    return text


def say(text: str | Sequence[str]) -> Said:
    """Return prose for a notebook's cell to end in.

    Parameters
    ----------
    text
        Paragraphs, or a text that has them; one that is already broken into lines stays as it is.

    Returns
    -------
    Said
        Markdown in a browser, lines of 72 columns elsewhere.

    Examples
    --------
    >>> from wpbench.text import say
    >>> say(["It copies.", "In a drain of lru_add it does not."])
    It copies.
    <BLANKLINE>
    In a drain of lru_add it does not.
    """
    parts = [text] if isinstance(text, str) else list(text)
    paragraphs = [part for whole in parts for part in whole.strip("\n").split("\n\n")]
    return Said("\n\n".join(map(_fitted, paragraphs)))


def _fitted(text: str) -> str:
    """Return a paragraph whose lines fit: as it is, or broken anew, items each for itself."""
    lines = text.split("\n")
    if all(len(line) <= WIDTH for line in lines):
        return text
    if not any(line.startswith(" ") for line in lines):
        return paragraph(text)
    fitted = [broken(line, rest=_indent(line)) if len(line) > WIDTH else [line] for line in lines]
    return "\n".join(part for some in fitted for part in some)


def _indent(line: str) -> str:
    return "    " if line.startswith("  ") else ""
