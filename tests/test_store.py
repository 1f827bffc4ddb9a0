"""A store that rotted, or that somebody put other things into: named, and done again."""

import json
import re
import shutil
import warnings

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import wpbench as wb
from wpbench.scenario import plain as record
from wpbench.sweep import parts
from wpbench.sweep.run import estimate_sweep
from wpbench.sweep.store import read_store

GRID = wb.grid(npages=[1, 2, 3], rounds=2, kernel=["patch1", "patch2"])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a store, and its table."""
    folder = tmp_path_factory.mktemp("stores") / "made"
    return folder, wb.sweep(GRID, folder)


@pytest.fixture
def store(made, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(made[0], folder)
    return folder


def the_part(store):
    (part,) = store.glob("model=*/part-*.parquet")
    return part


def swept(store):
    """Sweep again; return the table and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = wb.sweep(GRID, store)
    return table, [str(warning.message) for warning in caught]


def signed(store, table):
    """Write a part whose checksum is right, whatever is in it."""
    the_part(store).unlink()
    parts.write(parts.folder_of(store), table)
    return the_part(store)


def test_every_flipped_bit_is_found(made, store):
    part = the_part(store)
    data = part.read_bytes()
    for at in range(0, len(data), 97):
        part.write_bytes(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
        with pytest.raises(wb.SweepError, match=rf"{part.name}: is damaged \(its checksum is "):
            read_store(store)
    table, told = swept(store)
    pd.testing.assert_frame_equal(table, made[1])
    (line,) = told
    assert f"{part.name}: is damaged" in line
    assert "a sweep does its runs again; it is now ." in line
    assert len(read_store(store)) == len(GRID)
    assert swept(store)[1] == []


def columns_of(table, **more):
    return table.append_column("more", pa.array([1] * len(table))).replace_schema_metadata(
        table.schema.metadata
    )


def of_another_model(table):
    """Return the table with other keys, which follow from the model."""
    at = table.column_names.index("key")
    return table.set_column(at, "key", pa.array([key[::-1] for key in table["key"].to_pylist()]))


def with_cell(table, name, value):
    """Return the table with another value in its first row."""
    values = [value, *table[name].to_pylist()[1:]]
    at = table.column_names.index(name)
    return table.set_column(at, name, pa.array(values))


WRONG = {
    "no metadata": (lambda t: t.replace_schema_metadata(None), "does not say how it was made"),
    "other metadata": (
        lambda t: t.replace_schema_metadata({parts.NOTES: "[1"}),
        "does not say how it was made",
    ),
    "no key": (lambda t: t.drop_columns(["key"]), "no column 'key'"),
    "no counter": (lambda t: t.drop_columns(["copies"]), "no column 'copies'"),
    "one more": (columns_of, "a column 'more'"),
    "text for a number": (
        lambda t: with_cell(t, "copies", None).set_column(
            t.column_names.index("copies"), "copies", pa.array(["7"] * len(t))
        ),
        "'copies' is of type string",
    ),
    "an empty key": (lambda t: with_cell(t, "key", None), "'key' has empty cells"),
    "an empty count": (lambda t: with_cell(t, "copies", None), "'copies' has empty cells"),
    "twice": (
        lambda t: t.append_column("copies", t["copies"]),
        "the column 'copies' twice",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_part_that_is_not_what_a_sweep_writes(made, store, name):
    change, message = WRONG[name]
    part = signed(store, change(pq.read_table(the_part(store))))
    with pytest.raises(wb.SweepError, match=rf"{part.name}: is damaged \(.*{message}"):
        read_store(store)
    with pytest.raises(wb.SweepError, match=rf"{part.name}: is damaged"):
        estimate_sweep(GRID, store)  # it writes nothing, and puts nothing aside
    table, told = swept(store)
    pd.testing.assert_frame_equal(table, made[1])
    assert len(told) == 1
    pd.testing.assert_frame_equal(swept(store)[0], made[1])


@pytest.mark.parametrize("kind", ["folder", "full folder", "dangling link", "other name"])
def test_what_stands_in_a_parts_place(made, store, kind):
    part = the_part(store)
    data = part.read_bytes()
    part.unlink()
    if kind == "dangling link":
        part.symlink_to("nowhere")
    elif kind == "other name":
        part = part.with_name("part-copy.parquet")
        part.write_bytes(data)
    else:
        part.mkdir()
        if kind == "full folder":
            (part / "file").write_text("")
    with pytest.raises(wb.SweepError, match=rf"{part.name}: is damaged"):
        read_store(store)
    table, told = swept(store)
    pd.testing.assert_frame_equal(table, made[1])
    assert len(told) == 1
    assert len(read_store(store)) == len(GRID)


@pytest.mark.parametrize("name", ["", "/_lock", "/_store.json", "/{model}"])
def test_what_stands_in_the_way_is_named(tmp_path, name):
    store = tmp_path / "store"
    path = tmp_path / f"store{name.format(model=parts.folder_of(store).name)}"
    path.parent.mkdir(exist_ok=True)
    if name == "/_lock":
        path.mkdir()
    else:
        path.write_text("")
    if name == "/{model}":
        (store / "_store.json").write_text('{"format": 2}')
    with pytest.raises(wb.SweepError, match=str(path)) as error:
        wb.sweep(GRID, store)
    assert "\n" not in str(error.value)


def test_a_store_of_an_earlier_version_is_read_and_said_to_be_unverified(made, store):
    """Format 1: another model, no checksums; and fewer columns, some of another name."""
    part = the_part(store)
    old = part.parent.with_name("model=0123456789abcdef")
    part.parent.rename(old)
    table = of_another_model(pq.read_table(old / part.name))
    table = table.drop_columns(["folio_order"])
    (old / part.name).unlink()
    pq.write_table(table, old / "part-000001.parquet")
    (store / "_store.json").write_text(json.dumps({"format": 1, "what": "wpbench sweep"}))
    message = r"store: 1 parts were written by an earlier version, without checksums"
    with pytest.warns(UserWarning, match=message):
        rows = read_store(store)
    assert rows["copies"].tolist() == made[1].sort_values(["kernel", "npages"])["copies"].tolist()
    assert "folio_order" not in rows
    table, told = swept(store)
    pd.testing.assert_frame_equal(table, made[1])
    assert told == []  # its rows are of another model
    with pytest.warns(UserWarning, match=message):
        both = read_store(store)
    assert both.groupby("model").size().to_dict() == {
        "0123456789abcdef": 6,
        parts.MODEL: 6,
    }
    assert json.loads((store / "_store.json").read_text())["format"] == 2


def test_each_copy_of_the_notes_is_looked_at_where_no_checksum_does(store):
    """A Parquet file has its schema, with the notes, twice: in Arrow's form, and beside it."""
    part = the_part(store)
    data = part.read_bytes()
    part.unlink()
    part = part.with_name("part-000001.parquet")
    places = [match.end() - 1 for match in re.finditer(rb'\{"[a-z_]+": "', data)]
    assert places
    for at in places:  # the text begins without a quote
        part.write_bytes(data[:at] + b"x" + data[at + 1 :])
        with pytest.raises(wb.SweepError, match=r"part-000001\.parquet: is damaged"):
            read_store(store)


def test_a_part_of_this_model_without_a_checksum_is_done_again(made, store):
    part = the_part(store)
    part.rename(part.with_name("part-000001.parquet"))
    table, told = swept(store)
    pd.testing.assert_frame_equal(table, made[1])
    assert "part-000001.parquet: is damaged (it has no checksum)" in told[0]


def test_a_fields_former_name_is_read(made, store, monkeypatch):
    monkeypatch.setitem(record.FORMER_NAMES, "rule", "decision")
    part = the_part(store)
    table = of_another_model(pq.read_table(part))
    names = ["rule" if name == "decision" else name for name in table.column_names]
    old = part.parent.with_name("model=0123456789abcdef")
    old.mkdir()
    pq.write_table(
        pa.Table.from_arrays(table.columns, names).replace_schema_metadata(table.schema.metadata),
        old / "part-000001.parquet",
    )
    with pytest.warns(UserWarning, match="without checksums"):
        rows = read_store(store)
    assert "rule" not in rows
    assert rows["kernel"].value_counts().to_dict() == {"patch1": 6, "patch2": 6}


def test_parts_of_other_models_that_do_not_go_together(store):
    table = pq.read_table(the_part(store))
    for number, values in enumerate((["a"] * len(table), [1] * len(table))):
        old = store / f"model=000000000000000{number}"
        old.mkdir()
        odd = table.append_column("odd", pa.array(values))
        parts.write(old, odd.replace_schema_metadata(table.schema.metadata))
    with pytest.raises(wb.SweepError, match=r"has parts that do not go together \(.*odd"):
        read_store(store)
