"""What can be asked: a Scenario, validated, and grids of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .data import backends, costs
from .errors import ScenarioError, accepted
from .mm import layout as L
from .mm.machine import offsets

MAX_PAGES = 1 << 26
MAX_CPUS = 4096
PAGEVECS = (14, 15, 31)
DRAINS = ("never", "if-not-lru", "always", "lru-add-only", "this-page", "all-cpus")
WORKLOADS = ("reproducer", "random")
ORDERS = ("read-write", "read-write-shuffled", "read-all-write-all")
SWAPINS = ("v5.8", "v5.17", "v5.18", "v6.1", "v6.12", "v7.0")
MIX = ("pageout", "read", "write", "cold", "migrate", "fork", "exit", "free")
DEFAULT_MIX = "pageout:2 read:40 write:40 cold:0 migrate:4 fork:0 exit:0 free:0"
DISTRIBUTIONS = ("constant", "exponential", "lognormal")


@dataclass(frozen=True)
class Decision:
    """What one kernel does with a write to a page mapped read-only, and what goes with it.

    Attributes
    ----------
    wp
        ``layout.WP_*``: the tests of do_wp_page().
    drain
        The drain policy that belongs to it.
    swapin
        Whose do_swap_page() decides about a write fault on a swapped-out page.
    pagevec
        Entries of a pagevec in that kernel.
    source
        Where the rule was read.
    """

    wp: int
    drain: str
    swapin: str
    pagevec: int
    source: str
    gt3_test: bool = True
    map_writable: bool = False
    batch_clears_lru: bool = False
    frees_swap_after_copy: bool = True

    @property
    def drains_fit(self) -> tuple[str, ...]:
        """The drain policies that can be asked of it: a rule without a drain has but one."""
        return DRAINS if self.wp >= L.WP_PATCH2 else ("never",)


DECISIONS: dict[str, Decision] = {
    "v5.8": Decision(
        L.WP_V5_8,
        "never",
        "v5.8",
        15,
        "do_wp_page() and reuse_swap_page(), v5.8",
        frees_swap_after_copy=False,
    ),
    "v5.17": Decision(L.WP_V5_17, "never", "v5.17", 15, "commit 09854ba94c6a, v5.9 to v5.17"),
    "patch1": Decision(L.WP_PATCH1, "never", "v5.17", 15, "commit 53a05ad9f21d, the patch off"),
    "patch2": Decision(L.WP_PATCH2, "if-not-lru", "v5.18", 15, "commit d4c470970d45, v5.18"),
    "patch2-rfc2": Decision(
        L.WP_PATCH2_RFC2,
        "if-not-lru",
        "v5.18",
        15,
        "message 20220126095557.32392-1-david@redhat.com and its patch 2",
    ),
    "patch2-always": Decision(
        L.WP_PATCH2,
        "always",
        "v5.18",
        15,
        "data/kernel-measurements: patch2, draining always and without the > 3 test",
        gt3_test=False,
    ),
    "exclusive": Decision(
        L.WP_EXCLUSIVE, "if-not-lru", "v6.1", 15, "commit 6c287605fd56, v5.19 to v6.10"
    ),
    "v6.7": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v6.1",
        15,
        "wp_can_reuse_anon_folio(), v6.7 and v6.8: for order 0 the tests of v6.1",
    ),
    "v6.9": Decision(
        L.WP_EXCLUSIVE, "if-not-lru", "v6.1", 31, "v6.7's; folio batches of 31, commit 9cecde80aae0"
    ),
    "v6.11": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v6.12",
        31,
        "v6.11 to v6.16 as released: commits c18160dba5ff, and 33dfe9204f29 (every batch clears "
        "PG_lru; reverted in v6.17 and in stable kernels)",
        map_writable=True,
        batch_clears_lru=True,
    ),
    "v6.12": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v6.12",
        31,
        "v6.12.y after the revert of 33dfe9204f29 (measured: 6.12.117), v6.17 to v6.19",
        map_writable=True,
    ),
    "v7.0": Decision(
        L.WP_EXCLUSIVE,
        "if-not-lru",
        "v7.0",
        31,
        "commits f1879e8a0c60 (no swap-in past the swap cache) and 4b34f1d82c69; in the mm tree "
        "since 31 January 2026: that v7.0 is the first release with them follows from the date",
        map_writable=True,
    ),
}

Count = Annotated[int, Field(ge=0)]
Cpu = Annotated[int, Field(ge=0, lt=MAX_CPUS)]
Rate = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Scenario(BaseModel):
    """One question to the machine.

    Parameters
    ----------
    workload
        ``"reproducer"``, ``"random"``, or a jitted function ``f(m, p)`` of your own.
    decision
        What do_wp_page() tests: a key of ``wb.DECISIONS`` (patch off is ``patch1``, on ``patch2``).
    drain
        When do_wp_page() drains pagevecs; None for the decision's own policy.
    backend
        Swap device: a table of data/backends.toml.
    npages
        Pages of one thread's region, 1 to 2**26.
    rounds
        Rounds of the reproducer; operations of a random program.
    order
        Of the reproducer's accesses: ``read-write``, ``read-write-shuffled``,
        ``read-all-write-all``.
    read_cpu, write_cpu
        Where the reproducer reads (and pages out), and where it writes.
    cpus
        CPUs of the machine; None for as many as the scenario names.
    pagevec
        Entries of a pagevec: 14, 15 or 31; None for the decision's kernel.
    seed
        Of the run's random stream.
    threads
        Threads of the reproducer, each with its own region.
    spinner_threads
        Threads that only run, on other CPUs.
    fork_exit_before
        Was a child forked and reaped once before the rounds?
    delay_ns
        Nanoseconds between MADV_PAGEOUT and the first access.
    mix
        Weights of a random program's operations, as in the traces' headers.
    swapin
        Whose do_swap_page() is used; None for the decision's kernel.
    latency_ns
        Of an asynchronous device, nanoseconds; None for the backend's.
    costs
        Cost set of data/costs.toml; None for ``none``, or ``icount`` with an asynchronous backend.
    page_cluster
        vm.page-cluster, 0 to 5.
    swap_pages
        Size of swap; None for 2**18 or four times the memory, whichever is more.
    pmd_offset
        Pages between the start of a page table (2 MiB) and page 0.
    background_insertions, background_drains
        What other tasks do on each CPU between two accesses of the workload, on average: pages put
        into lru_add, calls of lru_add_drain().

    Raises
    ------
    ScenarioError
        For an unknown field, a value or a combination no scenario can have; the message names the
        field and what is accepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    workload: Any = "reproducer"
    decision: str = "patch2"
    drain: str | None = None
    backend: str = "zram"
    npages: Annotated[int, Field(ge=1, le=MAX_PAGES)] = 512
    rounds: Count = 100
    order: str = "read-write"
    read_cpu: Cpu = 0
    write_cpu: Cpu | None = None
    cpus: Annotated[int, Field(ge=1, le=MAX_CPUS)] | None = None
    pagevec: int | None = None
    seed: Count = 1
    threads: Annotated[int, Field(ge=1, le=MAX_CPUS)] = 1
    spinner_threads: Annotated[int, Field(ge=0, le=MAX_CPUS)] = 0
    fork_exit_before: bool = False
    delay_ns: Count = 0
    mix: str = DEFAULT_MIX
    swapin: str | None = None
    latency_ns: Count | None = None
    costs: str | None = None
    page_cluster: Annotated[int, Field(ge=0, le=5)] = 3
    swap_pages: Annotated[int, Field(ge=1, le=MAX_PAGES)] | None = None
    pmd_offset: Annotated[int, Field(ge=0, lt=L.PTRS_PER_PTE)] = 0
    background_insertions: Rate = 0.0
    background_drains: Rate = 0.0

    def __init__(self, **fields: Any) -> None:
        unknown = [name for name in fields if name not in type(self).model_fields]
        if unknown:
            raise ScenarioError(accepted("Scenario field", unknown[0], type(self).model_fields))
        try:
            super().__init__(**fields)
        except pydantic.ValidationError as error:
            raise ScenarioError(_readable(error)) from None

    @field_validator("workload")
    @classmethod
    def _known_workload(cls, value: Any) -> Any:
        if callable(value):
            return value
        return _one_of("workload", value, WORKLOADS, "or a jitted function f(m, p)")

    @field_validator("decision")
    @classmethod
    def _known_decision(cls, value: str) -> str:
        return str(_one_of("decision", value, DECISIONS))

    @field_validator("drain")
    @classmethod
    def _known_drain(cls, value: str | None) -> str | None:
        return value if value is None else _one_of("drain", value, DRAINS)

    @field_validator("backend")
    @classmethod
    def _known_backend(cls, value: str) -> str:
        return str(_one_of("backend", value, backends()))

    @field_validator("order")
    @classmethod
    def _known_order(cls, value: str) -> str:
        return str(_one_of("order", value, ORDERS))

    @field_validator("pagevec")
    @classmethod
    def _known_pagevec(cls, value: int | None) -> int | None:
        return value if value is None else int(_one_of("pagevec", value, PAGEVECS))

    @field_validator("swapin")
    @classmethod
    def _known_swapin(cls, value: str | None) -> str | None:
        return value if value is None else _one_of("swapin", value, SWAPINS)

    @field_validator("costs")
    @classmethod
    def _known_costs(cls, value: str | None) -> str | None:
        return value if value is None else _one_of("costs", value, costs())

    @field_validator("mix")
    @classmethod
    def _known_mix(cls, value: str) -> str:
        weights = parse_mix(value)
        return " ".join(f"{name}:{weights[name]}" for name in MIX)

    @model_validator(mode="after")
    def _combination(self) -> Scenario:
        rule = DECISIONS[self.decision]
        if self.drain is not None and self.drain not in rule.drains_fit:
            raise ValueError(
                f"drain: {self.drain!r} does not go with decision {self.decision!r}, which has no "
                f"drain; accepted with it: {', '.join(rule.drains_fit)}"
            )
        for name in ("read_cpu", "write_cpu"):
            cpu = getattr(self, name)
            if self.cpus is not None and cpu is not None and cpu >= self.cpus:
                raise ValueError(
                    f"{name}: {cpu} is not among the {self.cpus} CPUs (cpus={self.cpus}); "
                    f"accepted: 0 to {self.cpus - 1}"
                )
        if self.npages * self.threads > MAX_PAGES:
            raise ValueError(
                f"npages: {self.npages} pages times {self.threads} threads; accepted: up to "
                f"{MAX_PAGES} in all"
            )
        synchronous = bool(backends()[self.backend]["synchronous"])
        if synchronous and self.latency_ns:
            raise ValueError(
                f"latency_ns: backend {self.backend!r} completes synchronously; accepted with it: 0"
            )
        if not synchronous and self.costs == "none":
            raise ValueError(
                f"costs: 'none' does not go with the asynchronous backend {self.backend!r}; "
                f"accepted: {', '.join(name for name in costs() if name != 'none')}"
            )
        if self.workload == "random" and self.order != "read-write":
            raise ValueError("order: is used by workload 'reproducer' only")
        return self

    def resolved(self) -> dict[str, Any]:
        """Return all fields with every None replaced by what it stands for."""
        rule = DECISIONS[self.decision]
        fields: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        if callable(self.workload):
            fields["workload"] = getattr(self.workload, "__name__", "workload")
        fields["drain"] = self.drain or rule.drain
        fields["swapin"] = self.swapin or rule.swapin
        fields["pagevec"] = self.pagevec or rule.pagevec
        write_cpu = self.read_cpu if self.write_cpu is None else self.write_cpu
        fields["write_cpu"] = write_cpu
        fields["cpus"] = self.cpus or max(self.read_cpu, write_cpu, self.threads - 1) + 1
        backend = backends()[self.backend]
        synchronous = bool(backend["synchronous"])
        latency = backend["latency_ns"] if self.latency_ns is None else self.latency_ns
        fields["latency_ns"] = int(latency)
        fields["costs"] = self.costs or ("none" if synchronous else "icount")
        if self.swap_pages is None:
            fields["swap_pages"] = min(MAX_PAGES, max(1 << 18, 4 * self.npages * self.threads))
        return fields

    def machine_config(self, log_rows: int = 0) -> dict[str, int]:
        """Return what ``mm.Machine`` is built from: a value for each of ``layout.CONFIG``."""
        rule = DECISIONS[self.decision]
        fields = self.resolved()
        backend = backends()[self.backend]
        asynchronous = not backend["synchronous"]
        bypass = backend["swapin"] == "bypass"
        refaults = fields["swapin"] != "v5.8"
        forks = self.fork_exit_before or (
            self.workload == "random" and parse_mix(self.mix)["fork"] > 0
        )
        forks = forks or callable(self.workload)
        nprocs = 2 if forks else 1
        ncpus = fields["cpus"] + (1 if forks else 0)  # the child has a CPU of its own
        npages = self.npages * self.threads
        # Each slot is held by a swap PTE or by a page that one maps, unless writeback orphans it.
        slots = npages * nprocs + (fields["swap_pages"] if asynchronous else 0)
        orphans = 64 + ncpus * L.NR_VECS * fields["pagevec"] + (slots if asynchronous else 0)
        return {
            "npages": npages,
            "nprocs": nprocs,
            "ncpus": ncpus,
            "pagevec": fields["pagevec"],
            "decision": rule.wp,
            "drain": DRAINS.index(fields["drain"]),
            "bypass": int(bypass and fields["swapin"] != "v7.0"),
            "synchronous_swapin": int(bypass and fields["swapin"] == "v7.0"),
            "async_io": int(asynchronous),
            "timed": int(fields["costs"] != "none"),
            "gt3_test": int(rule.gt3_test),
            "swapin": SWAPINS.index(fields["swapin"]),
            "new_active": 0 if refaults else L.PG_ACTIVE,
            "refaults_activate": int(refaults),
            "file_lru": 1 << 40,
            "map_writable": int(rule.map_writable),
            "batch_clears_lru": int(rule.batch_clears_lru),
            "frees_swap_after_copy": int(rule.frees_swap_after_copy),
            "drains_on_migrate": int(SWAPINS.index(fields["swapin"]) >= L.SWAPIN_V5_18),
            "stable_writes": int(backend["stable_writes"]),
            "rotational": int(backend["rotational"]),
            "page_cluster": self.page_cluster,
            "swap_total": fields["swap_pages"],
            "nslots": min(slots, fields["swap_pages"]) + 1,
            "nphys": npages * nprocs + orphans + 1,
            "nrequests": min(slots, 1 << 16) if asynchronous else 0,
            "max_request": int(backend["max_request_pages"]),
            "queue_depth": int(backend["queue_depth"]) if asynchronous else 0,
            "latency_ns": fields["latency_ns"],
            "latency_dist": DISTRIBUTIONS.index(str(backend["distribution"])),
            "latency_sigma_ppm": round(float(backend["latency_sigma"]) * 1e6),
            "completion_cpu": -1,
            "background_insert_ppm": round(self.background_insertions * 1e6),
            "background_drain_ppm": round(self.background_drains * 1e6),
            "pmd_offset": self.pmd_offset,
            "log_rows": log_rows,
        }


