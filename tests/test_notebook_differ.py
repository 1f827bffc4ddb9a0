"""Notebook 06 headless: one kernel and one of its rules overridden; the lives that it draws."""

import json
import re

import pandas as pd
import pytest

import wpbench as wb
from wpbench import plots
from wpbench.litmus.pair import differ
from wpbench.notebook import run_notebook

SMALL = {
    "a": "v6.12",
    "b": "v6.12",
    "rule_b": "gather_drains=false",
    "operations": 4,
    "pages": 1,
    "drawn": 2,
}


def run(tmp_path, **parameters):
    return "\n".join(run_notebook("06-differ", tmp_path, SMALL | parameters))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill's
class TestNotebook:
    def test_a_parameter_that_there_is_not(self, tmp_path):
        with pytest.raises(wb.WpbenchError, match="parameter of 06-differ: 'rules'"):
            run(tmp_path, rules="gather_drains=false")

    def test_its_tables_and_figures_are_those_of_another_process(self, tmp_path):
        text = run(tmp_path)
        assert max(map(len, text.splitlines())) <= 72
        words = " ".join(text.split())
        assert re.search(r"v6.12 and v6.12 gather_drains=false differ in \d+ kinds", words)
        assert "By gather_drains: " in words
        assert "in all programs of up to 4 operations" in words
        folder = tmp_path / "06-differ"
        again = differ("v6.12", "v6.12", operations=4, pages=1, rules_b={"gather_drains": False})
        for number, one in enumerate(again.first(SMALL["drawn"]), 1):
            plots.save(plots.lives_figure(one), tmp_path / "again")
            for suffix in (".svg", ".png"):
                drawn = (folder / f"program-{number}").with_suffix(suffix)
                assert drawn.read_bytes() == (tmp_path / "again").with_suffix(suffix).read_bytes()
            assert (folder / f"program-{number}.litmus").read_text() == one.program
        assert not (folder / "program-3.svg").exists()
        assert (folder / "differences.txt").read_text() == f"{again}\n"
        table = pd.read_parquet(folder / "differences.parquet")
        pd.testing.assert_frame_equal(table, again.table())
        assert (folder / "differences.csv").read_text() == again.table().to_csv(index=False)
        assert table.attrs["wpbench"]["command"] == "litmus differ"
        assert set(table["rules"]) == {"gather_drains"}
        book = json.loads((tmp_path / "06-differ.ipynb").read_text())
        outputs = [output for cell in book["cells"] for output in cell.get("outputs", [])]
        assert not [output for output in outputs if output.get("name") == "stderr"]
        assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
        assert max(len(c["source"]) for c in book["cells"] if c["cell_type"] == "code") <= 12


@pytest.fixture(scope="module")
def patch():
    return differ("patch1", "patch2", operations=5)


def one_of(differences, line, observed="copies"):
    (found,) = (one for one in differences.found if (one.line, one.observed) == (line, observed))
    return found


class TestLives:
    def test_a_life_is_the_page_after_each_operation(self, patch):
        one = one_of(patch, "write 0; pageout 0; read 0; write 0")
        assert [moment.operation for moment in one.a.life] == one.line.split("; ")
        assert [moment.pte for moment in one.a.life] == ["page", "swap", "page", "page"]
        assert one.a.life[2].held == (("pte", None, 1), ("lru_add", 0, 1))
        assert one.a.life[:3] == one.b.life[:3]
        assert one.parted == 3

    def test_its_last_but_one_is_what_the_fault_found(self, patch):
        for one in patch.found:
            for side in (one.a, one.b):
                told = side.explanation
                if told is not None and side.result.startswith(("copy", "reuse")):
                    count = int(told.before.split()[1])
                    assert (one.page, side.life[-2].count) == (told.page, count)
                    assert sum(n for *_, n in side.life[-2].held) == count
                    held = {
                        (h.holder, h.cpu if h.holder == "lru_add" else None) for h in told.holders
                    }
                    assert held == {(name, cpu) for name, cpu, _ in side.life[-2].held}

    @pytest.mark.parametrize("pair", [("v7.2", "v7.3"), ("v6.13", "v6.14"), ("patch1", "patch2")])
    def test_they_part_where_the_page_or_what_is_done_differs(self, pair):
        found = differ(*pair, operations=5).found
        assert found
        for one in found:
            assert one.a.life[: one.parted] == one.b.life[: one.parted]
            assert 0 < one.parted < one.operations

    def test_the_operation_that_parts_need_not_be_the_last(self):
        found = differ("v6.13", "v6.14", operations=5)
        one = one_of(found, "write 0; fork; exit 0; on 1; write 0")
        assert one.parted == 2
        assert "LRU" in one.a.life[2].flags
        assert "LRU" not in one.b.life[2].flags
        assert [moment.cpu for moment in one.b.life] == [0, 0, 0, 1, 1]

    def test_the_figure_says_what_each_did(self, patch):
        figure, axes = plots.figure()
        axes.remove()
        left, right = plots.two_lives(
            one_of(patch, "write 0; pageout 0; read 0; write 0"), figure.subplots(1, 2)
        )
        said = [[text.get_text() for text in ax.texts] for ax in (left, right)]
        assert "COPY\npagevec_local\nno drain" in said[0]
        assert "REUSE\n1 drain" in said[1]
        for texts in said:
            assert {"pte", "lru_add, CPU 0", "swapped out", "write 0", "pageout 0"} <= set(texts)
        # page_count after each operation; of the last as it is when do_wp_page() decides
        counts = [[text for text in texts if text.isdigit()] for texts in said]
        assert counts == [["2", "0", "2", "2"], ["2", "0", "2", "1"]]

    def test_of_each_set_of_rules_one_is_first(self, patch):
        first = patch.first(len(patch.by_rules))
        assert {one.by for one in first} == set(patch.by_rules)
        assert patch.first(99)[0] == patch.found[0]
        assert len(patch.first(99)) == len(patch.found)

    def test_the_answer_counts_kinds(self, patch):
        copies = [one for one in patch.found if one.observed == "copies"]
        alone = [
            one
            for one in patch.found
            if one.observed == "drains"
            and (one.a.result, one.a.last["copies"]) == (one.b.result, one.b.last["copies"])
        ]
        assert f"in {len(copies)} an access ends otherwise" in patch.answer
        assert f"nothing else in {len(alone)} of these" in patch.answer
        same = differ("v6.17", "v6.18", operations=3).answer
        assert "do not differ in copies or drains in any program of up to 3 operations" in same

    def test_memory_and_flushes_are_drawn_too(self):
        found = differ("v5.11", "v5.14", operations=5, pages=1, observe=("flushes", "memory"))
        for one in found.first(3):
            plots.lives_figure(one)
        assert "flushes or memory differ" in found.answer
