"""Do a job of measuring: here, or as a program in a guest, where nothing is imported in vain.

A job and its result are plain JSON; ``plans.py`` makes the one, ``table.py`` reads the other.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ...errors import MeasureError, WpbenchError
from . import signals
from .facts import environment, meminfo, swaps
from .litmus import Session
from .memory import PAGE
from .random_program import run_random
from .reproducer import run_reproducer
from .zram import Zram, check_memory

JOB, RESULT = "job.json", "result.json"
NO_SWAP = (
    "no swap: MADV_PAGEOUT would do nothing; --zram 64M sets up a device and takes it down again, "
    "and without swap fork can be measured: wpbench measure random"
)
_RUN = {"random": run_random, "reproducer": run_reproducer}


def _check_swap(pages: int) -> None:
    """Refuse to page out more than fits into half of the free swap: fuller, the rule changes."""
    if not swaps():
        raise MeasureError(NO_SWAP)
    free = meminfo().get("SwapFree", 0) // PAGE
    if 2 * pages > free:
        raise MeasureError(
            f"npages: {pages} pages are paged out, of {free} pages of free swap; accepted: up to "
            f"{free // 2}, half of it"
        )


def _clear(cpu_ids: list[int]) -> None:
    """Move all processes off these CPUs: their page faults are not for the pagevecs measured.

    In a guest only, which has nothing else to do.
    """
    others = set(range(os.cpu_count() or 1)) - set(cpu_ids)
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # a kernel thread that belongs where it is
            os.sched_setaffinity(int(path.name), others)


def execute(job: dict[str, Any]) -> dict[str, Any]:
    """Set up what a job asks for, run its plans one after the other, take everything down.

    Parameters
    ----------
    job
        ``plans``: what ``run_random()`` and ``run_reproducer()`` take, with ``workload``, ``pages``
        (of memory) and ``pages_out`` (does it page out?); ``oracle``; ``zram``: bytes, 0 for none;
        ``cpu_ids``: CPUs to use, and to clear of all others, where they are not left open.
        Or ``programs``, ``runs``: litmus programs, as ``Session.run()`` takes them, and ``zram``: a
        size as text, of a device that is set up when they need it.

    Returns
    -------
    dict
        ``environment``, as the plans met it; ``results``, one for each plan.  Of a job that has
        ``programs``: what ``Session.run()`` returned, as lists.

    Raises
    ------
    MeasureError
        If the kernel or this user cannot do it, or memory or swap do not suffice.
    """
    if "programs" in job:
        return _run_litmus(job)
    with signals.noted(), ExitStack() as stack:
        if job["zram"]:
            stack.enter_context(Zram(job["zram"]))
        if job.get("cpu_ids"):
            _clear(job["cpu_ids"])
        facts = environment()
        results = []
        for plan in job["plans"]:
            signals.check()
            # A copy is a second page; the forked child keeps the first.
            check_memory(3 * plan["pages"] * PAGE, "the measured region")
            if plan["pages_out"]:
                _check_swap(plan["pages"])
            results.append(_RUN[plan["workload"]](plan, job["oracle"], job.get("cpu_ids")))
    return {"environment": facts, "results": results}


def _run_litmus(job: dict[str, Any]) -> dict[str, Any]:
    if job.get("cpu_ids"):
        _clear(job["cpu_ids"])
        os.sched_setaffinity(0, job["cpu_ids"])
    facts = environment()
    with Session(job["zram"]) as session:
        found = session.run(job["programs"], job["runs"])
    return {"environment": facts, "results": [[seen.tolist() for seen in runs] for runs in found]}


def main(folder: Path) -> int:
    """Do the job in a folder, and write the result, or the error, beside it."""
    try:
        result = execute(json.loads((folder / JOB).read_text(encoding="utf-8")))
    except WpbenchError as error:
        result = {"error": str(error)}
    except BaseException:
        result = {"error": traceback.format_exc()}
        raise
    finally:
        new = folder / f"{RESULT}.new"
        new.write_text(json.dumps(result), encoding="utf-8")
        os.replace(new, folder / RESULT)  # noqa: PTH105
    return int("error" in result)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
