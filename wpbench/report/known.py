"""What a report knows of real programs, and what would decide that it does not know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from ..data import data_dir
from ..price.published import spawn_drain_share
from .mechanisms import in_use
from .sections import cost_set, fill, hang


class Measured(NamedTuple):
    """What data/programs counted, of all runs of all recipes.

    Attributes
    ----------
    programs
        Names of their recipes.
    runs
        How many.
    faults
        Write-protect faults on anonymous pages.
    copies, helped, in_vain
        Copies; drains after which the page was reused, and copied.
    release, cpus
        Of the kernels, without their local version; of the machines.
    """

    programs: tuple[str, ...]
    runs: int
    faults: int
    copies: int
    helped: int
    in_vain: int
    release: str
    cpus: str


@lru_cache(maxsize=1)
def real_programs() -> Measured:
    """Return the sums of data/programs."""
    folder = data_dir() / "programs"
    tables = {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}
    made = [json.loads((folder / f"{name}.json").read_text())["measured_on"] for name in tables]
    releases = dict.fromkeys(".".join(str(on["release"]).split(".")[:2]) for on in made)
    cpus = dict.fromkeys(str(on["cpus"]) for on in made)
    rows = pd.concat(tables.values())
    sums = {name: int(rows[name].sum()) for name in ("wp_faults", "copies", "helped", "in_vain")}
    return Measured(
        programs=tuple(tables),
        runs=sum(int(table["run"].nunique()) for table in tables.values()),
        faults=sums["wp_faults"],
        copies=sums["copies"],
        helped=sums["helped"],
        in_vain=sums["in_vain"],
        release=" and ".join(releases),
        cpus=" and ".join(cpus),
    )


def real_lines() -> list[str]:
    """Return what is known of real programs, in a paragraph."""
    found = real_programs()
    return [
        *fill(
            f"Counted by tracepoints on Linux {found.release}, {found.cpus} CPUs, in {found.runs} "
            f"runs of {len(found.programs)} programs ({', '.join(found.programs)}: wpbench "
            f"measure recipe): of {found.faults} write-protect faults on "
            f"anonymous pages {found.copies} ended in a copy. {found.helped} others would have, "
            f"but for a drain; {found.in_vain} drains were in vain."
        ),
        *hang(
            "Other kernels, swap that completes asynchronously and more CPUs were not measured. "
            "Source: data/programs; how: docs/programs.md."
        ),
    ]


def spawn_lines(costs: Sequence[str]) -> list[str]:
    """Return LKP's published share of the drain beside what the cost sets in use predict."""
    named = [name for name in costs if "ghz" in cost_set(name)]
    shares = [(name, *spawn_drain_share(name)) for name in named]
    if not shares:
        return []
    said = ", ".join(f"{100 * ours:.1f} % ({name})" for name, ours, _ in shares)
    return fill(
        f"One price of a drain under load was published: {100 * shares[0][2]:.0f} % of the time in "
        "do_wp_page() (without the copy itself) in LKP's profile of unixbench spawn, 64 threads "
        f"(data/published.csv, lkp-spawn-drain-share). The costs used here predict {said}, with "
        "nobody else at the lock: in that program a drain takes far more than they say."
    )


def unknown_lines(rows: pd.DataFrame) -> list[str]:
    """Return what is not known of what the rows' simulation uses, and would decide it."""
    used = {m.name for m in in_use(rows) if m.percent is None}
    wanted = {
        "migration": "How often a thread moves to another CPU between its read and its write. It "
        "decides between the rows above; a trace of sched_migrate_task beside the faults tells.",
        "costs": "The times of the steps on the machine at hand, drains with many CPUs above all: "
        "wpbench measure times what it can.",
        "devices": "The same programs on swap that completes asynchronously (nvme, ssd): "
        "wpbench measure reproducer with such a device.",
        "kernels": "Whether the kernels named here do what their source says: "
        "wpbench measure random --vng KERNEL_IMAGE.",
        "threads": "Several threads that fault at a time, and what they wait for lru_lock: every "
        "recorded program has one thread that is looked at.",
        "lruvecs": "What several nodes or memcgs change: memory cgroups were off in all "
        "recordings.",
        "workloads": "How close the model programs are to those whose names they have.",
    }
    lines = []
    for name, text in wanted.items():
        if name in used:
            lines += hang(f"- {text}")
    lines += hang(
        "- Real programs on other kernels, devices and CPUs: wpbench measure recipe, as root."
    )
    return lines
