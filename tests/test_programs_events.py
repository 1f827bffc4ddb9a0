"""Real programs through tracepoints, without a kernel: formats, ring buffer pages, decisions."""

import struct

import numpy as np
import pytest

from wpbench.errors import MeasureError
from wpbench.measure.program import event_file as record
from wpbench.measure.program import follow, pages, state
from wpbench.measure.program import words as text
from wpbench.measure.program.counted import COLUMNS, rows_of, table_of
from wpbench.measure.program.events import (
    ALLOC,
    DELIVER,
    EVENTS,
    EXEC,
    EXIT,
    FAULT_KERNEL,
    FAULT_USER,
    INSERTION,
    LOST,
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SHMEMPAGES,
    MM_SWAPENTS,
    NEWTASK,
    PAGE_CACHE,
    RECLAIM_BEGIN,
    RECLAIM_END,
    RENAME,
    RETURN,
    RSS,
    SIGNAL,
    SYS_MMAP,
    SYSCALL,
    WIDTH,
    name_text,
    name_words,
)
from wpbench.measure.program.formats import Field, make_plan, parse_format, parse_symbols
from wpbench.measure.program.ring import decode

RSS_STAT = """name: rss_stat
ID: 646
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:unsigned int mm_id;\toffset:8;\tsize:4;\tsigned:0;
\tfield:unsigned int curr;\toffset:12;\tsize:4;\tsigned:0;
\tfield:int member;\toffset:16;\tsize:4;\tsigned:1;
\tfield:long size;\toffset:24;\tsize:8;\tsigned:1;

print fmt: "mm_id=%u type=%s", REC->mm_id, __print_symbolic(REC->member, { 0, "MM_FILEPAGES" })
"""
HEADER_PAGE = (
    "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
    "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
    "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
    "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"
)


def fault_format(name, number):
    head = RSS_STAT.partition("\n\n")[0].replace("rss_stat", name).replace("646", str(number))
    fields = "".join(
        f"\tfield:unsigned long {field};\toffset:{8 + 8 * i};\tsize:8;\tsigned:0;\n"
        for i, field in enumerate(("address", "ip", "error_code"))
    )
    return f'{head}\n\n{fields}\nprint fmt: "%lx", REC->address\n'


FORMATS = {
    "kmem/rss_stat": parse_format(RSS_STAT),
    "exceptions/page_fault_kernel": parse_format(fault_format("page_fault_kernel", 189)),
}
PLAN = make_plan(FORMATS, HEADER_PAGE)


def test_a_format_is_what_the_kernel_says_it_is():
    found = FORMATS["kmem/rss_stat"]
    assert found.id == 646
    assert found.fields["size"] == Field(24, 8, True)
    assert found.fields["mm_id"] == Field(8, 4, False)
    with pytest.raises(MeasureError, match="not understood"):
        parse_format("no such file")


def test_flags_are_read_from_the_kernels_own_table():
    # As 6.18 prints it, and as 5.10 did.
    new = (
        "{( unsigned long)((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) | "
        '(( gfp_t)((((1UL))) << (3)))), "GFP_A"}, {( unsigned long)((( gfp_t)((((1UL))) << (4)) | '
        '( gfp_t)((((1UL))) << (5))) & ~(( gfp_t)((((1UL))) << (5)))), "GFP_B"}'
    )
    old = '{(unsigned long)((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u)), "GFP_C"}'
    assert parse_symbols(f'"%s", __print_flags(REC->f, "|", {new}, {old})') == {
        "GFP_A": 0xC08,
        "GFP_B": 0x10,
        "GFP_C": 0xC40,
    }
    assert parse_symbols('{ sizeof(int), "NOT_A_CONSTANT" }') == {}


def test_a_kernel_without_a_needed_field_is_refused():
    broken = FORMATS | {"kmem/rss_stat": parse_format(RSS_STAT.replace("member", "kind"))}
    with pytest.raises(MeasureError, match="rss_stat: this kernel's event has no field 'member'"):
        make_plan(broken, HEADER_PAGE)


def payload(number, pid, body, flags=0, preempt=0):
    return struct.pack("<HBBi", number, flags, preempt, pid) + body


def event(delta, data):
    words = (len(data) + 3) // 4
    return struct.pack("<I", delta << 5 | words) + data.ljust(4 * words, b"\0")


