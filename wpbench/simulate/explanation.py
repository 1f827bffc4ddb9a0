"""One write-protect fault: who holds the page and since when, and each test of do_wp_page()."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..bounds import MAX_TRACE_MB, check
from ..errors import ScenarioError
from ..mm import layout as L
from ..mm.names import Change, Outcome, Reason, WpTest
from ..provenance.record import provenance
from ..scenario import Scenario
from ..scenario.kernels import kernel
from .replayed import machine_of
from .runs import run
from .trace import Trace, read_trace
from .words import describe_word, holders

# Changes of the page that are kept: first so many, and if it had more, so many (128 MB).
EVENT_ROWS = (100_000, 3_200_000)
# Operations of which the machine does not know the CPU.
_ANYWHERE = {
    Change.GUP,
    Change.PUT,
    Change.LOCK,
    Change.UNLOCK,
    Change.ISOLATE_ALONE,
    Change.MOVE_TO_LRU,
}


@dataclass(frozen=True)
class Event:
    """One change of the page: operation, place, time, and the state before and after."""

    operation: str
    cpu: int | None
    t_ns: int
    before: str
    after: str


@dataclass(frozen=True)
class Holder:
    """A holder of the page when the fault begins, and the operation that gave the reference."""

    holder: str
    operation: str
    cpu: int | None
    t_ns: int


@dataclass(frozen=True)
class Test:
    """A test of do_wp_page() with its values."""

    text: str
    true: bool


@dataclass(frozen=True)
class Explanation:
    """Why a write-protect fault ended as it did.

    ``print()`` it for a mail, or look at the parts.

    Attributes
    ----------
    fault, page, cpu, t_ns
        Number of the fault from 0, page of the region, CPU and time (0 without a clock) of the
        write.
    kernel
        The kernel of this do_wp_page().
    before
        Count, holders and flags of the page when the fault began.
    holders
        The holders at that time, in the order in which they came.
    tests
        The tests of do_wp_page(), in order.
    drained
        Entries that waited in the pagevecs that do_wp_page() drained, -1 if it drained none.
    decided
        Count, holders and flags when the decision fell.
    outcome, reason
        ``reuse`` or ``copy``; of a copy, why.
    history
        Every change of the page since it was allocated.
    source
        The scenario, or the trace and its row.
    recorded
        Of a recorded fault, the kernel's outcome.
    """

    fault: int
    page: int
    cpu: int
    t_ns: int
    kernel: str
    before: str
    holders: list[Holder]
    tests: list[Test]
    drained: int
    decided: str
    outcome: str
    reason: str
    history: list[Event] = field(repr=False)
    source: dict[str, Any] = field(repr=False)
    recorded: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the parts as plain JSON types, with provenance."""
        return asdict(self) | {"wpbench": provenance("explain", self.source)}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        clock = self.t_ns > 0
        at = f", {self.t_ns} ns" if clock else ""
        lines = [
            f"simulated write-protect fault {self.fault}: page {self.page}, CPU {self.cpu}{at}",
            f"  {self.before}",
            "",
            "Who holds the page, in the order in which they came:",
        ]
        width = max([len(h.holder) for h in self.holders], default=0)
        for h in self.holders:
            time = f"{h.t_ns:>12} ns" if clock else ""
            lines.append(f"  {h.holder:{width}}  {_where(h.cpu):7}{time}  {h.operation}")
        lines += ["", f"do_wp_page(), {self.kernel}:"]
        for test in self.tests:
            lines.append(f"  {test.text}?  {'yes' if test.true else 'no'}")
            if test.text == WpTest.text_of(WpTest.NOT_LRU) and self.drained >= 0:
                waited = "1 entry" if self.drained == 1 else f"{self.drained} entries"
                lines.append(f"    drained: {waited}")
        if self.decided != self.before:
            lines.append(f"  now {self.decided}")
        why = f" ({self.reason}: {Reason.named(self.reason).why})" if self.reason else ""
        lines.append(f"  -> {self.outcome}{why}")
        if self.recorded:
            lines += ["", f"the kernel: {self.recorded}"]
        return lines

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _where(cpu: int | None) -> str:
    return "" if cpu is None else f"CPU {cpu}"


def _events(m: Any, until: int) -> list[tuple[int, int | None, int, int, int]]:
    """Return (operation, CPU, time, before, after) of the page's life, up to an event."""
    rows = m.event[: until * L.NR_EVENT].reshape(until, L.NR_EVENT).tolist()
    born = 0
    for i, row in enumerate(rows):
        if row[3] == 0:
            born = i
    return [(op, None if op in _ANYWHERE else cpu, t, a, b) for op, cpu, t, a, b in rows[born:]]


def _holders(events: list[tuple[int, int | None, int, int, int]], word: int) -> list[Holder]:
    """Return who holds a page, each with the operation that gave them their reference."""
    since: list[Holder] = []
    for op, cpu, t, before, after in events:
        old, new = holders(before), holders(after)
        for name in dict.fromkeys([*old, *new]):
            more = new.get(name, 0) - old.get(name, 0)
            since.extend([Holder(name, Change.text_of(op), cpu, t)] * more)
            for _ in range(-more):
                last = max(i for i, holder in enumerate(since) if holder.holder == name)
                del since[last]
    present = holders(word)
    assert sorted(h.holder for h in since) == sorted(
        name for name, n in present.items() for _ in range(n)
    ), "a holder came or went that no operation explains"
    return since


