"""What users hand in: files and tables that are wrong are one clear line, and none is endless."""

import gzip
import json
import re
import shutil
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

import wpbench as wb
from wpbench import data, figures
from wpbench.commands.main import main
from wpbench.errors import DataError
from wpbench.figures.record import describe
from wpbench.jit.functions import Cache
from wpbench.notebook import run_notebook
from wpbench.provenance import record as provenance
from wpbench.scenario import Scenario, columns
from wpbench.simulate.trace import read_trace

TRACE = wb.data_dir() / "kernel-measurements" / "traces" / "zram_patch2_32p_1c_s12.csv.gz"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Give a folder of data files of one's own, in place of the shipped ones."""
    cached = (data.facts, data.backends, data.costs, data._shipped, columns._cost_row)
    for name in ("backends.toml", "costs.toml"):
        shutil.copy(wb.data_dir() / name, tmp_path)
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path)
    for function in cached:
        function.cache_clear()
    yield tmp_path
    for function in cached:
        function.cache_clear()


def replaced(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


class TestDataFiles:
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (
                "queue_depth = { value = 64,",
                "queue_depth = { value = true,",
                "queue_depth.value: T",
            ),
            (
                "queue_depth = { value = 64,",
                "queue_depth = { value = 0,",
                "queue_depth.value: 0 is",
            ),
            (
                "queue_depth = { value = 64,",
                "queue_dept = { value = 64,",
                "queue_depth: is missing",
            ),
            (
                "latency_ns = { value = 10000,",
                "latency_ns = { value = nan,",
                "latency_ns.value: nan",
            ),
            ("latency_ns = { value = 10000,", "latency_ns = { value = -1,", "latency_ns.value: -1"),
            (
                "latency_ns = { value = 10000,",
                "latency_ns = { value = 'x',",
                "latency_ns.value: 'x'",
            ),
            (
                "latency_ns = { value = 10000,",
                "latency_ns = { val = 10000,",
                "latency_ns.value: is",
            ),
            (
                "latency_ns = { value = 10000,",
                f"latency_ns = {{ value = {2**63 - 1},",
                "latency_ns.value: 9223372036854775807 is not accepted",
            ),
        ],
    )
    def test_backend(self, files, old, new, message, capsys):
        replaced(files / "backends.toml", old, new)
        assert main(["run", "--npages", "1", "--rounds", "1"]) == 2
        error = capsys.readouterr().err
        assert f"{files / 'backends.toml'}: null_blk: " in error
        assert message in error
        assert error.count("\n") == 1

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("high = 300000,", "high = 3000,", "nvme: low, value, high: [8000, 30000, 3000]"),
            ("low = 0.0, high = 1.5,", "low = 0.0, high = inf,", "latency_sigma.high: inf"),
            ("low = 8000, ", "", "nvme: low, value, high: [None, 30000, 300000] are no range"),
            ("latency_ns = { value = 0,", "latency_ns = { value = 5,", "zram: latency_ns: 5 does"),
            ('source = "Linux 6.1 mm/memory.c', 'source = "" # ', "is not TOML"),
            ("[zram]", "[[zram]]", "zram: : [{"),
            ("[zram]", "zram = 5\n[zram2]", "zram: "),
        ],
    )
    def test_backends_ranges_and_tables(self, files, old, new, message):
        replaced(files / "backends.toml", old, new)
        with pytest.raises(DataError) as error:
            wb.backends()
        assert str(error.value).startswith(f"{files / 'backends.toml'}: ")
        assert message in str(error.value)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (
                "access = { value = 1000,",
                f"access = {{ value = {2**63 - 1},",
                "icount: access.value",
            ),
            ("access = { value = 1000,", "access = { value = inf,", "icount: access.value: inf"),
            ("access = { value = 1000,", "acces = { value = 1000,", "icount: acces: is no step"),
            ("access = { value = 1000,", f"access = {{ value = {'9' * 5000},", "is not TOML"),
            ("[none]", "[nothing]", "none: is missing"),
            ("ghz = { value = 3.0,", "ghz = { value = 0,", "haswell-kvm: ghz.value: 0 is not"),
            ("lru_hold_page = { value = 40, low = 20,", "lru = { value = 4, low = 2,", "haswell"),
        ],
    )
    def test_costs(self, files, old, new, message):
        replaced(files / "costs.toml", old, new)
        with pytest.raises(DataError) as error:
            wb.simulate(Scenario(npages=1, rounds=1, costs="icount"))
        assert str(error.value).startswith(f"{files / 'costs.toml'}: ")
        assert message in str(error.value)

    def test_a_step_that_all_sets_lack_is_not_free(self, files):
        path = files / "costs.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("fault_entry =")]
        path.write_text("\n".join(kept), encoding="utf-8")
        with pytest.raises(DataError, match=r"costs\.toml: none: fault_entry: is missing"):
            wb.simulate(Scenario(npages=1, rounds=1))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"", "has no table"),
            (b"\xff", "is not TOML"),
            (b"a = " + b"[" * 5000, "is not TOML"),
            (b"#" * (data.MAX_TOML_BYTES + 1), "is too large; accepted: up to 4 MiB"),
        ],
    )
    def test_no_toml(self, files, text, message):
        (files / "backends.toml").write_bytes(text)
        with pytest.raises(DataError, match=message):
            wb.backends()
        (files / "backends.toml").unlink()
        data.facts.cache_clear()
        with pytest.raises(DataError, match="cannot be read: No such file"):
            wb.backends()