def page(time, *parts, missed=None):
    data = b"".join(parts)
    commit = len(data)
    if missed is not None:
        commit |= 1 << 31
        if missed >= 0:
            commit |= 1 << 30
            data += struct.pack("<q", missed)
    raw = struct.pack("<QQ", time, commit) + data
    return np.frombuffer(raw.ljust(4096, b"\0"), np.uint32)


def decoded(raw, cpu=1):
    out = np.full((600, WIDTH), 77, np.int64)
    n = decode(raw, cpu, PLAN.row_of, PLAN.rows, PLAN.data, out, 0)
    return out[:n].tolist()


RSS_BODY = struct.pack("<IIi4xq", 5, 1, 1, -4096)
FAULT_BODY = struct.pack("<QQQ", 0x7FFF12345678, 1, 3)


def test_events_of_a_page_are_decoded():
    raw = page(
        1000,
        event(5, payload(646, 42, RSS_BODY)),
        event(7, payload(189, -1, FAULT_BODY)),
        event(2, payload(999, 42, b"unknown!")),
        event(1, payload(646, 43, RSS_BODY, flags=0x10)),
    )
    assert decoded(raw) == [
        [1005, 1, RSS, 42, 1, -4096, 5, 0, 0],
        [1012, 1, FAULT_KERNEL, -1, 0x7FFF12345678, 3, 0, 0, 0],
        # A softirq's: nobody's.
        [1015, 1, RSS, 0, 1, -4096, 5, 0, 0],
    ]


def test_times_are_extended_and_padding_is_skipped():
    extend = struct.pack("<II", 3 << 5 | 30, 2)  # 3 + 2 * 2^27
    stamp = struct.pack("<II", 9 << 5 | 31, 1 << 20)
    padding = struct.pack("<II", 4 << 5 | 29, 12) + b"x" * 8  # its length counts from the word
    long = struct.pack("<II", 1 << 5, 4 + 32) + payload(646, 1, RSS_BODY)
    rest = struct.pack("<I", 29)
    rows = decoded(
        page(10, extend, padding, long, stamp, event(1, payload(646, 2, RSS_BODY)), rest)
    )
    assert [row[0] for row in rows] == [10 + 3 + (2 << 27) + 4 + 1, (1 << 47) + 9 + 1]
    assert [row[3] for row in rows] == [1, 2]


@pytest.mark.parametrize(("missed", "told"), [(12, 12), (-1, -1)])
def test_a_loss_is_an_event(missed, told):
    rows = decoded(page(10, event(1, payload(646, 1, RSS_BODY)), missed=missed))
    assert rows[0] == [10, 1, LOST, 0, told, 0, 0, 0, 0]
    assert len(rows) == 2


def test_a_fault_that_cannot_be_handled_is_told_apart():
    for flags, preempt, atomic in ((0x80, 0, 1), (0, 1, 1), (0x01, 0, 0), (0, 0x10, 0)):
        (row,) = decoded(page(1, event(1, payload(189, 1, FAULT_BODY, flags, preempt))))
        assert row[6] == atomic


def test_garbage_does_not_run_off_the_page():
    random = np.random.default_rng(1)
    for _ in range(200):
        raw = random.integers(0, 2**32, 1024, np.uint32)
        assert len(decoded(raw)) <= 600


# --- what a fault's events prove ------------------------------------------------------------------

FLAGS = {"GFP_HIGHUSER_MOVABLE": 0x100CCA, "__GFP_ZERO": 0x100, "__GFP_COMP": 0x40000}
USER = 0x100CCA | 0x40000
ZERO = USER | 0x100
SLAB = 0xCC0
WRITE, WRITE_USER, READ_ABSENT, WRITE_ABSENT = 3, 7, 4, 6


class Story:
    """Events of a program, one after the other, and what is counted of them."""

    def __init__(self, adopt=False):
        self.rows = []
        self.time = 1000
        self.follower = follow.Follower(4, FLAGS, adopt=adopt)
        self.follower.command(10)
        self(EXEC, 10, 10)
        self(RENAME, 10, *name_words("prog"))

    def __call__(self, kind, a=0, b=0, c=0, pid=10, cpu=0):
        self.time += 100
        self.rows.append([self.time, cpu, kind, pid, a, b, c, 0, 0])
        return self

    def fault(self, page, code=WRITE_USER, pid=10, cpu=0, kind=FAULT_USER, atomic=0):
        return self(kind, page << 12, code, atomic, pid=pid, cpu=cpu)

    def count(self):
        self(SYSCALL, 39)
        self.follower.take(np.array(self.rows, np.int64))
        self.follower.end()
        rows = rows_of(self.follower.state)
        return {
            row["command"]: {k: v for k, v in row.items() if v and k not in ("command", "cpu")}
            for row in rows
        }

    def counted(self, command="prog"):
        hidden = ("copy_ns", "wp_faults")
        found = self.count().get(command, {})
        return {k: v for k, v in found.items() if not k.startswith(hidden) and not np.isnan(v)}


