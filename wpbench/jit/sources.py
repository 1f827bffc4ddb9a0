"""Which source files compiled code and results depend on, as one hash each."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import chain
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]  # wpbench/
# Files that hold compiled functions: the machine with its programs, the search that runs two
# machines at once, and the loops that measure.  Each of the three is one object file.
MACHINE, SEARCH, MEASURE = "machine", "search", "measure"
UNITS = {
    MACHINE: ("mm/*.py", "workloads/*.py"),
    SEARCH: ("workloads/joint/*.py",),
    MEASURE: (
        "measure/costs/children.py",
        "measure/costs/elsewhere.py",
        "measure/costs/patterns.py",
        "measure/costs/process.py",
        "measure/costs/states.py",
        "measure/costs/told.py",
        "measure/costs/visits.py",
        "measure/probe/bench.py",
        "measure/probe/compiled.py",
        "measure/probe/libc.py",
        "measure/probe/litmus_loops.py",
        "measure/probe/litmus_row.py",
        "measure/probe/litmus_steps.py",
        "measure/probe/loops.py",
        "measure/probe/memory.py",
        "measure/probe/shared_row.py",
        "measure/probe/steps.py",
        "workloads/litmus_ops.py",
    ),
}
# Files that decide how a function becomes machine code.
TOOLS = (
    "jit/bitcode.py",
    "jit/build.py",
    "jit/compile.py",
    "jit/depends.py",
    "jit/external.py",
    "jit/lowered.py",
    "jit/native.py",
    "jit/numbered.py",
    "jit/pointer.py",
    "jit/private.py",
    "jit/row.py",
    "jit/texts.py",
)
# Units whose functions another one calls by symbol, or inlines.
CALLED = {MACHINE: (), SEARCH: (MACHINE,), MEASURE: ()}
# Files that decide what a unit's machine code is.
COMPILED = {
    unit: tuple(chain(TOOLS, modules, *(UNITS[called] for called in CALLED[unit])))
    for unit, modules in UNITS.items()
}
# Files that decide what a scenario's numbers are: those, and what builds a machine and its stream.
MODEL = (
    *COMPILED[MACHINE],
    "jit/specialised.py",
    "scenario/**/*.py",
    "simulate/long_runs.py",
    "simulate/own.py",
    "simulate/plan.py",
    "simulate/runs.py",
)


def sources(patterns: tuple[str, ...]) -> list[Path]:
    """Return wpbench's source files that match one of the patterns, in order."""
    return sorted(path for pattern in patterns for path in HERE.glob(pattern))


def source_hash(patterns: tuple[str, ...]) -> str:
    """Return 16 hexadecimal digits that change with any edit to one of the files."""
    digest = hashlib.sha256()
    for path in sources(patterns):
        digest.update(path.relative_to(HERE).as_posix().encode())
        digest.update(b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def model_hash() -> str:
    """Return the hash of the model as it was when this process first asked."""
    return source_hash(MODEL)
