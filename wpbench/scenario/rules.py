"""The rules of which a kernel is a row: each an independent switch of the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ScenarioError, accepted
from ..mm.names import Drain, FirstTest, FreeSwap, LazyfreeExtraRef, SoleOwner, SwapinDrain, texts

Value = bool | int | str


@dataclass(frozen=True)
class Rule:
    """One switch.

    Attributes
    ----------
    meaning
        The decision that it makes, and its place in the kernel.
    values
        What it can be, in the order of the machine's numbers (``mm/names.py``); empty for a truth
        value or a number.
    low, high
        Bounds of a number; both 0 for a truth value.
    """

    meaning: str
    values: tuple[str, ...] = ()
    low: int = 0
    high: int = 0

    @property
    def choices(self) -> tuple[str, ...]:
        """What is accepted, in words."""
        if self.values:
            return self.values
        return (f"{self.low} to {self.high}",) if self.high else ("true", "false")

    def check(self, name: str, value: object) -> Value:
        """Return a value as the rule has it, or raise ScenarioError."""
        if self.values:
            if isinstance(value, str) and value in self.values:
                return value
        elif self.high:
            number = isinstance(value, int) and not isinstance(value, bool)
            if number and self.low <= value <= self.high:  # type: ignore[operator]
                return value  # type: ignore[return-value]
        elif isinstance(value, bool):
            return value
        raise ScenarioError(accepted(f"rules.{name}", value, self.choices))

    def parse(self, name: str, text: str) -> Value:
        """Return the value that a text says, or raise ScenarioError."""
        if self.values:
            return self.check(name, text)
        if self.high:
            return self.check(name, int(text) if text.isascii() and text.isdigit() else text)
        return self.check(name, {"true": True, "false": False}.get(text, text))

    def code(self, value: Value) -> int:
        """Return the machine's number of a value."""
        return self.values.index(str(value)) if self.values else int(value)


FIRST_TESTS = texts(FirstTest)
DRAINS = texts(Drain)
# First tests after which no reference is left that a drain could drop.
STRICT_TESTS = ("mapcount", "1", "1+sc")

