"""Figures say how they were made; made again they are the same, and a tampered one is not."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from reporting import small

import wpbench as wb
from wpbench import figures, plots
from wpbench.commands.main import main
from wpbench.plots.style import PNG_BYTES
from wpbench.provenance.read import check_record
from wpbench.scenario import plain as record_module
from wpbench.scenario.plain import scenarios_of

CAPTION = "Copy rate over pages, <both> sides"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    grid = wb.grid(npages=[8, 1, 4], kernel=["patch1", "patch2"], backend=["zram", "brd"], rounds=3)
    table = wb.simulate(grid, seeds=2)
    return figures.draw(
        "mean_over",
        table,
        folder / "rate",
        caption=CAPTION,
        title="Copy rate",
        where={"backend": "brd", "npages": [1, 8]},
        x="npages",
    )


@pytest.fixture
def copies(drawn, tmp_path):
    return {path.suffix: Path(shutil.copy(path, tmp_path)) for path in drawn}


def test_each_file_says_how_it_was_made(drawn):
    for path in drawn:
        found = figures.read_provenance(path)
        assert found["figure"]["caption"] == CAPTION
        assert found["figure"]["kind"] == "mean_over"
        assert found["figure"]["options"] == {"x": "npages"}
        assert found["figure"]["rows"] == 8
        assert found["parameters"]["grids"][0]["npages"] == [8, 1, 4]
        assert list(found["parameters"]["grids"][0]) == ["npages", "kernel", "backend", "rounds"]


def test_png_is_small_and_has_its_resolution(drawn):
    (png,) = [path for path in drawn if path.suffix == ".png"]
    assert png.stat().st_size < PNG_BYTES == 100_000
    with Image.open(png) as image:
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_every_file_is_identical_made_again(drawn):
    before = [path.read_bytes() for path in drawn]
    for path in drawn:
        found = figures.rerun(path)
        assert found.identical, found
        assert not found.differences
    assert [path.read_bytes() for path in drawn] == before


def test_a_tampered_table_is_found(copies):
    path = copies[".parquet"]
    table = pd.read_parquet(path)
    table.loc[2, "copies"] += 1
    table.to_parquet(path)
    found = figures.rerun(path)
    assert not found.identical
    (difference,) = found.differences
    now = int(table.loc[2, "copies"])
    assert difference == f"copies: 1 of 8 rows, first row 2: {now}, made again {now - 1}"


def test_rows_that_were_dropped_are_found(copies):
    path = copies[".parquet"]
    table = pd.read_parquet(path)
    short = table.iloc[:5]
    short.to_parquet(path)
    assert figures.rerun(path).differences == ("5 rows, made again 8",)


def test_a_tampered_csv_is_refused(copies):
    with copies[".csv"].open("a") as file:
        file.write("1\n")
    with pytest.raises(wb.WpbenchError, match=r"is not the table that rate\.parquet was made with"):
        figures.read_provenance(copies[".csv"])


def test_a_tampered_picture_is_found(copies):
    for suffix in (".svg", ".png"):
        path = copies[suffix]
        with path.open("ab") as file:
            file.write(b"\n")
        found = figures.rerun(path)
        assert not found.identical
        assert found.differences == ("the picture; the table behind it is equal",)


def test_a_figure_with_another_tables_hash_is_found(copies):
    path = copies[".svg"]
    text = path.read_text()
    digest = figures.read_provenance(path)["figure"]["csv_sha256"]
    path.write_text(text.replace(digest, "0" * 64))
    (difference,) = figures.rerun(path).differences
    assert difference.startswith(f"the table behind it: sha256 {'0' * 64}, made again {digest}")


def test_another_version_is_named(copies):
    path = copies[".parquet"]
    table = pd.read_parquet(path)
    table.attrs["wpbench"]["environment"]["numpy"] = "1.0"
    table.to_parquet(path)
    found = figures.rerun(path)
    assert found.identical
    assert any(text.startswith("numpy 1.0, here ") for text in found.versions)


def test_a_list_and_a_sweep_can_be_made_again(tmp_path):
    scenarios = [wb.Scenario(kernel=d, npages=2, rounds=2) for d in ("patch1", "patch2")]
    wb.simulate(scenarios, seeds=2).to_parquet(tmp_path / "list.parquet")
    wb.sweep(scenarios, tmp_path / "store", seeds=2, progress=False).to_parquet(
        tmp_path / "sweep.parquet"
    )
    for name in ("list", "sweep"):
        assert figures.rerun(tmp_path / f"{name}.parquet").identical, name


def test_measured_points_are_said_by_their_file(tmp_path):
    where = {"backend": "zram", "pattern": "read-write", "kernel": ["patch1", "patch2"]}
    table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 8], rounds=2))
    measured = {"file": "reproducer_sync.csv", "where": where}
    files = figures.draw("copy_rate", table, tmp_path / "m", caption="c", measured=measured)
    assert b"measured" in files[0].read_bytes()
    assert all(figures.rerun(path).identical for path in files)


def test_a_figure_of_ones_own_says_what_it_has(tmp_path):
    table = wb.simulate(wb.Scenario(npages=2, rounds=1))
    fig, ax = plots.figure()
    ax.plot([1, 2])
    files = plots.save(fig, tmp_path / "own", table, caption="Own")
    assert figures.read_provenance(files[0])["figure"]["caption"] == "Own"
    with pytest.raises(wb.WpbenchError, match="does not say how it was drawn"):
        figures.rerun(files[0])
    assert not figures.rerun(files[3]).differences or not figures.rerun(files[3]).identical


def test_a_large_grid_is_named_whole(tmp_path):
    table = wb.simulate(wb.grid(npages=1, rounds=0, seed=range(1500)))
    record = table.attrs["wpbench"]["parameters"]
    assert len(record["grids"][0]["seed"]) == 1500
    assert len(scenarios_of(record)) == 1500
    listed = wb.simulate(list(wb.grid(npages=1, rounds=0, seed=range(1001))))
    parameters = listed.attrs["wpbench"]["parameters"]
    assert len(parameters["scenarios"]) == 1000
    assert parameters["left_out"] == 1
    listed.to_parquet(tmp_path / "listed.parquet")
    with pytest.raises(wb.WpbenchError, match=r"names 1000 and leaves out 1; a grid"):
        figures.rerun(tmp_path / "listed.parquet")


def test_a_grid_with_equal_axes_is_made_again(tmp_path):
    grid = wb.grid(cpus=[1, 2], threads="cpus", npages=2, rounds=1, kernel="patch2")
    made = scenarios_of(json.loads(json.dumps(wb.simulate(grid).attrs["wpbench"]["parameters"])))
    assert made.axes == grid.axes
    assert made.equal == {"threads": "cpus"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "mean"}, "kind: 'mean' is not accepted.*accepted: .*mean_over"),
        ({"y": "npages"}, "option of mean_over: 'y'.*accepted: x, value, line"),
        ({"where": {"page": 1}}, "where: 'page'.*did you mean 'npages'"),
        ({"where": {"npages": 3}}, "where: npages: 3 is not accepted"),
        ({"x": "copies2"}, "x: 'copies2' is not accepted"),
        ({"x": object()}, "accepted: plain JSON types"),
        ({"x": "migration_rate"}, "runs that differ in npages are no replications"),
    ],
)
def test_what_cannot_be_drawn(tmp_path, options, message):
    given = {"kind": "mean_over", "x": "npages", "caption": "c"} | options
    with pytest.raises(wb.TableError, match=message):
        figures.draw(given.pop("kind"), small(), tmp_path / "x", **given)
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.svg", None, "there is no such file"),
        ("a.txt", b"", "accepted: .svg, .png, .parquet, .csv"),
        ("a.svg", b"<svg/>", "carries no provenance"),
        ("a.svg", b"\xff\xfe", "cannot be read as svg"),
        ("a.png", b"no picture", "cannot be read as png"),
        ("a.parquet", b"no table", "cannot be read as parquet"),
        ("a.csv", b"a\n1\n", "a CSV file carries no provenance"),
    ],
)
def test_files_that_say_nothing(tmp_path, capsys, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    for command in ("provenance", "rerun"):
        assert main([command, str(path)]) == 2
        assert message in capsys.readouterr().err


def places(value, at=()):
    """Yield where every part of a record is."""
    if at:
        yield at
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*at, key))


def changed(record, at, *value):
    """Return the record without a part, or with another one."""
    copy = json.loads(json.dumps(record))
    *way, last = at
    inner = copy
    for key in way:
        inner = inner[key]
    if value:
        inner[last] = value[0]
    else:
        del inner[last]
    return copy


WRONG = [None, True, -1, 2.5, "x", [], [[1]], {}, {"x": [1]}]


def test_each_wrong_or_missing_key_is_one_line(drawn):
    """Whatever is changed: as it was, or one line with the file and the key."""
    record = figures.read_provenance(drawn[0])
    needed = {
        "schema_version", "software", "software.name", "software.version", "software.commit",
        "command", "parameters", "parameters.seeds", "model", "data", "environment",
        "figure.caption", "figure.title", "figure.where", "figure.size", "figure.options",
        "figure.matplotlib", "figure.rows", "figure.csv_sha256",
    }  # fmt: skip
    missing = set()
    for at in places(record):
        key = ".".join(map(str, at))
        for value in [(), *[(wrong,) for wrong in WRONG]]:
            try:
                again = check_record(changed(record, at, *value), "f.svg", ("simulate",))
            except wb.WpbenchError as error:
                text = str(error)
                assert text.startswith("f.svg: its provenance has ")
                assert len(text.splitlines()) == 1
                assert key in text or any(part in text for part in key.split(".")), (key, text)
                missing |= {key} if value == () else set()
            else:
                figures.record.describe(again)
    assert missing >= needed


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (["software"], (), "its provenance has no software"),
        (["software", "commit"], (), "its provenance has no software.commit"),
        (["schema_version"], (2,), "schema_version = 2, which is not accepted; accepted: less"),
        (["environment"], ([],), r"environment = \[\], which is not accepted; accepted: a valid"),
        (["parameters", "seeds"], ("2",), "parameters.seeds = '2', which is not accepted"),
        (["parameters", "grids"], ([],), "cannot be made again: grids: the provenance names none"),
        (["parameters", "grids", 0, "npages"], ({},), "parameters.grids.0.npages"),
        (["parameters", "grids", 0, "npages"], ([0],), "cannot be made again: npages: 0"),
        (["parameters", "grids", 0, "page"], (1,), "cannot be made again: Scenario field: 'page'"),
        (["figure", "size"], ([7.0],), "figure.size"),
        (["figure", "size"], ([7.0, 1e9],), "figure.size.1 = 1000000000.0"),
        (["figure", "kind"], ("pie",), "cannot be drawn again: kind: 'pie' is not accepted"),
        (["figure", "where"], ({"npages": [3]},), "cannot be drawn again: where: npages"),
        (["figure", "where"], ({"npages": [[3]]},), "figure.where.npages = .* accepted: a text"),
        (["figure", "options"], ({"x": 5},), "cannot be drawn again: x: 5 is not accepted"),
        (["figure", "options"], ({"x": [5]},), "cannot be drawn again: "),
        (["figure", "options"], ({"title": "t"},), "figure.options that are no options"),
    ],
)  # fmt: skip
def test_what_provenance_must_have(copies, capsys, at, value, message):
    path = copies[".parquet"]
    table = pd.read_parquet(path)
    table.attrs = {"wpbench": changed(table.attrs["wpbench"], at, *value)}
    table.to_parquet(path)
    status = main(["rerun", str(path)])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"wpbench rerun: {path}: ")
    assert re.search(message, line)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("workload", None, "workload: None is not accepted"),
        ("backend", "tape", "backend: 'tape' is not accepted"),
        ("npages", 2.7, "npages: 2.7 is not accepted; accepted: a whole number"),
        ("fork_exit_before", "no", "fork_exit_before: 'no' is not accepted; accepted: true, false"),
        ("seed", float("inf"), "seed: inf is not accepted"),
    ],
)
def test_a_scenario_that_is_none_is_not_guessed(tmp_path, name, value, message):
    table = wb.simulate([wb.Scenario(npages=2, rounds=1)])
    table.attrs["wpbench"]["parameters"]["scenarios"][0][name] = value
    with pytest.raises(wb.ScenarioError, match=message):
        scenarios_of(table.attrs["wpbench"]["parameters"])


def test_as_many_cases_as_grids():
    parameters = {"grids": [{"npages": [1]}], "seeds": 1, "file": "g.toml", "cases": ["a", "b"]}
    with pytest.raises(wb.ScenarioError, match="cases: the provenance names 2 for 1 grids"):
        scenarios_of(parameters)


def test_a_fields_former_name_is_read(tmp_path, monkeypatch):
    grid = wb.grid(kernel=["patch1", "patch2"], npages=2, rounds=1)
    monkeypatch.setitem(record_module.FORMER_NAMES, "rule", "kernel")
    for scenarios in (grid, list(grid)):
        table = wb.simulate(scenarios)
        text = json.dumps(table.attrs["wpbench"]["parameters"]).replace('"kernel"', '"rule"')
        assert '"rule"' in text
        found = scenarios_of(json.loads(text))
        assert [s.resolved() for s in found] == [s.resolved() for s in grid]
        table.rename(columns={"kernel": "rule"}).to_parquet(tmp_path / "old.parquet")
        assert "patch1" in str(wb.report(tmp_path / "old.parquet"))


def test_command_line(copies, capsys):
    for path in copies.values():
        assert main(["provenance", str(path)]) == 0
        text = capsys.readouterr().out
        assert f"caption   {CAPTION}\n" in text
        assert "wb.plots.mean_over()" in text
        assert main(["rerun", str(path)]) == 0
        assert capsys.readouterr().out.startswith(f"{path}: identical")
    assert main(["provenance", "--json", str(copies[".svg"])]) == 0
    assert json.loads(capsys.readouterr().out)["figure"]["rows"] == 8
    with copies[".png"].open("ab") as file:
        file.write(b"x")
    assert main(["rerun", "--json", str(copies[".png"])]) == 1
    assert json.loads(capsys.readouterr().out)["identical"] is False


def test_a_large_picture_gets_fewer_colours(tmp_path):
    import numpy as np

    fig, ax = plots.figure()
    ax.imshow(np.random.default_rng(1).random((40, 40)), cmap="viridis")
    files = plots.save(fig, tmp_path / "noise")
    assert files[1].stat().st_size <= PNG_BYTES
    fig, ax = plots.figure(9, 6)
    ax.imshow(np.random.default_rng(1).random((900, 900)), interpolation="nearest")
    with pytest.raises(wb.WpbenchError, match=r"takes .* bytes as PNG, more than 100000"):
        plots.save(fig, tmp_path / "more")
    assert not list(tmp_path.glob("*more*"))  # no SVG without its PNG