class TestTraces:
    def altered(self, tmp_path, old, new):
        path = tmp_path / "t.csv"
        path.write_bytes(gzip.decompress(TRACE.read_bytes()))
        replaced(path, old, new)
        return path

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("# npages: 32", "# npages: ²", r"header: npages: '²' is not accepted; accepted: a w"),
            ("# npages: 32", "# npages: ٣٢", r"header: npages: '٣٢' is not accepted"),
            (
                "# npages: 32",
                f"# npages: {'1' * 5000}",
                r"npages: '1+\.\.\.1+' \(5002 characters\)",
            ),
            ("# npages: 32", f"# npages: {1 << 40}", r"1 to 4194304 \(2\*\*22\)"),
            ("# npages: 32", f"# page_cluster: {2**64}\n# npages: 32", "page_cluster: '18446"),
            ("# npages: 32", "# file_lru: -1\n# npages: 32", "file_lru: '-1' is not accepted"),
            (
                "read,",
                f"{'x' * 200_000},",
                r"op: 'x+\.\.\.x+' \(200002 characters\) is not accepted",
            ),
            ("read,", f"read,{'9' * 200_000}", r"arg: '9+\.\.\."),
        ],
    )
    def test_numbers_and_cells(self, tmp_path, old, new, message, capsys):
        path = self.altered(tmp_path, old, new)
        with pytest.raises(wb.TraceError, match=message):
            read_trace(path)
        assert main(["replay", str(path)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert len(error) < 2000

    def test_a_bomb_is_refused_and_the_limit_can_be_raised(self, tmp_path, capsys):
        path = tmp_path / "bomb.csv.gz"
        with gzip.open(path, "wb", compresslevel=9) as file:
            for _ in range(66):
                file.write(bytes(1 << 20))
        message = r"is larger than 64 MiB, unpacked; accepted: .* more with max_mb \(--max-mb\)"
        with pytest.raises(wb.TraceError, match=message):
            wb.replay(path)
        for command in (["replay", str(path)], ["explain", "--trace", str(path), "--row", "0"]):
            assert main([*command]) == 2
            assert "larger than 64 MiB" in capsys.readouterr().err
            assert main([*command, "--max-mb", "67"]) == 2
            assert "the header has no" in capsys.readouterr().err

    def test_a_limit_takes_no_memory(self, tmp_path):
        path = tmp_path / "small.csv"
        path.write_text("# nothing: here\n")
        tracemalloc.start()
        with pytest.raises(wb.TraceError, match="the header has no"):
            read_trace(path, max_mb=4096)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 64 << 20

    def test_what_is_no_file_has_an_end(self):
        with pytest.raises(wb.TraceError, match="is larger than 1 MiB"):
            read_trace("/dev/zero", max_mb=1)


class TestGridFiles:
    @pytest.mark.parametrize(
        ("grid", "message"),
        [
            ("grid = [{npages = 1}, 2]", r"grid: 2 is not accepted; accepted: \[\[grid\]\] tables"),
            ("grid = 5", "needs one or more"),
            (f"[[grid]]\nnpages = {'[' * 500}{']' * 500}", "nested too deep|npages: .* accepted"),
            (f"[[grid]]\nnpages = {'9' * 5000}", "is not TOML"),
            (f"[[grid]]\nnpages = {2**63}", r"grid 1: npages: 9223372036854775808 is not acc"),
            ("[[grid]]\nmax_runs = 1000000000000", "grid 1: Scenario field: 'max_runs'"),
            ("[[grid]]\nworkload = [[1]]", r"grid 1: workload: \[1\] is not accepted"),
        ],
    )
    def test_refused(self, tmp_path, grid, message, capsys):
        path = tmp_path / "g.toml"
        path.write_text(f'title = "t"\nquestion = "q"\n{grid}\n', encoding="utf-8")
        with pytest.raises(wb.ScenarioError, match=message):
            wb.load_grid(path)
        assert main(["sweep", str(path), "--dry-run"]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_workloads_and_rows_that_are_none(self):
        for workload in ([1], {}, 5, None, ["reproducer"], float("nan")):
            with pytest.raises(wb.ScenarioError, match="workload: "):
                Scenario(workload=workload)
            with pytest.raises(wb.ScenarioError, match="workload: "):
                Scenario.from_row({"workload": workload, "backend": "zram"})
        for row in ({"backend": [1]}, {"npages": [1, 2]}, {"rounds": float("inf")}, {"cpus": 1.5}):
            with pytest.raises(wb.ScenarioError, match=f"{next(iter(row))}: "):
                Scenario.from_row({"workload": "reproducer", **row})


class TestRerun:
    def made(self, tmp_path, **parameters):
        """Return a table's file whose record asks for something else."""
        table = wb.simulate(wb.grid(npages=[1], rounds=1))
        table.attrs["wpbench"]["parameters"] |= parameters
        path = tmp_path / "t.parquet"
        table.to_parquet(path)
        return path

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"grids": [{"rounds": [10**12], "npages": [1]}]}, r"take about \d.* hours; accepted:"),
            ({"grids": [{"seed": [1], "npages": [1], "rounds": 10**12}]}, "hours; accepted: up to"),
            (
                {"grids": [{"npages": list(range(1, 2001)), "cpus": list(range(1, 2001))}]},
                "4000000 scenarios: too many runs",
            ),
            ({"seeds": 10**8}, "too many runs"),
            ({"grids": [{"rounds": 2**61}]}, "rounds: 2305843009213693952 is not accepted"),
        ],
    )
    def test_endless_ones_are_refused(self, tmp_path, parameters, message, capsys):
        path = self.made(tmp_path, **parameters)
        with pytest.raises(wb.WpbenchError, match=message):
            figures.rerun(path)
        assert main(["rerun", str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_the_limits_can_be_lowered_and_raised(self, tmp_path):
        path = self.made(tmp_path)
        with pytest.raises(wb.WpbenchError, match=r"more with max_hours \(--max-hours\)"):
            figures.rerun(path, max_hours=1e-12)
        assert main(["rerun", str(path), "--max-hours", "5", "--max-runs", "1"]) == 0


class TestProvenance:
    @pytest.fixture(autouse=True)
    def forget(self):
        provenance.git_commit.cache_clear()
        yield
        provenance.git_commit.cache_clear()

    @pytest.mark.parametrize(
        ("script", "why"),
        [
            (None, "git is not installed"),
            (
                "echo 'fatal: detected dubious ownership in repository' >&2; exit 128",
                "git: fatal: d",
            ),
            ("exit 3", "git: exit status 3"),
        ],
    )
    def test_a_commit_that_is_not_known_is_explained(self, tmp_path, monkeypatch, script, why):
        if not (Path(provenance.__file__).parents[2] / ".git").exists():
            pytest.skip("not a checkout")
        if script is not None:
            (tmp_path / "git").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (tmp_path / "git").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        record = wb.simulate(Scenario(npages=1, rounds=1)).attrs["wpbench"]
        assert record["software"]["commit"] is None
        assert record["software"]["no_commit"].startswith(why)
        assert f"commit unknown ({why}" in describe(record)

    def test_a_known_one_needs_no_words(self):
        software = wb.simulate(Scenario(npages=1, rounds=1)).attrs["wpbench"]["software"]
        assert ("no_commit" in software) == (software["commit"] is None)

    def test_a_folder_that_the_locale_cannot_name(self):
        def function():
            return 0

        names = set()
        for folder in ("/home/\udcc3\udca9", "/home/é"):
            function.__code__ = function.__code__.replace(co_filename=f"{folder}/wpbench/x.py")
            codegen = SimpleNamespace(magic_tuple=lambda: ("x86_64", "generic", ""))
            names.add(Cache(function, Path("cache"))._file("int64()", codegen)[0].name)
        assert len(names) == 1  # where a source lies is no part of its code's name


def test_what_a_workload_does_not_count_is_missing(tmp_path, capsys):
    names = ["reproducer", "hand-over", "redis", "page-fault", "post-copy", "userfaultfd", "random"]
    table = wb.simulate(wb.grid(workload=names, npages=3, rounds=1))
    assert table["not_paged_out"].isna().tolist() == [False, False, *[True] * 5]
    counted = wb.simulate(wb.grid(workload=names[:2], npages=3, rounds=1))
    assert counted["not_paged_out"].dtype == "int64"
    stored = wb.sweep(wb.grid(workload=names, npages=3, rounds=1), tmp_path / "s")
    again = wb.sweep(wb.grid(workload=names, npages=3, rounds=1), tmp_path / "s")
    read = wb.read_store(tmp_path / "s")
    for other in (stored, again, read.set_index("workload").loc[names].reset_index()):
        pd.testing.assert_series_equal(other["not_paged_out"], table["not_paged_out"])
    assert main(["run", "--workload", "random", "--npages", "3", "--rounds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["not_paged_out"] is None


def test_a_price_without_a_fault_is_no_verdict(capsys, recwarn):
    line = ["price", "--workload", "random", "--mix", "read:1", "--npages", "4", "--rounds", "20"]
    assert main([*line, "--draws", "4"]) == 0
    out = capsys.readouterr().out
    assert not re.search(r"\bnan\b", out)
    assert "there is nothing to price" in out
    for word in ("cheaper.", "dearer", "depends", "makes no difference"):
        assert word not in out
    assert not recwarn.list
    given = wb.grid(workload="random", mix=["read:1", "pageout:1 read:9 write:9"], npages=4)
    some = wb.price(given, draws=8)
    rows = some.table[some.table["measure"] == "write"].set_index("mix")
    read, both = rows.loc[rows.index.str.contains("write:0")], rows.loc[rows["wins"].notna()]
    assert (len(read), len(both)) == (1, 1)
    assert read["note"].tolist() == ["no write-protect fault"]
    assert set(read["verdict"]) == {"no fault"}
    assert set(both["verdict"]) == {"lower"}
    assert some.answer().endswith("  mix pageout:1 read:9 write:9: cheaper")


def test_report_says_why_it_has_no_figure(tmp_path, capsys):
    table = wb.simulate(wb.grid(kernel=["patch1", "patch2"], npages=[1, 2], rounds=1))
    report = str(wb.report(table, figures=tmp_path / "f"))
    words = " ".join(report.split())
    assert "None was drawn: copy_rate varies over no number of the scenarios" in words
    assert not (tmp_path / "f").exists()
    path = tmp_path / "t.csv"
    table.to_csv(path, index=False)
    said = " ".join(str(wb.report(path, figures=tmp_path / "f")).split())
    assert "None was drawn: the table does not say which scenarios made it" in said


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill's
def test_a_notebooks_truth_value_is_one(tmp_path, monkeypatch):
    import papermill

    given = []

    def execute(path, out, values, **more):
        given.append(values["published"])
        return nbformat.v4.new_notebook()

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    for text in ("no", "yes", "False", "true", "0", "1", True):
        run_notebook("02-price", tmp_path, {"published": text})
    assert given == [False, True, False, True, False, True, True]
    for text in ("perhaps", "2", "", "None"):
        with pytest.raises(
            wb.ScenarioError, match=r"published: .* is not accepted; accepted: true"
        ):
            run_notebook("02-price", tmp_path, {"published": text})


def test_names_of_files_that_no_file_can_have(capsys):
    for command in ("compare", "report", "replay", "rerun"):
        names = ["a" * 5000] * (2 if command == "compare" else 1)
        assert main([command, *names]) == 2
        assert capsys.readouterr().err.count("\n") == 1