def forked():
    """Give a story in which the parent (10) has written pages 1 to 3, and has a child (11)."""
    story = Story()
    for page in (1, 2, 3):
        story.fault(page, WRITE_ABSENT)(ALLOC, 100 + page, ZERO)(RSS, MM_ANONPAGES)
    return story(SYSCALL, 56)(NEWTASK, 11, 0)


def test_a_fault_without_events_is_a_reuse():
    assert forked().fault(1).counted() == {"reuses": 1}


def test_a_copy_is_an_allocation_for_a_user():
    story = forked().fault(1)(ALLOC, 55, SLAB)(ALLOC, 200, USER)
    found = story.count()["prog"]
    assert (found["copies"], found["wp_faults"], found["copy_ns"]) == (1, 1, 200)


@pytest.mark.parametrize("member", [MM_FILEPAGES, MM_SHMEMPAGES])
def test_a_copy_of_a_files_page_is_no_decision(member):
    story = forked().fault(9)(ALLOC, 200, USER)(RSS, member)(RSS, MM_ANONPAGES)
    assert story.counted() == {"file_faults": 1}


def test_a_copy_of_the_zero_page_is_no_decision():
    story = forked().fault(9)(ALLOC, 200, ZERO)(RSS, MM_ANONPAGES)
    assert story.counted() == {"zero_faults": 1}


def test_a_drain_that_ends_in_a_copy_was_in_vain():
    story = forked().fault(1)(INSERTION, 7)(INSERTION, 8)(ALLOC, 200, USER)
    assert story.counted() == {
        "copies": 1, "drained": 1, "in_vain": 1, "drained_pages": 2,
        "copy_drained_ns": 300, "copy_drained_ns_mean": 300.0,
        "copy_drained_ns_p50": pytest.approx(300, rel=0.05),
    }  # fmt: skip


def test_a_drain_that_puts_the_page_itself_on_the_lru_helped():
    story = forked().fault(1)(INSERTION, 7)(INSERTION, 101)
    assert story.counted() == {"reuses": 1, "drained": 1, "helped": 1, "drained_pages": 2}
    assert story.follower.state.number[state.N_ITSELF] == 1


def test_a_reuse_after_a_drain_of_other_pages_only_is_unclear():
    assert forked().fault(1)(INSERTION, 7).counted() == {"itself": 1, "unclear": 1}


def test_a_page_whose_allocation_was_not_seen_may_have_been_drained():
    assert forked().fault(50)(INSERTION, 7).counted()["helped"] == 1


def test_insertions_after_the_copy_are_no_drain():
    assert "drained" not in forked().fault(1)(ALLOC, 200, USER)(INSERTION, 7).counted()


def test_insertions_and_allocations_of_reclaim_are_no_drain_and_no_copy():
    story = forked().fault(1)(ALLOC, 200, USER)(RECLAIM_BEGIN)(RSS, MM_ANONPAGES)
    story(RSS, MM_SWAPENTS)(INSERTION, 5)(ALLOC, 300, USER)(RECLAIM_END)
    assert story.counted() == {"copies": 1}


def test_what_a_later_system_call_does_is_not_the_faults():
    story = forked().fault(1)(SYSCALL, 0)(INSERTION, 7)(ALLOC, 200, USER)
    assert story.counted() == {"reuses": 1}


def test_what_an_interrupt_does_is_not_the_faults():
    assert forked().fault(1)(INSERTION, 7, pid=0).counted() == {"reuses": 1}


def test_a_system_call_that_goes_on_with_the_page_cache_did_not_copy():
    story = forked().fault(1, WRITE, kind=FAULT_KERNEL)(ALLOC, 200, USER)(PAGE_CACHE, 200)
    assert story.counted() == {"reuses": 1}


def test_a_kernel_fault_with_insertions_of_others_pages_is_unclear():
    story = forked().fault(50, WRITE, kind=FAULT_KERNEL)(INSERTION, 7)
    assert story.counted() == {"kernel": 1, "unclear": 1}
    story = forked().fault(1, WRITE, kind=FAULT_KERNEL)(INSERTION, 101)
    assert story.counted()["helped"] == 1


