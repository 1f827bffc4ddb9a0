"""The house: dependencies run downwards only, and nothing of this machine is left in the files."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "wpbench"

PICTURE = ROOT / "docs" / "CONTRIBUTING.md"
MOST_LINES = 400


def drawn(page: Path) -> tuple[list[str], set[str]]:
    """Read the rooms off the picture, top to bottom, and what stands on the ground beside them."""
    lines = (
        page.read_text(encoding="utf-8")
        .split("    wpbench/\n")[1]
        .split("    data/")[0]
        .splitlines()
    )
    names = [line.split()[0].rstrip("/") for line in lines if line.strip()]
    ground = names.index("--")
    return names[:ground], set(names[ground + 1 :])


# A room is a module (notebook.py) or a package (mm/), whose files may import each other.
ROOMS, HELPERS = drawn(PICTURE)
MM_MAY = {"mm", "jit"}
# The machine is jitted functions over arrays: no tables, no files, no strings.
MM_MUST_NOT = {"csv", "io", "json", "matplotlib", "os", "pandas", "pathlib", "pyarrow", "pydantic"}

LEVEL = {room: level for level, room in enumerate(ROOMS)} | {"__main__": 0}


def room_of(module: str) -> str:
    """Give the room of a module: `wpbench.mm.swap` is in `mm`, `wpbench` is the face."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def modules(package: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = [PACKAGE, *path.relative_to(package).with_suffix("").parts]
        if parts[-1] == "__init__" and len(parts) > 2:  # the face keeps its name
            parts.pop()
        found[".".join(parts)] = path
    return found


def imports(module: str, path: Path, known: set[str], files: bool = False) -> Iterator[str]:
    """Yield the dotted names of what a module imports, wherever in it, those for types included.

    ``files``: where what is imported is itself a module, its name; not only in the package's top.
    """
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    if module == f"{PACKAGE}.__init__":
        package = [PACKAGE]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if (files or source == PACKAGE) and inner in known else source


def complaints(package: Path) -> list[str]:
    """List what is wrong with the order in a package's folder; nothing is good."""
    found = modules(package)
    known = set(found) | {name.rpartition(".")[0] for name in found}
    wrong = []
    for module, path in found.items():
        room = room_of(module)
        if room not in LEVEL and room not in HELPERS:
            wrong.append(f"{module} is not in the picture of docs/CONTRIBUTING.md")
            continue
        for target in imports(module, path, known):
            top = target.split(".")[0]
            if room == "mm" and top in MM_MUST_NOT:
                wrong.append(f"{module} imports {target}: mm knows no tables, files or strings")
            if top != PACKAGE:
                continue
            other = room_of(target)
            if other == room:
                continue
            if other not in LEVEL and other not in HELPERS:
                wrong.append(f"{module} imports {target}, which is not in the picture")
            elif room == "mm" and other not in MM_MAY:
                wrong.append(f"{module} imports {target}: mm knows only itself and jit")
            elif room in HELPERS and other not in HELPERS:
                wrong.append(f"{module} imports {target}: a helper imports no room")
            elif other in LEVEL and room in LEVEL and LEVEL[other] <= LEVEL[room]:
                wrong.append(f"{module} imports {target}: not below it")
    return wrong


def test_the_picture_shows_each_room_once_and_only_what_is_there() -> None:
    names = [*ROOMS, *sorted(HELPERS)]
    assert len(names) == len(set(names))
    there = {room_of(name) for name in modules(ROOT / PACKAGE)} - {"__main__"}
    assert set(names) == there


def test_no_file_is_long() -> None:
    files = (ROOT / PACKAGE).rglob("*.py")
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: n for name, n in sizes.items() if n > MOST_LINES} == {}


def test_dependencies_run_downwards_only() -> None:
    assert complaints(ROOT / PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("attic.py", "", "not in the picture"),
        ("plots.py", "from wpbench import commands", "not below it"),
        ("plots.py", "from . import commands", "not below it"),
        ("plots.py", "from .commands.run import main", "not below it"),
        ("plots.py", "def f():\n    import wpbench.commands", "not below it"),
        ("scenario.py", "import wpbench", "not below it"),
        ("scenario.py", "from wpbench import Scenario", "not below it"),
        ("simulate.py", "from wpbench.measure import run", "not below it"),
        ("mm/swap.py", "from wpbench import errors", "only itself and jit"),
        ("mm/swap.py", "from ..workloads import replay", "only itself and jit"),
        ("mm/swap.py", "import pandas as pd", "no tables"),
        ("data.py", "from wpbench.mm import swap", "imports no room"),
        ("data.py", "from wpbench.attic import x", "not in the picture"),
    ],
)
def test_the_test_sees_what_is_wrong(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    package = tmp_path / PACKAGE
    for name in ("__init__.py", "commands.py", "errors.py", "jit.py", "mm/__init__.py", file):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if name == file else "", encoding="utf-8")
    (only,) = complaints(package)
    assert complaint in only


def test_the_test_accepts_what_is_right(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from wpbench.simulate import simulate\nfrom . import data",
        "__main__.py": "from wpbench.commands import main",
        "commands.py": "from wpbench import plots, simulate",
        "plots.py": "from .errors import Wrong",
        "simulate.py": "import pandas\nfrom wpbench.mm.swap import f",
        "data.py": "from wpbench import errors",
        "errors.py": "",
        "jit.py": "import os",
        "mm/__init__.py": "from .swap import f",
        "mm/swap.py": "from .. import jit\nfrom wpbench.mm import lru\nfrom . import lru",
        "mm/lru.py": "import numpy",
    }
    for name, text in files.items():
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert complaints(tmp_path / PACKAGE) == []


# Written apart, or this file would find itself.
FOLDERS = ["work", "root", "opt/pypi", "opt/wheels", "tmp/bash_jobs"]
HOSTS = [
    ("pypi", "org"),
    ("files", "pythonhosted", "org"),
    ("deb", "debian", "org"),
    ("registry", "npmjs", "org"),
    ("conda", "anaconda", "org"),
]
FOREIGN = [rf"(?<![\w.~$-])/{folder}/" for folder in FOLDERS]
FOREIGN += [r"\b" + re.escape(".".join(host)) for host in HOSTS]


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_file_names_this_machine_or_a_registry() -> None:
    pattern = re.compile("|".join(FOREIGN))
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert found == []


DEEP = re.compile(r"\b(?:from|import) (wpbench(?:\.\w+){2,})")


def test_docs_and_notebooks_import_from_a_room_and_no_deeper() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.ipynb")]
    found = {page.name: DEEP.findall(page.read_text(encoding="utf-8")) for page in pages}
    assert {name: deep for name, deep in found.items() if deep} == {}
    assert DEEP.findall("from wpbench.sweep.run import sweep") == ["wpbench.sweep.run"]


def test_lines_are_broken_in_one_place() -> None:
    """But for figures, whose width is not a terminal's."""
    package = ROOT / PACKAGE
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^\s*(?:import|from) textwrap", path.read_text("utf-8"), re.MULTILINE)
    }
    assert {user for user in users if not user.startswith("plots/")} == {"text/layout.py"}


def test_no_two_files_import_each_other() -> None:
    """Nor by way of others; an ``__init__`` only hands names on."""
    found = modules(ROOT / PACKAGE)
    known = set(found) | {name.rpartition(".")[0] for name in found}
    files = {name: path for name, path in found.items() if path.name != "__init__.py"}
    graph = {
        n: {t for t in imports(n, p, known, files=True) if t in files} for n, p in files.items()
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
