"""Compile the loops by running them on next to nothing: a guest then only loads them."""

from __future__ import annotations

from .litmus import compile_loops
from .random_program import OPS, run_random
from .reproducer import run_reproducer


def warm() -> None:
    """Run each loop once, without swap and without privileges."""
    one = {"npages": 1, "cpus": 1}
    run_random(one | {"op": [OPS.index("read")], "arg": [0], "n": [0]}, "off")
    nothing = {"rounds": 0, "threads": 1, "spinner_threads": 0, "read_cpu": 0, "write_cpu": 0}
    more = {"delay_ns": 0, "fork_exit_before": False, "order": 0, "sequence": None}
    run_reproducer(one | nothing | more, "off")
    compile_loops()
