"""The plain twin runs random programs and is recorded; replayed, they end as the twin says.

On the recorded kernel fault by fault, and on others as the twin ends that runs the same program
with their rules.
"""

import random

import numpy as np
import pytest
from test_programs_replay import ABOUT, DRAINER, OTHER, Story, counts
from twin import Machine

import wpbench as wb
from wpbench.measure.program.event_file import Recorder
from wpbench.measure.program.events import (
    ALLOC,
    EXIT,
    FAULT_USER,
    INSERTION,
    MM_ANONPAGES,
    NEWTASK,
    RSS,
    SYS_MADVISE,
    SYSCALL,
    UNMAPPED,
)
from wpbench.scenario.kernels import kernel
from wpbench.workloads.program_steps import run_steps

pytestmark = pytest.mark.skipif(
    not hasattr(run_steps, "py_func"), reason="a replay needs compiled code"
)
RECORDED = "6.18.44"  # as ABOUT says
OTHERS = ("v5.8", "v5.17", "patch1", "patch2", "v6.12", "v7.2", "v7.3")
PAGES, CPUS = 24, 3
OPS = (
    "write",
    "write",
    "write",
    "child_write",
    "child_write",
    "fork",
    "exit",
    "insert",
    "dontneed",
)
USER, ZERO, WP, ABSENT, STRANGER = 0x100CCA, 0x100DCA, 7, 6, 500


def program(seed):
    """Draw a program: pages once written, then operations, each on a CPU."""
    draw = random.Random(seed)
    lines = [("write", 0, v, 1) for v in range(PAGES)]
    for _ in range(250):
        v = draw.randrange(PAGES)
        lines.append((draw.choice(OPS), draw.randrange(CPUS), v, 1 + draw.randrange(PAGES - v)))
    return lines


class Recorded:
    """A twin, and the events that a kernel would have told of it."""

    def __init__(self, name):
        self.twin = Machine(PAGES, kernel(name).values(), cpus=CPUS)
        self.story = Story()
        self.frames = {}
        self.child = 10
        self.told = []  # what happened to batches within an operation, in order
        vecs = self.twin.vecs
        insert, flush = vecs.insert, vecs.flush

        def noted_insert(kind, cpu, page):
            if kind == "lru_add":
                self.told.append(("in", cpu, [page]))
            insert(kind, cpu, page)

        def noted_flush(kind, cpu):
            if kind == "lru_add":
                self.told.append(("out", cpu, list(vecs.vecs[kind, cpu])))
            flush(kind, cpu)

        vecs.insert, vecs.flush = noted_insert, noted_flush

    def tell(self, pid, flags, where):
        """Write down what happened to batches: pages that came, pages that went."""
        for what, cpu, pages in self.told:
            for page in pages:
                frame = self.frames.setdefault(page, 100 + len(self.frames))
                if what == "in":
                    self.story(ALLOC, frame, flags, pid=pid, cpu=where)
                else:
                    self.story(INSERTION, frame, pid=pid, cpu=cpu)
        self.told.clear()

    def access(self, pid, space, cpu, v):
        """Write to a page; whatever the twin did is told as a fault's events."""
        pte = self.twin.mms[space].ptes[v]
        if pte.mapped and pte.writable:
            return
        mapped = pte.mapped
        self.story(FAULT_USER, v << 12, WP if mapped else ABSENT, pid=pid, cpu=cpu)
        getattr(self.twin, "write" if space == "parent" else "child_write")(cpu, v)
        self.tell(pid, USER if mapped else ZERO, cpu)
        if not mapped:
            self.story(RSS, MM_ANONPAGES, pid=pid, cpu=cpu)
        self.story(SYSCALL, OTHER, pid=pid, cpu=cpu)

    def do(self, op, cpu, v, n):
        story, alive = self.story, "child" in self.twin.mms
        if op == "write":
            self.access(10, "parent", cpu, v)
        elif op == "child_write" and alive:
            self.access(self.child, "child", cpu, v)
        elif op == "fork" and not alive:
            self.child += 1
            self.twin.fork(cpu)
            story(NEWTASK, self.child, 0, cpu=cpu)(SYSCALL, OTHER, cpu=cpu)
        elif op == "exit" and alive:
            self.twin.exit(cpu)
            story(EXIT, self.child, pid=self.child, cpu=cpu)
            self.tell(self.child, USER, cpu)
            story(UNMAPPED, pid=self.child, cpu=cpu)
        elif op == "insert":
            self.twin.foreign_insert(cpu)
            self.tell(STRANGER, USER, cpu)
            story(SYSCALL, OTHER, pid=STRANGER, cpu=cpu)
        elif op == "dontneed" and n < 4:
            story(SYSCALL, SYS_MADVISE, n << 12, d=v << 12, e=4, cpu=cpu)
            self.twin.dontneed(cpu, v, n)
            self.tell(10, USER, cpu)
            story(SYSCALL, OTHER, cpu=cpu)

    def run(self, lines):
        for line in lines:
            self.do(*line)
        self.counted = [self.twin.reuses, sum(self.twin.copies.values())]
        self.drains = self.twin.drains_nonempty
        self.twin.lru_add_drain_all()  # or it would not be known who waits at the end
        self.tell(DRAINER, USER, 0)
        return self


@pytest.mark.parametrize("seed", range(8))
def test_a_recorded_twin_is_replayed_as_it_was_and_as_others_would(tmp_path, seed):
    lines = program(seed)
    recorded = Recorded(RECORDED).run(lines)
    path = tmp_path / "twin.parquet"
    with Recorder(path, ABOUT) as recorder:
        recorder.write(np.array(recorded.story.rows, np.int64))
    table = wb.programs.replay(path, OTHERS)
    assert table.attrs["wpbench"]["unclear"] == 0
    assert table["agree"].iloc[1] == table["wp_faults"].iloc[1] > 20
    assert counts(table, 0)[:2] == counts(table, 1)[:2] == recorded.counted
    assert sum(counts(table, 1)[2:]) == recorded.drains
    for i, name in enumerate(OTHERS):
        other = Recorded(name).run(lines)
        assert counts(table, 2 + i)[:2] == other.counted, name
        assert table["drains"].iloc[2 + i] == other.twin.drains, name
