"""The workbench's controls: each one's choices in a state, and what it says of a state.

Lists and numbers, which a screen reader reads out with their labels.  A slider has none (its handle
is nobody's label in ipywidgets 8), so each slider has a number beside it that does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import ipywidgets as W

from ..bounds import MAX_CPUS
from ..data import backends, costs, is_cost_file
from ..scenario.kernels import OFF, ON, row_of, span
from ..workloads.catalog import WORKLOADS
from .presets import PRESETS
from .state import KERNELS, MOST_PAGES, MOST_WORK, State

CUSTOM = "(none: changed)"
DEFAULT = "default"  # what a widget has for None, which sliders cannot have
WIDE = {"description_width": "9.5em"}
_LAYOUT = {"width": "25em", "max_width": "100%"}
_RATES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_LATENCIES = tuple(m * 10**e for e in range(3, 8) for m in (1, 2, 5))
_SAVES = (0, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Control:
    """One control.

    Attributes
    ----------
    name
        Of a State: ``kernel``, ``drain``, ``patch_on``, or a Scenario's field.
    widget
        What is shown.
    options
        Its choices in a state, ``(text, value)``; None where it is a number or a tick.
    value
        What it shows in a state.
    hint
        Tooltip where it can be used.
    none
        What the widget has where a State has None.
    """

    name: str
    widget: Any
    options: Callable[[State], list[tuple[str, Any]]] | None
    value: Callable[[State], Any]
    hint: str
    none: Any = DEFAULT

    def chosen(self) -> Any:
        """Return what a State takes."""
        value = self.widget.value
        return None if value == self.none else value

    def show(self, state: State) -> None:
        """Let the control show a state; a value that is none of its choices becomes one."""
        value = self.value(state)
        value = self.none if value is None else value
        if self.options is not None:
            options = self.options(state)
            if value not in [v for _, v in options]:
                options = _inserted(options, value)
            if tuple(options) != tuple(self.widget.options):
                self.widget.options = options
        why = state.not_used.get(self.name)
        if self.widget.value != value:
            self.widget.value = value
        self.widget.disabled = why is not None
        self.widget.tooltip = f"not used: {why}" if why else self.hint


def _text(value: Any) -> str:
    return str(value)


def _inserted(options: list[tuple[str, Any]], value: Any) -> list[tuple[str, Any]]:
    """Return the choices with one more: a number among the numbers, a text at the end."""
    at = len(options)
    if not isinstance(value, str):
        at = sum(other == DEFAULT or other < value for _, other in options)
    return [*options[:at], (_text(value), value), *options[at:]]


def _choices(values: Iterable[Any], none: str | None = None) -> list[tuple[str, Any]]:
    first = [] if none is None else [(none, DEFAULT)]
    return first + [(_text(value), value) for value in values]


def _always(options: list[tuple[str, Any]]) -> Callable[[State], list[tuple[str, Any]]]:
    """Return what gives the same choices in every state."""
    return lambda _: options


def _powers(most: int) -> list[int]:
    return [1 << i for i in range(most.bit_length())]


def _time(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns} ns"


def _kernel(name: str) -> str:
    return f"{name} (the patch on)" if name == ON else span(name)


def controls() -> list[Control]:
    """Return new controls, in the order in which the Tab key visits them."""

    def field(name: str, fallback: Any = None) -> Callable[[State], Any]:
        return lambda state: state.given.get(name, fallback)

    def orders(state: State) -> list[tuple[str, Any]]:
        known = WORKLOADS[state.workload].orders
        if len(known) < 2:
            return _choices((), known[0] or "its own")
        return _choices(known, f"the first, {known[0]}")

    def latencies(state: State) -> list[tuple[str, Any]]:
        default = int(backends()[state.backend]["latency_ns"])
        own = f"the backend's, {_time(default)}" if state.asynchronous else "none"
        return [(own, DEFAULT), *((_time(ns), ns) for ns in _LATENCIES)]

    def cost_sets(state: State) -> list[tuple[str, Any]]:
        default = "icount" if state.asynchronous else "none"
        names = [n for n in costs() if n != "none" or not state.asynchronous]
        given = str(state.fields.get("costs"))
        names += [given] if is_cost_file(given) else []
        return _choices(names, f"the default, {default}")

    saves = [("never" if n == 0 else f"{n} requests", n) for n in _SAVES]
    return [
        _choice("workload", "Workload", W.Dropdown, _always(_choices(WORKLOADS)),
                field("workload", "reproducer"), "the program that runs"),
        _choice("order", "Order", W.Dropdown,
                orders,
                lambda s: s.fields.get("order"), "of the accesses of a round"),
        _choice("backend", "Swap backend", W.Dropdown, _always(_choices(backends())),
                field("backend", "zram"), "the swap device (data/backends.toml)"),
        _choice("latency_ns", "Latency", W.Dropdown, latencies,
                field("latency_ns"), "dispatch of a write to its completion"),
        _choice("cpus", "CPUs", W.SelectionSlider, _always(_choices(_powers(1024), "as named")),
                field("cpus"), "the same as CPUs, exactly"),
        _number("cpus", "CPUs, exactly", 0, MAX_CPUS, field("cpus"),
                "of the machine; 0: as many as the threads and CPUs named need", none=0),
        _number("threads", "Threads", 1, MAX_CPUS, field("threads", 1),
                "of the workload, each with its own region unless it shares one"),
        _number("npages", "Pages", 1, MOST_PAGES, field("npages", 512),
                "of a thread's region, 4 KiB each"),
        _number("rounds", "Rounds", 0, MOST_WORK, lambda s: s.rounds,
                "chosen so that the answer comes at once, until you choose; a server's: requests"),
        _choice("migration_rate", "Migration rate", W.Dropdown, _always(_choices(_RATES)),
                field("migration_rate", 0.0),
                "probability that a thread is moved to another CPU between read and write"),
        _choice("write_cpu", "Written on CPU", W.Dropdown,
                _always(_choices(range(1, 4), "where it was read")), field("write_cpu"),
                "hand the page over: write it on another CPU than it was read on"),
        Control("fork_exit_before", W.Checkbox(description="Fork, exit before",
                style=WIDE, layout=_LAYOUT), None, field("fork_exit_before", False),
                "once, before the rounds: pages are mapped read-only and nobody else's"),
        _choice("save_every", "BGSAVE every", W.Dropdown, _always(saves),
                field("save_every", 0), "requests between two forks of a child that saves"),
        _choice("costs", "Cost set", W.Dropdown, cost_sets,
                lambda s: s.fields.get("costs"), "what each step takes (data/costs.toml)"),
    ]  # fmt: skip


def _number(
    name: str,
    label: str,
    low: int,
    high: int,
    value: Callable[[State], Any],
    hint: str,
    none: Any = DEFAULT,
) -> Control:
    widget = W.BoundedIntText(description=label, min=low, max=high, style=WIDE, layout=_LAYOUT)
    return Control(name, widget, None, value, hint, none)


def arms() -> list[Control]:
    """Return new controls of what is compared: the patch, the kernel, the drain policy."""

    def drains(state: State) -> list[tuple[str, Any]]:
        own = row_of(state.kernel)["drain"]
        return _choices(state.drains, f"its own, {own}")

    def patch(state: State) -> list[tuple[str, Any]]:
        return [(f"off: {OFF}", False), (f"on: {state.kernel}", True)]

    return [
        Control("patch_on", W.RadioButtons(description="Patch", orientation="horizontal",
                style=WIDE, layout={"width": "auto"}), patch,
                lambda s: s.patch_on, "which of the two the lines and the page below are about"),
        _choice("kernel", "On: kernel", W.Dropdown, _always([(_kernel(k), k) for k in KERNELS]),
                lambda s: s.kernel, "compared with the patch off"),
        _choice("drain", "On: drain policy", W.Dropdown, drains,
                lambda s: s.on.drain, "when do_wp_page() drains which pagevecs"),
    ]  # fmt: skip


def preset_choice() -> W.Dropdown:
    """Return the choice of a preset."""
    return W.Dropdown(
        description="Preset",
        options=[*PRESETS, CUSTOM],
        style=WIDE,
        layout=_LAYOUT,
        tooltip="a question to begin with",
    )


def preset_of(state: State) -> str:
    """Return the preset that a state is one of, patch off or on."""
    for name in PRESETS:
        if state.with_(patch_on=True) == State.preset(name):
            return name
    return CUSTOM


def _choice(
    name: str,
    label: str,
    kind: Any,
    options: Callable[[State], list[tuple[str, Any]]],
    value: Callable[[State], Any],
    hint: str,
) -> Control:
    first = options(State())
    widget = kind(description=label, options=first, style=WIDE, layout=_LAYOUT)
    return Control(name, widget, options, value, hint)
