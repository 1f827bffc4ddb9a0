"""After an edit what depends on it is compiled again, and the code is that of a whole build."""

import json
import os
import shutil
import subprocess
import sys
import types
import zlib
from pathlib import Path

import pytest

import wpbench
from wpbench.jit import native
from wpbench.jit.compile import DECLARED, JIT_DISABLED, Inline, Kernel
from wpbench.jit.depends import digest_of
from wpbench.jit.numbered import Numbered
from wpbench.jit.sources import UNITS
from wpbench.jit.texts import Texts
from wpbench.mm.machine import Machine

PACKAGE = Path(wpbench.__file__).parent

MODULE = """
from __future__ import annotations
import numpy as np
from wpbench.mm.machine import Machine

class Kind(Numbered):
    SMALL = "small"
    LARGE = "large"

LIMIT = 3
TABLE = (1, 2)
FACTOR = np.uint64(5)

def called(m: Machine, page: int) -> int:
    return page + 1
called = Kernel(called, "of a test")

def inner(number, step=1):
    return number + 4 + step
inner = Inline(inner)

def middle(m, number):
    return inner(number) + LIMIT
middle = Inline(middle)

def outer(m: Machine, page: int) -> int:
    if page > L.MAX_PLUGGED:
        return called(m, page)
    return middle(m, page) + Kind.LARGE + TABLE[1] + np.int64(FACTOR)
outer = Kernel(outer, "of a test")
"""


def digest(source=MODULE, plugged=32):
    """Return the digest of ``outer`` in a module."""
    layout = types.ModuleType("layout")
    layout.MAX_PLUGGED = plugged
    namespace = {
        "__name__": "edited",
        "Inline": Inline,
        "Kernel": Kernel,
        "Numbered": Numbered,
        "L": layout,
    }
    exec(compile(source, "edited.py", "exec"), namespace)  # noqa: S102
    DECLARED.pop("of a test", None)
    found = digest_of(namespace["outer"])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return middle(m, page)", "return 2 * middle(m, page)"),
        ("page > L.", "page >= L."),
        ("page > L.MAX_PLUGGED", "page > 32"),
        ("LIMIT = 3", "LIMIT = 4"),
        ("number + 4", "number + 5"),
        ("step=1", "step=2"),
        ("(1, 2)", "(1, 3)"),
        ("np.uint64(5)", "np.uint32(5)"),
        ('    SMALL = "small"', '    TINY = "tiny"\n    SMALL = "small"'),
        ("page: int) -> int:\n    return", "page: int) -> bool:\n    return"),
        ("called(m: Machine, page: int)", "called(m: Machine, page: float)"),
        ('called, "of a test")', 'called, "of a test"); called.symbol = "another"'),
        ("inner = Inline(inner)", "inner = Inline(inner); inner.options = {}"),
    ],
)
def test_an_edit_of_what_a_function_is_made_of_changes_its_digest(old, new):
    assert MODULE.count(old) == 1
    assert digest(MODULE.replace(old, new)) != digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return page + 1", "return page + 2"),  # called by its symbol
        ("LIMIT = 3", "# as in Linux\nLIMIT = 3\nUNUSED = 1"),
        ("    return inner", "\n    # why\n    return inner"),
    ],
)
def test_an_edit_of_anything_else_does_not(old, new):
    assert MODULE.count(old) == 1
    assert digest(MODULE.replace(old, new)) == digest()


def test_a_constant_of_another_module_and_the_machines_layout_count(monkeypatch):
    before = digest()
    assert digest(plugged=31) != before
    monkeypatch.setattr("wpbench.jit.depends._layouts", lambda: "another")
    assert digest() != before


def test_what_is_not_known_has_no_digest():
    """It is compiled anew each time."""

    def uses(_m: "Machine", page: "int") -> "int":
        return page + len(os.environ)

    def closes(_m: "Machine", page: "int") -> "int":
        return page + len(unknown)

    unknown = [1]
    for function in (uses, closes):
        function.__annotations__ = {"_m": "Machine", "page": "int", "return": "int"}
        assert digest_of(Kernel(function, "of a test")) is None
    DECLARED.pop("of a test")


ALL = """
import json
from wpbench.jit import build, compile
from wpbench.jit.depends import digest_of
for unit in build.UNITS:
    build._import_all(unit)
    print(json.dumps({d.symbol: digest_of(d) for d in compile.DECLARED[unit]}))
"""


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_every_function_has_a_digest_of_its_own():
    done = subprocess.run([sys.executable, "-c", ALL], capture_output=True, text=True, check=True)
    for unit, line in zip(UNITS, done.stdout.splitlines(), strict=True):
        found = json.loads(line)
        assert None not in found.values(), unit
        assert len(set(found.values())) == len(found) > 7, unit


def test_texts_are_taken_with_what_they_need_and_each_once():
    def defines(name, *needs, body=""):
        head = "".join(f'declare i64 @"{need}"(ptr %.1)\n' for need in needs)
        return f'; {name}\n{head}define i64 @"{name}"(ptr %.1)\n{{{body}}}\n'

    inner, other, outer = defines("inner"), defines("other"), defines("outer", "middle", "puts")
    middle = defines("middle", "inner")
    texts = Texts()
    assert not texts.take("a")
    assert not texts.take("b")
    texts.add({"outer": "a", "other": "b"}, [other, outer, middle, inner])
    assert texts.modules() == [inner, middle, outer, other]
    # After an edit of `other`: it needs `inner` too, which this build made anew.
    later = Texts(texts.packed())
    assert later.take("a")
    assert not later.take("c")
    edited, again = defines("other", "inner"), defines("inner", body=" ")
    later.add({"other": "c"}, [edited, again])
    assert later.modules() == [inner, middle, outer, edited]
    assert not Texts(later.packed()).take("b")  # what nobody wanted is not kept


def python(folder, *arguments, given=b""):
    """Run Python on a copy of the sources; return what it writes."""
    done = subprocess.run(
        [sys.executable, *arguments],
        input=given,
        env={**os.environ, "PYTHONPATH": str(folder), "NUMBA_DISABLE_JIT": "0"},
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout


def build(folder, kept=b""):
    """Build the loops that measure; return object file and texts."""
    made = python(folder, "-m", "wpbench.jit.build", "measure", *native.processor(), given=kept)
    parts = []
    while made:
        end = 8 + int.from_bytes(made[:8])
        parts.append(made[8:end])
        made = made[end:]
    _, texts, machine_code = parts
    return machine_code, texts


GATHER = """
import sys
from wpbench.jit import build
from wpbench.jit.texts import Texts
build.gather("measure", texts := Texts())
sys.stdout.buffer.write(texts.packed())
"""
EDITS = {
    "measure/probe/steps.py": ("return (flags >> number) & 1", "return (flags >> number) & 3"),
    "measure/costs/visits.py": ("return one if one != KEPT", "return one if one == KEPT"),
}


@pytest.mark.slow
@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_after_an_edit_the_machine_code_is_that_of_a_whole_build(tmp_path):
    (tmp_path / "data").symlink_to(wpbench.data_dir())
    shutil.copytree(PACKAGE, tmp_path / "wpbench")
    kept = python(tmp_path, "-c", GATHER)
    for name, (old, new) in EDITS.items():
        file = tmp_path / "wpbench" / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))
    after, texts = build(tmp_path, kept)
    assert after == build(tmp_path)[0]
    was, now = (set(json.loads(zlib.decompress(packed))[1]) for packed in (kept, texts))
    assert 1 <= len(now - was) < len(now) / 2
