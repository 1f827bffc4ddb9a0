"""The folder of compiled code: ours alone, checked before it is loaded, and never in the way."""

import errno
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpbench.errors import WpbenchWarning
from wpbench.jit import bitcode, native, stored
from wpbench.jit import folder as code_folder
from wpbench.jit import loaded as machine_code
from wpbench.jit.cache import cache_dir, generation
from wpbench.jit.compile import JIT_DISABLED
from wpbench.jit.functions import njit
from wpbench.jit.sources import MACHINE, MEASURE

ROOT = Path(__file__).resolve().parents[1]
compiles = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def answer(x):
    return 2 * x + 1


def loaded(folder):
    """Compile or load a function, and try it; was it loaded?"""
    function = njit(answer, folder)
    assert function(20) == 41
    return bool(sum(function.stats.cache_hits.values()))


def ask():
    code_folder.own_folder.cache_clear()
    cache_dir.cache_clear()
    return cache_dir()


@pytest.fixture
def parent(tmp_path, monkeypatch):
    """Give a folder that NUMBA_CACHE_DIR names."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    yield tmp_path
    monkeypatch.undo()
    ask()


def tree(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


# -- whose folder ------------------------------------------------------------------------
def test_of_what_else_is_there_nothing_is_removed(parent):
    """A checkout: a package of our name with more folders than generations are kept."""
    for i in range(12):
        (parent / "wpbench" / f"part{i}").mkdir(parents=True)
    before = tree(parent)
    folder = ask()
    assert folder == parent / "wpbench-code" / generation(MACHINE)
    assert before <= tree(parent)


def test_of_our_own_all_but_the_newest_generations_are_removed(parent):
    own = ask().parent
    old = [own / f"py311-numba0.6{i % 3}.1-llvmlite0.45.0-{i:016x}" for i in range(12)]
    others = [own / name for name in ("matplotlib", "mine", f"{generation(MACHINE)}.bak", "0" * 16)]
    for at, folder in enumerate([*others, *old]):
        folder.mkdir()
        os.utime(folder, (at, at))
    (parent / "elsewhere").mkdir()
    (own / f"py311-numba1.0-llvmlite1.0-{99:016x}").symlink_to(parent / "elsewhere")
    ask()
    assert [folder.exists() for folder in old] == [False] * 5 + [True] * 7
    assert all(folder.exists() for folder in [*others, parent / "elsewhere"])


def test_a_folder_of_somebody_is_left_alone(parent):
    (parent / "wpbench-code").mkdir()
    (parent / "wpbench-code" / "notes.txt").write_text("mine")
    before = tree(parent)
    assert ask() is None
    assert tree(parent) == before


def test_git_does_not_see_it(parent):
    subprocess.run(["git", "init", "--quiet"], cwd=parent, check=True)
    assert ask() is not None
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(command, cwd=parent, capture_output=True, check=True)
    assert done.stdout == b""


def test_a_folder_that_others_can_write_to_is_not_used(parent):
    folder = ask()
    for open_to_all in (folder, folder.parent):
        open_to_all.chmod(0o777)
        assert ask() is None
        open_to_all.chmod(0o700)
    assert ask() == folder
    folder.parent.rename(parent / "real")
    (parent / "wpbench-code").symlink_to("real")
    assert ask() is None


@as_root
def test_a_folder_of_another_user_is_not_used(parent):
    folder = ask()
    for owned in (folder, folder.parent):
        os.chown(owned, 54321, -1)
        assert ask() is None
        os.chown(owned, os.geteuid(), -1)
    assert ask() == folder


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"])
def test_where_nothing_can_be_made_nothing_is_kept(parent, monkeypatch, variable):
    (parent / "file").write_text("")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("TMPDIR", str(parent / "temporary"))
    (parent / "temporary").mkdir()
    monkeypatch.setenv(variable, str(parent / "file"))
    before = tree(parent)
    assert ask() is None
    if not JIT_DISABLED:
        assert not loaded(ask())
    assert tree(parent) == before


# -- what is in it ------------------------------------------------------------------------
def flipped(data):
    return data[:999] + bytes([data[999] ^ 4]) + data[1000:]


def foreign(_data):
    """Return what is whole, for the same key, and no compiled function."""
    return stored.sealed(KEYS[-1], pickle.dumps(("a", "b")))


KEYS: list[str] = []


@compiles
@pytest.mark.parametrize(
    "damage",
    [flipped, lambda d: d[:-1], lambda d: d[:20], lambda _: b"", lambda d: d[::-1], foreign],
    ids=["flipped", "truncated", "short", "empty", "noise", "foreign"],
)
def test_damaged_code_is_a_miss_and_written_anew(tmp_path, damage, monkeypatch):
    write = stored.write
    monkeypatch.setattr(stored, "write", lambda *told: KEYS.append(told[1]) or write(*told))
    assert [loaded(tmp_path), loaded(tmp_path)] == [False, True]
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert [loaded(tmp_path), loaded(tmp_path)] == [False, True]


@compiles
def test_code_that_another_could_have_written_is_a_miss(tmp_path):
    loaded(tmp_path)
    (file,) = tmp_path.iterdir()
    file.chmod(0o666)
    assert not loaded(tmp_path)
    assert loaded(tmp_path)
    if os.geteuid() == 0:
        os.chown(file, 54321, -1)
        assert not loaded(tmp_path)


@compiles
@pytest.mark.parametrize("kind", ["folder", "fifo", "link"])
def test_what_is_no_file_is_a_miss(tmp_path, kind):
    loaded(tmp_path)
    (file,) = tmp_path.iterdir()
    file.unlink()
    if kind == "folder":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    assert not loaded(tmp_path)


@compiles
def test_on_a_full_disk_nothing_is_kept(tmp_path, monkeypatch):
    class Full:
        def __init__(self, descriptor, _mode):
            self._descriptor = descriptor

        def __enter__(self):
            return self

        def __exit__(self, *_):
            os.close(self._descriptor)

        def write(self, data):
            os.write(self._descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stored.os, "fdopen", Full)
    assert not loaded(tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- the machine code ---------------------------------------------------------------------
DATA = bytes(range(256)) * 40


@pytest.mark.nojit
@given(st.data())
def test_a_file_that_differs_in_a_byte_is_a_miss(data):
    whole = stored.sealed("key", DATA)
    assert stored.unsealed("key", whole) == DATA
    at = data.draw(st.integers(0, len(whole) - 1))
    other = bytes([whole[at] ^ data.draw(st.integers(1, 255))])
    for damaged in (whole[:at] + other + whole[at + 1 :], whole[:at], whole + other):
        assert stored.unsealed("key", damaged) is None
    assert stored.unsealed("another key", whole) is None


class Built:
    """A builder that counts, in place of what takes seconds."""

    def __init__(self, monkeypatch):
        self.times = 0
        monkeypatch.setattr(bitcode, "shipped", lambda _unit: b"bitcode")
        monkeypatch.setattr(native, "compiled", self)

    def __call__(self, code):
        assert code == b"bitcode"
        time.sleep(0.2)  # so that others come meanwhile
        self.times += 1
        return DATA


@pytest.fixture
def built(parent, monkeypatch):
    return Built(monkeypatch)


def file_of(parent):
    (file,) = (parent / "wpbench-code").rglob("*.object")
    return file


def test_machine_code_is_built_once_and_kept(parent, built):
    ask()
    assert [machine_code._object(MACHINE), machine_code._object(MACHINE)] == [DATA, DATA]
    assert built.times == 1


@pytest.mark.parametrize("damage", [flipped, lambda d: d[:-1], lambda d: d[:20], lambda _: b""])
def test_damaged_machine_code_is_built_again(parent, built, damage):
    ask()
    machine_code._object(MACHINE)
    whole = file_of(parent).read_bytes()
    file_of(parent).write_bytes(damage(whole))
    assert machine_code._object(MACHINE) == DATA
    assert file_of(parent).read_bytes() == whole
    assert built.times == 2


@pytest.mark.parametrize("other", ["generation", "features"])
def test_machine_code_for_other_sources_or_features_is_not_taken(parent, built, monkeypatch, other):
    """Even under the same name."""
    ask()
    machine_code._object(MACHINE)
    before = file_of(parent)
    if other == "generation":
        monkeypatch.setattr(machine_code, "generation", lambda _unit: "py3-numba0-llvmlite0-0")
    else:
        triple, name, features = native.processor()
        monkeypatch.setattr(native, "processor", lambda: (triple, name, f"{features},-sse4.2"))
        assert native.short_name() not in before.name
        monkeypatch.setattr(native, "short_name", lambda: before.stem)
    machine_code._object(MACHINE)
    assert built.times == 2


def test_many_builders_wait_for_one(parent, built):
    ask()
    threads = [threading.Thread(target=machine_code._object, args=(MACHINE,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built.times == 1


def test_what_cannot_be_kept_is_said(parent, built, monkeypatch):
    """On a full disk, and where there is no folder: it is in memory alone."""
    ask()
    with monkeypatch.context() as patched:
        patched.setattr(stored, "write", no_space)
        with pytest.warns(WpbenchWarning, match="is not kept.*No space left on device"):
            assert machine_code._object(MACHINE) == DATA
    monkeypatch.setattr(machine_code, "cache_dir", lambda: None)
    with pytest.warns(WpbenchWarning, match=r"is not kept.*no folder of this user's"):
        assert machine_code._object(MACHINE) == DATA


def no_space(*_told):
    raise OSError(errno.ENOSPC, "No space left on device")


@compiles
def test_bitcode_of_other_sources_is_not_taken(monkeypatch):
    packed = bitcode.packed(MACHINE, b"code")
    assert bitcode.unpacked(MACHINE, packed) == b"code"
    assert bitcode.unpacked(MEASURE, packed) is None
    monkeypatch.setattr(bitcode, "source_hash", lambda _: "0" * 16)
    assert bitcode.unpacked(MACHINE, packed) is None


# -- any command, wherever the variables point -------------------------------------------
COMMANDS = """
import os, sys
from contextlib import suppress
from wpbench.commands.main import main
for line in sys.argv[1].split(";"):
    with suppress(SystemExit):
        assert main(line.split()) == 0, line
