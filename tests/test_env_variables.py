"""Commands that start others or draw: wherever the variables point, nothing else is touched.

tests/test_cache.py has the rest.
"""

import gzip
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from test_cache import VARIABLES, checkout, status, tree

import wpbench as wb

__all__ = ["checkout"]  # a fixture
ROOT = Path(__file__).resolve().parents[1]
TRACE = wb.data_dir() / "kernel-measurements" / "traces" / "zram_patch2_64p_2c_s22.csv.gz"
OWN = {"wpbench-code", ".cache"}
GRID = """
title = "Small"
question = "q"
[[grid]]
kernel = ["patch1", "patch2"]
npages = [1, 8, 16, 24]
rounds = 3
"""
# One process: plain Python, so that nothing waits for a compiler.
COMMANDS = """
import sys
from wpbench.commands.main import main
for line in sys.argv[1].split(";"):
    assert main(line.split()) == 0, line
"""
LINES = (
    "kernels v7.2;litmus run fill --kernel patch1;replay {out}/trace.csv;"
    "sweep {out}/small.toml --store {out}/store;"
    "report {out}/small.toml --seeds 2 --figures {out}/figures"
)
NOTEBOOK = ";notebook 03-sweep --out {out}/book -p grid={out}/small.toml -p seeds=1"


@contextmanager
def mounted(place, options):
    """Mount a folder of memory at a place; skip where that cannot be."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(place):
    with pytest.raises(OSError, match="No space"):
        (place / "filler").write_bytes(b"x" * (1 << 20))


@pytest.fixture
def out(tmp_path):
    """Give a folder with a short trace and a small grid, for what the commands make."""
    made = tmp_path / "out"
    made.mkdir()
    lines = gzip.decompress(TRACE.read_bytes()).decode().splitlines(keepends=True)
    (made / "trace.csv").write_text("".join(lines[:200]))
    (made / "small.toml").write_text(GRID)
    return made


def commands(place, checkout, out, lines=LINES):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("MPL", "JUPYTER", "IPYTHON"))}
    keep |= dict.fromkeys(VARIABLES, str(place)) | {"NUMBA_DISABLE_JIT": "1"}
    keep |= {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, lines.format(out=out)],
        env=keep, cwd=checkout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (out / "store").exists()
    assert (out / "figures").exists(), done.stdout
    assert (out / "book" / "03-sweep.ipynb").exists() == (NOTEBOOK in lines)


@pytest.mark.parametrize("place", ["checkout", "parent", "read-only", "full"])
def test_commands_leave_the_checkout_clean_and_touch_nothing_else(checkout, out, place):
    parent = checkout.parent
    shutil.copytree(ROOT / "notebooks", checkout / "notebooks", ignore=shutil.ignore_patterns(".*"))
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)
    staged = status(checkout)
    (parent / "mounted").mkdir()
    where = {"checkout": checkout, "parent": parent}.get(place, parent / "mounted")
    options = {"read-only": "ro", "full": "size=64k"}
    with mounted(where, options[place]) if place in options else nullcontext():
        if place == "full":
            fill(where)
        before = tree(parent)
        # A notebook's kernel is a process more; what it keeps is kept as in the checkout.
        commands(where, checkout, out, LINES + NOTEBOOK * (place in ("checkout", "full")))
        assert status(checkout) == staged
        made = {path for path in tree(parent) - before if ".git" not in path.parts}
        assert before <= tree(parent)
        strange = [p for p in made if not OWN & set((parent / p).relative_to(where).parts[:1])]
        assert strange == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_commands_with_every_variable_at_the_root(checkout, out):
    """Only folders of ours are made there, and this removes them again."""
    root = Path("/")
    before = {path.name for path in root.iterdir()}
    cached = {path.name for path in root.glob(".cache/*")}
    try:
        commands(root, checkout, out)
        after = {path.name for path in root.iterdir()}
        assert after - before <= OWN
        assert before <= after
        assert {path.name for path in root.glob(".cache/*")} - cached <= {"wpbench-code"}
    finally:
        for name in ("wpbench-code", ".cache/wpbench-code"):
            if name not in before | {f".cache/{known}" for known in cached}:
                shutil.rmtree(root / name, ignore_errors=True)
        if ".cache" not in before:
            shutil.rmtree(root / ".cache", ignore_errors=True)
