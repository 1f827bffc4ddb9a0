"""The workbench's controls: each one's choices in a state, and what it says of a state.

Lists and numbers, which a screen reader reads out with their labels, each with its unit and, as a
tooltip and in the list below the controls, what it means.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import ipywidgets as W

from ..bounds import MAX_CPUS
from ..data import backends, costs, is_cost_file
from ..scenario.kernels import OFF, ON, row_of, span
from ..scenario.rules import OVERRIDABLE, RULES, Overrides
from ..workloads.catalog import WORKLOADS
from .presets import PRESETS
from .state import KERNELS, MOST_PAGES, MOST_WORK, State

CUSTOM = "(changed)"
DEFAULT = "default"  # what a widget has for None
NARROW = {"description_width": "9em"}
_LAYOUT = {"width": "auto", "margin": "1px 0"}
_BAR = {"description_width": "auto"}  # of the controls above: their labels stand over them
_RATES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_LATENCIES = tuple(m * 10**e for e in range(3, 8) for m in (1, 2, 5))
_SAVES = (0, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Control:
    """One control.

    Attributes
    ----------
    name
        Of a State: ``base``, ``kernel``, ``drain``, ``rules``, ``patch_on``, or a Scenario's field.
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
    if isinstance(value, int | float):
        at = sum(other == DEFAULT or other < value for _, other in options)
    return [*options[:at], (_text(value), value), *options[at:]]


def _choices(values: Iterable[Any], none: str | None = None) -> list[tuple[str, Any]]:
    first = [] if none is None else [(none, DEFAULT)]
    return first + [(_text(value), value) for value in values]


def _always(options: list[tuple[str, Any]]) -> Callable[[State], list[tuple[str, Any]]]:
    """Return what gives the same choices in every state."""
    return lambda _: options


def _time(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns} ns"


def _kernel(name: str) -> str:
    return {OFF: f"{OFF} (off)", ON: f"{ON} (on)"}.get(name) or span(name)


def _percent(rate: float) -> str:
    return f"{100 * rate:g} %"


