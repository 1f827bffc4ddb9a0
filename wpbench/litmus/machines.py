"""A kernel, some of its rules overridden, as differ() runs it: small machines without a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import mm
from ..errors import LitmusError, ScenarioError, accepted
from ..mm import layout as L
from ..mm.names import Error
from ..scenario import Scenario
from ..scenario.kernels import kernel, row_of
from ..scenario.rules import OWN_FIELDS, RULES, Overrides, Value, value_text
from ..workloads.joint.state import FRAMES
from ..workloads.litmus import run_litmus
from ..workloads.litmus_ops import NR_SEEN
from .parse import Program

# Rules that are fields of the machine's configuration by another name.
FIELDS = {
    "sync_swapin": ("bypass", "synchronous_swapin"),
    "free_swap_on_read": ("free_swap_on_read_if_sync",),
    "new_pages_active": ("new_active",),
    "zswap_load_exclusive": ("load_leaves_dirty",),
}
# What a program's last operation counted on a machine.
COUNTED = (
    "wp_faults",
    "copies",
    "zero_copies",
    "drains",
    "drains_swapin",
    "drains_readahead",
    "tlb_flushes",
)


def parse_rules(given: Sequence[str]) -> dict[str, Value]:
    """Return rules from ``NAME=VALUE`` texts.

    Parameters
    ----------
    given
        Texts of the form ``NAME=VALUE``.

    Returns
    -------
    dict
        Name of the rule -> value.

    Raises
    ------
    LitmusError
        For a text of another form.
    ScenarioError
        For a value that the rule cannot have.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.litmus.parse_rules(["exit_drains=false", "first_test=3"])
    {'exit_drains': False, 'first_test': '3'}
    """
    made = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in RULES:
            raise LitmusError(accepted("rule", text, [f"NAME=VALUE, of {', '.join(RULES)}"]))
        made[name] = RULES[name].parse(name, value)
    return made


@dataclass(frozen=True)
class Row:
    """A kernel with some of its rules overridden.

    Attributes
    ----------
    kernel
        Its name, as given.
    rules
        Those that are overridden, ``drain`` and ``pagevec`` among them.
    """

    kernel: str
    rules: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, name: object, rules: Mapping[str, object] | None = None) -> Row:
        """Return a row, checked.

        Raises
        ------
        ScenarioError
            For a name that is no kernel's, or a rule or value that is none.
        """
        if isinstance(name, Row):
            return name
        kernel(name)
        checked = {}
        for rule, value in (rules or {}).items():
            if rule not in RULES:
                raise ScenarioError(accepted("rule", rule, RULES))
            checked[rule] = RULES[rule].check(rule, value)
        row = cls(str(name), tuple(sorted(checked.items())))
        row.config(1, 1)
        return row

    @property
    def name(self) -> str:
        """The kernel's name and what is overridden, in a line."""
        return " ".join((self.kernel, *(f"{n}={value_text(v)}" for n, v in self.rules)))

    @property
    def values(self) -> dict[str, Value]:
        """Rule -> value."""
        return row_of(self.kernel) | dict(self.rules)

    def config(self, pages: int, cpus: int, swap: bool = True) -> dict[str, int]:
        """Return the configuration of a small machine of this kernel, as ``mm.Machine`` takes it.

        A program's own process, one child, swap on zram, no clock.
        """
        given: dict[str, Any] = dict(self.rules)
        own = {name: given.pop(name) for name in OWN_FIELDS if name in given}
        pagevec = own.pop("pagevec", None)
        scenario = Scenario(
            workload=run_litmus,
            kernel=self.kernel,
            rules=Overrides(given),
            backend="zram",
            npages=pages,
            cpus=cpus,
            **own,
        )
        config: dict[str, int] = scenario.machine_config()
        if pagevec is not None:
            config["pagevec"] = pagevec
        config["ncpus"] = cpus
        config["nphys"] = max(config["nphys"], FRAMES)
        config["nslots"] = max(config["nslots"], 32)
        if not swap:
            config["swap_total"] = 0
        return config


def differing(a: Row, b: Row) -> list[str]:
    """Return the rules in which two rows differ."""
    return [name for name in RULES if a.values[name] != b.values[name]]


def with_rule(config: Mapping[str, int], rule: str, other: Mapping[str, int]) -> dict[str, int]:
    """Return a configuration with one rule as another configuration has it."""
    fields = FIELDS.get(rule, (rule,))
    return {**config, **{field: other[field] for field in fields}}


def machine_of(config: Mapping[str, int]) -> Any:
    """Return a fresh machine, on each of whose CPUs a thread of the program's process runs.

    Then each TLB flush interrupts another CPU, if there is one, and is counted.
    """
    m = mm.Machine(config)
    m.running[:] = 1
    m.nr_running = int(config["ncpus"])
    return m


@dataclass(frozen=True)
class Run:
    """A program on one machine.

    Attributes
    ----------
    outcome
        The lines of its observing operations.
    last
        Of the last operation: ``COUNTED``; ``memory``, pages and slots that it took into use;
        ``first_fault``, write-protect faults before it; ``reason``, of a copy, or -1.
    """

    outcome: list[str]
    last: dict[str, int]


def run_on(m: Any, program: Program, operations: int | None = None) -> Any:
    """Run a program, or its first operations, on a machine; return what each observed.

    Raises
    ------
    LitmusError
        If the machine has no room for what the program holds.
    """
    rows = [(o.op, o.arg, o.n) for o in program.operations[:operations]]
    seen = np.zeros((len(rows), NR_SEEN), np.int64)
    if not rows:
        return seen
    op, arg, n = (np.ascontiguousarray(c) for c in np.array(rows, np.int64).T)
    run_litmus(m, op, arg, n, np.zeros(program.held, np.int64), seen)
    if m.error:
        raise LitmusError(f"{program.file}: {Error.text_of(m.error)}")
    return seen


def in_use(m: Any) -> int:
    """Return how many pages and slots are in use, those left out that a flush would free."""
    pages = m.page[1 : int(m.next_page)]
    kept = pages & (L.MASK_MAP | L.MASK_GUP | L.PG_SWAPCACHE)
    return int(m.slots_used) + int(np.count_nonzero((pages & L.MASK_HOLDERS != 0) & (kept != 0)))


def run_program(config: Mapping[str, int], program: Program) -> Run:
    """Run a program on a fresh machine."""
    before, after = machine_of(config), machine_of(config)
    run_on(before, program, -1)
    seen = run_on(after, program)
    last = {name: int(getattr(after, name) - getattr(before, name)) for name in COUNTED}
    last["memory"] = in_use(after) - in_use(before)
    last["first_fault"] = int(before.wp_faults)
    last["reason"] = int(after.last_reason) if last["copies"] else -1
    return Run(program.outcome(seen), last)
