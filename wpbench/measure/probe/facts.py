"""What was measured on: the kernel, its swap and its settings, as far as they can be read.

Nothing here needs numba or pandas: a guest that is emulated reads it too.
"""

from __future__ import annotations

import gzip
import os
import platform
import re
from mmap import PAGESIZE
from pathlib import Path
from typing import Any

from ...errors import MeasureError

CONFIG = (
    "CONFIG_DEBUG_TLBFLUSH",
    "CONFIG_HZ",
    "CONFIG_KSM",
    "CONFIG_LRU_GEN",
    "CONFIG_LRU_GEN_ENABLED",
    "CONFIG_MEMCG",
    "CONFIG_NUMA",
    "CONFIG_PREEMPT",
    "CONFIG_PREEMPT_DYNAMIC",
    "CONFIG_PREEMPT_RT",
    "CONFIG_PREEMPT_VOLUNTARY",
    "CONFIG_PROC_PAGE_MONITOR",
    "CONFIG_SMP",
    "CONFIG_SWAP",
    "CONFIG_THP_SWAP",
    "CONFIG_TRANSPARENT_HUGEPAGE",
    "CONFIG_ZRAM",
    "CONFIG_ZSWAP",
)
VMSTAT = ("pswpin", "pswpout", "pgreuse", "pgfault", "pgmajfault")
ZSWAP = "/sys/module/zswap/parameters/enabled"
_CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
VMSTAT_PREFIX = "nr_tlb_"  # only with CONFIG_DEBUG_TLBFLUSH


def read_text(path: str) -> str | None:
    """Return what a file of /proc or /sys says, None where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _number(path: str) -> int | None:
    text = read_text(path)
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return None


def parse_version(release: str) -> tuple[int, int]:
    """Return major and minor of a kernel release such as ``6.1.0-54-amd64``."""
    match = re.match(r"(\d+)\.(\d+)", release)
    if match is None:
        raise MeasureError(f"kernel release {release!r} does not begin with MAJOR.MINOR")
    return int(match[1]), int(match[2])


def upstream_version(release: str, version: str) -> str:
    """Return the kernel's version as its packager has it: Debian's release says 6.1.0 for 6.1.192.

    Parameters
    ----------
    release, version
        As ``uname -r`` and ``uname -v`` print them.
    """
    match = re.search(r"\bDebian (\d+\.\d+\.\d+)", version)
    return match[1] if match else release


def meminfo() -> dict[str, int]:
    """Return /proc/meminfo in bytes."""
    found = {}
    for line in (read_text("/proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return found


def vmstat() -> dict[str, int]:
    """Return the counters of /proc/vmstat that belong to this problem, of the whole system."""
    found = {}
    for line in (read_text("/proc/vmstat") or "").splitlines():
        name, _, value = line.partition(" ")
        if name in VMSTAT or name.startswith(VMSTAT_PREFIX):
            found[name] = int(value)
    return found


def _enabled(text: str | None) -> str | None:
    match = re.search(r"\[([\w-]+)\]", text or "")
    return match[1] if match else text


def backend_of(path: str) -> str:
    """Return the backend (data/backends.toml) that a swap device or file is, by its name."""
    name = Path(path).name
    for prefix, backend in (
        ("zram", "zram"),
        ("ram", "brd"),
        ("pmem", "pmem"),
        ("nullb", "null_blk"),
        ("nvme", "nvme"),
    ):
        if name.startswith(prefix):
            return backend
    disk = re.sub(r"\d+$", "", name)
    rotational = _number(f"/sys/block/{disk}/queue/rotational")
    return "disk" if rotational else "ssd"


def swaps() -> list[dict[str, Any]]:
    """Return the swap devices in use, the one that is used first at the front."""
    found = []
    for line in (read_text("/proc/swaps") or "").splitlines()[1:]:
        words = line.split()
        if len(words) < 5:
            continue
        path, kind, size, used, priority = words[-5:]
        entry = {
            "path": path,
            "type": kind,
            "size_pages": int(size) * 1024 // PAGESIZE,
            "used_pages": int(used) * 1024 // PAGESIZE,
            "priority": int(priority),
            "backend": backend_of(path),
        }
        algorithm = read_text(f"/sys/block/{Path(path).name}/comp_algorithm")
        if algorithm is not None:
            entry["compressor"] = _enabled(algorithm)
        found.append(entry)
    return sorted(found, key=lambda entry: -int(entry["priority"]))


def zswap_enabled() -> bool:
    """Does zswap catch pages before they reach the swap device?"""
    return read_text(ZSWAP) == "Y"


def backend() -> str:
    """Return the backend that a page is swapped to, ``none`` without swap."""
    found = swaps()
    if not found:
        return "none"
    return "zswap" if zswap_enabled() else str(found[0]["backend"])


def config_options(text: str) -> dict[str, str]:
    """Return the options of ``CONFIG`` out of a kernel's configuration file."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name in CONFIG:
            found[name] = value.strip('"')
    return found


