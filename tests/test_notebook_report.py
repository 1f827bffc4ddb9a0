"""Notebook 05, docs/report.txt and docs/reports.md: commands and numbers as they stand there."""

import mailbox
import re
import runpy
import shlex
from pathlib import Path

import pytest
from books import run_here
from reporting import stable

import wpbench as wb
from wpbench.commands.main import main
from wpbench.notebook import run_notebook

ROOT = Path(__file__).resolve().parents[1]


def run(tmp_path, run=run_here, **parameters):
    return "\n".join(run("05-list-report", tmp_path, parameters))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter_client's and papermill's own
class TestNotebook:
    def test_default(self, tmp_path):
        text = run(tmp_path, run_notebook, seeds=2)
        folder = tmp_path / "05-list-report"
        report = (folder / "report.txt").read_text()
        assert report in text + "\n"
        assert max(len(line) for line in text.splitlines()) <= 72
        assert text.isascii()
        box = mailbox.mbox(folder / "reply.mbox")
        (message,) = box
        box.close()
        assert message["In-Reply-To"] == "<20220131162940.210846-3-david@redhat.com>"
        assert wb.figures.rerun(folder / "copy-rate-migration-rate.svg").identical
        assert text.startswith(report.split("\n\nCopies per 100")[0])  # the answer first
        assert "git send-email reply.mbox" in text

    def test_other_parameters(self, tmp_path):
        grid = tmp_path / "own.toml"
        grid.write_text(
            'title = "Own"\nquestion = "v5.17 or patch1?"\n'
            '[[grid]]\nkernel = ["v5.17", "patch1"]\nnpages = [1, 4]\nrounds = 3\n'
        )
        text = run(tmp_path, grid=str(grid), seeds=2, base="v7.2", other="v7.3")
        assert "v5.17 or patch1?" in text
        assert "v7.2 and v7.3 copy as often in each program here" in " ".join(text.split())
        assert "assumed costs" not in text

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"other": "exclusiv"}, "other: kernel: 'exclusiv' is not accepted"),
            ({"to": "nobody"}, "to: 'nobody' is not accepted"),
            ({"sent_to": "x"}, "parameter of 05-list-report: 'sent_to'"),
        ],
    )
    def test_bad_parameter(self, tmp_path, parameters, message):
        with pytest.raises(wb.WpbenchError, match=message):
            run(tmp_path, **parameters)
        assert not (tmp_path / "05-list-report").exists()


def test_committed_report_is_what_the_grid_gives_today():
    committed = (ROOT / "docs" / "report.txt").read_text()
    # On purpose? wpbench report list > docs/report.txt
    assert stable(str(wb.report("list"))) == stable(committed)
    assert "-dirty" not in committed, "made from edited sources: nobody can make it again"


@pytest.mark.unwatched  # test_committed_report... runs most of these lines
def test_commands_of_the_page_run(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs" / "reports.md").read_text()
    commands = re.findall(r"^    (wpbench .*)$", text, flags=re.MULTILINE)
    assert {command.split()[1] for command in commands} == {
        "report", "provenance", "rerun", "run", "compare"
    }  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "wpbench"
        redirected = ">" in words
        done = main(words[: words.index(">")] if redirected else words)
        said = capsys.readouterr()
        assert done == 0, f"{command}: {said.err}"
        assert said.out.strip() or "--parquet" in words
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "block.py").write_text(block)
    runpy.run_path("block.py")
    assert capsys.readouterr().out.splitlines()[0] == "figures/own.svg: identical"
