"""A page of the machine in words: its count, who holds it, its flags."""

from __future__ import annotations

from .. import mm
from ..mm import layout as L

FLAGS = (
    ("LRU", L.PG_LRU),
    ("writeback", L.PG_WRITEBACK),
    ("reclaim", L.PG_RECLAIM),
    ("dirty", L.PG_DIRTY),
    ("active", L.PG_ACTIVE),
    ("exclusive", L.PG_ANON_EXCLUSIVE),
    ("ksm", L.PG_KSM),
    ("locked", L.PG_LOCKED),
)


def holders(word: int) -> dict[str, int]:
    """Return who holds a page, and how many references each has."""
    found = {holder.name: (word >> holder.shift) & holder.most for holder in L.HOLDERS}
    return {name: n for name, n in found.items() if n}


def flags(word: int) -> list[str]:
    """Return the page's flags that are set."""
    return [name for name, bit in FLAGS if word & bit]


def describe_word(word: int, *, exclusive: bool = True) -> str:
    """Return a page's count, holders and flags as text, from its word in the machine.

    ``exclusive``: does the kernel know PageAnonExclusive (v5.19)?
    """
    if not exclusive:
        word &= ~L.PG_ANON_EXCLUSIVE
    held = [name if n == 1 else f"{name} x{n}" for name, n in holders(word).items()]
    count = int(mm.page_count(word))
    state = " ".join(flags(word)) or "no flag"
    return f"page_count {count} = {' + '.join(held) or 'nobody'}; {state}"