RULES: dict[str, Rule] = {
    # The write: wp_can_reuse_anon_folio().
    "reuse_exclusive": Rule("do_wp_page() reuses a PageAnonExclusive page, whoever else holds it"),
    "first_test": Rule(
        "references up to which do_wp_page() goes on: a number; sc, 1 in the swap cache; not-lru, "
        "1 if not PageLRU; mapcount: mappings and swap PTEs count instead; none: no such test",
        FIRST_TESTS,
    ),
    "drain": Rule("when do_wp_page() drains this CPU's pagevecs", DRAINS),
    "frees_swap_after_copy": Rule("wp_page_copy() frees the old page's swap cache"),
    "pins_unshare": Rule("an R/O pin of a page that is not exclusive unshares it first"),
    # The swap-in.
    "swp_exclusive": Rule("swap PTEs keep the exclusive marker"),
    "sync_swapin": Rule(
        "a synchronous device's page with one swap PTE comes past the swap cache, or through it",
        ("bypass", "swapcache"),
    ),
    "swapin_drain": Rule(
        "a write fault on a swap PTE drains: never, for a swap-cache page that is not PageLRU, or "
        "for any page that is not",
        texts(SwapinDrain),
    ),
    "free_swap_on_read": Rule(
        "a read fault frees the swap cache: with swap half full, or also of a synchronous device",
        ("if-full", "if-full-or-sync"),
    ),
    "free_swap_on_write": Rule(
        "a write fault frees the swap cache: with swap half full; or also at page_count 2; at 2 or "
        "of a synchronous device; of a synchronous device or an exclusive page",
        texts(FreeSwap),
    ),
    "free_swap_before_mapping": Rule("... before the page is mapped, not after"),
    "sole_owner_writable": Rule(
        "a page that is not exclusive is mapped writable by a write fault: never, at page_count 1, "
        "or as reuse_swap_page() says",
        texts(SoleOwner),
    ),
    "writable_on_read": Rule("a read fault maps an exclusive page writable"),
    "readahead_drains": Rule("readahead of more than a page ends with lru_add_drain()"),
    "swapin_activates": Rule("do_swap_page() queues the page for the active list"),
    "swapin_inserts_at_once": Rule(
        "a swapped-in page goes to its LRU list at once, past the pagevec; no kernel does this"
    ),
    "zswap_load_exclusive": Rule(
        "a read from zswap into the swap cache removes the compressed copy, and leaves a dirty page"
    ),
    # pagevecs (folio batches)
    "pagevec": Rule("entries that fill a pagevec", low=1, high=31),
    "batch_clears_lru": Rule("entering any pagevec clears PageLRU"),
    "dead_filter": Rule("a flush of lru_add frees pages that nobody else holds, past the LRU list"),
    "exit_drains": Rule("exit_mmap() drains"),
    "gather_drains": Rule("munmap(), MADV_DONTNEED and the flush of an mmu_gather batch drain"),
    "drains_on_migrate": Rule("migration drains before the new page's PTEs appear"),
    "activate_batch": Rule("a second access queues a page for activation (false: MGLRU)"),
    "cold_queues_inactive": Rule("MADV_COLD queues inactive pages, too (true: MGLRU up to v6.13)"),
    # reclaim and the rest
    "new_pages_active": Rule("a new page begins on the active list"),
    "refaults_activate": Rule("a page that comes back soon begins active (workingset_refault())"),
    "slot_cache": Rule("each CPU takes swap slots 64 at a time"),
    "lazyfree_extra_ref": Rule(
        "reclaim meets a clean lazyfree page that somebody else holds, too: unmaps it, lets it be "
        "swapped again, or leaves it as it is",
        texts(LazyfreeExtraRef),
    ),
    "pinned_not_swapped": Rule("reclaim leaves pinned pages out of the swap cache"),
    "copies_pinned_at_fork": Rule("fork() copies pinned pages at once"),
    "uffd_unprotect_writable": Rule("UFFDIO_WRITEPROTECT maps an exclusive page writable again"),
    "pageout_tlb_flushes": Rule(
        "TLB flushes of a MADV_PAGEOUT, besides one a page written", low=0, high=16
    ),
}
# Fields of a Scenario of their own: they cannot be said twice.
OWN_FIELDS = ("drain", "pagevec")
OVERRIDABLE = tuple(name for name in RULES if name not in OWN_FIELDS)
# What the instrumented kernel of data/kernel-measurements follows at run time; all else is v6.1's.
DO_WP_PAGE = ("reuse_exclusive", "first_test", "drain")


class Overrides(Mapping[str, Value]):
    """Rules that a scenario has otherwise than its kernel: checked, hashable, in fixed order."""

    def __init__(self, given: Mapping[str, object] | None = None) -> None:
        for name in given or {}:
            if name in OWN_FIELDS:
                raise ScenarioError(
                    f"rules.{name}: {name} is a field of its own; accepted: {name}=..."
                )
            if name not in RULES:
                raise ScenarioError(accepted("rule", name, OVERRIDABLE))
        self._rules = {
            name: rule.check(name, given[name])
            for name, rule in RULES.items()
            if given and name in given
        }
        self._hash = hash(tuple(self._rules.items()))

    @classmethod
    def of(cls, given: object) -> Overrides:
        """Return the overrides that a mapping of rules to values says, or ``str()``'s text."""
        if isinstance(given, str):
            return cls.parse(given)
        if not isinstance(given, Mapping):
            raise ScenarioError(accepted("rules", given, ["a mapping of rules to values"]))
        return given if isinstance(given, Overrides) else cls(given)

    @classmethod
    def parse(cls, text: str) -> Overrides:
        """Return what ``str()`` made a text of: ``name=value`` words."""
        given: dict[str, Value] = {}
        for word in text.split():
            name, equals, value = word.partition("=")
            if not equals or name not in RULES:
                raise ScenarioError(accepted("rules", word, ["NAME=VALUE words"]))
            given[name] = RULES[name].parse(name, value)
        return cls(given)

    def __getitem__(self, name: str) -> Value:
        return self._rules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: Any) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return Overrides, (self._rules,)  # texts have other hashes in another process

    def __str__(self) -> str:
        return " ".join(f"{name}={value_text(value)}" for name, value in self._rules.items())

    def __repr__(self) -> str:
        return repr(self._rules)


NO_OVERRIDES = Overrides()


def value_text(value: Value) -> str:
    """Return a rule's value as it is written: ``true``, ``31``, ``if-not-lru``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
