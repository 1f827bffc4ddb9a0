"""What a test sees of a page, and where it stands in the machine's page word."""

from dataclasses import dataclass

from twin.inspect import FLAGS

from wpbench.mm import layout as L

# The twin's own names of holders.
_TWIN = {"lru_rotate": "rotate", "lru_deactivate": "deactivate", "lru_lazyfree": "lazyfree"}
_TWIN |= {"isolated": "iso", "mmu_gather": "gather"}
# A holder of references -> its lowest bit in the machine's page word, and the most it can count.
HOLDERS = {_TWIN.get(h.name, h.name): (h.shift, h.most) for h in L.HOLDERS}
FLAG_BITS = {
    "lru": L.PG_LRU,
    "swapcache": L.PG_SWAPCACHE,
    "writeback": L.PG_WRITEBACK,
    "reclaim": L.PG_RECLAIM,
    "dirty": L.PG_DIRTY,
    "active": L.PG_ACTIVE,
    "swapbacked": L.PG_SWAPBACKED,
    "exclusive": L.PG_ANON_EXCLUSIVE,
    "referenced": L.PG_REFERENCED,
    "ksm": L.PG_KSM,
}
assert tuple(FLAG_BITS) == FLAGS
VECS = {"lru_add": 0, "rotate": 1, "deactivate": 2, "lazyfree": 3, "activate": 4}


@dataclass(frozen=True)
class Page:
    """A page at one moment: its reference count, who holds it, and its flags."""

    count: int
    holders: tuple[str, ...]  # sorted; "lru_add", say, once for each reference of that kind
    lru: bool
    swapcache: bool
    writeback: bool
    reclaim: bool
    dirty: bool
    active: bool
    swapbacked: bool
    exclusive: bool
    referenced: bool
    ksm: bool


def flags_of(word):
    """Return the flags of a page word of the machine."""
    return {name: bool(word & bit) for name, bit in FLAG_BITS.items()}


def holders_of(word):
    """Return how many references of each kind a page word of the machine holds."""
    return {name: (word >> shift) & most for name, (shift, most) in HOLDERS.items()}