def controls() -> list[Control]:
    """Return new controls of the program and its machine, in the order of the Tab key."""

    def field(name: str, fallback: Any = None) -> Callable[[State], Any]:
        return lambda state: state.given.get(name, fallback)

    def orders(state: State) -> list[tuple[str, Any]]:
        known = WORKLOADS[state.workload].orders
        if len(known) < 2:
            return _choices((), known[0] or "the workload's")
        return [*_choices((), f"{known[0]} (default)"), *_choices(known[1:])]

    def latencies(state: State) -> list[tuple[str, Any]]:
        default = int(backends()[state.backend]["latency_ns"])
        own = f"{_time(default)} (default)" if state.asynchronous else "none: synchronous"
        return [(own, DEFAULT), *((_time(ns), ns) for ns in _LATENCIES)]

    def cost_sets(state: State) -> list[tuple[str, Any]]:
        default = "icount" if state.asynchronous else "none"
        names = [n for n in costs() if n != "none" or not state.asynchronous]
        given = str(state.fields.get("costs"))
        names += [given] if is_cost_file(given) else []
        return [*_choices((), f"{default} (default)"), *_choices(n for n in names if n != default)]

    rates = [(_percent(rate), rate) for rate in _RATES]
    saves = [("never" if n == 0 else f"{n} requests", n) for n in _SAVES]
    return [
        _choice("workload", "Workload", _always(_choices(WORKLOADS)),
                field("workload", "reproducer"), "the program that runs"),
        _choice("order", "Access order", orders,
                lambda s: s.fields.get("order"), "of the accesses of a round"),
        _choice("backend", "Swap backend", _always(_choices(backends())),
                field("backend", "zram"), "the swap device (data/backends.toml)"),
        _choice("latency_ns", "Write latency", latencies,
                field("latency_ns"), "of an asynchronous swap device: dispatch to completion"),
        _number("cpus", "CPUs", 0, MAX_CPUS, field("cpus"),
                "of the machine; 0: as many as the threads need", none=0),
        _number("threads", "Threads", 1, MAX_CPUS, field("threads", 1),
                "of the workload, each with a region of its own unless the workload shares one"),
        _number("npages", "Pages (4 KiB)", 1, MOST_PAGES, field("npages", 512),
                "of a region"),
        _number("rounds", "Rounds", 0, MOST_WORK, lambda s: s.rounds,
                "each accesses every page; of a server: requests. Chosen to be quick until given"),
        _choice("migration_rate", "Migration rate", _always(rates),
                field("migration_rate", 0.0),
                "probability that a thread moves to another CPU between its read and its write"),
        _choice("write_cpu", "Writing CPU",
                _always(_choices(range(1, 4), "the reading CPU")), field("write_cpu"),
                "on which the page is written; another one: the page is handed over"),
        Control("fork_exit_before", W.Checkbox(description="Forked before", indent=True,
                style=NARROW, layout=_LAYOUT), None, field("fork_exit_before", False),
                "a child was forked and exited once: pages are mapped read-only and unshared"),
        _choice("save_every", "BGSAVE every", _always(saves),
                field("save_every", 0), "requests between two forks of a child that saves"),
        _choice("costs", "Cost set", cost_sets,
                lambda s: s.fields.get("costs"), "nanoseconds of each step (data/costs.toml)"),
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
    widget = W.BoundedIntText(description=label, min=low, max=high, style=NARROW, layout=_LAYOUT)
    return Control(name, widget, None, value, hint, none)


def arms() -> list[Control]:
    """Return new controls of what is compared: two kernels, the patch, the drain policy."""

    def drains(state: State) -> list[tuple[str, Any]]:
        own = str(row_of(state.kernel, state.rules)["drain"])
        others = (name for name in state.drains if name != own)
        return [*_choices((), f"{own} (default)"), *_choices(others)]

    def patch(state: State) -> list[tuple[str, Any]]:
        off, on = ("off", "on") if state.is_the_patch else ("A", "B")
        return [(f"{off}: {state.base}", False), (f"{on}: {state.kernel}", True)]

    def overrides(state: State) -> list[tuple[str, Any]]:
        own = row_of(state.kernel)
        found = [
            Overrides({name: value})
            for name in OVERRIDABLE
            for value in _values_of(name)
            if value != own[name]
        ]
        return [("none", DEFAULT), *((str(rules), rules) for rules in found)]

    kernels = _always([(_kernel(k), k) for k in KERNELS])
    return [
        _choice("base", "Kernel A", kernels, lambda s: s.base,
                "the kernel that B is compared with", _BAR),
        _choice("kernel", "Kernel B", kernels, lambda s: s.kernel,
                "the kernel that is compared with A", _BAR),
        Control("patch_on", W.RadioButtons(description="Patch", orientation="horizontal",
                style=_BAR, layout={"width": "auto"}), patch, lambda s: s.patch_on,
                "which of the two kernels the headline, the thick lines and the page are about"),
        _choice("drain", "Drain policy of B", drains,
                lambda s: s.on.drain, "when do_wp_page() drains which pagevecs", _BAR),
        _choice("rules", "Rule overridden in B", overrides, lambda s: s.rules or None,
                "one rule that kernel B has otherwise (docs/kernels.md)", _BAR),
    ]  # fmt: skip


def _values_of(name: str) -> Iterable[Any]:
    rule = RULES[name]
    if rule.values:
        return rule.values
    return range(rule.low, rule.high + 1) if rule.high else (False, True)


def meanings(shown: Iterable[Control]) -> str:
    """Return a list of what the controls mean, as HTML that unfolds."""
    rows = "".join(
        f"<dt>{html.escape(str(c.widget.description))}</dt><dd>{html.escape(c.hint)}</dd>"
        for c in shown
    )
    return f"<details><summary>What the controls mean</summary><dl>{rows}</dl></details>"


def preset_choice() -> W.Dropdown:
    """Return the choice of a preset."""
    return W.Dropdown(
        description="Preset",
        options=[*PRESETS, CUSTOM],
        style=NARROW,
        layout=_LAYOUT,
        tooltip="a question to begin with",
    )


def preset_of(state: State) -> str:
    """Return the name of the preset that a state is, ``CUSTOM`` if it is none."""
    for name in PRESETS:
        if state.with_(patch_on=True) == State.preset(name):
            return name
    return CUSTOM


def _choice(
    name: str,
    label: str,
    options: Callable[[State], list[tuple[str, Any]]],
    value: Callable[[State], Any],
    hint: str,
    style: dict[str, str] | None = None,
) -> Control:
    first = options(State())
    layout = {"width": "auto"} if style else _LAYOUT
    widget = W.Dropdown(description=label, options=first, style=style or NARROW, layout=layout)
    return Control(name, widget, options, value, hint)
