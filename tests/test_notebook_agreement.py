"""Notebook 04 headless: measured against simulated, and what is known of the differences."""

import gzip

import pandas as pd
import pytest

import wpbench as wb
from wpbench import plots
from wpbench.measure.compare import shipped
from wpbench.notebook import run_notebook

MEASURED = wb.data_dir() / "kernel-measurements"
TRACE = MEASURED / "traces" / "zram_patch2_64p_2c_s22.csv.gz"

notebook = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # jupyter_client's and papermill's
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def run(out, **parameters):
    return "\n".join(run_notebook("04-agreement", out, parameters))


class TestShipped:
    def test_traces(self):
        assert len(shipped.trace_files()) == 91
        table = shipped.compare_traces(every=9)
        assert len(table) == 11
        assert set(table["kind"]) == {shipped.SYNCHRONOUS, shipped.DETERMINISTIC, shipped.REAL}
        calm = table[table["kind"] == shipped.SYNCHRONOUS]
        assert (calm["mismatches"] == 0).all()
        assert (calm["rate_measured"] - calm["rate_simulated"]).abs().max() == 0
        assert table["within"].all()

    def test_every_differing_row_has_a_cause(self):
        table = shipped.compare_shipped("reproducer_sync.csv")
        assert table["equal"].sum() == 258
        assert (table["equal"] == (table["cause"] == "")).all()
        assert set(table["cause"]) == {"", "other", "fork", "pagevec"}

    def test_tables_with_less_in_them(self):
        table = shipped.compare_shipped("userfaultfd.csv", every=7)
        assert len(table) == 18
        assert table["equal"].all()
        late = shipped.compare_shipped("reproducer_async.csv")
        assert late.groupby("latency_ns")["equal"].sum()[1000] == 38
        assert (late["equal"] | (late["cause"] != "")).all()
        assert set(late["cause"]) == {
            "", "drained", "completion", "long-loop", "late-round", "still-writeback"
        }  # fmt: skip

    def test_the_page_table_s_end_is_found(self):
        path = next(p for p in shipped.trace_files() if "-1us_patch1_128p" in p.name)
        assert 512 - 91 in shipped.page_table_edges(path)

    def test_wrong_argument(self):
        with pytest.raises(wb.ScenarioError, match="every: 0 is not accepted"):
            shipped.compare_traces(0)


class TestFigure:
    def test_points_and_residuals(self):
        table = wb.measure.compare_table(pd.read_csv(MEASURED / "reproducer_sync.csv").head(30))
        figure, first = plots.figure()
        first.remove()
        above, below = figure.subplots(2, 1)
        plots.agreement(table.assign(source="sync"), above, by="source", residuals=below)
        assert above.get_legend_handles_labels()[1] == ["sync (30)"]
        known = table.dropna(subset=["rate_simulated"])
        points = known[["rate_simulated", "rate_measured"]].astype(float).round(3)
        drawn = next(line for line in above.lines if line.get_label() == "sync (30)")
        shown = set(zip(drawn.get_xdata(), drawn.get_ydata(), strict=True))
        assert shown == set(points.itertuples(index=False, name=None))
        with pytest.raises(wb.TableError, match="column: 'rate_low' is not accepted"):
            plots.agreement(table.drop(columns="rate_low"), above)

    def test_rates_of_few_faults_are_left_out(self):
        """A rate of one fault is 0 or 1, whatever the kernel does."""
        table = wb.measure.compare_table(pd.read_csv(MEASURED / "reproducer_sync.csv").head(4))
        table["wp_faults_measured"] = [19, 20, 1, 400]
        figure, ax = plots.figure()
        plots.agreement(table.assign(source="sync"), ax, by="source")
        assert ax.get_legend_handles_labels()[1] == ["sync (2)"]
        assert "left out: 2 of fewer than 20 faults" in ax.get_title()
        figure.clear()


class TestNotebook:
    pytestmark = notebook

    def test_default_twice_the_same(self, tmp_path):
        texts = [run(tmp_path / name, every=12) for name in "ab"]
        assert texts[0] == texts[1]
        assert max(map(len, texts[0].splitlines())) <= 72
        assert "traces exact operations differ" in texts[0]
        words = " ".join(texts[0].split())
        assert "in 8 traces" in words
        assert "page-table: readahead at the end of a page table (2 traces)." in words
        assert "userfaultfd.csv: every row agrees" in words
        assert "Of 51 rows of the measured tables" in words
        for name in ("agreement.svg", "agreement.csv", "traces.parquet", "tables.parquet"):
            first, second = ((tmp_path / a / "04-agreement" / name).read_bytes() for a in "ab")
            assert first == second, name

    def test_a_trace_of_ones_own(self, tmp_path):
        lines = gzip.decompress(TRACE.read_bytes()).decode().splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if ",write," in line and ",reuse," in line)
        lines[at] = lines[at].replace(",reuse,", ",copy,")
        mine = tmp_path / "mine.csv"
        mine.write_text("".join(lines))
        text = run(tmp_path, measured=str(mine))
        assert "compared operations 1 differ;" in " ".join(text.split())
        assert "kernel copy, machine reuse" in text
        row = pd.read_parquet(tmp_path / "04-agreement" / "measured.parquet").iloc[0]
        assert row["mismatches"] == 1
        assert row["copies_measured"] == row["copies_simulated"] + 1

    def test_a_table_of_ones_own(self, tmp_path):
        mine = tmp_path / "mine.parquet"
        pd.read_csv(MEASURED / "reproducer_sync.csv").head(20).to_parquet(mine)
        text = run(tmp_path, measured=str(mine))
        assert "Of 20 rows 20 are equal to the fault" in " ".join(text.split())

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"measured": "nowhere.csv"}, "cell 4: TraceError: nowhere.csv: cannot be read"),
        ],
    )
    def test_bad_parameter(self, tmp_path, parameters, message):
        with pytest.raises(wb.WpbenchError, match=message):
            run(tmp_path, **parameters)
        assert not (tmp_path / "04-agreement").exists()
