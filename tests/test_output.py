"""Files that are written whole or not at all, and what is said where they cannot be."""

import importlib
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from reporting import small

import wpbench as wb
from wpbench import figures
from wpbench.commands.main import main
from wpbench.notebook import run_notebook
from wpbench.output import written

# All that imports execute(), before one puts another in its place.
COMPUTING = [
    importlib.import_module(f"wpbench.{name}")
    for name in ("simulate.table", "sweep.task", "sweep.estimate", "price.published")
]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
RUN = ["run", "--npages", "1,2", "--rounds", "1"]


def one_line(capsys, *parts):
    """Return the one line that was said, and nothing else."""
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    for part in parts:
        assert str(part) in line
    return line


@pytest.fixture
def full_disk(capsys, monkeypatch):
    """Let no file become longer than this: what a full disk does to whoever writes.

    Python would keep the first part of a module's code, and not see that it is no more (its issue
    126606).
    """
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def begin(size=100):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield begin
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_to(path, data, error=None):
    """Return what writes to a file, and then fails."""

    def write():
        with written(path) as file:
            file.write(data)
            if error is not None:
                raise error

    return write


class TestWritten:
    def test_a_file_has_its_name_when_it_is_whole(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"before")
        path.chmod(0o640)
        with written(path) as file:
            file.write(b"after")
            file.flush()
            assert path.read_bytes() == b"before"
        assert path.read_bytes() == b"after"
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert [p.name for p in tmp_path.iterdir()] == ["file"]

    @pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
    @pytest.mark.parametrize("there", [True, False])
    def test_what_fails_leaves_nothing(self, tmp_path, error, there):
        path = tmp_path / "file"
        if there:
            path.write_bytes(b"before")
        write = write_to(path, b"half", error)
        with pytest.raises(error):
            write()
        assert [p.name for p in tmp_path.iterdir()] == (["file"] if there else [])
        assert not there or path.read_bytes() == b"before"

    def test_a_full_disk_leaves_nothing(self, tmp_path, full_disk):
        path = tmp_path / "file"
        path.write_bytes(b"before")
        full_disk()
        write = write_to(path, b"x" * 1000)
        with pytest.raises(wb.WpbenchError, match=f"^{path}: File too large$"):
            write()
        assert [p.name for p in tmp_path.iterdir()] == ["file"]
        assert path.read_bytes() == b"before"

    def test_a_new_file_has_the_mode_that_others_get(self, tmp_path):
        (tmp_path / "usual").touch()
        with written(tmp_path / "file") as file:
            file.write(b"")
        assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode

    def test_a_link_stays_a_link(self, tmp_path):
        (tmp_path / "folder").mkdir()
        for name, target in (("a", "folder/a"), ("b", "folder/b")):
            (tmp_path / name).symlink_to(target)
        (tmp_path / "folder" / "a").write_bytes(b"before")
        for name in ("a", "b"):
            with written(tmp_path / name) as file:
                file.write(b"after")
            assert (tmp_path / name).is_symlink()
            assert (tmp_path / "folder" / name).read_bytes() == b"after"

    def test_a_pipe_and_a_device_are_written_to(self, tmp_path):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as reader:
            with written(path) as file:
                file.write(b"through")
            assert reader.stdout.read() == b"through"
        assert stat.S_ISFIFO(path.stat().st_mode)
        write = write_to("/dev/full", b"x")
        with pytest.raises(wb.WpbenchError, match="/dev/full: No space left on device"):
            write()
        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


