"""Code that another process makes: Ctrl-C cannot end numba or LLVM in the middle of its work."""

from __future__ import annotations

import os
import subprocess
import sys

from .sources import HERE


def made_by(module: str, *arguments: str, given: bytes = b"") -> bytes:
    """Run a module of this package in a process of its own; return what it writes.

    Parameters
    ----------
    module
        Its name; it reads standard input and writes standard output.
    arguments
        Of its command line.
    given
        What it reads.

    Raises
    ------
    RuntimeError
        If it fails: a mistake in the sources, or no memory.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "WPBENCH_"))}
    paths = [str(HERE.parent), kept.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr.decode(errors='replace')}")
    return done.stdout
