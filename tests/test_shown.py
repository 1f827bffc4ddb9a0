"""What a notebook shows: the same in every run, HTML and text of one table, prose as Markdown."""

import re

import pandas as pd
import pytest

import wpbench as wb
from wpbench.sweep import progress
from wpbench.text import say, show
from wpbench.text.layout import WIDTH

TABLE = pd.DataFrame({"kernel": ["v5.17", "patch2"], "copies (%)": [87.5, float("nan")]})


class TestTable:
    def test_text_and_html_have_the_same_cells(self):
        shown = show(TABLE, formats="{:.1f}", caption="Simulated")
        assert repr(shown).splitlines() == [
            "Simulated", "kernel copies (%)", " v5.17       87.5", "patch2          -"
        ]  # fmt: skip
        html = shown._repr_html_()
        assert re.findall(r"<td[^>]*>([^<]*)</td>", html) == ["v5.17", "87.5", "patch2", "-"]
        assert "<caption>Simulated</caption>" in html

    def test_the_same_every_time_and_no_table_colours_another(self):
        first, again = (show(TABLE, heat=["copies (%)"])._repr_html_() for _ in "ab")
        assert first == again
        other = show(TABLE.fillna(3.0), heat=["copies (%)"])._repr_html_()
        ids = [set(re.findall(r"#T_(\w+?)_row", html)) for html in (first, other)]
        assert len(ids[0]) == len(ids[1]) == 1
        assert ids[0] != ids[1]

    def test_heat_is_by_one_scale(self):
        """0 and 100 are the ends, whatever a column has; a missing value has no colour."""
        table = pd.DataFrame({"a": [0.0, 50.0], "b": [50.0, 100.0], "c": [float("nan"), 0.0]})
        html = show(table, heat=list("abc"))._repr_html_()
        colour = {}
        for cells, style in re.findall(r"([^{}]*)\{\s*(background-color: [^;]*);", html):
            for cell in re.findall(r"row(\d)_col(\d)", cells):
                colour[cell] = style
        assert colour["0", "0"] == colour["1", "2"]  # both 0
        assert colour["1", "0"] == colour["0", "1"]  # both 50
        assert len({colour["0", "0"], colour["1", "0"], colour["1", "1"]}) == 3
        assert ("0", "2") not in colour

    def test_what_is_in_a_cell_is_no_html(self):
        assert "<b>" not in show(pd.DataFrame({"a": ["<b>"]}))._repr_html_()

    def test_a_long_cell_stands_below(self):
        table = pd.DataFrame({"n": [1, 2], "why": ["word " * 30, "short"]}, index=["x", "y"])
        lines = repr(show(table)).splitlines()
        assert max(map(len, lines)) <= WIDTH
        assert "  x: word word" in "\n".join(lines)
        assert "  y: short" in lines

    def test_a_text_of_its_own(self):
        assert repr(show(TABLE, text="another form\n")) == "another form"


class TestProse:
    def test_lines_are_broken_once(self):
        text = repr(say(["word " * 40, "next"]))
        assert max(map(len, text.splitlines())) <= WIDTH
        assert text.endswith("\n\nnext")

    def test_markdown_keeps_names_and_makes_items(self):
        said = say("lru_add <1, ~ 2 * 3:\n  one\n    goes on\n  two")._repr_markdown_()
        assert r"lru\_add \<1, \~ 2 \* 3:" in said
        assert said.count("\n- ") == 2


class _Shell:
    pass


_Shell.__name__ = "ZMQInteractiveShell"


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ({}, "cell"),
        ({"JPY_SESSION_NAME": "notebooks/03-sweep.ipynb"}, "widget"),
        ({"SERVER_SOFTWARE": "voila/0.5"}, "widget"),
        ({"SERVER_SOFTWARE": "other"}, "cell"),
    ],
)
def test_where_a_bar_is_seen(monkeypatch, environment, where):
    import IPython

    for name in ("JPY_SESSION_NAME", "SERVER_SOFTWARE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(progress.sys.modules, "ipykernel", IPython)
    monkeypatch.setattr(IPython, "get_ipython", _Shell)
    assert progress.place() == where


def test_a_bar_outside_of_notebooks_is_on_standard_error(capsys):
    with progress.progress_bar(10, progress=True, head="ten runs") as bar:
        bar.update(4)
    said = capsys.readouterr()
    assert said.out == ""
    assert "ten runs" in said.err
    assert "4/10" in said.err
    with progress.progress_bar(10) as bar:  # nobody looks
        bar.update(4)
    assert capsys.readouterr().err == ""


SWEEP = """
import wpbench as wb
from wpbench import text
print(len(wb.sweep(wb.grid(npages=[1, 2], rounds=2), {store!r})))
"""


@pytest.mark.parametrize("front_end", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_bar_of_a_sweep_in_a_notebook(tmp_path, monkeypatch, front_end):
    """A widget in JupyterLab, a line of text headless; nothing on standard error."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    if front_end:
        monkeypatch.setenv("JPY_SESSION_NAME", "x.ipynb")
    book = nbformat.v4.new_notebook()
    book.cells.append(nbformat.v4.new_code_cell(SWEEP.format(store=str(tmp_path / "store"))))
    NotebookClient(book, kernel_name="python3").execute()
    outputs = book.cells[0].outputs
    assert not [one for one in outputs if one.get("name") == "stderr"]
    assert "".join(one["text"] for one in outputs if one.get("name") == "stdout") == "2\n"
    (bar,) = (one["data"] for one in outputs if one["output_type"] == "display_data")
    if front_end:
        assert "application/vnd.jupyter.widget-view+json" in bar
    else:
        assert bar == {"text/plain": "2 of 2 runs"}


def test_they_are_exported():
    assert {"show", "say"} <= set(wb.text.__all__)