import matplotlib
matplotlib.get_cachedir()
from wpbench.jit import folder
from wpbench.jit.cache import cache_dir
from wpbench.jit.functions import njit
for left in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
    folder.own_folder.cache_clear()
    cache_dir.cache_clear()
    if os.environ.get("COMPILE"):
        assert njit(lambda x: 2 * x + 1, cache_dir())(20) == 41
    else:
        cache_dir()
    os.environ.pop(left, None)
"""
LINES = (
    "backends;run --npages 2 --rounds 1;explain --kernel patch1 --npages 2 --rounds 1 --fault 0;"
    "run --help;price --help"
)
VARIABLES = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "TMPDIR")


def command(place, checkout):
    """Run commands with every variable pointing to a place; plain Python, and one jitted function.

    What compiles takes no other way to the disk than that function's code.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MPL", "JUPYTER"))}
    environment |= dict.fromkeys(VARIABLES, str(place))
    environment |= {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    for more in ({"NUMBA_DISABLE_JIT": "1"}, {"COMPILE": "1"}):
        if JIT_DISABLED and "COMPILE" in more:
            continue
        left = {k: v for k, v in environment.items() if k != "NUMBA_DISABLE_JIT"}
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS, "backends" if "COMPILE" in more else LINES],
            env=left | more, cwd=checkout, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture
