"""data/: unchanged, complete, every number with its source."""

import csv
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wpbench.data import ON_DEVICE, facts
from wpbench.measure.program.counted import COLUMNS as PROGRAM_COLUMNS
from wpbench.measure.program.counterfactual import CAUSES
from wpbench.measure.program.state import UNCLEAR
from wpbench.mm.names import Cost, texts

DATA = Path(__file__).resolve().parents[1] / "data"

COLUMNS = ["id", "quantity", "value", "unit", "low", "high"]
COLUMNS += ["context", "source", "kind", "confidence", "note"]
# The keys of a backend and their type; backends.toml explains them.
KEYS: dict[str, type] = {
    "synchronous": bool,
    "swapin": str,
    "stable_writes": bool,
    "rotational": bool,
    "distribution": str,
    "latency_ns": int,
    "latency_sigma": float,
    "read_ns": int,
    "write_ns": int,
    "queue_depth": int,
    "max_request_pages": int,
}
BACKENDS = ["zram", "brd", "pmem", "null_blk", "nvme", "ssd", "disk", "zswap"]


def sums() -> dict[str, str]:
    lines = (DATA / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def published() -> list[dict[str, str]]:
    with (DATA / "published.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    return rows


def backends() -> dict[str, dict[str, Any]]:
    return tomllib.loads((DATA / "backends.toml").read_text(encoding="utf-8"))


def test_every_data_file_is_listed() -> None:
    files = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    assert files - {"SHA256SUMS", "README.md"} == set(sums()), "on purpose? make data-sums"


@pytest.mark.parametrize("name", sorted(sums()))
def test_data_file_is_unchanged(name: str) -> None:
    digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
    assert digest == sums()[name], "on purpose? make data-sums"


def test_published_rows_are_complete() -> None:
    rows = published()
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        for column in ("id", "quantity", "unit", "context", "source"):
            assert row[column].strip(), f"{row['id']}: no {column}"
        assert row["kind"] in {"published", "derived"}, row["id"]
        assert row["confidence"] in {"high", "medium", "low"}, row["id"]
        if row["kind"] == "derived":
            assert row["note"], f"{row['id']}: derived, and the note does not say how"
            assert row["confidence"] != "high", row["id"]


def test_published_sources_can_be_looked_up() -> None:
    for row in published():
        source = row["source"]
        found = "@" in source or source.startswith(("commit ", "https://")) or "ASPLOS" in source
        assert found, f"{row['id']}: {source!r} is neither a message id, a commit nor an address"


def test_published_numbers_are_numbers() -> None:
    for row in published():
        numbers = {key: float(row[key]) for key in ("value", "low", "high") if row[key]}
        assert "value" in numbers or {"low", "high"} <= set(numbers), row["id"]
        assert ("low" in numbers) == ("high" in numbers), row["id"]
        if "low" in numbers:
            middle = numbers.get("value", numbers["low"])
            assert numbers["low"] <= middle <= numbers["high"], row["id"]


def test_derived_figures_follow_from_the_published_ones() -> None:
    value = {row["id"]: float(row["value"]) for row in published() if row["value"]}
    fast, slow = value["nadav-write-v5.8"], value["nadav-write-mainline"]
    assert slow - fast == value["nadav-copy-minus-reuse"]
    assert round(slow / fast, 2) == value["nadav-copy-over-reuse"]
    flushes = (value["nadav-tlb-mainline"] - value["nadav-tlb-v5.8"]) / 100_000
    assert flushes == pytest.approx(value["nadav-extra-flushes"])
    counters = ["reuse", "early-copy", "final-copy", "lock-copy", "lru-copy"]
    counters += ["writeback-copy", "swapcache-copy"]
    total = sum(value[f"david-patch2-{name}"] for name in counters)
    assert total == value["david-patch2-total"]
    rate = 100 * value["david-patch2-writeback-copy"] / total
    assert rate == pytest.approx(value["david-patch2-writeback-rate"], abs=0.06)
    gain = 100 * (value["redis-ops-after"] / value["redis-ops-before"] - 1)
    assert gain == pytest.approx(value["redis-ops-gain-derived"], abs=0.06)


COST_SETS = ["none", "icount", "haswell-kvm", "server", "epyc-guest"]


@pytest.mark.parametrize("name", COST_SETS)
def test_every_cost_has_a_source(name: str) -> None:
    table = dict(facts("costs")[name])
    assert table.pop("description")
    steps = set(texts(Cost)) - {"device_read", "device_write"}  # these are the backend's
    assert set(table) - {"ghz", *ON_DEVICE} | {"fault_first"} == steps
    for key, fact in table.items():
        assert type(fact["value"]) is (float if key == "ghz" else int), key
        assert fact["value"] >= 0, key
        if fact["source"].startswith("assumed:"):
            assert {"low", "high"} <= set(fact), f"{key}: assumed, and no range"
        if {"low", "high"} & set(fact):
            assert fact["low"] <= fact["value"] <= fact["high"], key


def test_cost_sets_are_these() -> None:
    assert list(facts("costs")) == COST_SETS


def test_backends_are_those_of_the_design() -> None:
    assert list(backends()) == BACKENDS


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_fact_has_a_source(name: str) -> None:
    table = backends()[name]
    assert table.pop("description")
    assert set(table) == set(KEYS)
    for key, fact in table.items():
        value, source = fact["value"], fact["source"]
        assert type(value) is KEYS[key], key
        assert source.strip(), key
        ranged = KEYS[key] in {int, float} and {"low", "high"} <= set(fact)
        assert set(fact) == {"value", "source", *(("low", "high") if ranged else ())}, key
        if KEYS[key] in {int, float} and source.startswith("assumed:"):
            assert ranged, f"{key}: assumed, and no range"
        elif ranged:
            assert "low" in source, f"{key}: known, and the source does not say what the range is"
            assert "high" in source, key
        if ranged:
            assert 0 <= fact["low"] <= value <= fact["high"], key


@pytest.mark.parametrize("name", BACKENDS)
def test_backend_facts_fit_together(name: str) -> None:
    fact = {key: entry["value"] for key, entry in backends()[name].items() if key in KEYS}
    assert fact["swapin"] in {"bypass", "cache"}
    assert fact["distribution"] in {"constant", "lognormal"}
    assert (fact["distribution"] == "constant") == (fact["latency_sigma"] == 0)
    if fact["swapin"] == "bypass":
        assert fact["synchronous"], "SWP_SYNCHRONOUS_IO is one flag for both directions"
    assert fact["synchronous"] == (fact["latency_ns"] == 0)
    assert fact["queue_depth"] >= 1
    assert fact["max_request_pages"] >= 1


@pytest.mark.parametrize("path", sorted((DATA / "programs").glob("*.csv")), ids=lambda p: p.stem)
def test_program_tables_are_whole_and_have_their_provenance(path: Path) -> None:
    table = pd.read_csv(path)
    assert tuple(table) == PROGRAM_COLUMNS
    assert not table.duplicated(["command", "cpu", "run"]).any()
    assert (table["wp_faults"] == table["reuses"] + table["copies"]).all()
    assert (table["drained"] == table["helped"] + table["in_vain"]).all()
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["parameters"]["runs"] == 1 + table["run"].max()
    assert about["status"] == [0] * about["parameters"]["runs"]
    assert about["tracing"]["lost"] == 0
    assert sum(about["unclear"][name] for name in UNCLEAR) == table["unclear"].sum()
    sums = table.groupby("run")[["wp_faults", "copies"]].sum()
    told = [f"| {int(s.min())} to {int(s.max())} " for s in (sums["wp_faults"], sums["copies"])]
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert f"{told[0]}{told[1]}|" in readme


def test_replays_agree_as_the_readme_says() -> None:
    table = pd.read_csv(DATA / "programs" / "replayed" / "kernels.csv")
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    about = json.loads((DATA / "programs/replayed/kernels.json").read_text(encoding="utf-8"))
    assert set(table["recipe"]) == set(about["recipes"])
    for recipe, rows in table.groupby("recipe"):
        measured, own = rows.iloc[0], rows.iloc[1]
        assert rows["what"].tolist() == ["measured"] + ["simulated"] * (len(rows) - 1)
        assert set(rows["wp_faults"]) == {measured["wp_faults"]}
        assert (rows["wp_faults"] == rows["reuses"] + rows["copies"]).all()
        causes = {name: int(own[name]) for name in CAUSES if own[name]}
        assert own["agree"] + sum(causes.values()) == own["wp_faults"]
        differ = ", ".join(f"{name} {n}" for name, n in causes.items())
        told = f"| {measured['wp_faults']} | {int(own['agree'])} | {differ}".rstrip()
        (line,) = [text for text in readme.splitlines() if told in text]
        assert line.startswith(f"| `{recipe}`")
        assert about["recipes"][recipe]["agreement"] == own["agree"] / own["wp_faults"]
        assert about["recipes"][recipe]["lost"] == 0