def machine_bytes(config: dict[str, int]) -> int:
    """Return the memory, in bytes, of a machine with this configuration."""
    return 8 * int(offsets(config)[1])


def parse_mix(text: str) -> dict[str, int]:
    """Return the weights of a random program's operations from ``"read:40 write:40 ..."``."""
    weights = dict.fromkeys(MIX, 0)
    for word in text.split():
        name, colon, weight = word.partition(":")
        if name not in weights:
            raise ValueError(accepted("mix", name, MIX))
        if not colon or not weight.isdigit():
            raise ValueError(f"mix: {word!r} is not accepted; accepted: {name}:WEIGHT, a number")
        weights[name] = int(weight)
    if sum(weights.values()) == 0:
        raise ValueError(f"mix: all weights are 0; accepted: at least one of {', '.join(MIX)}")
    return weights


def _one_of(field: str, value: Any, choices: Sequence[Any] | Any, more: str = "") -> Any:
    if value in choices:
        return value
    raise ValueError(accepted(field, value, choices) + (f", {more}" if more else ""))


def _readable(error: pydantic.ValidationError) -> str:
    """Turn pydantic's report into one line a problem: field, value, what is accepted."""
    lines = []
    for problem in error.errors():
        message = problem["msg"]
        if problem["type"] == "value_error":
            lines.append(message.removeprefix("Value error, "))
            continue
        field = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{field}: {problem['input']!r} is not accepted; {message}")
    return "; ".join(lines)


