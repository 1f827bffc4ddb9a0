"""Compiled code: never stale, never compiled twice, and cheap to import."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import wpbench
from wpbench.jit import bitcode, compile, private  # noqa: A004
from wpbench.jit.folder import own_folder
from wpbench.jit.sources import MACHINE, MEASURE, SEARCH, UNITS, sources
from wpbench.measure.program import helper
from wpbench.mm.names import Error
from wpbench.workloads.joint.search import rehash

PACKAGE = Path(wpbench.__file__).parent


def environment(cache: Path, path: Path) -> dict[str, str]:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(path)}
    env.pop("NUMBA_DISABLE_JIT", None)
    return env


def python(code: str, cache: Path, path: Path, *arguments: str) -> str:
    env = environment(cache, path)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=env,
        cwd=path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def copy(tmp_path):
    (tmp_path / "data").symlink_to(wpbench.data_dir())
    shutil.copytree(PACKAGE, tmp_path / "wpbench")
    return tmp_path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Give a folder of compiled code with nothing but the texts of the machine's last build."""
    texts = bitcode.kept_texts(MACHINE)
    with monkeypatch.context() as patched:
        patched.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
        own_folder.cache_clear()
        bitcode.keep_texts(MACHINE, texts)
    own_folder.cache_clear()
    return tmp_path / "cache"


SOURCES = sorted(
    str(path.relative_to(PACKAGE))
    for folder in ("mm", "workloads")
    for path in (PACKAGE / folder).rglob("*.py")
)


@pytest.mark.parametrize(
    ("imports", "listed"),
    [
        (r"compiled import .*\b(entry|loop|part|step)\b", UNITS[MEASURE]),
        (r"helper import helper\b", helper.SOURCES),
    ],
    ids=["loops", "helpers"],
)
def test_every_file_with_compiled_functions_is_in_the_hash(imports, listed):
    """An edit to one that is left out would run the old code."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in (PACKAGE / "measure").rglob("*.py")
        if re.search(imports, path.read_text())
    }
    assert len(found) > 7
    assert found <= set(listed)


def test_every_file_of_the_machine_and_its_programs_is_in_one_unit():
    units = [set(map(str, sources(UNITS[unit]))) for unit in (MACHINE, SEARCH)]
    assert units[0] | units[1] == {str(PACKAGE / name) for name in SOURCES}
    assert not units[0] & units[1]


EDIT_EVERY_FILE = """
import sys
from pathlib import Path
from wpbench.jit.cache import cache_dir, generation
from wpbench.jit.sources import MEASURE, SEARCH

def ask():
    cache_dir.cache_clear()
    print(cache_dir(), generation(SEARCH), generation(MEASURE), sep="\t")

ask()
ask()
for name in sys.argv[1].split(","):
    file = Path("wpbench", name)
    file.write_text(file.read_text() + "# edited\\n")
    ask()