def test_a_fault_with_preemption_off_decides_nothing():
    story = forked().fault(1, WRITE, kind=FAULT_KERNEL, atomic=1)
    story.fault(1, WRITE, kind=FAULT_KERNEL)(ALLOC, 200, USER)
    assert story.counted() == {"copies": 1}


def test_the_kernels_second_fault_on_a_page_is_the_one_that_decides():
    story = forked().fault(1, WRITE, kind=FAULT_KERNEL).fault(1, WRITE, kind=FAULT_KERNEL)
    assert story.counted() == {"reuses": 1, "repeated": 1}


def test_a_second_fault_on_a_page_that_is_writable_is_unclear():
    story = forked().fault(1)(SYSCALL, 39).fault(1)
    assert story.counted() == {"reuses": 1, "writable": 1, "unclear": 1}


@pytest.mark.parametrize("call", [10, 25, 329])
def test_mprotect_makes_a_page_read_only_again(call):
    assert forked().fault(1)(SYSCALL, call).fault(1).counted() == {"reuses": 2}


def test_another_fork_makes_it_read_only_again():
    story = forked().fault(1)(SYSCALL, 56)(NEWTASK, 12, 0).fault(1)
    assert story.counted() == {"reuses": 2}


def test_a_child_has_its_own_pages_and_its_parents_frames():
    story = forked().fault(1)(ALLOC, 200, USER)
    story.fault(2, pid=11, cpu=1)(INSERTION, 102, pid=11, cpu=1)
    story(SYSCALL, 39, pid=11)
    found = story.count()
    assert rows_of(story.follower.state)[1]["helped"] == 1
    assert story.follower.state.number[state.N_ITSELF] == 1
    assert found["prog"]  # the last row of the name: the child's CPU


def test_a_frame_that_the_parent_got_after_the_fork_is_not_the_childs():
    story = forked().fault(1)(ALLOC, 200, USER)(SYSCALL, 39)
    story.fault(1, pid=11, cpu=1)(INSERTION, 200, pid=11, cpu=1)(SYSCALL, 39, pid=11)
    story.count()
    row = rows_of(story.follower.state)[1]
    # Not known to be the page: the argument that a drain before a reuse helped still holds.
    assert (row["helped"], story.follower.state.number[state.N_ITSELF]) == (1, 0)


def test_two_threads_on_one_page_are_unclear():
    story = Story()(SYSCALL, 56)(NEWTASK, 12, 0x100)
    story.fault(1).fault(1, pid=12, cpu=1)(ALLOC, 200, USER)(SYSCALL, 39, pid=12)
    story.count()
    assert [row["race"] for row in rows_of(story.follower.state)] == [1, 1]


def test_writes_to_shared_mappings_are_apart():
    story = Story()(SYSCALL, SYS_MMAP, 3 * 4096, 0x1)(RETURN, SYS_MMAP, 40 << 12)
    story(NEWTASK, 11, 0).fault(42).fault(43).fault(41, pid=11)(SYSCALL, 39, pid=11)
    assert story.counted() == {"shared_faults": 2, "reuses": 1}


def test_a_private_mapping_in_its_place_is_not_shared():
    story = Story()(SYSCALL, SYS_MMAP, 9 * 4096, 0x1)(RETURN, SYS_MMAP, 40 << 12)
    story(SYSCALL, SYS_MMAP, 3 * 4096, 0x22)(RETURN, SYS_MMAP, 43 << 12)
    for page in range(40, 49):
        story.fault(page)
    assert story.counted() == {"shared_faults": 6, "reuses": 3}


def test_a_write_that_ends_in_a_signal_is_no_decision():
    story = forked().fault(1)(SIGNAL, 11, 10)(DELIVER, 11)
    assert story.counted() == {"signals": 1}


def test_direct_writes_and_those_that_copy():
    story = Story()
    story.fault(1, WRITE_ABSENT)(ALLOC, 300, USER)(RSS, MM_ANONPAGES)(RSS, MM_SWAPENTS)
    story.fault(2, WRITE_ABSENT)(ALLOC, 301, USER)(RSS, MM_ANONPAGES)(RSS, MM_SWAPENTS)
    story(ALLOC, 302, USER)
    story.fault(3, WRITE_ABSENT)(ALLOC, 303, ZERO)(RSS, MM_ANONPAGES)
    assert story.counted() == {"direct_writes": 2, "direct_copies": 1}


