"""Kernels by name: what do_wp_page() tests, and what goes with it."""

from __future__ import annotations

from dataclasses import dataclass

from ..mm import layout as L

DRAINS = ("never", "if-not-lru", "always", "lru-add-only", "this-page", "all-cpus")
SWAPINS = ("v5.8", "v5.17", "v5.18", "v6.1", "v6.12", "v7.0")


@dataclass(frozen=True)
class Decision:
    """What one kernel does with a write to a page mapped read-only, and what goes with it.

    Attributes
    ----------
    wp
        ``layout.WP_*``: the tests of do_wp_page().
    drain
        The drain policy that belongs to it.
    swapin
        Whose do_swap_page() decides about a write fault on a swapped-out page.
    pagevec
        Entries of a pagevec in that kernel.
    source
        Where the rule was read.
    """

    wp: int
    drain: str
    swapin: str
    pagevec: int
    source: str
    gt3_test: bool = True
    batch_clears_lru: bool = False
    frees_swap_after_copy: bool = True

    @property
    def knows_exclusive(self) -> bool:
        """Does this kernel have PageAnonExclusive?"""
        return self.wp == L.WP_EXCLUSIVE

    @property
    def drains_fit(self) -> tuple[str, ...]:
        """The drain policies that can be asked of it: a rule without a drain has but one."""
        return DRAINS if self.wp >= L.WP_PATCH2 else ("never",)


DECISIONS: dict[str, Decision] = {
    "v5.8": Decision(
        L.WP_V5_8,
        "never",
        "v5.8",
        15,
        "do_wp_page() and reuse_swap_page(), v5.8",
        frees_swap_after_copy=False,
    ),
    "v5.17": Decision(L.WP_V5_17, "never", "v5.17", 15, "commit 09854ba94c6a, v5.9 to v5.17"),
    "patch1": Decision(L.WP_PATCH1, "never", "v5.17", 15, "commit 53a05ad9f21d, the patch off"),
    "patch2": Decision(L.WP_PATCH2, "if-not-lru", "v5.18", 15, "commit d4c470970d45, v5.18"),
    "patch2-rfc2": Decision(
        L.WP_PATCH2_RFC2,
        "if-not-lru",
        "v5.18",
        15,
        "message 20220126095557.32392-1-david@redhat.com and its patch 2",
    ),
    "patch2-always": Decision(
        L.WP_PATCH2,
        "always",
        "v5.18",
        15,
        "data/kernel-measurements: patch2, draining always and without the > 3 test",
        gt3_test=False,
    ),
    "exclusive": Decision(
        L.WP_EXCLUSIVE, "if-not-lru", "v6.1", 15, "commit 6c287605fd56, v5.19 to v6.10"
    ),
    "v6.7": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v6.1",
        15,
        "wp_can_reuse_anon_folio(), v6.7 and v6.8: for order 0 the tests of v6.1",
    ),
    "v6.9": Decision(
        L.WP_EXCLUSIVE, "if-not-lru", "v6.1", 31, "v6.7's; folio batches of 31, commit 9cecde80aae0"
    ),
    "v6.11": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v6.12",
        31,
        "v6.11 to v6.16 as released: commits c18160dba5ff, and 33dfe9204f29 (every batch clears "
        "PG_lru; reverted in v6.17 and in stable kernels)",
        batch_clears_lru=True,
    ),
    "v6.12": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v6.12",
        31,
        "v6.12.y after the revert of 33dfe9204f29 (measured: 6.12.117), v6.17 to v6.19",
    ),
    "v7.0": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v7.0",
        31,
        "commits f1879e8a0c60 (no swap-in past the swap cache) and 4b34f1d82c69; in the mm tree "
        "since 31 January 2026: that v7.0 is the first release with them follows from the date",
    ),
}

OFF, ON = "patch1", "patch2"  # the patch off and on
