"""Each citation of the specification (docs/semantics*.md) names a section that is there."""

import ast
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from wpbench.scenario.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
SPECIFICATIONS = ("semantics", "semantics-2026")
NUMBER = r"\d+(?:\.\d+)?"
HEADING = re.compile(rf"^#{{2,3}} ({NUMBER})\.? ", re.MULTILINE)
BINARY = {".gz", ".parquet", ".png", ".svg"}
# semantics 4.3; semantics 7, 11.11 and 11.12; semantics-2026 3.2.  A number after "row", "step" or
# "item" is none of these.
CITATION = re.compile(
    rf"\b[Ss](emantics(?:-2026)?)\s+({NUMBER}(?:(?:,|,? and| to|,? or)\s+{NUMBER})*)(?![\w.]*\w)"
)
# Within a specification: section 4.3; sections 11.2 and 11.16.
OWN = re.compile(rf"\b[Ss]ections? ({NUMBER}(?:(?:,|,? and| to)\s+{NUMBER})*)")
# How else one might cite; refused, so that the two patterns above find all.
OTHERWISE = re.compile(
    rf"\b[Ss]emantics(?:-2026)?\.md,?\s+(?:section\s+)?{NUMBER}|§|\b[Ss]emantics(?:-2026)?,?\s+[Ss]ection"
)


@lru_cache(maxsize=2)
def sections(name: str) -> frozenset[str]:
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    return frozenset(HEADING.findall(text))


def wrong(text: str, own: str = "") -> list[str]:
    """Return the citations of a text that are no section's, or not written as they should be."""
    text = re.sub(r"\n\s*(?:# ?)?", " ", text)  # a citation may be on two lines of a comment
    found = [(f"s{name}", numbers) for name, numbers in CITATION.findall(text)]
    if own:
        found += [(own, numbers) for numbers in OWN.findall(text)]
    bad = [
        f"{name} {number}"
        for name, numbers in found
        for number in re.findall(NUMBER, numbers)
        if number not in sections(name)
    ]
    return bad + OTHERWISE.findall(text)


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix not in BINARY]


def test_every_citation_is_a_section() -> None:
    found, cited = [], set()
    for path in tracked():
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        own = path.stem if path.parent == ROOT / "docs" and path.stem in SPECIFICATIONS else ""
        found += [f"{path.relative_to(ROOT)}: {what}" for what in wrong(text, own)]
        cited.update(CITATION.findall(text))
    assert found == []
    assert len(cited) > 50


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("as semantics 4.3 and semantics-2026 3.5 say", []),
        ("semantics 5.1, step a; semantics 5.2, rows 14 to 16", []),
        ("semantics 7, 11.11 and 11.12: active pages", []),
        ("Semantics 8: how many", []),
        ("semantics 4.9", ["semantics 4.9"]),
        ("semantics 12", ["semantics 12"]),
        ("semantics 7, 11.11 and 11.19", ["semantics 11.19"]),
        ("semantics-2026 11.9", ["semantics-2026 11.9"]),
        ("# see semantics\n    # 8.9", ["semantics 8.9"]),
        ("semantics.md 5.2", ["semantics.md 5.2"]),
        ("semantics-2026.md, section 8", ["semantics-2026.md, section 8"]),
        ("§5.2", ["§"]),
    ],
)
def test_a_wrong_citation_is_found(text: str, complaints: list[str]) -> None:
    assert wrong(text) == complaints


def test_a_wrong_reference_within_a_specification_is_found() -> None:
    assert wrong("sections 11.2 and 11.16; section 4.7", "semantics") == ["semantics 4.7"]


def test_the_specification_names_every_rule_of_kernels_toml() -> None:
    text = (ROOT / "docs" / "semantics-2026.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    named = [rule for row in rows for rule in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(RULES)


def test_sections_are_in_order_and_none_is_there_twice() -> None:
    for name in SPECIFICATIONS:
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        found = [tuple(map(int, number.split("."))) for number in HEADING.findall(text)]
        assert found == sorted(set(found))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").glob("test_semantics*.py")), ids=lambda path: path.stem
)
def test_no_docstring_begins_with_a_bare_number(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
            assert not text[0].isdigit(), f"{path.name}: {node.name}: {text!r}"


def readme_strings(source: str) -> list[str]:
    """Return the strings of a program that name a README; docstrings are none."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented) and node.body]
    docstrings = {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and "readme" in node.value.lower()
        and id(node) not in docstrings
    ]


def test_no_program_reads_a_readme() -> None:
    for path in sorted((ROOT / "wpbench").rglob("*.py")):
        assert readme_strings(path.read_text(encoding="utf-8")) == [], path
    bad = '"""As README.md says."""\ndef f(folder):\n    """See README."""\n'
    assert readme_strings(bad) == []
    assert readme_strings(bad + '    return folder / "README.md"') == ["README.md"]
    assert readme_strings(bad + '    return f"{folder}/README.md"') == ["/README.md"]
