"""What the workbench's controls say: one program on two kernels, the patch off and on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..data import backends
from ..errors import ScenarioError, accepted
from ..scenario import Scenario
from ..scenario.kernels import OFF, ON, drains_fit, rows
from ..scenario.model import WORKLOAD_FIELDS
from ..scenario.rules import NO_OVERRIDES, Overrides
from ..workloads.catalog import WORKLOADS
from .lines import command_line, not_default, python_line, read_line
from .presets import PRESETS

KERNELS = tuple(rows())
# Rounds that are chosen: so few that the answer comes at once, the same on 1 CPU and on 1024, and
# those of the central table (data/grids/cpus.toml) for its 32 pages.
_VISITS, _MOST_ROUNDS = 160, 20  # accesses of a thread, pages times rounds
_REQUESTS = {True: 128, False: 8000}  # to a server; of each thread where it has several
_OPERATIONS = 4000
# What is refused: more work of one run (in accesses of one thread), more pages.
MOST_WORK = 1 << 21
MOST_PAGES = 1 << 20
_OF_THE_KERNELS = ("base", "kernel", "drain", "rules", "patch_on")


@dataclass(frozen=True)
class State:
    """What is asked: one program on two kernels.

    Attributes
    ----------
    base
        The kernel that another is compared with: ``patch1``, the patch off, or any other.
    kernel
        The kernel that is compared with it: ``patch2``, the patch on, or any other.
    drain
        Its drain policy; None for its own.
    rules
        What else of it is overridden.
    patch_on
        Which of the two is looked at: False for ``base``.
    given
        Other fields of the scenario, as they were chosen.  What the workload or the backend does
        not look at is kept for when it does, and left out of the scenarios.
    """

    base: str = OFF
    kernel: str = ON
    drain: str | None = None
    rules: Overrides = NO_OVERRIDES
    patch_on: bool = True
    given: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def preset(cls, name: str) -> State:
        """Return a preset's state, with the patch on."""
        if name not in PRESETS:
            raise ScenarioError(accepted("preset", name, PRESETS))
        return cls(given=dict(PRESETS[name].fields))

    def restored(self, line: str) -> State:
        """Return the state of a line, of Python or of the command line.

        A line is about one scenario: of ``base`` if it is that kernel's with nothing overridden,
        else of the kernel that is compared with it.  The other one's kernel stays.

        Raises
        ------
        ScenarioError
            If the line is none, or is too much to be answered at once.
        """
        scenario = read_line(line)
        given = not_default(scenario)
        given.pop("kernel", None)
        drain, rules = given.pop("drain", None), given.pop("rules", NO_OVERRIDES)
        if scenario.kernel == self.base and drain is None and not rules:
            state = replace(self, patch_on=False, given=given)
        else:
            state = State(self.base, scenario.kernel, drain, rules, given=given)
        # Rounds that would be chosen anyway are chosen again when another field changes.
        if replace(state, given=given | {"rounds": None}).rounds == scenario.rounds:
            given.pop("rounds", None)
        else:
            given["rounds"] = scenario.rounds
        state.check()
        return state

    def with_(self, **changes: Any) -> State:
        """Return a state with other values; of a Scenario's fields None is the default."""
        own = {k: changes.pop(k) for k in _OF_THE_KERNELS if k in changes}
        if own.get("rules", NO_OVERRIDES) is None:
            own["rules"] = NO_OVERRIDES
        given = {
            name: value
            for name, value in (self.given | changes).items()
            if value is not None
            and (name == "rounds" or value != Scenario.model_fields[name].default)
        }
        return replace(self, **own, given=given)

    def value(self, name: str) -> Any:
        """Return a field as it stands in the scenarios, where its default is meant the default."""
        return self.fields.get(name, Scenario.model_fields[name].default)

    @property
    def workload(self) -> str:
        """The workload's name."""
        return str(self.given.get("workload", "reproducer"))

    @property
    def backend(self) -> str:
        """The swap device's name."""
        return str(self.given.get("backend", "zram"))

    @property
    def is_the_patch(self) -> bool:
        """Are the two kernels the patch off and on?"""
        return (self.base, self.kernel) == (OFF, ON)

    @property
    def asynchronous(self) -> bool:
        """Does the device complete writeback later?"""
        return not backends()[self.backend]["synchronous"]

    @cached_property
    def not_used(self) -> dict[str, str]:
        """Fields that mean nothing here, each with the reason."""
        uses = WORKLOADS[self.workload].uses
        why = dict.fromkeys(sorted(WORKLOAD_FIELDS - uses), f"not by workload {self.workload}")
        orders = WORKLOADS[self.workload].orders
        if len(orders) < 2:
            why["order"] = f"workload {self.workload} has one"
        if not self.asynchronous:
            why["latency_ns"] = f"{self.backend} completes synchronously"
        if self.drains == ("never",):
            why["drain"] = f"{self.kernel} has no drain"
        return why

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What the two scenarios have in common, without what is not used."""
        fields = {k: v for k, v in self.given.items() if k not in self.not_used}
        if fields.get("order") not in WORKLOADS[self.workload].orders:
            fields.pop("order", None)
        if self.asynchronous and fields.get("costs") == "none":
            del fields["costs"]
        return fields | {"rounds": self.rounds}

    @property
    def rounds(self) -> int:
        """As given; or so many that the answer comes at once (a server's: requests)."""
        given = self.given.get("rounds")
        if given is not None:
            return int(given)
        workload, pages = WORKLOADS[self.workload], int(self.given.get("npages", 512))
        if workload.round == "request":
            return _REQUESTS["threads" in workload.uses]
        if workload.by_mix:  # now and then an operation on all pages
            return max(1, _OPERATIONS // (1 + pages // 16))
        return max(1, min(_MOST_ROUNDS, _VISITS // pages))

    @property
    def drains(self) -> tuple[str, ...]:
        """The drain policies that go with the kernel."""
        return drains_fit(self.kernel, self.rules)

    @property
    def off(self) -> Scenario:
        """The scenario on ``base``."""
        return Scenario(kernel=self.base, **self.fields)

    @property
    def on(self) -> Scenario:
        """The scenario on the kernel that is compared with it."""
        fields = self.fields
        if self.drain in self.drains and "drain" not in self.not_used:
            fields = fields | {"drain": self.drain}
        if self.rules:
            fields = fields | {"rules": self.rules}
        return Scenario(kernel=self.kernel, **fields)

    @property
    def scenario(self) -> Scenario:
        """The one of the two that is looked at."""
        return self.on if self.patch_on else self.off

    @property
    def line(self) -> str:
        """The Python line of the scenario that is looked at."""
        return python_line(self.scenario)

    @property
    def command(self) -> str:
        """Its command."""
        return command_line(self.scenario)

    @property
    def work(self) -> int:
        """About how much a run takes, in accesses of one thread."""
        return self.rounds * self._work_of_a_round

    @property
    def _work_of_a_round(self) -> int:
        workload = WORKLOADS[self.workload]
        threads = int(self.given.get("threads", 1)) if "threads" not in self.not_used else 1
        pages = int(self.given.get("npages", 512))
        if workload.round == "request":
            return 2 * threads * (1 + threads // 32)  # the more of them, the more they swap
        if workload.by_mix:
            return 2 * (1 + pages // 16)
        cpus = int(self.given.get("cpus") or threads * workload.cpus_a_thread)
        # With a clock, a TLB flush is so much work for each CPU that it interrupts.
        each = 2 * pages + cpus // 4
        return each if workload.shared else threads * each

    def check(self) -> None:
        """Refuse what no scenario can have, and what cannot be answered at once.

        Raises
        ------
        ScenarioError
            It names the field, and what is accepted.
        """
        npages = self.off.npages * self.off.threads
        self.on  # noqa: B018 - made, so checked
        if npages > MOST_PAGES:
            raise ScenarioError(
                f"npages: {npages} pages in all are too many to be answered at once; accepted here:"
                f" up to {MOST_PAGES}. wb.simulate() takes them"
            )
        if self._work_of_a_round > MOST_WORK:
            threads = f"{self.off.threads} threads of {self.off.npages} pages"
            raise ScenarioError(
                f"threads: {threads} are too many to be answered at once; accepted here: so many "
                f"that a round takes {MOST_WORK} steps. wb.simulate() takes them"
            )
        if self.work > MOST_WORK:
            most = MOST_WORK // self._work_of_a_round
            raise ScenarioError(
                f"rounds: {self.rounds} are too many to be answered at once; accepted here, with "
                f"these pages and threads: up to {most}. wb.simulate() takes them"
            )
