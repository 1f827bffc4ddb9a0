"""Recorded programs on simulated kernels: stories with a known end, a recording that is shipped."""

import json

import numpy as np
import pandas as pd
import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.errors import MeasureError
from wpbench.measure.program.event_file import Recorder
from wpbench.measure.program.events import (
    ALLOC,
    EXEC,
    EXIT,
    FAULT_USER,
    INSERTION,
    MM_ANONPAGES,
    MM_SWAPENTS,
    NEWTASK,
    RETURN,
    RSS,
    SYS_MADVISE,
    SYS_MREMAP,
    SYS_MUNMAP,
    SYSCALL,
    UNMAPPED,
    WRITEOUT,
)
from wpbench.measure.program.replayed import describe
from wpbench.workloads.program_steps import run_steps

pytestmark = pytest.mark.skipif(
    not hasattr(run_steps, "py_func"), reason="a replay needs compiled code"
)
FLAGS = {"GFP_HIGHUSER_MOVABLE": 0x100CCA, "__GFP_ZERO": 0x100, "__GFP_COMP": 0x40000}
USER, ZERO = 0x100CCA, 0x100CCA | 0x100
ABOUT = {
    "pid": 10,
    "flags": FLAGS,
    "measured_on": {"release": "6.18.44", "swap_pages": 0, "backend": "zram"},
}
WP, WRITE, READ = 7, 6, 4
EXECVE, EXIT_GROUP, OTHER = 59, 231, 39
DRAINER = 77  # a worker that drains a CPU


class Story:
    """What a program did, event by event; frames are handed out in order."""

    def __init__(self):
        self.rows = []
        self.frame = 100
        self.frame_of = {}
        self(SYSCALL, EXECVE)(UNMAPPED)(EXEC, 10, 10)

    def __call__(self, kind, a=0, b=0, c=0, d=0, e=0, pid=10, cpu=0):
        self.rows.append([1_000_000 * len(self.rows), cpu, kind, pid, a, b, c, d, e])
        return self

    def alloc(self, page, flags, **where):
        self.frame += 1
        self.frame_of[page] = self.frame
        return self(ALLOC, self.frame, flags, **where)

    def new(self, pages, **where):
        for page in pages:
            self(FAULT_USER, page << 12, WRITE, **where).alloc(page, ZERO, **where)
            self(RSS, MM_ANONPAGES, **where)
        return self(SYSCALL, OTHER, **where)

    def insert(self, frames, **where):
        for frame in frames:
            self(INSERTION, frame, **where)
        return self

    def drained(self, pages, cpu=0):
        return self.insert([self.frame_of[page] for page in pages], pid=DRAINER, cpu=cpu)

    def fork(self, child=11, parent=10):
        return self(SYSCALL, 56, pid=parent)(NEWTASK, child, 0, pid=parent)

    def exit(self, pid=11, cpu=0):
        self(SYSCALL, EXIT_GROUP, pid=pid, cpu=cpu)(EXIT, pid, pid=pid, cpu=cpu)
        return self(UNMAPPED, pid=pid, cpu=cpu)

    def reuse(self, pages, drained=(), **where):
        for page in pages:
            self(FAULT_USER, page << 12, WP, **where).insert(drained, **where)
            drained = ()
        return self(SYSCALL, OTHER, **where)

    def copy(self, pages, **where):
        for page in pages:
            self(FAULT_USER, page << 12, WP, **where).alloc(page, USER, **where)
        return self(SYSCALL, OTHER, **where)

    def write(self, path, about=ABOUT):
        with Recorder(path, about) as recorder:
            recorder.write(np.array(self.rows, np.int64))
        return path

    def replay(self, folder, **options):
        return wb.programs.replay(self.write(folder / "story.parquet"), **options)


EIGHT = range(8)


def on_the_lru():
    return Story().new(EIGHT).drained(EIGHT)


def agreed(table):
    row = table.iloc[1]
    return int(row["agree"]), int(row["wp_faults"])


def counts(table, i):
    return [int(table[name].iloc[i]) for name in ("reuses", "copies", "helped", "in_vain")]


