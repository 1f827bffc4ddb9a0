"""Sphinx: the pages of docs/, the notebooks with their figures, and the API from the docstrings.

The source folder is the project's top, so that a link between README, docs/, data/ and notebooks/
is the same in a checkout and on the site.  ``make docs`` builds it.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# Without JIT the operations of wpbench.mm are functions whose signature autodoc can read.  The
# kernels of the notebooks, which begin later, compile as always.
os.environ["NUMBA_DISABLE_JIT"] = "1"
import wpbench.mm  # noqa: E402

del os.environ["NUMBA_DISABLE_JIT"]
from wpbench.jit.sources import model_hash  # noqa: E402

project = "wpbench"
author = "wpbench contributors"
release = wpbench.version()

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "docs/*.md",
    "docs/api/*.md",
    "notebooks/*.ipynb",
    "data/README.md",
    "data/kernel-measurements/README.md",
    "benchmarks/README.md",
]
exclude_patterns = [".*", "out", "build", "dist", "tests", "wpbench"]

html_theme = "furo"
html_title = f"wpbench {release}"
html_additional_pages = {"index": "to-the-first-page.html"}
templates_path = ["_templates"]
html_copy_source = False
html_show_sphinx = False

myst_heading_anchors = 4

autodoc_typehints = "none"  # Parameters says them
autodoc_member_order = "alphabetical"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# A notebook is run once, and again when its cells or the model have changed.
nb_execution_mode = os.environ.get("WPBENCH_DOCS_EXECUTE", "cache")
nb_execution_cache_path = str(ROOT / ".cache" / "notebooks" / model_hash())
nb_execution_timeout = 1800
nb_execution_show_tb = True
# Widgets need the kernel, and their scripts would come from another site.
nb_execution_excludepatterns = ["notebooks/00-explore.ipynb"]
nb_ipywidgets_js = {}
