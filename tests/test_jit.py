"""Compiled code: never stale, never compiled twice, and cheap to import."""

import dis
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wpbench
from wpbench.jit import compile, private  # noqa: A004

PACKAGE = Path(wpbench.__file__).parent


def python(code: str, cache: Path, path: Path, *arguments: str) -> str:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(path)}
    env.pop("NUMBA_DISABLE_JIT", None)
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
    shutil.copytree(PACKAGE, tmp_path / "wpbench", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


SOURCES = sorted(
    str(path.relative_to(PACKAGE))
    for folder in ("mm", "workloads")
    for path in (PACKAGE / folder).rglob("*.py")
)


EDIT_EVERY_FILE = """
import sys
from pathlib import Path
from wpbench.jit.cache import cache_dir

def ask():
    cache_dir.cache_clear()
    print(cache_dir())

ask()
ask()
for name in sys.argv[1].split(","):
    file = Path("wpbench", name)
    file.write_text(file.read_text() + "# edited\\n")
    ask()
"""


def test_an_edit_to_any_file_starts_an_empty_cache(copy, tmp_path):
    first, again, *edited = python(
        EDIT_EVERY_FILE, tmp_path / "cache", copy, ",".join(SOURCES)
    ).splitlines()
    assert first == again
    assert len({first, *edited}) == 1 + len(SOURCES)


def test_an_edit_in_another_file_is_seen(copy, tmp_path):
    """page_count() in mm/page.py, compiled and cached, with a constant of mm/layout.py in it."""
    code = (
        "from wpbench.mm import layout as L, page_count; import numpy as np;"
        "print(page_count(np.int64(L.ONE_PIN)))"
    )
    cache = tmp_path / "cache"
    assert python(code, cache, copy) == "1024"
    assert list(cache.rglob("*.code"))
    layout = copy / "wpbench" / "mm" / "layout.py"
    layout.write_text(
        layout.read_text().replace("GUP_PIN_COUNTING_BIAS = 1024", "GUP_PIN_COUNTING_BIAS = 512")
    )
    assert python(code, cache, copy) == "512"


def test_a_second_process_compiles_nothing():
    """Its parent has compiled the reproducer; the user's own cache directory is used."""
    wpbench.simulate(wpbench.Scenario(npages=2, rounds=2))
    code = """
import wpbench as wb
from numba.core import event
with event.install_recorder("numba:compile") as compiled:
    wb.simulate(wb.Scenario(npages=2, rounds=2))
print(len(compiled.buffer))
"""
    env = {**os.environ}
    env.pop("NUMBA_DISABLE_JIT", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


@pytest.mark.nojit
def test_import_loads_nothing_heavy():
    code = "import sys, wpbench; print({'numba', 'pandas', 'pydantic', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


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


def kernels_called(function):
    """Yield the kernels that a function calls, itself or in what is inlined into it."""
    for instruction in dis.get_instructions(function):
        called = function.__globals__.get(instruction.argval)
        if instruction.opname == "LOAD_GLOBAL" and isinstance(called, compile.Kernel):
            yield called.symbol
        elif instruction.opname == "LOAD_GLOBAL" and isinstance(called, private.Dispatcher):
            yield from kernels_called(called.py_func)


@pytest.mark.skipif(compile.JIT_DISABLED, reason="plain Python needs no order")
def test_a_kernel_calls_only_what_was_defined_before_it():
    """They are linked in that order."""
    code = (
        "import wpbench.jit.compile as c\n"
        "made = []\n"
        "init = c.Kernel.__init__\n"
        "c.Kernel.__init__ = lambda self, f: made.append(self) or init(self, f)\n"
        "from wpbench.workloads import catalog, joint_search, litmus, replay\n"
        "import test_jit\n"
        "known = set()\n"
        "for kernel in made:\n"
        "    assert set(test_jit.kernels_called(kernel.py_func)) <= known, kernel.symbol\n"
        "    if kernel in c._kernels: known.add(kernel.symbol)\n"
        "print(len(known))\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), "tests"])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env, cwd=PACKAGE.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


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
