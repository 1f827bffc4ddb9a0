"""wpbench compare: two tables aligned by scenario."""

import json
from pathlib import Path

import pandas as pd
import pytest

import wpbench as wb
from wpbench.commands.main import main
from wpbench.report.two_tables import compare_tables, kinds_text

MEASURED = Path(__file__).resolve().parents[1] / "data" / "kernel-measurements"


def table(**more):
    fields = {"kernel": ["patch1", "patch2"], "rounds": 3, "cpus": 2, "migration_rate": 0.5}
    return wb.simulate(wb.grid(**fields | more), seeds=6)


@pytest.fixture(scope="module")
def both():
    return table(npages=[1, 4]), table(npages=[4, 6])


def test_aligned_with_differences_intervals_and_what_is_only_in_one(both):
    found = compare_tables(*both)
    keys = found.set_index(["kernel", "npages"])
    assert keys["verdict"].to_dict() == {
        ("patch1", 1): "only A",
        ("patch1", 4): "same",
        ("patch2", 1): "only A",
        ("patch2", 4): "same",
        ("patch1", 6): "only B",
        ("patch2", 6): "only B",
    }
    assert list(keys.loc[("patch2", 4), ["difference", "low", "high"]]) == [0, 0, 0]


def test_a_field_in_which_tables_differ_as_a_whole_goes_with_the_side(both):
    one, two = (t[t["kernel"] == d] for t, d in zip(both, ("patch1", "patch2"), strict=True))
    found = compare_tables(one, two)
    row = found.set_index("npages").loc[4]
    for name, part in (("base", one), ("other", two)):
        assert row[name] == pytest.approx(part.loc[part["npages"] == 4, "copy_rate"].mean())
    assert row["low"] <= row["difference"] <= row["high"]
    assert found.attrs["comparison"]["with"]["kernel"] == ("patch1", "patch2")
    same = compare_tables(*both, sides=("kernel", "patch1", "patch2"))
    pd.testing.assert_frame_equal(same, found)


def test_measured_beside_simulated():
    measured = pd.read_csv(MEASURED / "reproducer_sync.csv")
    measured = measured[(measured["backend"] == "brd") & (measured["npages"] <= 8)]
    measured = measured[measured["read_cpu"] == measured["write_cpu"]]
    rows = measured.rename(columns={"pattern": "order", "decision": "kernel"})
    fields = ["backend", "kernel", "order", "npages", "rounds"]
    simulated = wb.simulate(wb.Scenario(**row) for row in rows[fields].to_dict("records"))
    found = compare_tables(measured, simulated)
    assert found.attrs["kinds"] == {"A": "measured", "B": "simulated"}
    assert kinds_text(found) == "A measured, B simulated"
    assert len(found) == len(measured)
    assert (found["n"] == 1).all()
    assert (found["difference"] == 0).all()  # to the fault


def test_stores_and_files(tmp_path, both, capsys):
    for name, one in zip("ab", both, strict=True):
        one.to_parquet(tmp_path / f"{name}.parquet")
    grid = wb.grid(kernel=["patch1", "patch2"], npages=[1, 4], rounds=3, cpus=2, migration_rate=0.5)
    wb.sweep(grid, tmp_path / "store", seeds=6, progress=False)
    line = ["compare", str(tmp_path / "store"), str(tmp_path / "b.parquet")]
    assert main(line) == 0
    text = capsys.readouterr().out
    body = text.split("\n", 2)[2]
    assert body.isascii()
    assert max(map(len, body.splitlines())) <= 72
    assert body.startswith("simulated: copy_rate, table A -> B")
    assert "6 runs only A" in text
    assert main([*line, "--json", "--value", "copies"]) == 0
    assert {row["verdict"] for row in json.loads(capsys.readouterr().out)} == {
        "same",
        "only A",
        "only B",
    }
    sides = ["--base-column", "kernel", "--base", "patch1", "--other", "patch2"]
    assert main([*line, "--by", "npages", *sides]) == 0
    assert "n = 6 pairs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--value", "copyrate"], "value of A: 'copyrate' is not accepted.*copy_rate"),
        (["--by", "pages"], "by: 'pages' is not accepted"),
        (["--base", "patch1"], "need --base-column"),
        (["--base-column", "kernel"], "needs --base and --other"),
        (
            ["--base-column", "kernel", "--base", "v5", "--other", "patch2"],
            "base-column of A: kernel: 'v5' is not accepted",
        ),
        (["--test", "chi"], "test: 'chi' is not accepted"),
    ],
)
def test_what_is_refused(tmp_path, both, capsys, arguments, message):
    import re

    for name, one in zip("ab", both, strict=True):
        one.to_parquet(tmp_path / f"{name}.parquet")
    line = ["compare", str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"), *arguments]
    assert main(line) == 2
    assert re.search(message, capsys.readouterr().err)


def test_files_that_are_no_tables(tmp_path, capsys):
    (tmp_path / "a.parquet").write_bytes(b"x")
    assert main(["compare", str(tmp_path / "a.parquet"), "b.parquet"]) == 2
    assert "is no parquet table" in capsys.readouterr().err
    assert main(["compare", "b.parquet", "c.parquet"]) == 2
    assert "there is no such file" in capsys.readouterr().err
    (tmp_path / "folder").mkdir()
    assert main(["compare", str(tmp_path / "folder"), "c.parquet"]) == 2
    assert "there is no store here" in capsys.readouterr().err


def test_names_must_differ(both):
    with pytest.raises(wb.TableError, match="accepted: two different ones"):
        compare_tables(*both, names=("x", "x"))
