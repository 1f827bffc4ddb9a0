"""What the tests of reports share: a small table, and a report without what changes by version."""

import re

import wpbench as wb

GRID = {
    "kernel": ["patch1", "patch2"],
    "npages": [1, 2, 4, 8],
    "cpus": 2,
    "migration_rate": [0.0, 0.5],
    "rounds": 3,
}
VERSION = re.compile(r"wpbench \S+, (commit \S+, )?data [0-9a-f]{16}")
AFTER = re.compile(r"\(the sources were edited after commit [0-9a-f]{12}\)\n")
CHECKOUT = re.compile(r"git checkout \S+ && make env && \\\n  PATH=\S+ && \\\n  ")


def small(**more):
    return wb.simulate(wb.grid(**GRID | more), seeds=6)


def stable(text):
    """Return a report without versions and commits."""
    text = VERSION.sub("wpbench VERSION", text)
    text = AFTER.sub("", text)
    return CHECKOUT.sub("", text)


def command(text):
    """Return the command by which a report says it can be made again, without the checkout."""
    section = text.split("To make this again\n")[1].split("\n\n")[0]
    lines = [line for line in section.splitlines()[1:] if not line.startswith("(the sources")]
    return CHECKOUT.sub("", "\n".join(lines))
