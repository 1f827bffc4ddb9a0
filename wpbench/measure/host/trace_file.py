"""Write a recorded program down in the project's trace format."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import MeasureError
from ...mm.names import Outcome
from ...output import written
from ...scenario import Scenario
from ...simulate.trace import COLUMNS
from ...workloads.replay import OPS


def trace_text(
    scenario: Scenario, plan: Mapping[str, Any], found: Mapping[str, Any], header: Mapping[str, Any]
) -> str:
    """Return a trace file's text.

    Parameters
    ----------
    scenario
        What was run; its ``npages``, ``cpus``, ``seed`` and ``mix`` go into the header.
    plan, found
        What ``run_random()`` was given and returned.
    header
        Further ``# key: value`` lines; None leaves a line out.
    """
    lines = {**header, "npages": scenario.npages, "ncpus": plan["cpus"], "seed": scenario.seed}
    lines["mix"] = scenario.mix
    text = [f"# {key}: {value}" for key, value in lines.items() if value is not None]
    text.append(",".join(COLUMNS))
    operations = zip(plan["op"], plan["arg"], plan["n"], found["rows"], strict=True)
    for op, arg, n, (t_ns, outcome, extra, *flags) in operations:
        name = OPS[op]
        cells = [str(t_ns), name, "", "", "", "", *("" if bit < 0 else str(bit) for bit in flags)]
        if name in ("fork", "exit"):
            cells[4] = "ignored" if extra else "done"
        else:
            cells[2] = str(arg)
        if name in ("read", "write"):
            cells[4] = Outcome.text_of(outcome)
        if name in ("pageout", "cold", "free"):
            cells[3] = str(n)
        if name == "pageout":
            cells[5] = str(extra)
        text.append(",".join(cells))
    return "\n".join(text) + "\n"


def write_trace(path: Path, text: str) -> None:
    """Write a trace file; ``.gz`` is compressed, the same text to the same bytes."""
    data = text.encode()
    if path.suffix == ".gz":
        buffer = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
            file.write(data)
        data = buffer.getvalue()
    with written(path, MeasureError) as file:
        file.write(data)
