"""data/differences.toml: whole, each cause with its source, and described in 72 columns."""

import shutil

import pytest

import wpbench as wb
from wpbench.litmus import measured
from wpbench.measure.compare import known

TABLES = ("reproducer_sync.csv", "reproducer_async.csv", "userfaultfd.csv")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Give a data folder of one's own, with the differences and empty measurements."""
    shutil.copy(wb.data_dir() / known.FILE, tmp_path)
    for path in (wb.data_dir() / known.MEASUREMENTS).rglob("*.csv*"):
        copy = tmp_path / path.relative_to(wb.data_dir())
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    monkeypatch.setattr(known, "data_dir", lambda: tmp_path)
    known.known_differences.cache_clear()
    yield tmp_path / known.FILE
    known.known_differences.cache_clear()


def test_every_cause_says_how_sure_it_is_and_what_it_rests_on():
    found = known.known_differences()
    assert len(found) == 15
    for name, difference in found.items():
        assert difference.source.strip(), name
        assert not difference.what.endswith("."), name
        assert difference.cause.strip().endswith("."), name
        assert (difference.table or TABLES[0]) in TABLES, name
        assert all((p, k) in measured() for p in difference.programs for k in difference.kernels)


@pytest.mark.parametrize("topic", ["traces", *TABLES])
def test_what_is_known_in_72_columns(topic):
    text = known.describe_known(topic)
    assert max(map(len, text.splitlines())) <= 72
    names = [
        n for n, d in known.known_differences().items() if topic in (d.table, d.traces and "traces")
    ]
    assert [block.partition(":")[0] for block in text.split("\n\n")] == (names or [text])


def test_a_topic_that_is_none():
    with pytest.raises(wb.ScenarioError, match=r"topic: 'trace' .*did you mean 'traces'"):
        known.describe_known("trace")


def test_how_much_is_concerned():
    concerned = {name: d.concerns() for name, d in known.known_differences().items()}
    assert concerned["other"] == "9 rows"
    assert concerned["first-slot"] == "any row"
    assert concerned["page-table"] == "2 traces"
    assert concerned["fork-failed"] == "23 programs"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('confidence = "measured"', 'confidence = "sure"', "page-table: confidence: 'sure' is not"),
        ("operations = 5", "operations = 0", "page-table: traces.0.operations: 0 is not accepted"),
        ("operations = 5", "operation = 5", "page-table: traces.0.operation: 5 is not accepted"),
        ("row = 62", 'row = "62"', "other: rows.0.row: '62' is not accepted"),
        ("row = 62, wp_faults = -3, ", "row = 62, ", "other: rows.0.wp_faults: is missing"),
        ("row = 63", "row = 62", "other: row 62 of reproducer_sync.csv is in 'other', too"),
        ("row = 224", "row = 62", "fork: row 62 of reproducer_sync.csv is in 'other', too"),
        ("traces/null_blk-1us", "traces/null_blk-2us", "page-table: traces.0.file: 'traces/null_b"),
        ('"reproducer_sync.csv"', '"reproducer.csv"', "other: table: 'reproducer.csv' is not"),
        ('table = "reproducer_sync.csv"', "", "other: traces, table, programs: none or several"),
        ('kernels = ["7.1.5", "7.3-rules"]', "", "fork-failed: programs, kernels: one is given"),
        ("traces = [", "rows = [{ row = 2, wp_faults = 0, copies = 0 }]\ntraces = [",
         "page-table: rows: are given without the table"),
        ("[page-table]", "[page-table", "is not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named(mine, old, new, message):
    text = mine.read_text(encoding="utf-8")
    assert old in text
    before, _, after = text.partition(old)
    mine.write_text(before + new + after, encoding="utf-8")
    with pytest.raises(wb.DataError) as error:
        known.known_differences()
    assert str(error.value).startswith(str(mine))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