def test_pages_that_nobody_shares_any_more_are_reused(tmp_path):
    table = on_the_lru().fork().exit().reuse(EIGHT).replay(tmp_path, kernel=["v5.8", "v5.17"])
    assert agreed(table) == (8, 8)
    assert [counts(table, i) for i in range(4)] == [[8, 0, 0, 0]] * 4
    assert table["what"].tolist() == ["measured", "simulated", "simulated", "simulated"]


def test_pages_that_a_child_has_are_copied_and_what_it_leaves_is_reused(tmp_path):
    story = on_the_lru().fork().copy(EIGHT).reuse(EIGHT, pid=11, cpu=1)
    table = story.replay(tmp_path, kernel="patch1")
    assert agreed(table) == (16, 16)
    assert counts(table, 1) == counts(table, 2) == [8, 8, 0, 0]


def test_a_drain_of_the_own_cpu_helps_once_and_never_draining_copies_all(tmp_path):
    story = Story().new(EIGHT).fork().exit(cpu=1)
    story.reuse(EIGHT, [story.frame_of[page] for page in EIGHT])
    table = story.replay(tmp_path, drain=["if-not-lru", "never", "peek"])
    assert agreed(table) == (8, 8)
    assert counts(table, 0) == counts(table, 1) == counts(table, 2) == [8, 0, 1, 0]
    assert counts(table, 3) == [0, 8, 0, 0]
    assert counts(table, 4) == [8, 0, 0, 0]
    # Up to v6.8 fifteen pages fill a batch: eight, and the first seven copies.
    table = story.replay(tmp_path, kernel="patch1")
    assert counts(table, 2) == [1, 7, 0, 0]
    # And up to v6.13 a process that exits drains its CPU.
    here = Story().new(EIGHT).fork().exit()
    here.reuse(EIGHT, [here.frame_of[page] for page in EIGHT])
    table = here.replay(tmp_path, kernel=["patch1", "v6.12"])
    assert counts(table, 2) == counts(table, 3) == [8, 0, 0, 0]


def test_a_drain_is_in_vain_where_the_page_waits_on_another_cpu(tmp_path):
    story = Story().new(EIGHT).fork().exit().copy([0], cpu=1)
    for page in range(1, 8):  # what waits on CPU 1 is the copy before
        before = story.frame_of[page - 1]
        story(FAULT_USER, page << 12, WP, cpu=1).insert([before], cpu=1).alloc(page, USER, cpu=1)
    table = story(SYSCALL, OTHER, cpu=1).replay(tmp_path, drain=["all-cpus", "never"])
    assert agreed(table) == (8, 8)
    assert counts(table, 1) == [0, 8, 0, 7]
    assert int(table["drains"].iloc[1]) == 8
    assert pd.isna(table["drains"].iloc[0])
    assert counts(table, 2)[:2] == [8, 0]
    assert counts(table, 3) == [0, 8, 0, 0]


def test_a_full_batch_leaves_by_itself(tmp_path):
    pages = range(31)
    story = Story().new(pages)
    story.insert([story.frame_of[page] for page in pages]).fork().exit().reuse(pages, cpu=1)
    table = story.replay(tmp_path)
    assert agreed(table) == (31, 31)
    assert table.attrs["wpbench"]["batches"] == {"in_step": 1, "out_of_step": 0}


def test_pages_of_others_fill_a_batch_too(tmp_path):
    story = Story().new([1])
    for frame in range(30):
        story(ALLOC, 5000 + frame, USER, pid=500)
    story.insert([story.frame_of[1], *range(5000, 5030)], pid=500)
    table = story.fork().exit().reuse([1], cpu=1).replay(tmp_path)
    assert agreed(table) == (1, 1)
    assert table.attrs["wpbench"]["batches"]["in_step"] == 1


def test_a_child_that_runs_another_program_gives_the_pages_back(tmp_path):
    story = on_the_lru().fork()(SYSCALL, EXECVE, pid=11)(UNMAPPED, pid=11)(EXEC, 11, 11, pid=11)
    assert agreed(story.reuse(EIGHT).replay(tmp_path)) == (8, 8)
    failed = on_the_lru().fork()(SYSCALL, EXECVE, pid=11)(SYSCALL, OTHER, pid=11)
    assert agreed(failed.copy(EIGHT).replay(tmp_path)) == (8, 8)


