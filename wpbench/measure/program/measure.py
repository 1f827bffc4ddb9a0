"""How often a drain helps a program: ``wb.measure.program()`` and ``wb.measure.system()``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import MeasureError, check_positive
from ...provenance.record import provenance
from ...tables import mean_interval
from ..probe import signals
from ..probe.facts import environment, notes
from ..probe.zram import Zram, parse_size
from ..probe.zram import remove_left as remove_left_zram
from .cgroup import find_hierarchy
from .counted import table_of
from .event_file import Recorder, check_folder
from .follow import warm
from .guard import Guard, remove_left
from .run import Setting, Traced, run_plain, run_traced, watch_system
from .tracefs import BUFFER_KB, find_tracefs


def _clean() -> list[str]:
    """Remove what killed runs left; say what it was."""
    parents = [find_tracefs() / "instances"]
    with suppress(MeasureError):  # without a hierarchy nothing can be left in it
        parents.append(find_hierarchy().root)
    return [*remove_left(parents), *remove_left_zram()]


def _buffer_kb(text: str | None) -> int:
    return BUFFER_KB if text is None else parse_size(text, "buffer") // 1024


def _costs(pairs: Sequence[tuple[float, float, float, float]]) -> dict[str, Any]:
    """Return how much slower tracing made a command: percent, with 95 % intervals."""
    found: dict[str, Any] = {"pairs": len(pairs)}
    for name, plain, traced in (("wall", 0, 1), ("cpu", 2, 3)):
        ratios = [100 * (pair[traced] / pair[plain] - 1) for pair in pairs if pair[plain] > 0]
        interval = mean_interval(ratios)
        found |= {f"{name}_percent": interval.mean}
        found |= {f"{name}_percent_low": interval.low, f"{name}_percent_high": interval.high}
    return found


def _recorder(
    path: Path, asked: Mapping[str, Any], pid: int | None, flags: Mapping[str, int]
) -> Recorder:
    """Return what keeps the events, with all that a replay wants to know of them."""
    about = {"pid": pid, "flags": dict(flags), "measured_on": environment()}
    return Recorder(path, {**asked, **about})


def _thp_note(facts: Mapping[str, Any]) -> list[str]:
    if facts["thp"] == "always":
        return [
            "transparent huge pages are on: faults near a large folio that do not copy are unclear"
        ]
    return []


def _attrs(
    command: str, asked: Mapping[str, Any], runs: Sequence[Traced], told: Sequence[str]
) -> dict[str, Any]:
    facts = environment()
    lost = sum(run.lost for run in runs)
    more = list(told)
    if lost:
        more.append(f"{lost} events were lost, and the counts are too low: a larger --buffer helps")
    return provenance(command, dict(asked)) | {
        "measured_on": facts,
        "notes": [*notes(facts), *_thp_note(facts), *more],
        "tracing": {
            "events": sum(run.events for run in runs),
            "lost": lost,
            "late": sum(run.late for run in runs),
            "helped_itself": sum(run.helped_itself for run in runs),
        },
        "status": [run.ended.status for run in runs],
        "wall_s": [run.ended.wall_s for run in runs],
    }


def program(
    command: Sequence[str],
    *,
    runs: int = 1,
    pairs: int = 0,
    memory: str | None = None,
    zram: str | None = None,
    buffer: str | None = None,
    record: str | Path | None = None,
    quiet: bool = False,
    folder: str | Path | None = None,
    fresh: bool = False,
    environment: Mapping[str, str] | None = None,
    name: str | None = None,
) -> pd.DataFrame:
    """Run a command and count its write-protect faults: reused, copied, drained for it.

    Parameters
    ----------
    command
        Program and arguments; its children, and theirs, are counted with it.
    runs
        The number of runs; the column ``run`` has the number of each.
    pairs
        This many of the runs (at least) are paired with a run without tracing, in alternating
        order.  They give the tracing's cost, in ``attrs["wpbench"]["tracing"]["cost"]``.
    memory
        Limit of a cgroup for the command, such as ``"60M"``.
    zram
        Size of a zram device to swap to, such as ``"256M"``, for the time of the measurement.
    buffer
        Size of the ring buffer of each CPU, by default ``"32M"``.
    record
        File for the events of the last run, all processes' (docs/programs.md has the format).
    quiet
        The command's input and output are /dev/null.
    folder, environment
        The folder in which the command runs, and variables beside the inherited ones.
    fresh
        Each run gets a new folder below ``folder``, removed after it.
    name
        Its name in the provenance, such as a recipe's name.

    Returns
    -------
    DataFrame
        A row for each command name, CPU and run.  ``wp_faults``: write-protect faults on anonymous
        pages; ``reuses`` and ``copies`` of them; ``drained``: those in which pages were put on the
        LRU before the decision (``drained_pages`` pages); of these ``helped``: the page was reused,
        ``in_vain``: it was copied.  ``file_faults``, ``zero_faults``: copies of a file's page and
        of the zero page, no decision.  ``direct_writes``: write faults on swapped-out pages;
        ``direct_copies``: those that do_wp_page() copied.  ``after_read``: write-protect faults of
        any kind on pages whose read fault was seen, ``moved``: those on another CPU than it;
        ``_anon``: of these, on anonymous pages.  ``copy_ns_``: from the fault's entry to the
        allocation of the copy, nanoseconds, ``copy_drained_ns_`` with a drain in between;
        ``after_read_us_p50``: from read fault to write fault.  ``shared_faults``: on shared
        mappings, no decision.  ``unclear``: write-protect faults whose outcome cannot be told;
        ``attrs["wpbench"]["unclear"]`` has the reasons.

    Raises
    ------
    MeasureError
        If the kernel or this user does not permit it, there is no such program, or a signal came.

    Examples
    --------
    >>> import wpbench as wb  # doctest: +SKIP
    >>> wb.measure.program(["bash", "-c", "for i in 1 2 3; do /bin/true; done"])  # doctest: +SKIP
    """
    words = [str(word) for word in command]
    if not words:
        raise MeasureError("command: nothing is given; accepted: a program and its arguments")
    check_positive("runs", runs)
    if pairs:
        check_positive("pairs", pairs)
    setting = Setting(
        words,
        memory=parse_size(memory, "memory") if memory else 0,
        folder=None if folder is None else Path(folder),
        fresh=fresh,
        environment=environment,
        quiet=quiet,
        buffer_kb=_buffer_kb(buffer),
    )
    size = parse_size(zram) if zram else 0
    asked = {"command": words, "name": name, "runs": max(runs, pairs), "pairs": pairs}
    asked |= {"memory": memory, "zram": zram, "record": str(record) if record else None}
    recording = None
    if record is not None:
        path = Path(record)
        check_folder(path)

        def recording(pid: int, flags: Mapping[str, int]) -> Recorder:
            return _recorder(path, asked, pid, flags)

    told = _clean()
    warm()
    found: list[Traced] = []
    times: list[tuple[float, float, float, float]] = []
    with signals.noted(), ExitStack() as stack:
        if size:
            stack.enter_context(Zram(size))
        guard = stack.enter_context(Guard())
        for n in range(max(runs, pairs)):
            signals.check()
            plain = run_plain(setting, guard) if n < pairs and n % 2 == 0 else None
            last = n == max(runs, pairs) - 1
            traced = run_traced(setting, guard, recording if last else None)
            if n < pairs and plain is None:
                plain = run_plain(setting, guard)
            if plain is not None:
                ended = traced.ended
                times.append((plain.wall_s, ended.wall_s, plain.cpu_s, ended.cpu_s))
            found.append(traced)
        table, reasons = table_of([run.rows for run in found])
        attrs = _attrs("measure.program", asked, found, told)
    attrs["unclear"] = reasons
    if times:
        attrs["tracing"]["cost"] = _costs(times)
    table.attrs["wpbench"] = attrs
    return table


def system(
    seconds: float, *, buffer: str | None = None, record: str | Path | None = None
) -> pd.DataFrame:
    """Count the write-protect faults of all processes for some time, as in ``program()``.

    Parameters
    ----------
    seconds
        The time.
    buffer, record
        As in ``program()``.

    Returns
    -------
    DataFrame
        As from ``program()``, without this process.

    Raises
    ------
    MeasureError
        As in ``program()``.

    Examples
    --------
    >>> import wpbench as wb  # doctest: +SKIP
    >>> wb.measure.system(60)  # doctest: +SKIP
    """
    if not seconds > 0:
        raise MeasureError(f"seconds: {seconds!r} is not accepted; accepted: a number above 0")
    asked = {"seconds": seconds, "record": str(record) if record else None}
    kb = _buffer_kb(buffer)
    told = _clean()
    warm()
    with signals.noted(), ExitStack() as stack:
        guard = stack.enter_context(Guard())
        recording = None
        if record is not None:
            recording = partial(_recorder, Path(record), asked, None)
        traced = watch_system(seconds, guard, kb, recording)
    table, reasons = table_of([traced.rows])
    table.attrs["wpbench"] = _attrs("measure.system", asked, [traced], told) | {"unclear": reasons}
    return table