def checkout(tmp_path):
    """Give a checkout of the sources in a folder of its own."""
    made = tmp_path / "src" / "wpbench"
    for name in ("wpbench", "data"):
        ignore = shutil.ignore_patterns("traces*")  # but with what Python has compiled
        shutil.copytree(ROOT / name, made / name, ignore=ignore)
    shutil.copy(ROOT / ".gitignore", made)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "--quiet"], cwd=made, check=True)
    subprocess.run([*git, "add", "."], cwd=made, check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "x"], cwd=made, check=True)
    return made


def status(checkout):
    done = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=checkout, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("place", ["checkout", "parent", "file"])
def test_commands_leave_the_checkout_clean_and_touch_nothing_else(checkout, place):
    parent = checkout.parent
    (parent / "other").mkdir()
    (parent / "other" / "file").write_text("mine")
    where = {"checkout": checkout, "parent": parent, "file": parent / "other" / "file"}[place]
    before = tree(parent)
    command(where, checkout)
    assert status(checkout) == ""
    made = {path for path in tree(parent) - before if ".git" not in path.parts}
    assert before <= tree(parent)
    allowed = {"checkout": (".cache/wpbench-code", "wpbench-code"), "file": ()}
    folders = [where / name for name in allowed.get(place, allowed["checkout"])]
    for path in made:
        own = any(
            (parent / path).is_relative_to(folder) or folder.is_relative_to(parent / path)
            for folder in folders
        )
        assert own, f"{path} was made"


@as_root
@pytest.mark.root
@pytest.mark.parametrize("options", ["ro", "size=64k"])
def test_commands_in_a_folder_that_is_read_only_or_full(checkout, options):
    place = checkout.parent / "place"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    made = subprocess.run(mount, check=False, capture_output=True)
    if made.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        if options != "ro":
            with pytest.raises(OSError, match="No space"):
                (place / "filler").write_bytes(b"x" * (1 << 20))
        command(place, checkout)
        left = {path.name for path in place.iterdir()}
        assert left <= {"filler", "wpbench-code", ".cache"}
        assert status(checkout) == ""
    finally:
        subprocess.run(["umount", str(place)], check=True)


@as_root
def test_commands_with_every_variable_at_the_root(checkout):
    """Only folders of ours are made there, and this removes them again."""
    before = {path.name for path in Path("/").iterdir()}
    cached = Path("/.cache").exists(), Path("/.cache/wpbench-code").exists()
    try:
        command(Path("/"), checkout)
        assert {path.name for path in Path("/").iterdir()} - before <= {"wpbench-code", ".cache"}
        assert before <= {path.name for path in Path("/").iterdir()}
        assert status(checkout) == ""
    finally:
        if "wpbench-code" not in before:
            shutil.rmtree("/wpbench-code", ignore_errors=True)
        if not cached[0]:
            shutil.rmtree("/.cache", ignore_errors=True)
        elif not cached[1]:
            shutil.rmtree("/.cache/wpbench-code", ignore_errors=True)