class TestRefusedBeforeAnythingIsDone:
    """Whoever simulates for an hour wants to know it before."""

    @pytest.fixture(autouse=True)
    def nothing(self, monkeypatch):
        def execute(*_, **__):
            raise AssertionError("it computes")

        for module in COMPUTING:
            monkeypatch.setattr(module, "execute", execute)

    @pytest.fixture(
        params=[
            [*RUN, "--csv"],
            [*RUN, "--parquet"],
            ["report", "cases", "--mbox"],
            ["sweep", "cases", "--csv"],
            ["price", "--npages", "2", "--csv"],
        ],
        ids=lambda words: f"{words[0]}{words[-1]}",
    )
    def command(self, request):
        return request.param

    def test_a_folder_in_a_files_place(self, tmp_path, command, capsys):
        assert main([*command, str(tmp_path)]) == 2
        one_line(capsys, tmp_path, "is a folder; accepted: the name of a file")

    def test_no_folder(self, tmp_path, command, capsys):
        assert main([*command, str(tmp_path / "no" / "x")]) == 2
        one_line(capsys, tmp_path / "no" / "x", "there is no folder")

    def test_a_file_in_a_folders_place(self, tmp_path, command, capsys):
        (tmp_path / "file").touch()
        assert main([*command, str(tmp_path / "file" / "x")]) == 2
        one_line(capsys, tmp_path / "file" / "x", "there is no folder")

    def test_a_name_that_is_too_long(self, tmp_path, command, capsys):
        assert main([*command, str(tmp_path / ("x" * 300))]) == 2
        one_line(capsys, "x" * 300, "File name too long")

    def test_a_read_only_folder(self, tmp_path, command, capsys, monkeypatch):
        monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)  # root may
        assert main([*command, str(tmp_path / "x")]) == 2
        one_line(capsys, tmp_path / "x", "cannot be written to", "read-only for this user")

    @pytest.mark.parametrize(
        "command",
        [
            ["report", "cases", "--figures"],
            ["notebook", "04-agreement", "--out"],
            ["sweep", "cases", "--store"],
        ],
        ids=lambda words: words[0],
    )
    def test_a_file_where_a_folder_is_to_be(self, tmp_path, command, capsys):
        (tmp_path / "file").write_text("before")
        for path in (tmp_path / "file", tmp_path / "file" / "in it"):
            assert main([*command, str(path)]) == 2
            one_line(capsys, path, f"{tmp_path / 'file'} is no folder")
        (tmp_path / "link").symlink_to("nowhere")
        if command[0] != "sweep":
            (tmp_path / "loop").symlink_to("loop")
            assert main([*command, str(tmp_path / "loop")]) == 2
            one_line(capsys, tmp_path / "loop")

    def test_a_notebook_in_whose_place_a_folder_is(self, tmp_path):
        (tmp_path / "04-agreement.ipynb").mkdir()
        with pytest.raises(wb.WpbenchError, match=r"04-agreement\.ipynb: is a folder"):
            run_notebook("04-agreement", tmp_path, {})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter_client's and papermill's own
def test_a_notebook_of_which_a_cell_fails_is_whole(tmp_path, monkeypatch):
    import nbformat

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = [nbformat.v4.new_code_cell(text) for text in ("print(1)", "1 / 0", "print(2)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "book.ipynb")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "book.ipynb").write_text("of an earlier run")
    with pytest.raises(wb.WpbenchError, match=r"book\.ipynb: cell 2: ZeroDivisionError"):
        run_notebook(str(tmp_path / "book.ipynb"), tmp_path / "out", {})
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["book.ipynb"]
    book = nbformat.read(tmp_path / "out" / "book.ipynb", 4)
    printed = [cell for cell in book.cells if cell.cell_type == "code" and cell.outputs]
    assert printed[0].outputs[0].text == "1\n"
    assert printed[1].outputs[0].ename == "ZeroDivisionError"
    assert book.metadata.papermill.output_path == str(tmp_path / "out" / "book.ipynb")


class TestFullDisk:
    @pytest.mark.parametrize("option", ["--csv", "--parquet"])
    def test_tables(self, tmp_path, capsys, full_disk, option):
        path = tmp_path / "table"
        path.write_bytes(b"before")
        full_disk()
        assert main([*RUN, option, str(path)]) == 2
        one_line(capsys, path, "File too large")
        assert [p.name for p in tmp_path.iterdir()] == ["table"]
        assert path.read_bytes() == b"before"

    def test_a_mail(self, tmp_path, capsys, full_disk):
        table = tmp_path / "t.parquet"
        small().to_parquet(table)
        full_disk()
        path = tmp_path / "m.mbox"
        assert main(["report", str(table), "--mbox", str(path), "--from", "A <a@b.org>"]) == 2
        one_line(capsys, path, "File too large")
        assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]

    def test_figures(self, tmp_path, full_disk):
        table = wb.simulate(wb.grid(npages=[1, 2], rounds=1))
        full_disk()
        with pytest.raises(wb.WpbenchError, match=r"rate\.svg: File too large"):
            figures.draw("mean_over", table, tmp_path / "a" / "rate", caption="c", x="npages")
        assert list((tmp_path / "a").iterdir()) == []

    def test_a_store(self, tmp_path, full_disk):
        grid = wb.grid(npages=[1, 2], rounds=1)
        full_disk(1000)
        with pytest.raises(wb.SweepError, match="File too large; the rows that the store has"):
            wb.sweep(grid, tmp_path)
        assert list(tmp_path.rglob("*.parquet")) == list(tmp_path.rglob("*.new")) == []


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip"])
def test_a_csv_is_compressed_by_its_name(tmp_path, suffix):
    paths = [tmp_path / f"{n}{suffix}" for n in "ab"]
    for path in paths:
        assert main([*RUN, "--csv", str(path)]) == 0
    pd.testing.assert_frame_equal(pd.read_csv(paths[0]), pd.read_csv(paths[1]))
    assert len(pd.read_csv(paths[0])) == 2
    if suffix in (".csv", ".csv.gz"):
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_working_directory_that_is_gone(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, sys.argv[1:])"
    words = [sys.executable, "-m", "wpbench", *RUN, "--csv", "x.csv"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "wpbench: the working directory is gone; accepted: any other\n"


def test_standard_output_that_is_full():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wpbench", "backends"],
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "wpbench backends: standard output: No space left on device\n"