def explanation_of(
    again: Callable[[dict[str, int]], Any], fault: int, name: str, source: dict[str, Any]
) -> Explanation:
    """Explain a fault of any program; it is run twice: to find its page, and to watch that page.

    Parameters
    ----------
    again
        Runs the program on a machine with more of its configuration and returns it.
    fault
        Number of the write-protect fault, from 0.
    name
        The kernel's name.
    source
        What the explanation says of where the program is from.

    Raises
    ------
    ScenarioError
        If there is no such fault.
    """
    m = again({"log_rows": fault + 1})
    if m.nr_logged <= fault:
        raise ScenarioError(
            f"fault: {fault} is not accepted; this run has {m.nr_logged} write-protect faults"
            + (f"; accepted: 0 to {m.nr_logged - 1}" if m.nr_logged else "")
        )
    row = dict(zip(L.LOG, m.log[fault * L.NR_LOG :][: L.NR_LOG].tolist(), strict=True))
    for event_rows in EVENT_ROWS:
        m = again(
            {
                "log_rows": fault + 1,
                "watched": row["frame"],
                "event_rows": event_rows,
                "explained": fault + 1,
            }
        )
        if m.fault_event < event_rows:
            break
    else:
        raise ScenarioError(
            f"fault: {fault} is not accepted; page {row['page']} changed more than {event_rows} "
            "times before it; accepted: an earlier one"
        )
    events = _events(m, int(m.fault_event))

    def words(word: int) -> str:
        return describe_word(word, exclusive=bool(m.reuse_exclusive))

    tests = m.test[: m.nr_tests * L.NR_TEST].reshape(-1, L.NR_TEST).tolist()
    return Explanation(
        fault=fault,
        page=row["page"],
        cpu=row["cpu"],
        t_ns=row["t_ns"],
        kernel=f"{name} ({kernel(name).note})",
        before=words(row["before"]),
        holders=_holders(events, row["before"]),
        tests=[
            Test(WpTest.text_of(test).format(left, right), bool(true))
            for test, left, right, true in tests
        ],
        drained=row["drained"],
        decided=words(row["given_up"]),
        outcome=Outcome.text_of(row["outcome"]),
        reason=Reason.text_of(row["reason"]) if row["reason"] >= 0 else "",
        history=[
            Event(Change.text_of(op), cpu, t, words(a), words(b)) for op, cpu, t, a, b in events
        ],
        source=source,
    )


def explain(
    scenario: Scenario | None = None,
    fault: int | None = None,
    *,
    replication: int = 0,
    trace: str | Path | None = None,
    row: int | None = None,
    pmd_offset: int = 0,
    max_mb: int = MAX_TRACE_MB,
) -> Explanation:
    """Explain one write-protect fault of a scenario, or one of a recorded program.

    Parameters
    ----------
    scenario, replication, fault
        The run, as in ``simulate()``, and the number of its write-protect fault, from 0
        (``wb.faults()`` lists them).
    trace, row, pmd_offset, max_mb
        A trace file, as for ``replay()``, and the number of one of its operations, from 0 for the
        first: a write to a page that was mapped read-only.

    Returns
    -------
    Explanation
        The holders of the page, in the order in which they came; each test of do_wp_page() with its
        values; the outcome, the reason and the drain.

    Raises
    ------
    ScenarioError
        If there is no such fault or row.
    TraceError
        If the file is no trace.

    Examples
    --------
    >>> import wpbench as wb
    >>> found = wb.explain(wb.Scenario(kernel="patch1", npages=8, rounds=1), fault=3)
    >>> found.outcome, found.reason
    ('copy', 'pagevec_local')
    >>> [holder.holder for holder in found.holders]
    ['pte', 'lru_add']
    """
    if (scenario is None) == (trace is None):
        raise ScenarioError("explain() takes a scenario and fault=, or trace= and row=")
    if scenario is not None:
        check("fault", fault)
        return explanation_of(
            lambda more: run(scenario, replication, **more),
            int(fault or 0),
            scenario.kernel,
            scenario.resolved() | {"fault": fault, "replication": replication},
        )
    check("row", row)
    return _explain_recorded(Path(str(trace)), int(row or 0), pmd_offset, max_mb)


def _explain_recorded(path: Path, row: int, pmd_offset: int, max_mb: int) -> Explanation:
    recorded = read_trace(path, max_mb=max_mb)
    if row >= len(recorded.rows):
        raise ScenarioError(
            f"row: {row} is not accepted; {path} has operations 0 to {len(recorded.rows) - 1}"
        )
    before = _replayed(recorded, pmd_offset, row, {}).wp_faults
    after = _replayed(recorded, pmd_offset, row + 1, {}).wp_faults
    what = recorded.where(row)
    if after == before:
        raise ScenarioError(
            f"row: {row} is not accepted; {path}: {what} is no write-protect fault on the machine"
        )
    found = explanation_of(
        lambda more: _replayed(recorded, pmd_offset, row + 1, more),
        int(before),
        recorded.header["decision"],
        {"trace": str(path), "row": row, "pmd_offset": pmd_offset},
    )
    outcome = Outcome.text_of(recorded.rows[row, 4])
    return replace(found, recorded=f"{outcome}  ({path.name}, {what})")


def _replayed(recorded: Trace, pmd_offset: int, rows: int, more: dict[str, int]) -> Any:
    """Return the machine after the first operations of a trace."""
    m = machine_of(recorded, pmd_offset, more)
    recorded.run(m, rows)
    return m


__all__ = ["Event", "Explanation", "Holder", "Test", "explain", "explanation_of"]
