"""A page of the machine in words: its count, who holds it, its flags."""

from __future__ import annotations

from . import mm
from .mm import layout as L


def describe_word(word: int) -> str:
    """Return a page's count, holders and flags as text, from its word in the machine."""
    holders = []
    for name, shift, mask in (
        ("pte", L.SHIFT_MAP, L.MAX_MAP),
        ("swapcache", 1, 1),
        ("lru_add", 12, 1),
        ("isolated", 11, 1),
        ("lru_rotate", L.SHIFT_ROTATE, L.MAX_VEC_REFS),
        ("lru_deactivate", L.SHIFT_DEACTIVATE, L.MAX_VEC_REFS),
        ("lru_lazyfree", L.SHIFT_LAZYFREE, L.MAX_VEC_REFS),
        ("activate", L.SHIFT_ACTIVATE, L.MAX_VEC_REFS),
        ("gup", L.SHIFT_GUP, L.MAX_GUP),
        ("pin", L.SHIFT_PIN, L.MAX_PIN),
        ("mmu_gather", L.SHIFT_LAG, L.MAX_LAG),
    ):
        n = (word >> shift) & mask
        if n:
            holders.append(name if n == 1 else f"{name} x{n}")
    flags = [
        name
        for name, bit in (
            ("LRU", L.PG_LRU),
            ("writeback", L.PG_WRITEBACK),
            ("reclaim", L.PG_RECLAIM),
            ("dirty", L.PG_DIRTY),
            ("active", L.PG_ACTIVE),
            ("exclusive", L.PG_ANON_EXCLUSIVE),
            ("ksm", L.PG_KSM),
            ("locked", L.PG_LOCKED),
        )
        if word & bit
    ]
    count = int(mm.page_count(word))
    return f"page_count {count} = {' + '.join(holders) or 'nobody'}; {' '.join(flags) or 'no flag'}"