def kernel_config(release: str) -> dict[str, str]:
    """Return the running kernel's options, empty where it does not tell."""
    try:
        with gzip.open("/proc/config.gz", "rt", encoding="utf-8") as file:
            return config_options(file.read())
    except (OSError, EOFError):
        for path in (f"/boot/config-{release}", f"/lib/modules/{release}/build/.config"):
            text = read_text(path)
            if text is not None:
                return config_options(text)
    return {}


def cpufreq(cpu: int) -> dict[str, str]:
    """Return how a CPU's clock is governed, empty where the kernel does not govern it."""
    folder = f"/sys/devices/system/cpu/cpu{cpu}/cpufreq"
    names = ("scaling_driver", "scaling_governor", "scaling_cur_freq", "scaling_max_freq")
    found = {name.removeprefix("scaling_"): read_text(f"{folder}/{name}") for name in names}
    return {name: value for name, value in found.items() if value is not None}


def hardware() -> dict[str, Any]:
    """Return what times depend on beside the kernel: model, clock, hypervisor, mitigations.

    ``mhz`` is that of CPU 0 just now, None where it is not told; a guest may be told another one
    than it has, and does not see whether its host is a guest.
    """
    cpu: dict[str, str] = {}
    for line in (read_text("/proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        cpu.setdefault(name.strip(), value.strip())
    folder = Path("/sys/devices/system/cpu/vulnerabilities")
    states = {path.name: read_text(str(path)) for path in sorted(folder.glob("*"))}
    told = [
        f"{name}: {state}" for name, state in states.items() if state and state != "Not affected"
    ]
    vendor = read_text("/sys/class/dmi/id/sys_vendor") or read_text("/sys/hypervisor/type")
    mhz = re.fullmatch(r"\d+(\.\d+)?", cpu.get("cpu MHz", ""))
    return {
        "cpu_model": cpu.get("model name") or platform.machine(),
        "mhz": float(mhz[0]) if mhz else None,
        "hypervisor": vendor or "hypervisor unknown",
        "mitigations": "; ".join(told),
    }


def tracing() -> list[str]:
    """Return where in tracefs events are switched on: what is traced takes longer.

    ``/`` is the top; empty also where this user may not look.
    """
    root = Path("/sys/kernel/tracing")
    places = [root, *sorted(root.glob("instances/*"))]
    on = [place for place in places if read_text(str(place / "events/enable")) in ("1", "X")]
    return [place.name if place != root else "/" for place in on]


def environment() -> dict[str, Any]:
    """Return a description of this machine and kernel, as a measurement records it.

    ``kernel`` is the release that distributions' version texts name.

    Returns
    -------
    dict
        Plain JSON types.

    Examples
    --------
    >>> import wpbench as wb  # doctest: +SKIP
    >>> sorted(wb.measure.environment())[:2]  # doctest: +SKIP
    """
    release = platform.release()
    memory = meminfo()
    cpus = sorted(os.sched_getaffinity(0))
    mglru = _number("/sys/kernel/mm/lru_gen/enabled")
    return {
        "release": release,
        "version": platform.version(),
        "kernel": upstream_version(release, platform.version()),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "cpus_allowed": cpus,
        "cpufreq": cpufreq(cpus[0]),
        "virtual": " hypervisor" in (read_text("/proc/cpuinfo") or ""),
        "clocksource": read_text(_CLOCKSOURCE),
        "memory_bytes": memory.get("MemTotal", 0),
        "available_bytes": memory.get("MemAvailable", 0),
        "swap_pages": memory.get("SwapTotal", 0) // PAGESIZE,
        "swap_free_pages": memory.get("SwapFree", 0) // PAGESIZE,
        "swaps": swaps(),
        "backend": backend(),
        "page_cluster": _number("/proc/sys/vm/page-cluster"),
        "swappiness": _number("/proc/sys/vm/swappiness"),
        "thp": _enabled(read_text("/sys/kernel/mm/transparent_hugepage/enabled")),
        "mglru": None if mglru is None else bool(mglru & 1),
        "ksm": _number("/sys/kernel/mm/ksm/run"),
        "zswap": zswap_enabled(),
        "config": kernel_config(release),
    }


def notes(facts: dict[str, Any]) -> list[str]:
    """Return in what an environment differs from what the model assumes, a sentence each."""
    found = []
    if facts["mglru"]:
        found.append(
            "MGLRU is on (/sys/kernel/mm/lru_gen/enabled), the kernel's row is the classic LRU's: "
            "MADV_COLD and activation may differ (docs/kernels.md)"
        )
    if len(facts["swaps"]) > 1:
        first = facts["swaps"][0]["path"]
        found.append(f"several swap devices: only the first, {first}, is taken into account")
    total, free = facts["swap_pages"], facts["swap_free_pages"]
    if total and free * 2 < total:
        found.append("swap is more than half full: the kernel frees swap slots earlier")
    if facts["ksm"] == 1:
        found.append("KSM runs: it takes references of its own")
    return found
