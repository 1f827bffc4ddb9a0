"""docs/CONTRIBUTING.md by its word: a holder and a workload, added in the files that it names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")

OPERATIONS = '''"""A reference like a hazard pointer's."""

from __future__ import annotations

from ..jit.compile import kernel
from . import layout as L
from .machine import Machine
from .names import Change
from .page import mapped_page, store_or_free
from .watch import note


@kernel
def hazard_get(m: Machine, at: int) -> int:
    """Take the reference to the page of PTE ``at``."""
    page = mapped_page(m, at)
    m.page[page] |= L.HELD_HAZARD
    note(m, Change.HAZARD, 0)
    return page


@kernel
def hazard_put(m: Machine, page: int) -> None:
    """Drop it."""
    store_or_free(m, page, m.page[page] & ~L.HELD_HAZARD)
    note(m, Change.HAZARD, 0)
'''
CHECKED = """

@operation
def hazard_get(m: Machine, at: int) -> int:
    check_page(m, Call.HAZARD_GET, at)
    return ops.hazard_get(m, at)


@operation
def hazard_put(m: Machine, page: int) -> None:
    check_held(m, Call.HAZARD_PUT, page, L.HELD_HAZARD)
    ops.hazard_put(m, page)
"""
# File -> the lines after which something is added, and that; "" for the end of the file.
HOLDER = {
    "wpbench/mm/layout.py": {
        "SHIFT_GUP = 29  # FOLL_GET references\n": "SHIFT_HAZARD = 31\n",
        "MAX_GUP = 7": " >> 1",  # the page's word is full: one of get_user_pages()'s bits
        "HELD_ISOLATED = 1 << SHIFT_ISOLATED\n": "HELD_HAZARD = 1 << SHIFT_HAZARD\n",
        'Holder("mmu_gather", SHIFT_LAG, MAX_LAG),\n': '    Holder("hazard", SHIFT_HAZARD, 1),\n',
    },
    "wpbench/mm/names.py": {
        '    ISOLATED = "isolated", "it is isolated from the LRU"\n': (
            '    HAZARD = "hazard", "a hazard pointer is on it"\n'
        ),
        '    RECLAIM = "reclaim"\n': '    HAZARD = "hazard pointer"\n',
    },
    "wpbench/mm/wp.py": {
        "        return Reason.ISOLATED\n": (
            "    if word & L.HELD_HAZARD:\n        return Reason.HAZARD\n"
        )
    },
    "wpbench/mm/hazard.py": {"": OPERATIONS},
    "wpbench/mm/operations.py": {
        "from .ksm import ksm_merge\n": "from .hazard import hazard_get, hazard_put\n",
        '    "gup_put",\n': '    "hazard_get",\n    "hazard_put",\n',
    },
    "wpbench/mm/refusals.py": {
        '    GUP_PUT = "gup_put"\n': (
            '    HAZARD_GET = "hazard_get"\n    HAZARD_PUT = "hazard_put"\n'
        )
    },
    "wpbench/mm/checked.py": {"": CHECKED},
}
USE_HOLDER = """
import wpbench as wb
from wpbench import mm
from wpbench.plots.reasons import LOOKS

def held(m, p):
    mm.write(m, 0, 0)
    mm.madvise_pageout(m, 0, 0, 1)
    mm.read(m, 0, 0)
    page = mm.hazard_get(m, 0)
    mm.lru_add_drain(m, 0)
    mm.write(m, 0, 0)
    mm.hazard_put(m, page)

scenario = wb.Scenario(workload=held, kernel="patch2", npages=1, rounds=1)
row = wb.simulate(scenario).iloc[0]
print(row["copies"], row["copy_hazard"], row["orphans"])
found = wb.explain(scenario, 0)
print(found)
print(len(LOOKS), len(set(LOOKS.values())), "hazard" in LOOKS)

def twice(m, p):
    mm.write(m, 0, 0)
    page = mm.hazard_get(m, 0)
    mm.hazard_put(m, page)
    mm.hazard_put(m, page)

try:
    wb.simulate(wb.Scenario(workload=twice, npages=1, rounds=1))
except wb.SimulationError as error:
    print(error)
"""

WORKLOAD = '''"""Pages that are written twice."""

from __future__ import annotations

from ..jit.compile import workload
from ..mm import operations as mm
from ..mm.machine import Machine
from .params import params


@workload
def write_twice(m: Machine) -> None:
    """Write each page, and once more."""
    p = params(m)
    for _ in range(2):
        for v in range(p.npages):
            mm.write(m, 0, v)
'''
PROGRAM = {
    "wpbench/workloads/write_twice.py": {"": WORKLOAD},
    "wpbench/workloads/catalog.py": {
        "from .random_program import random_program\n": "from .write_twice import write_twice\n",
        "WORKLOADS: dict[str, Workload] = {\n": (
            '    "write-twice": Workload(write_twice, frozenset(), ("",), "written twice"),\n'
        ),
    },
}
USE_PROGRAM = """
import wpbench as wb
from wpbench.commands.main import main

print(wb.simulate(wb.Scenario(workload="write-twice", npages=5, rounds=1)).accesses[0])
main(["run", "--workload", "write-twice", "--npages", "3", "--rounds", "1"])
"""


@pytest.fixture
def copy(tmp_path):
    """Return a copy of the package and its data, to be edited."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "wpbench", tmp_path / "wpbench", ignore=ignored)
    (tmp_path / "data").symlink_to(ROOT / "data")
    return tmp_path


def edit(copy, edits):
    for name, additions in edits.items():
        path = copy / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for after, added in additions.items():
            assert not after or text.count(after) == 1, (name, after)
            text = text.replace(after, after + added) if after else text + added
        path.write_text(text, encoding="utf-8")


def run(copy, code):
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def named(title):
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"`(wpbench/[\w/]+\.py)`", section)


def test_a_holder_is_added_in_the_files_that_the_page_names(copy):
    assert list(HOLDER) == named("To add a holder")
    assert len(HOLDER) <= 8
    edit(copy, HOLDER)
    out = run(copy, USE_HOLDER)
    assert out.startswith("1 1 0\n")
    assert "page_count 2 = pte + hazard; LRU" in out
    assert "hazard" in out.split("Who holds")[1].split("do_wp_page()")[0]
    assert "-> copy (hazard: a hazard pointer is on it)" in out
    assert "17 17 True" in out
    assert "mm.hazard_put(): page frame" in out


def test_a_workload_is_added_in_the_files_that_the_page_names(copy):
    assert set(PROGRAM) - {"wpbench/workloads/write_twice.py"} <= set(named("To add a workload"))
    edit(copy, PROGRAM)
    out = run(copy, USE_PROGRAM)
    assert out.startswith("10\n")
    assert "simulated: workload=write-twice npages=3 rounds=1" in out
