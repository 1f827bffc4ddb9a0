"""Which kernel does what: the decisions of do_wp_page(), the rules of do_swap_page(), by name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    name: str
    rule: str  # the shape of the test: semantics.md 5.1's column
    drain: str  # its own drain policy
    swapin: str  # do_swap_page() of its kernel
    gt3: bool = False  # first test: page_count > 3
    exclusive: bool = False  # first of all: PageAnonExclusive is reused
    clears_lru: bool = False  # batches clear PG_lru


DECISIONS = {
    d.name: d
    for d in (
        Decision("v5.8", "v5.8", "never", "v5.8"),
        Decision("v5.17", "v5.17", "never", "v5.17"),
        Decision("patch1", "patch1", "never", "v5.17"),
        Decision("patch2", "patch2", "if-not-lru", "v5.18", gt3=True),
        Decision("patch2-rfc2", "patch2-rfc2", "if-not-lru", "v5.18"),
        Decision("patch2-always", "patch2", "always", "v5.18"),
        Decision("exclusive", "patch2", "if-not-lru", "v6.1", gt3=True, exclusive=True),
        Decision("v6.7", "patch2", "if-not-lru", "v6.1", gt3=True, exclusive=True),
        Decision(
            "v6.11", "patch2", "if-not-lru", "v6.12", gt3=True, exclusive=True, clears_lru=True
        ),
        Decision("v6.9", "patch2", "if-not-lru", "v6.1", gt3=True, exclusive=True),
        Decision("v6.12", "patch2", "if-not-lru", "v6.12", gt3=True, exclusive=True),
        Decision("v7.0", "patch2", "if-not-lru", "v7.0", gt3=True, exclusive=True),
    )
}
DRAINS = ("never", "if-not-lru", "always", "lru-add-only", "this-page", "all-cpus")
SWAPINS = ("v5.8", "v5.17", "v5.18", "v6.1", "v6.12", "v7.0")
