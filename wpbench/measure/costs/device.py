"""Which device the swap is on that patterns page out to."""

from __future__ import annotations

from ...data import MEASURED_DEVICES
from ...errors import MeasureError
from ..probe.facts import ZSWAP, backend, read_text, swaps


def own_swap() -> str:
    """Return the backend of this system's swap, as data/backends.toml calls it.

    A page that a disk has written stays in the swap cache until memory is short: it is not read
    back, and so no pattern times a disk.

    Raises
    ------
    MeasureError
        If there is no swap, or it is on a device that ends requests later.
    """
    found = backend()
    if found == "none":
        raise MeasureError("swap: this system has none; accepted with it: --zram SIZE")
    # Before v6.12 a zero page goes to brd and pmem as others do: no difference of the two is left.
    apart = found in ("zram", "zswap") or "swpout_zero" in (read_text("/proc/vmstat") or "")
    if found not in MEASURED_DEVICES or not apart:
        raise MeasureError(
            f"swap: {swaps()[0]['path'][:200]} cannot be timed; accepted: zswap (echo Y > "
            f"{ZSWAP}), zram, and from v6.12 on brd and pmem"
        )
    return found
