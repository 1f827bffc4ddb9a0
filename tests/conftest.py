"""What tests of more than one file share."""

import fcntl
import gc
import os
import signal
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import given, settings, strategies
from models import Jitted, Twin

from wpbench.jit.compile import JIT_DISABLED

# Begun first, in this order, so that a worker is not left with one at the end: they take longest.
FIRST = (
    "measure_guest", "browser", "fuzz", "env_variables", "workbench", "stop", "benchmarks", "jit",
    "cache", "docs_sweeps", "sweep", "sweep_dask", "notebook_sweep", "litmus_live",
    "notebook_report", "programs_live", "docs_site", "rerun", "differ", "notebook_agreement",
    "report", "measure_live", "notebook_explore", "notebooks", "docs_readme", "explore",
)  # fmt: skip
# Files whose tests are mostly the plain twin, statistics, searches and drawings in Python.
COMPUTING = ("differ", "docs_sweeps", "fast_forward", "machine", "stats", "twin")
# ... and those that only run what the other files' tests run, too.
SEEN_ELSEWHERE = (
    "costs_live", "each_rule", "house", "notebook_explore", "notebook_price", "notebook_programs",
    "notebook_report", "notebook_sweep", "notebooks", "price_account", "replay", "semantics",
    "semantics_2026", "semantics_actors", "semantics_loops", "semantics_pagevecs",
    "semantics_swapin", "semantics_swapout", "sweep_dask",
)  # fmt: skip

LOOKS_AWAY: list[Coverage] = []

gc.disable()  # until all tests are collected

# A shell gives this to a command that it runs in the background, as CI may; tests press Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def place(item: pytest.Item) -> int:
    """Return where a test's file stands among all."""
    name = item.path.stem.removeprefix("test_")
    return FIRST.index(name) if name in FIRST else len(FIRST)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Let the leg of plain Python import no file that has none of its tests."""
    plain = config.getoption("markexpr") == "nojit" and collection_path.suffix == ".py"
    return True if plain and not names_nojit(collection_path) else None


@lru_cache
def names_nojit(path: Path) -> bool:
    """Tell whether a file's tests may be marked `nojit`, by itself or by sized() of states.py."""
    text = path.read_text(encoding="utf-8")
    return "nojit" in text or "sized(" in text


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files."""
    items.sort(key=place)
    for item in items:
        nojit = item.get_closest_marker("nojit")
        assert names_nojit(item.path) or not nojit, f"{item.path}: write nojit in there"
    # Hypothesis asks the collector who holds its random numbers, and must do so before.
    uses_hypothesis()
    # What there is now lives until the end: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 10, 10)
    gc.enable()


@settings(max_examples=1, database=None)
@given(strategies.none())
def uses_hypothesis(_nothing: None) -> None:
    """Do nothing."""


def watched(item: pytest.Item) -> bool:
    """Tell whether coverage sees what a test runs: where that is cheap.

    Python that is watched takes two or three times as long.  What `nojit` tests run is watched in
    their own leg; what `slow` ones run, and those that compute in Python, has been seen elsewhere.
    """
    name = item.path.stem.removeprefix("test_")
    marks = {mark.name for mark in item.iter_markers()}
    if JIT_DISABLED:
        return name not in COMPUTING
    return name not in COMPUTING + SEEN_ELSEWHERE and not marks & {"nojit", "slow", "unwatched"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None):
    """Look away from a test that is not watched, from pytest's own work for it, too."""
    if not watched(item) and (coverage := Coverage.current()):
        coverage.stop()
        LOOKS_AWAY.append(coverage)
    done = yield
    if LOOKS_AWAY and (nextitem is None or watched(nextitem)):
        LOOKS_AWAY.pop().start()
    return done


# The twin is plain Python in either leg: it is asked in one.
MODELS = [Jitted] if JIT_DISABLED else [Twin, Jitted]


@pytest.fixture(params=MODELS, ids=lambda model: model.name)
def model(request):
    """Give each of the two models of Linux's anonymous pages in turn."""
    return request.param


@pytest.fixture(autouse=True)
def alone_on_the_kernel(request):
    """Let one test at a time measure the running kernel: each is the other's noise."""
    if request.node.get_closest_marker("root") is None:
        yield
        return
    path = Path(tempfile.gettempdir(), f"wpbench-tests-{os.geteuid()}.lock")
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
