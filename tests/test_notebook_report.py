"""Notebook 05, docs/report.txt and docs/reports.md: commands and numbers as they stand there."""

import mailbox
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reporting import stable

import wpbench as wb
from wpbench.notebook import run_notebook

ROOT = Path(__file__).resolve().parents[1]


def run(tmp_path, **parameters):
    return "\n".join(run_notebook("05-list-report", tmp_path, parameters))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter_client's and papermill's own
class TestNotebook:
    def test_default(self, tmp_path):
        text = run(tmp_path)
        folder = tmp_path / "05-list-report"
        report = (folder / "report.txt").read_text()
        assert report in text + "\n"
        assert max(len(line) for line in text.splitlines()) <= 72
        assert text.isascii()
        box = mailbox.mbox(folder / "reply.mbox")
        (message,) = box
        box.close()
        assert message["In-Reply-To"] == "<20220131162940.210846-3-david@redhat.com>"
        for name in ("copy-rate-migration-rate.svg", "copy-rate-migration-rate.png"):
            assert wb.figures.rerun(folder / name).identical
        answer = text.rsplit("git send-email", 1)[1].replace("\n", " ")
        assert re.search(r"In \d+ of 18 simulated scenarios patch2 copies less often", answer)
        assert "By assumed costs a write is cheaper in" in answer

    def test_other_parameters(self, tmp_path):
        grid = tmp_path / "own.toml"
        grid.write_text(
            'title = "Own"\nquestion = "v5.17 or patch1?"\n'
            '[[grid]]\nkernel = ["v5.17", "patch1"]\nnpages = [1, 4]\nrounds = 3\n'
        )
        text = run(tmp_path, grid=str(grid), seeds=2, base="v5.17", other="patch1")
        assert "v5.17 or patch1?" in text
        assert "In 0 of 2 simulated scenarios patch1 copies less often than v5.17" in text
        assert "assumed costs" not in text

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"grid": "lists"}, "ScenarioError: there is no file lists"),
            ({"other": "exclusive"}, "other: 'exclusive' is not in list; accepted: patch1, patch2"),
            ({"seeds": -1}, "seeds: -1 is not accepted"),
            ({"to": "nobody"}, "to: 'nobody' is not accepted"),
            ({"in_reply_to": "x"}, "in-reply-to: 'x' is not accepted"),
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


@pytest.mark.slow
def test_commands_of_the_page_run(tmp_path):
    text = (ROOT / "docs" / "reports.md").read_text()
    commands = re.findall(r"^    (wpbench .*)$", text, flags=re.MULTILINE)
    words = {command.split()[1] for command in commands}
    assert words == {"report", "provenance", "rerun", "run", "compare"}
    (tmp_path / "wpbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wpbench "$@"\n')
    (tmp_path / "wpbench").chmod(0o755)
    paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(paths),
    }

    def shell(line):
        return subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    for command in commands:
        done = shell(command)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert (tmp_path / "mail.txt").read_text().startswith("How often does")
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "block.py").write_text(block)
    done = shell(f"{sys.executable} block.py")
    assert done.stdout.splitlines()[0] == "figures/own.svg: identical", done.stderr