def test_a_thread_and_a_vfork_share_the_address_space(tmp_path):
    story = on_the_lru()(NEWTASK, 12, 0x100)(NEWTASK, 13, 0x4100)
    story(SYSCALL, EXECVE, pid=13)(EXEC, 13, 13, pid=13)  # the parent's pages stay
    story.fork().copy(EIGHT, pid=12).exit(11).fork(14).exit(14)(EXIT, 12, pid=12)
    story.drained(EIGHT).reuse(EIGHT)
    assert agreed(story.replay(tmp_path)) == (16, 16)


@pytest.mark.parametrize("call", [SYS_MUNMAP, SYS_MADVISE])
def test_a_child_that_drops_pages_leaves_them_to_its_parent(tmp_path, call):
    story = on_the_lru().fork()(SYSCALL, call, 4 << 12, d=0, e=4, pid=11)(SYSCALL, OTHER, pid=11)
    assert agreed(story.reuse(range(4)).copy(range(4, 8)).replay(tmp_path)) == (8, 8)


def test_a_page_that_has_moved_is_still_shared(tmp_path):
    story = on_the_lru().fork()(SYSCALL, SYS_MREMAP, 8 << 12, d=0, e=9 << 12)
    story(RETURN, SYS_MREMAP, 100 << 12).copy(range(100, 108)).exit()
    assert agreed(story.replay(tmp_path)) == (8, 8)


def test_swapped_pages_come_back(tmp_path):
    about = ABOUT | {"measured_on": ABOUT["measured_on"] | {"swap_pages": 1000}}
    story = on_the_lru()
    for page in EIGHT:
        story(WRITEOUT, story.frame_of[page], pid=DRAINER)
    story.fork()
    for page in EIGHT:
        story(FAULT_USER, page << 12, READ).alloc(page, USER)(RSS, MM_SWAPENTS, -4096)
        story(RSS, MM_ANONPAGES, 4096)
    story(SYSCALL, OTHER).drained(EIGHT).exit().reuse(EIGHT)
    table = wb.programs.replay(story.write(tmp_path / "swap.parquet", about))
    assert agreed(table) == (8, 8)
    assert table.attrs["wpbench"]["kept"]["was_swapped"] == 0
    about["measured_on"]["backend"] = "nvme"
    with pytest.raises(MeasureError, match="recorded with swap on nvme; accepted: none, or"):
        wb.programs.replay(story.write(tmp_path / "swap.parquet", about))


def test_a_page_met_without_a_beginning_was_there_before_the_fork(tmp_path):
    story = Story().fork().copy([7]).exit().fork(12).copy([8], pid=12).reuse([8])
    table = story.replay(tmp_path)
    assert agreed(table) == (3, 3)
    assert table.attrs["wpbench"]["born"] == 2


# --- what differs has a name ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "cause"),
    [
        (on_the_lru().fork().exit().copy([3]), "other"),
        (on_the_lru().fork()(EXIT, 11, pid=11).reuse([3]), "exiting"),
        (on_the_lru().fork().exit().reuse([3], [4000]), None),  # unclear: what was drained?
        (on_the_lru().fork().exit().drained([3], cpu=1).copy([4]), "other"),
        (Story().new(EIGHT).fork().exit().copy([0, 1], cpu=1)(SYSCALL, OTHER), "batch"),
    ],
)  # fmt: skip
def test_what_differs_has_a_named_cause(tmp_path, story, cause):
    table = story(SYSCALL, OTHER).replay(tmp_path)
    row = table.iloc[1]
    named = {name: int(row[name]) for name in wb.programs.CAUSES if row[name]}
    assert named == ({cause: 1} if cause else {})
    if cause is None:
        assert table.attrs["wpbench"]["unclear"] == 1
        assert row["wp_faults"] == 0


def test_two_at_once_are_named(tmp_path):
    story = on_the_lru().fork()(SYSCALL, OTHER)
    for pid, cpu in ((11, 1), (10, 0)):
        story(FAULT_USER, 3 << 12, WP, pid=pid, cpu=cpu).alloc(3, USER, pid=pid, cpu=cpu)
    first = story.rows[-4][0]
    for i, row in enumerate(story.rows[-4:]):
        row[0] = first + 1000 * i
    row = story(SYSCALL, OTHER)(SYSCALL, OTHER, pid=11).replay(tmp_path).iloc[1]
    assert (row["agree"], row["at_once"]) == (1, 1)


