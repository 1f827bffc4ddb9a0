"""Questions to begin with, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A question, and the scenario that asks it (with the patch off and on)."""

    question: str
    fields: dict[str, Any]


PRESETS: dict[str, Preset] = {
    "reproducer on zram": Preset(
        "Writeback ends at once, so only the local pagevec holds the page: does the drain help?",
        {"npages": 32},
    ),
    "reproducer on null_blk": Preset(
        "Writeback takes 100 us: what is left for the drain where it holds the page?",
        {"backend": "null_blk", "latency_ns": 100_000, "npages": 32},
    ),
    "reproducer on nvme": Preset(
        "An NVMe disk with a latency that varies (assumed): does the drain help?",
        {"backend": "nvme", "npages": 32},
    ),
    "hand-over": Preset(
        "One thread reads the page in, another writes it on another CPU: which pagevec is drained?",
        {"workload": "hand-over", "npages": 32},
    ),
    "migrating threads": Preset(
        "The scheduler moves one in ten threads between read and write: how much is lost?",
        {"npages": 32, "threads": 8, "cpus": 8, "migration_rate": 0.1},
    ),
    "Redis with BGSAVE": Preset(
        "A forked child shares the pages while it saves: which copies could be saved at all?",
        {
            "workload": "redis",
            "npages": 256,
            "zipf": 0.99,
            "save_every": 2000,
            "save_pages": 4,
        },
    ),
    "memcached": Preset(
        "Four threads, memory for half of the pages, reclaim in the background: does it help?",
        {"workload": "memcached", "npages": 256, "threads": 4},
    ),
    "userfaultfd": Preset(
        "A handler fills memory write-protected, the same CPU writes it: does the drain help?",
        {"workload": "userfaultfd", "npages": 32},
    ),
}
