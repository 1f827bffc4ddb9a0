"""Reuse or copy?  do_wp_page() simulated, fault by fault, beside measurements of real kernels.

``import wpbench as wb`` costs next to nothing: numba, pandas and the rest are loaded when a name
is first used.
"""

from __future__ import annotations

import importlib
import sys
import threading
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import figures, litmus, measure, mm, plots, programs, tables, text
    from .errors import (
        DataError,
        LitmusError,
        MeasureError,
        ScenarioError,
        SimulationError,
        SweepError,
        TableError,
        TraceError,
        WpbenchError,
    )
    from .price import Price, account, budget, predictions, price
    from .provenance.version import version
    from .report import report
    from .scenario import DRAINS, Grid, GridFile, Scenario, grid, load_grid
    from .scenario.kernel_table import kernels
    from .simulate import Explanation, Replay, explain, faults, replay, simulate
    from .sweep import read_store, sweep
    from .tables import compare, summarize
    from .widgets import explore

_WHERE = {
    "kernels": "scenario.kernel_table",
    "DRAINS": "scenario",
    "Grid": "scenario",
    "GridFile": "scenario",
    "DataError": "errors",
    "LitmusError": "errors",
    "MeasureError": "errors",
    "Price": "price",
    "Replay": "simulate",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "SimulationError": "errors",
    "SweepError": "errors",
    "TableError": "errors",
    "TraceError": "errors",
    "WpbenchError": "errors",
    "Explanation": "simulate",
    "backends": "data",
    "compare": "tables",
    "costs": "data",
    "data_dir": "data",
    "explain": "simulate",
    "explore": "widgets",
    "faults": "simulate",
    "grid": "scenario",
    "load_grid": "scenario",
    "account": "price",
    "budget": "price",
    "predictions": "price",
    "price": "price",
    "read_store": "sweep",
    "replay": "simulate",
    "report": "report",
    "simulate": "simulate",
    "summarize": "tables",
    "sweep": "sweep",
    "version": "provenance.version",
}
_MODULES = {"figures", "litmus", "measure", "mm", "plots", "programs", "tables", "text"}

__all__ = [
    "DRAINS",
    "DataError",
    "Explanation",
    "Grid",
    "GridFile",
    "LitmusError",
    "MeasureError",
    "Price",
    "Replay",
    "Scenario",
    "ScenarioError",
    "SimulationError",
    "SweepError",
    "TableError",
    "TraceError",
    "WpbenchError",
    "account",
    "backends",
    "budget",
    "compare",
    "costs",
    "data_dir",
    "explain",
    "explore",
    "faults",
    "figures",
    "grid",
    "kernels",
    "litmus",
    "load_grid",
    "measure",
    "mm",
    "plots",
    "predictions",
    "price",
    "programs",
    "read_store",
    "replay",
    "report",
    "simulate",
    "summarize",
    "sweep",
    "tables",
    "text",
    "version",
]


class _Face(ModuleType):
    """The package: a public function keeps its name when a submodule of that name is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _WHERE and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    elif name == "__version__":
        value = importlib.import_module(".provenance.version", __name__).version()
    else:
        raise AttributeError(f"module 'wpbench' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def _warm() -> None:
    """Import and load what a first cell will need, while its user writes it."""
    with suppress(Exception):  # the cell itself says what is wrong
        importlib.import_module(".simulate.table", __name__)
        compiled = importlib.import_module(".jit.compile", __name__)
        compiled.link()
        if not compiled.JIT_DISABLED:  # numba, for a workload of one's own
            importlib.import_module(".jit.lowered", __name__)


if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
    threading.Thread(target=_warm, name="wpbench-warm", daemon=True).start()
