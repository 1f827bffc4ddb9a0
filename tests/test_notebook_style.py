"""All notebooks read alike: short cells, the answer first, tables and no printed columns."""

import ast
import json
import re
from pathlib import Path

import pytest

BOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
MOST_LINES = 12  # of a code cell; what is longer belongs to the library


def cells(path, kind):
    book = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == kind]


@pytest.fixture(params=BOOKS, ids=lambda path: path.stem)
def book(request):
    return request.param


def test_there_are_eight():
    assert [path.stem[:2] for path in BOOKS] == [f"0{n}" for n in range(8)]


def test_no_code_cell_is_long(book):
    long = [cell for cell in cells(book, "code") if len(cell.splitlines()) > MOST_LINES]
    assert long == []


def test_a_question_first_then_parameters(book):
    first = cells(book, "markdown")[0].splitlines()[0]
    assert re.fullmatch(r"# .*\?", first)
    tagged = [c for c in json.loads(book.read_text())["cells"] if c["metadata"].get("tags")]
    assert [cell["metadata"]["tags"] for cell in tagged] == [["parameters"]]
    assert cells(book, "code")[0] == "".join(tagged[0]["source"])


def test_the_answer_is_the_first_section(book):
    if book.stem == "00-explore":
        pytest.skip("it is the workbench that answers")
    headings = re.findall(r"^## (.*)$", "\n".join(cells(book, "markdown")), re.MULTILINE)
    assert headings[0] == "The answer"


def test_a_figure_is_near_the_top(book):
    """Within two cells of the answer's, before any other section."""
    if book.stem == "00-explore":
        pytest.skip("it is the workbench that draws")
    kinds = json.loads(book.read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in kinds]
    after = next(i for i, text in enumerate(sources) if text.startswith("## The answer"))
    drawn = [
        i
        for i, text in enumerate(sources)
        if re.search(r"^(figure|Image|next|    .*display)", text, re.M)
    ]
    between = [i for i in range(after + 1, drawn[0]) if kinds[i]["cell_type"] == "code"]
    assert len(between) <= 2


def test_nothing_is_set_in_columns_by_hand(book):
    """No f-string with a width in a print(), no textwrap, no magic that prints a time."""
    for cell in cells(book, "code"):
        assert "textwrap" not in cell
        assert not re.search(r"^%%|^%time", cell, re.MULTILINE)
        plain = re.sub(r"^%.*$", "", cell, flags=re.MULTILINE)
        prints = [
            node
            for node in ast.walk(ast.parse(plain))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        ]
        widths = [
            node
            for call in prints
            for node in ast.walk(call)
            if isinstance(node, ast.FormattedValue) and node.format_spec
        ]
        assert widths == []


def test_a_longer_cell_is_seen(tmp_path):
    book = json.loads(BOOKS[0].read_text())
    book["cells"].append({"cell_type": "code", "metadata": {}, "source": ["x = 1\n"] * 13})
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(book))
    with pytest.raises(AssertionError):
        test_no_code_cell_is_long(path)
