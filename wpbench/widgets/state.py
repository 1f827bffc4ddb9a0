"""What the workbench's controls say: two scenarios, with the patch off and on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..data import backends
from ..errors import ScenarioError, accepted
from ..scenario import Scenario
from ..scenario.kernels import OFF, ON, drains_fit, rows
from ..scenario.model import WORKLOAD_FIELDS
from ..workloads.catalog import WORKLOADS
from .lines import command_line, not_default, python_line, read_line
from .presets import PRESETS

KERNELS = tuple(name for name in rows() if name != OFF)
# Work of a run, in accesses of one thread: what answers at once, and what is refused.
WORK = 1 << 14
MOST_WORK = 1 << 21
MOST_PAGES = 1 << 20


@dataclass(frozen=True)
class State:
    """What is asked: one scenario with the patch off, beside the same one with it on.

    Attributes
    ----------
    kernel
        Kernel of the scenario that is compared with the patch off: ``patch2``, the patch on, or
        another kernel.
    drain
        Its drain policy; None for its own.
    patch_on
        Which of the two the lines, and the picture of a page's life, are about.
    given
        Other fields of the scenario, as they were chosen.  What the workload or the backend does
        not look at is kept for when it does, and left out of the scenarios.
    """

    kernel: str = ON
    drain: str | None = None
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

        A line is about one scenario; if it has the patch off, what it is compared with stays.

        Raises
        ------
        ScenarioError
            If the line is none, or is too much to be answered at once.
        """
        scenario = read_line(line)
        given = not_default(scenario)
        given.pop("kernel", None)
        drain = given.pop("drain", None)
        state = State(scenario.kernel, drain, given=given)
        if scenario.kernel == OFF:
            state = replace(self, patch_on=False, given=given)
        # Rounds that would be chosen anyway are chosen again when another field changes.
        if replace(state, given=given | {"rounds": None}).rounds == scenario.rounds:
            given.pop("rounds", None)
        else:
            given["rounds"] = scenario.rounds
        state.check()
        return state

    def with_(self, **changes: Any) -> State:
        """Return a state with other values; of a Scenario's fields None is the default."""
        own = {k: changes.pop(k) for k in ("kernel", "drain", "patch_on") if k in changes}
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
        if drains_fit(self.kernel) == ("never",):
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
        """As given; or so many that the answer comes at once, 1 to 100 (a server's: requests)."""
        given = self.given.get("rounds")
        if given is not None:
            return int(given)
        most = 8000 if WORKLOADS[self.workload].round != "region" else 100
        return max(1, min(most, WORK // self._work_of_a_round))

    @property
    def drains(self) -> tuple[str, ...]:
        """The drain policies that go with the kernel."""
        return drains_fit(self.kernel)

    @property
    def off(self) -> Scenario:
        """The scenario with the patch off."""
        return Scenario(kernel=OFF, **self.fields)

    @property
    def on(self) -> Scenario:
        """The scenario that is compared with it."""
        fields = self.fields
        if self.drain in self.drains and "drain" not in self.not_used:
            fields = fields | {"drain": self.drain}
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
    def _work_of_a_round(self) -> int:
        """Accesses that a round costs; more threads make each dearer."""
        threads = int(self.given.get("threads", 1)) if "threads" not in self.not_used else 1
        pages = int(self.given.get("npages", 512))
        if WORKLOADS[self.workload].round == "request":
            pages = 1
        elif WORKLOADS[self.workload].by_mix:  # now and then an operation on all pages
            pages = 1 + pages // 16
        alone = WORKLOADS[self.workload].shared and WORKLOADS[self.workload].round == "region"
        own = 1 if alone else threads
        return 2 * pages * own * (1 + threads // 32)

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
        if self.rounds * self._work_of_a_round > MOST_WORK:
            most = max(1, MOST_WORK // self._work_of_a_round)
            raise ScenarioError(
                f"rounds: {self.rounds} are too many to be answered at once; accepted here, with "
                f"these pages and threads: up to {most}. wb.simulate() takes them"
            )
