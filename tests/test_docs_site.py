"""The documentation site: built without a warning, no broken link, nothing from another host."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from test_house import tracked

import wpbench as wb

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
# Of what a browser loads by itself: scripts, styles, fonts, pictures.
LOADED = re.compile(
    r'(?:src=|<link[^>]*href=)"((?:https?:)?//[^"]+)"|url\(["\']?((?:https?:)?//[^)]+)'
)


def text_of(path):
    """Return a page, or a notebook's cells of text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return text


def prose(text):
    """Return a page without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def anchors(text):
    """Return the anchors that GitHub, and MyST, give a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(plain)


def broken(path, text):
    """Return the links of a page that lead nowhere in the checkout."""
    found = []
    for link in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        there = target.exists()
        if there and anchor and target.suffix == ".md":
            there = anchor in anchors(text_of(target))
        if not there:
            found.append(link)
    return found


def pages():
    return [path for path in tracked() if path.suffix in (".md", ".ipynb")]


def test_every_link_leads_somewhere():
    found = {str(path.relative_to(ROOT)): broken(path, text_of(path)) for path in pages()}
    assert {page: links for page, links in found.items() if links} == {}
    assert len(found) > 15


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# A b, c\n")
    text = "[a](other.md#a-b-c) [b](other.md#a-b) [c](none.md) [d](https://x.example) ![e](f.svg)"
    assert broken(page, text) == ["other.md#a-b", "none.md", "f.svg"]


def test_every_public_module_has_a_page():
    listed = {path.stem for path in (ROOT / "docs" / "api").glob("*.md")}
    modules = {name for name in wb.__all__ if isinstance(getattr(wb, name), ModuleType)}
    assert modules < listed


def test_every_public_function_is_in_the_summary():
    page = (ROOT / "docs" / "api" / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"autosummary::\n\n((?:   \w+\n)+)", page)
    names = [name for block in blocks for name in block.split()]
    functions = {n for n in wb.__all__ if not isinstance(getattr(wb, n), ModuleType | type)}
    assert sorted(names) == sorted(functions - {"DRAINS"} | {"Scenario"})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site, its notebooks not executed: `make docs` does that."""
    pytest.importorskip("myst_nb", reason="needs the extra `docs`")
    out = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs", ".", str(out)],
        cwd=ROOT,
        env={**os.environ, "WPBENCH_DOCS_EXECUTE": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_the_site_has_every_page(site):
    wanted = [path.relative_to(ROOT).with_suffix(".html") for path in pages()]
    lacking = [str(page) for page in wanted if not (site / page).is_file()]
    assert lacking == []
    assert 'url=docs/index.html"' in (site / "index.html").read_text()


def test_the_site_loads_nothing_from_elsewhere(site):
    found = {}
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        if loaded := LOADED.findall(path.read_text(encoding="utf-8")):
            found[path.name] = loaded
    assert found == {}


def test_the_site_documents_every_public_name(site):
    text = "".join(page.read_text() for page in (site / "docs" / "api").glob("*.html"))
    functions = [name for name in wb.__all__ if callable(getattr(wb, name))]
    assert [name for name in functions if f'id="wpbench.{name}"' not in text] == []