def test_too_little_agreement_is_said_beside_every_number(tmp_path):
    story = on_the_lru().fork().exit().copy([3])
    table = story.replay(tmp_path, kernel="v5.17")
    assert table.attrs["wpbench"]["agreement"] == 0
    told = describe(table)
    assert "does what it did in 0 of 1 write-protect faults" in " ".join(told.split())
    assert told.count("1~") == 4  # wp_faults and reuses of two rows
    assert "less than 99% of the faults" in " ".join(told.split())
    good = describe(on_the_lru().fork().exit().reuse([3]).replay(tmp_path))
    assert "~" not in good
    assert "(100 %)" in good


def test_steps_do_not_depend_on_how_they_are_cut(tmp_path, monkeypatch):
    from wpbench.measure.program import event_file as record
    from wpbench.measure.program import recording

    story = Story()
    for child in range(20, 60):
        story.fork(child).copy([1, 2, 3]).exit(child).reuse([1], cpu=1)
    whole = story.replay(tmp_path, kernel="v6.1")
    monkeypatch.setattr(recording, "_ROOM", 128)
    monkeypatch.setattr(record, "_ROW_GROUP", 7)
    with Recorder(tmp_path / "cut.parquet", ABOUT) as recorder:
        for row in story.rows:
            recorder.write(np.array([row], np.int64))
    cut = wb.programs.replay(tmp_path / "cut.parquet", kernel="v6.1")
    pd.testing.assert_frame_equal(whole, cut, check_like=False)


# --- files ----------------------------------------------------------------------------------------


def test_the_shipped_recording_agrees():
    path = wb.data_dir() / "programs" / "shell-short.parquet"
    told = json.loads(path.with_suffix(".json").read_text())
    table = wb.programs.replay(path, kernel=told["kernels"])
    assert table.attrs["wpbench"]["agreement"] >= 0.99
    columns = ["what", "kernel", "wp_faults", "reuses", "copies", "helped", "in_vain"]
    assert json.loads(table[columns].to_json(orient="values")) == told["rows"]


def test_strange_files_are_refused_in_one_line(tmp_path, capsys):
    story = on_the_lru()
    good = story.write(tmp_path / "good.parquet")
    (tmp_path / "text").write_text("time,cpu\n")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other")
    Story().write(tmp_path / "pid", ABOUT | {"pid": "x"})
    Story().write(tmp_path / "flags", ABOUT | {"flags": {}})
    Story()(ALLOC, 1 << 50).write(tmp_path / "frame")
    Story()(ALLOC, 1, cpu=9000).write(tmp_path / "cpu")
    (tmp_path / "cut").write_bytes(good.read_bytes()[:-200])
    for words, said in (
        ([str(tmp_path / "none")], "No such file"),
        ([str(tmp_path / "text")], "no file of recorded events"),
        ([str(tmp_path / "other")], "no file of recorded events"),
        ([str(tmp_path / "pid")], "does not say pid"),
        ([str(tmp_path / "flags")], "does not say flags"),
        ([str(tmp_path / "frame")], "a (page frame): 1125899906842624 is not accepted"),
        ([str(tmp_path / "cpu")], "cpu: 9000 is not accepted"),
        ([str(tmp_path / "cut")], "no file of recorded events"),
        ([str(good), "--kernel", "v1.0"], "kernel: 'v1.0' is not accepted"),
        ([str(good), "--rule", "x=1"], "--rule"),
        ([str(good), "--drain", "sometimes"], "drain"),
    ):
        assert main(["measure", "replay", *words]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_the_command_prints_or_writes_the_table(tmp_path, capsys):
    path = on_the_lru().fork().exit().reuse(EIGHT).write(tmp_path / "good.parquet")
    assert main(["measure", "replay", str(path), "--kernel", "v5.17,v7.3"]) == 0
    assert "8 of 8 write-protect faults" in " ".join(capsys.readouterr().out.split())
    csv = tmp_path / "table.csv"
    assert (
        main(["measure", "replay", str(path), "--rule", "exit_drains=true", "--csv", str(csv)]) == 0
    )
    assert pd.read_csv(csv)["rules"].tolist()[2] == "exit_drains=true"
