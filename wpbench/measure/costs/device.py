"""Which device the swap is on that patterns page out to."""

from __future__ import annotations

from ...errors import MeasureError
from ..probe.facts import read_text, swaps

_ZSWAP = "/sys/module/zswap/parameters/enabled"
# Names of block devices that end a request before the call returns, and the backends they are.
_BLOCK = {"/dev/zram": "zram", "/dev/ram": "brd", "/dev/pmem": "pmem"}


def own_swap() -> str:
    """Return the backend of this system's swap, as data/backends.toml calls it.

    A page that a disk has written stays in the swap cache until memory is short: it is not read
    back, and so no pattern times a disk.

    Raises
    ------
    MeasureError
        If there is no swap, or it is on a device that ends requests later.
    """
    devices = swaps()
    if not devices:
        raise MeasureError("swap: this system has none; accepted with it: --zram SIZE")
    if (read_text(_ZSWAP) or "").strip() in ("Y", "1"):
        return "zswap"
    path = devices[0]["path"]
    found = next((name for start, name in _BLOCK.items() if path.startswith(start)), None)
    # Before v6.12 a zero page goes to brd and pmem as others do: no difference of the two is left.
    apart = found == "zram" or "swpout_zero" in (read_text("/proc/vmstat") or "")
    if found is None or not apart:
        raise MeasureError(
            f"swap: {path[:200]} cannot be timed; accepted: zswap (echo Y > {_ZSWAP}), zram, and "
            "from v6.12 on brd and pmem"
        )
    return found
