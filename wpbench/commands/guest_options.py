"""Options of a command that can measure in a guest."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..bounds import number_of

if TYPE_CHECKING:
    from ..measure.host.vng import Guest


def add_guest_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--vng`` and the options of the guest."""
    parser.add_argument("--vng", metavar="KERNEL_IMAGE", help="boot it and measure inside")
    parser.add_argument(
        "--accel", default="auto", help="accelerator of the guest: auto, kvm or tcg"
    )
    parser.add_argument("--guest-cpus", type=number_of("cpus"), default=4, metavar="N")
    parser.add_argument("--guest-memory", default="1G", metavar="SIZE")
    parser.add_argument(
        "--timeout",
        type=number_of("timeout"),
        default=900,
        metavar="SECONDS",
        help="end the guest after this time",
    )


def guest_of(options: argparse.Namespace) -> Guest | None:
    """Return the guest that is asked for, and say that it is booted; None: the running kernel.

    Raises
    ------
    MeasureError
        If it cannot be booted here.
    """
    if not options.vng:
        return None
    from ..measure.host.vng import Guest

    guest = Guest(
        options.vng,
        accel=options.accel,
        cpus=options.guest_cpus,
        memory=options.guest_memory,
        timeout=options.timeout,
    )
    how = "software emulation: a minute or two" if guest.emulated else "KVM"
    print(f"wpbench measure: booting {guest.image} ({how})", file=sys.stderr)
    return guest


__all__ = ["add_guest_options", "guest_of"]
