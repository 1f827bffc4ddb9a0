"""``wpbench backends``: the swap backends and their facts."""

from __future__ import annotations

import argparse
import json

from ..data import backends


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(do=_backends)


def _backends(options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps(backends(), indent=1))
        return 0
    for name, facts in backends().items():
        kind = "synchronous" if facts["synchronous"] else f"{facts['latency_ns']} ns"
        print(f"{name:10} {kind:14} swap-in by {facts['swapin']:7} {facts['description']}")
    return 0