"""


def test_an_edit_to_a_file_is_seen_by_the_units_that_have_its_code(copy, tmp_path):
    first, again, *edited = python(
        EDIT_EVERY_FILE, tmp_path / "cache", copy, ",".join(SOURCES)
    ).splitlines()
    assert first == again
    folders, searches, loops = zip(*(line.split("\t") for line in (first, *edited)), strict=True)
    assert len(set(searches)) == 1 + len(SOURCES)
    starts = [
        name for name, (old, new) in zip(SOURCES, pairwise(folders), strict=True) if old != new
    ]
    assert starts == [name for name in SOURCES if "joint/" not in name]
    assert len(set(loops)) == 2  # workloads/litmus_ops.py


EDITED = """
import sys, warnings
import numpy as np
warnings.simplefilter("error")
from wpbench.jit import bitcode
build = bitcode.built
bitcode.built = lambda unit: print("builds", unit) or build(unit)
import wpbench as wb
m = wb.mm.Machine(wb.Scenario(npages=1).machine_config())
wb.mm.write(m, 0, 0)
wb.mm.pin_user_page(m, 0)
print(m.page[1] >> 32, "numba" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.skipif(compile.JIT_DISABLED, reason="nothing is compiled")
def test_an_edit_in_another_file_is_seen_and_built_once(copy, cache):
    """Two processes at the same time, each with a stale file of bitcode beside the sources."""
    (copy / "wpbench" / "jit" / "machine.bc.xz").write_bytes(b"stale" * 100)
    names = copy / "wpbench" / "mm" / "layout.py"
    told = names.read_text()
    assert told.count("GUP_PIN_COUNTING_BIAS = 1024") == 1
    names.write_text(told.replace("GUP_PIN_COUNTING_BIAS = 1024", "GUP_PIN_COUNTING_BIAS = 512"))
    env = environment(cache, copy)
    command = [sys.executable, "-c", EDITED]
    both = [
        subprocess.Popen(command, env=env, cwd=copy, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate()[0].split() for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert [words[-2:] for words in said] == [said[0][-2:]] * 2
    assert sorted(len(words) for words in said) == [2, 4]  # one has built it
    assert said[0][-1] == "False"
    assert len(list(cache.rglob("*.object"))) == 1


WARM = """
import sys
import wpbench as wb
wb.simulate(wb.Scenario(npages=2, rounds=2, workload="random"))
wb.faults(wb.Scenario(npages=2, rounds=2))
trace = wb.data_dir() / "kernel-measurements" / "traces" / "zram_patch2_32p_1c_s12.csv.gz"
assert wb.replay(trace).mismatches == 0
wb.litmus.differ("v5.8", "v5.17", operations=2)
from wpbench.measure.probe import loops, random_program
plan = {"npages": 1, "cpus": 1, "op": [random_program.OPS.index("write")], "arg": [0], "n": [0]}
assert random_program.run_random(plan, "off")["counts"]["writes"] == 1
print({"numba", "matplotlib"} & set(sys.modules))
"""


@pytest.mark.skipif(compile.JIT_DISABLED, reason="nothing is compiled")
def test_a_second_process_compiles_nothing():
    """Its parent has built the machine code; the user's own cache directory is used."""
    compile.link()
    done = subprocess.run([sys.executable, "-c", WARM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.nojit
def test_import_loads_nothing_heavy():
    code = "import sys, wpbench; print({'numba', 'pandas', 'pydantic', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


NOTEBOOK = """
import sys, threading
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().run_cell("import wpbench as wb")
(thread,) = (t for t in threading.enumerate() if t.name == "wpbench-warm")
thread.join()
from wpbench.jit.compile import linked
print(linked(), {"numba", "pandas", "matplotlib"} & set(sys.modules) == {"numba", "pandas"})
"""


@pytest.mark.skipif(compile.JIT_DISABLED, reason="nothing is compiled")
def test_in_a_notebook_what_the_first_cell_needs_is_warmed():
    compile.link()
    command = [sys.executable, "-c", NOTEBOOK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.nojit
def test_face():
    assert "simulate" in dir(wpbench)
    assert wpbench.__version__
    assert all(hasattr(wpbench, name) for name in wpbench.__all__ if name != "plots")
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        wpbench.simulat  # noqa: B018


def test_what_is_private_in_numba_is_as_it_was():
    """Where this fails, wpbench/jit has to follow what the installed numba has changed."""
    assert private.changed() == []


def test_what_is_private_in_numba_is_used_in_one_file():
    package = Path(wpbench.__file__).parent
    users = [p.name for p in package.rglob("*.py") if "numba.core" in p.read_text("utf-8")]
    assert users == ["private.py"]


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ({"m": "Machine", "page": "str", "return": "None"}, "parameter page has 'str'"),
        ({"m": "Machine", "page": "int"}, "its result has no annotation"),
    ],
)
def test_a_wrong_annotation_is_named(annotations, said):
    def step(m, page):
        pass

    step.__annotations__ = annotations
    with pytest.raises(TypeError, match=said):
        compile.Kernel(step)


@pytest.mark.skipif(compile.JIT_DISABLED, reason="nothing is compiled")
@pytest.mark.parametrize(
    "wrong", [np.zeros(4, np.int32), np.zeros((2, 2), np.int64), np.zeros(8, np.int64)[::2]]
)
def test_an_array_that_compiled_code_would_misread_is_refused(wrong):
    table = np.full(8, -1, np.int64)
    with pytest.raises(TypeError, match=r"joint\.search\.rehash\(\): .* is not accepted"):
        rehash(wrong, np.zeros((1, 2), np.int64), 0)
    rehash(table, np.array([[5, 7]]), 1)
    assert table.tolist() == [-1] * 5 + [0, -1, -1]


def divides(m, number):
    m.copies = 10 // number
    return 5 // number


@pytest.mark.skipif(compile.JIT_DISABLED, reason="nothing is compiled")
def test_what_a_kernel_raises_is_written_down():
    """Nobody could catch it: a division by 0, say, is the run's error."""
    done = subprocess.run(
        [sys.executable, "-c", RAISES], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), "tests"])},
        cwd=PACKAGE.parent,
    )  # fmt: skip
    assert done.stdout.split() == ["2", "0", "0", str(int(Error.EXCEPTION))]


RAISES = """
import ctypes
import test_jit
from wpbench import Scenario, mm
from wpbench.jit import build, compile, lowered, native, private
test_jit.divides.__annotations__ = {"m": "Machine", "number": "int", "return": "int"}
compile.DECLARED.clear()
build._import_all = lambda _unit: None
compile.Kernel(test_jit.divides)
module, _ = build.made("machine")
loaded = native.Loaded(native.emitted(module, native.processor()))
divides = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)(
    loaded.address_of("test_jit.divides")
)
m = mm.Machine(Scenario(npages=1).machine_config())
for number in (2, 0):
    print(divides(m.address, number), m.error)
"""