def test_moves_between_read_and_write():
    story = Story().fault(1, READ_ABSENT).fault(2, READ_ABSENT)(SYSCALL, 39)
    story.fault(1, cpu=2)(ALLOC, 1, ZERO)(RSS, MM_ANONPAGES)(SYSCALL, 39, cpu=2)
    story.fault(2, cpu=0)
    story.count()
    first, second = rows_of(story.follower.state)
    assert (first["after_read"], first["moved"], first["after_read_anon"]) == (1, 0, 1)
    assert (second["after_read"], second["moved"], second["moved_anon"]) == (1, 1, 0)
    assert second["after_read_us_p50"] == pytest.approx(0.3, rel=0.05)


def test_large_folios_make_reuses_near_them_unclear():
    story = Story().fault(512, WRITE_ABSENT)(ALLOC, 512, ZERO, 9)(RSS, MM_ANONPAGES)
    story(SYSCALL, 56)(NEWTASK, 11, 0).fault(600).fault(2000)
    assert story.counted() == {"large": 1, "unclear": 1, "reuses": 1}


def test_lost_events_make_open_faults_unclear_and_are_counted():
    story = forked().fault(1)(LOST, 40, pid=0).fault(2)(LOST, -1, pid=0)
    assert story.counted() == {"lost": 2, "unclear": 2}
    assert story.follower.state.number[state.N_LOST] == 41


def test_events_that_fit_nothing_are_unclear():
    story = forked().fault(1)(ALLOC, 200, USER)(RSS, MM_ANONPAGES)
    assert story.counted() == {"events": 1, "unclear": 1}


def test_a_fault_at_the_end_is_unclear():
    story = forked().fault(1)
    story.follower.take(np.array(story.rows, np.int64))
    story.follower.end()
    assert rows_of(story.follower.state)[0]["end"] == 1


def test_names_are_exact_and_the_launcher_is_not_counted():
    follower = follow.Follower(1, FLAGS, adopt=False)
    follower.command(10)
    rows = [
        [1, 0, FAULT_USER, 10, 4096, 7, 0],
        [2, 0, EXEC, 10, 10, 10, 0],
        [3, 0, RENAME, 10, 10, *name_words("a name of fifteen")],
        [4, 0, FAULT_USER, 10, 4096, 7, 0],
        [5, 0, EXIT, 10, 10, 0, 0],
        [6, 0, FAULT_USER, 10, 4096, 7, 0],
        [7, 0, FAULT_USER, 99, 4096, 7, 0],
    ]
    follower.take(np.array(rows, np.int64))
    follower.end()
    (row,) = rows_of(follower.state)
    assert (row["command"], row["reuses"]) == ("a name of fifte", 1)
    assert name_text(*name_words("ä")) == "ä"


def test_what_follows_a_names_end_does_not_count():
    story = Story()
    for rest in (b"\0abcd", b"\0wxyz"):
        for name in (b"grep" + rest.ljust(12, b"!"), b"redis-se" + rest.ljust(8, b"?")):
            low, high = (
                int.from_bytes(part, "little", signed=True) for part in (name[:8], name[8:])
            )
            story(RENAME, 10, low, high).fault(len(story.rows))(SYSCALL, 39)
    story.count()
    rows = rows_of(story.follower.state)
    assert [(row["command"], row["reuses"]) for row in rows] == [("grep", 2), ("redis-se", 2)]


def test_a_thread_that_runs_another_program_takes_its_leaders_number():
    story = Story()(NEWTASK, 12, 0x100)(EXIT, 10)
    story(EXEC, 10, 12, pid=10)(RENAME, 10, *name_words("next")).fault(1)
    assert story.counted("next") == {"reuses": 1}


def test_unknown_tasks_are_adopted_where_that_is_asked_for():
    story = Story(adopt=True).fault(1, pid=77)(SYSCALL, 39, pid=77)
    assert story.counted("?") == {"reuses": 1}
    assert Story().fault(1, pid=77)(SYSCALL, 39, pid=77).counted("?") == {}


def test_there_is_room_for_many_of_everything():
    story = Story()
    for i in range(300):
        pid = 100 + i
        story(NEWTASK, pid, 0)(RENAME, pid, *name_words(f"child {i}"), pid=pid)
        story(SYSCALL, SYS_MMAP, 4096, 1, pid=pid)(RETURN, SYS_MMAP, i << 24, pid=pid)
        for page in range(10):
            story.fault(5000 + page, pid=pid, cpu=i % 4)
        story(SYSCALL, 39, pid=pid)
        if i % 2:
            story(EXIT, pid, pid=pid)
    story.count()
    rows = rows_of(story.follower.state)
    assert len(rows) == 300
    assert {row["reuses"] for row in rows} == {10}