class Grid(Sequence[Scenario]):
    """The scenarios of every combination of some axes' values, in the order of the axes.

    The last axis varies fastest.  Made by ``wb.grid()``.
    """

    def __init__(self, axes: dict[str, Sequence[Any]]) -> None:
        self.axes = axes
        self._scenarios = [
            Scenario(**dict(zip(axes, values, strict=True)))
            for values in itertools.product(*axes.values())
        ]

    def __getitem__(self, index: Any) -> Any:
        return self._scenarios[index]

    def __len__(self) -> int:
        return len(self._scenarios)

    def __iter__(self) -> Iterator[Scenario]:
        return iter(self._scenarios)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}={list(values)!r}" for name, values in self.axes.items())
        return f"grid({axes})  # {len(self)} scenarios"


def grid(**axes: Any) -> Grid:
    """Return the scenarios of every combination: ``grid(decision=["patch1", "patch2"], npages=8)``.

    A value that is no list, tuple or range stands for itself.  The error for a wrong value is the
    one that ``Scenario`` raises.
    """
    lists: dict[str, Sequence[Any]] = {}
    for name, values in axes.items():
        several = hasattr(values, "__iter__") and not isinstance(values, str | bytes)
        lists[name] = list(values) if several else [values]
        if not lists[name]:
            raise ScenarioError(f"{name}: an axis of a grid needs at least one value")
    return Grid(lists)


Workload = Callable[[Any, Any], None]