def test_pages_of_a_table_are_found_again():
    table = np.zeros((64, 7), np.int64)
    rows = np.zeros((30, 7), np.int64)
    rows[:, 0] = np.arange(30) % 3
    rows[:, 1] = np.arange(30) * 64
    rows[:, 2] = 1
    rows[:, 4] = np.arange(30)
    pages.insert_all(table, rows)
    for mm, where, _, _, time, *_ in rows.tolist():
        assert table[pages.find(table, mm, where), 4] == time


def test_the_table_has_the_columns_that_it_promises():
    story = forked().fault(1)(INSERTION, 7)(ALLOC, 200, USER)
    story.count()
    table, reasons = table_of([rows_of(story.follower.state)] * 2)
    assert list(table) == list(COLUMNS)
    promised = (
        "command cpu wp_faults reuses copies drained drained_pages helped in_vain file_faults "
        "zero_faults direct_writes moved"
    )
    assert " ".join(COLUMNS[:13]) == promised
    assert COLUMNS[-1] == "unclear"
    assert table["run"].tolist() == [0, 1]
    assert set(reasons) >= set(state.UNCLEAR)
    assert (table["wp_faults"] == table["reuses"] + table["copies"]).all()
    empty, _ = table_of([[]])
    assert list(empty) == list(COLUMNS)


def test_the_figure_says_how_often_a_drain_helped():
    from wpbench import plots

    story = forked().fault(1)(INSERTION, 101).fault(2)(INSERTION, 7)(ALLOC, 200, USER).fault(3)
    story.count()
    table, _ = table_of([rows_of(story.follower.state)] * 2)
    ax = plots.figure()[1]
    plots.programs(table, ax)
    assert "6 faults\n2 helped, 2 in vain" in [text.get_text() for text in ax.texts]
    widths = [patch.get_width() for patch in ax.patches]
    assert widths[:4] == pytest.approx([0, 100 / 3, 100 / 3, 100 / 3])


def test_what_was_counted_is_told_in_words():
    story = forked().fault(1)(INSERTION, 101).fault(2)(INSERTION, 7)(ALLOC, 200, USER).fault(3)
    story.fault(3)
    story.count()
    table, reasons = table_of([rows_of(story.follower.state)] * 2)
    cost = {
        f"{name}_percent{end}": 2.5 for name in ("wall", "cpu") for end in ("", "_low", "_high")
    }
    table.attrs["wpbench"] = {
        "unclear": reasons,
        "parameters": {"runs": 2},
        "tracing": {"events": 40, "lost": 3, "cost": {"pairs": 2, **cost}},
    }
    told = " ".join(text.describe(table).split())
    assert "prog 3 2 1 2 1 1" in told
    assert "6 write-protect faults on anonymous pages in 2 runs: 2 copied." in told
    assert "A drain put pages on the LRU in 4: it helped in 2, and 2 copied all the same." in told
    assert "It helps in one of 3 faults." in told
    assert "Unclear, in no other column: 2 (2 writable" in told
    assert "40 events, 3 lost. Tracing made the command 2.5 % [2.5, 2.5] slower" in told


def test_a_record_comes_back_as_it_was(tmp_path):
    story = forked().fault(1)(INSERTION, 7)(LOST, -1, pid=0)
    events = np.array(story.rows, np.int64)
    path = tmp_path / "events.parquet"
    about = {"pid": 10, "flags": FLAGS}
    about["measured_on"] = {"release": "6.18.44", "swap_pages": 0, "backend": "zram"}
    with record.Recorder(path, about | {"command": ["x"]}) as recorder:
        recorder.write(events[:5])
        recorder.write(events[5:])
        assert not path.exists()
    about, found = record.read_record(path)
    assert about["command"] == ["x"]
    assert about["format"] == record.FORMAT
    assert (found == events).all()


def test_a_record_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), record.Recorder(tmp_path / "x", {}):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MeasureError, match="there is no folder"):
        record.Recorder(tmp_path / "no" / "x", {})
    (tmp_path / "y").write_text("not Parquet")
    with pytest.raises(MeasureError, match="no file of recorded events"):
        record.read_record(tmp_path / "y")


def test_every_event_is_read_from_one_place_only():
    assert len({event.name for event in EVENTS}) == len(EVENTS)
